"""Concepts that can be inhibited: a catalogue with names, and free words where the caller allows them."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from lib_gi.errors import ConceptError, did_you_mean

CATALOGUE_PATH = Path(__file__).resolve().parent.parent / "models" / "concepts.json"
FREE_TEXT = "free text"


@dataclass(frozen=True)
class Concept:
    """A name that users see, and the phrase that the text encoder reads.

    anchor: the phrase of what is to take its place, as "photograph" for a painter's style; empty for nothing. The
    weighting `contrast` alone knows anchors.
    """

    name: str
    phrase: str
    category: str = FREE_TEXT
    anchor: str = ""

    def __post_init__(self) -> None:
        for field in FIELDS:
            object.__setattr__(self, field, checked(field, getattr(self, field)))
        if key_of(self.anchor) == key_of(self.phrase):
            raise ConceptError(
                f"the anchor of {self.name!r} is its phrase, {self.phrase!r}; expected what is to take its place; write"
                " something else, or leave it empty"
            )

    @property
    def key(self) -> str:
        """What a name is compared by: the same for upper and lower case."""
        return key_of(self.name)


FIELDS = tuple(field.name for field in fields(Concept))
OPTIONAL = ("anchor",)
"""The fields that may be empty, and left out of a file."""


class Catalogue:
    """Concepts by name, in the order in which they were given."""

    def __init__(self, concepts: Iterable[Concept], problems: Iterable[str] = ()) -> None:
        self.problems = tuple(problems)
        """What is wrong with sources of concepts that could not be read, so that further names may be missing."""
        self._by_key: dict[str, Concept] = {}
        for concept in concepts:
            if concept.key in self._by_key:
                raise ConceptError(
                    f"the concept {concept.name!r} is there twice; expected one entry per name, whatever"
                    " its case; rename or remove one"
                )
            self._by_key[concept.key] = concept

    def __iter__(self) -> Iterator[Concept]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and key_of(name) in self._by_key

    def categories(self) -> dict[str, list[Concept]]:
        """The concepts of each category, both in catalogue order."""
        grouped: dict[str, list[Concept]] = {}
        for concept in self:
            grouped.setdefault(concept.category, []).append(concept)
        return grouped

    def joined(self, others: Iterable[Concept]) -> "Catalogue":
        """A catalogue with `others` added, such as the user's own; they replace entries of their name."""
        merged = dict(self._by_key)
        merged.update((concept.key, concept) for concept in others)
        return Catalogue(merged.values(), self.problems)

    def lookup(self, name: str) -> Concept:
        """The concept of that name, whatever its case; ConceptError with close names when unknown."""
        concept = self._by_key.get(key_of(name)) if isinstance(name, str) else None
        if concept is None:
            hint = did_you_mean(str(name), (c.name for c in self))
            if self.problems:
                raise ConceptError(
                    f"there is no concept {name!r} among those that could be read.{hint} Expected one of these; others"
                    " could not be read, so it is not taken for free text either: " + "; ".join(self.problems)
                )
            raise ConceptError(
                f"there is no concept {name!r} in the catalogue.{hint} Expected one of its {len(self)} names;"
                " choose one, or allow free text to use the words as they stand"
            )
        return concept

    def resolve(self, names: Iterable[str], allow_free_text: bool = False) -> tuple[Concept, ...]:
        """A concept for each name, in order; unknown names become phrases of their own if that is allowed.

        It is not while there are problems: the name may be that of a concept with another phrase. ConceptError then.
        """
        found = []
        for name in [names] if isinstance(names, str) else names:
            if isinstance(name, Concept):
                found.append(name)
            elif allow_free_text and isinstance(name, str) and name not in self and not self.problems:
                found.append(Concept(name, name))
            elif isinstance(name, str) and not name.strip():
                raise ConceptError("a concept is empty; expected a name; choose one or leave it out")
            else:
                found.append(self.lookup(name))
        return tuple(found)


def load_catalogue(path: str | Path = CATALOGUE_PATH) -> Catalogue:
    """The catalogue in a file of concepts, by default the one that comes with the package.

    Raises ConceptError that names the file, the line and the entry when something in it is not as it should be.
    """
    from lib_gi.concept_files import read  # that module is about the concepts of this one

    return Catalogue(read(Path(path)))


def resolve(
    names: Iterable[str], allow_free_text: bool = False, catalogue: Catalogue | None = None
) -> tuple[Concept, ...]:
    """`Catalogue.resolve` of the catalogue that comes with the package, unless another is given."""
    return (load_catalogue() if catalogue is None else catalogue).resolve(names, allow_free_text)


def anchor_of(concept: Concept) -> Concept:
    """A concept's anchor as a concept of its own, by whose name errors tell whose anchor it is."""
    return Concept(f"the anchor of {concept.name}", concept.anchor)


def key_of(name: str) -> str:
    """What names are compared by: composed Unicode, single spaces, no difference of case."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def checked(field: str, value: object) -> str:
    """A concept's name, phrase, category or anchor in the form that is kept: composed Unicode, single spaces.

    Raises ConceptError for what cannot be one.
    """
    if not isinstance(value, str):
        raise ConceptError(f"a concept's {field} is {value!r}; expected text; write it in quotation marks")
    value = " ".join(unicodedata.normalize("NFC", value).split())
    if not value and field not in OPTIONAL:
        raise ConceptError(f"a concept has an empty {field}; expected at least one word; name what is to be kept out")
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ConceptError(f"the {field} {value!r} holds half a character; expected whole ones; type it anew")
    for sign in ";=" if field == "name" else "":
        if sign in value:
            raise ConceptError(
                f"the concept name {value!r} holds {sign!r}, which separates names from strengths;"
                f" expected a name without it; remove the {sign!r}"
            )
    if field == "category" and "/" in value.split():
        raise ConceptError(
            f"the category {value!r} holds a slash between spaces, which separates categories from names in lists;"
            " expected none; write it without the spaces"
        )
    return value
