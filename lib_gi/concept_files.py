"""Files of concepts: a JSON list of objects with a name, a phrase, a category and, where one is wanted, an anchor.

    [
      {"name": "clown", "phrase": "clown with a red nose", "category": "circus"},
      {"name": "toon", "phrase": "cartoon", "category": "styles", "anchor": "photograph"}
    ]

Python's own reader of JSON tells no line once it has read a text, takes the last of two equal fields, and goes as deep
as a text is nested. Such a file holds nothing but a list of objects of texts, so nothing else is read here, and every
mistake is told with its line and its entry.
"""

import json
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from lib_gi.concepts import FIELDS, OPTIONAL, Concept, checked
from lib_gi.errors import ConceptError, did_you_mean

LARGEST = 2**20
"""Bytes that a file may have: room for some ten thousand concepts."""

_EXPECTED = f"exactly {', '.join(name for name in FIELDS if name not in OPTIONAL)}, and if wanted {', '.join(OPTIONAL)}"
_SPACE = re.compile(r"[ \t\r\n]*")
_KINDS = {'"': "a text", "[": "a list", "{": "an object", "": "the end of the file"}
_KINDS |= dict.fromkeys("-0123456789", "a number") | dict.fromkeys("tfn", "true, false or null")


def beside(checkpoint: Path) -> Path:
    """Where the concepts of a checkpoint's author lie: toons.concepts.json beside toons.safetensors."""
    return checkpoint.with_suffix(".concepts.json")


def read(path: Path, name: str = "") -> tuple[Concept, ...]:
    """The concepts in a file, in its order; ConceptError that says what is wrong in which line.

    name: what messages call the file, unless by its path.
    """
    name = name or str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConceptError(f"{name} is no regular file; expected a file of concepts; put one there")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConceptError(
            f"{name} cannot be read: {error.strerror}; expected a file of concepts; look whether it is there, and whose"
        ) from error
    return parse(data, name)


def parse(data: bytes, name: str) -> tuple[Concept, ...]:
    """The concepts in the bytes of a file; ConceptError that says what is wrong in which line and entry of `name`."""
    if len(data) > LARGEST:
        raise ConceptError(f"{name} is larger than {LARGEST} bytes; expected a file of concepts; make it shorter")
    try:
        text = data.decode("utf-8-sig")  # some editors begin a file with a mark of its encoding
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConceptError(f"line {line} of {name} is not in UTF-8; expected that encoding; save it so") from error
    return _Reader(text, name).concepts()


def text_of(concepts: Iterable[Concept]) -> str:
    """The text of a file with these concepts, one a line, which `parse` reads back."""
    rows = [
        json.dumps({name: text for name, text in asdict(concept).items() if text}, ensure_ascii=False)
        for concept in concepts
    ]
    return "[\n" + "".join(f"  {row},\n" for row in rows[:-1]) + "".join(f"  {row}\n" for row in rows[-1:]) + "]\n"


class _Reader:
    """Reads one text from its start to its end; `_at` is the place that is reached."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name
        self._at, self._entry = 0, 0
        self._strings = json.JSONDecoder()

    def concepts(self) -> tuple[Concept, ...]:
        """All of them."""
        found: dict[str, Concept] = {}
        places: dict[str, int] = {}
        self._expect("[", "a list of concepts, which begins with [")
        for _ in self._items("]"):
            self._entry += 1
            self._next()
            start = self._at
            given = self._fields()
            try:
                concept = Concept(**given)
            except ConceptError as error:
                raise ConceptError(f"{self._where(start)}: {error}") from error
            if concept.key in found:
                raise self._error(
                    f"the concept {concept.name!r} is there twice, first in line {self._line(places[concept.key])}",
                    "one entry for each name, whatever its case; rename or remove one",
                    start,
                )
            found[concept.key], places[concept.key] = concept, start
        self._entry = 0
        if self._next():
            raise self._error("something follows the end of the list", "nothing there; remove it")
        return tuple(found.values())

    def _fields(self) -> dict[str, str]:
        """The texts of one entry by field, each in the form that is kept."""
        start, fields = self._at, {}
        self._expect("{", 'an object such as {"name": "…", "phrase": "…", "category": "…"}')
        for _ in self._items("}"):
            self._next()
            place = self._at
            field = self._string(f"one of {', '.join(FIELDS)} in quotation marks")
            if field not in FIELDS or field in fields:
                what, hint = ("is there twice", "") if field in fields else ("is unknown", did_you_mean(field, FIELDS))
                expected = f"{_EXPECTED}; correct it.{hint}"
                raise self._error(f"the field {field!r} {what}", expected, place)
            self._expect(":", f"a colon after {field!r}")
            self._next()
            place = self._at
            value = self._string(f"a text in quotation marks as the {field}")
            try:
                fields[field] = checked(field, value)
            except ConceptError as error:
                raise ConceptError(f"{self._where(place)}: {error}") from error
        missing = [field for field in FIELDS if field not in fields and field not in OPTIONAL]
        if missing:
            raise self._error(f"the {' and the '.join(missing)} is missing", f"{_EXPECTED}; add it", start)
        return fields

    def _items(self, end: str) -> Iterator[None]:
        """Once for each item of a list or object that has been begun, until it has ended."""
        if self._take(end):
            return
        while True:
            yield
            if self._take(end):
                return
            self._expect(",", f"a comma, or {end} as the end")
            if self._next() == end:
                raise self._error(f"a comma stands before {end}", "none after the last one; remove it")

    def _string(self, expected: str) -> str:
        if self._next() != '"':
            raise self._unexpected(expected)
        try:
            value, self._at = self._strings.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            what = error.msg.removesuffix(" at").lower()
            raise self._error(f"a text is not valid JSON ({what})", expected + "; correct it", error.pos) from error
        return value

    def _next(self) -> str:
        """The next sign that is no space, or "" at the end."""
        self._at = _SPACE.match(self._text, self._at).end()
        return self._text[self._at : self._at + 1]

    def _take(self, sign: str) -> bool:
        """Whether that sign comes next; it is passed over then."""
        found = self._next() == sign
        self._at += found
        return found

    def _expect(self, sign: str, expected: str) -> None:
        if not self._take(sign):
            raise self._unexpected(expected)

    def _unexpected(self, expected: str) -> ConceptError:
        sign = self._next()
        return self._error(f"there is {_KINDS.get(sign, repr(sign))}", expected + "; correct it")

    def _error(self, what: str, expected: str, place: int | None = None) -> ConceptError:
        return ConceptError(f"{self._where(self._at if place is None else place)}: {what}; expected {expected}")

    def _where(self, place: int) -> str:
        entry = f" (entry {self._entry})" if self._entry else ""
        return f"line {self._line(place)} of {self._name}{entry}"

    def _line(self, place: int) -> int:
        return self._text.count("\n", 0, place) + 1
