"""Concepts that can be inhibited: a catalogue with names, and free words where the caller allows them."""

import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lib_gi.errors import ConceptError, did_you_mean

CATALOGUE_PATH = Path(__file__).resolve().parent.parent / "models" / "concepts.json"
FREE_TEXT = "free text"


@dataclass(frozen=True)
class Concept:
    """A name that users see, and the phrase that the text encoder reads."""

    name: str
    phrase: str
    category: str = FREE_TEXT

    def __post_init__(self) -> None:
        for field in ("name", "phrase", "category"):
            value = getattr(self, field)
            if not isinstance(value, str):
                raise ConceptError(
                    f"a concept's {field} is {value!r}; expected text; write it in quotation marks"
                )
            value = " ".join(unicodedata.normalize("NFC", value).split())
            if not value:
                raise ConceptError(
                    f"a concept has an empty {field}; expected at least one word; name what is to be kept out"
                )
            object.__setattr__(self, field, value)
        for sign in ";=":
            if sign in self.name:
                raise ConceptError(
                    f"the concept name {self.name!r} holds {sign!r}, which separates names from strengths;"
                    f" expected a name without it; remove the {sign!r}"
                )

    @property
    def key(self) -> str:
        """What a name is compared by: the same for upper and lower case."""
        return key_of(self.name)


class Catalogue:
    """Concepts by name, in the order in which they were given."""

    def __init__(self, concepts: Iterable[Concept]) -> None:
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
        return Catalogue(merged.values())

    def lookup(self, name: str) -> Concept:
        """The concept of that name, whatever its case; ConceptError with close names when unknown."""
        concept = self._by_key.get(key_of(name)) if isinstance(name, str) else None
        if concept is None:
            hint = did_you_mean(str(name), (c.name for c in self))
            raise ConceptError(
                f"there is no concept {name!r} in the catalogue.{hint} Expected one of its {len(self)} names;"
                " choose one, or allow free text to use the words as they stand"
            )
        return concept

    def resolve(self, names: Iterable[str], allow_free_text: bool = False) -> tuple[Concept, ...]:
        """A concept for each name, in order; unknown names become phrases of their own if that is allowed."""
        found = []
        for name in [names] if isinstance(names, str) else names:
            if isinstance(name, Concept):
                found.append(name)
            elif allow_free_text and isinstance(name, str) and name not in self:
                found.append(Concept(name, name))
            elif isinstance(name, str) and not name.strip():
                raise ConceptError("a concept is empty; expected a name; choose one or leave it out")
            else:
                found.append(self.lookup(name))
        return tuple(found)


def load_catalogue(path: str | Path = CATALOGUE_PATH) -> Catalogue:
    """The catalogue in a JSON file: a list of objects with name, phrase and category.

    Raises ConceptError that names the file and the entry when something in it is not as it should be.
    """
    todo = "correct the file, or restore the one that came with the extension"
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConceptError(f"the concept catalogue {path} cannot be read: {error}; {todo}") from error
    except ValueError as error:
        raise ConceptError(f"the concept catalogue {path} is not valid JSON: {error}; {todo}") from error
    if not isinstance(entries, list):
        what = type(entries).__name__
        raise ConceptError(f"the concept catalogue {path} holds {what}; expected a list; {todo}")
    concepts = []
    for number, entry in enumerate(entries, start=1):
        fields = {"name", "phrase", "category"}
        if not isinstance(entry, dict) or set(entry) != fields:
            raise ConceptError(
                f"entry {number} of the concept catalogue {path} is {entry!r};"
                f" expected an object with exactly {', '.join(sorted(fields))}; {todo}"
            )
        try:
            concepts.append(Concept(**entry))
        except ConceptError as error:
            raise ConceptError(f"entry {number} of the concept catalogue {path}: {error}") from error
    return Catalogue(concepts)


def resolve(
    names: Iterable[str], allow_free_text: bool = False, catalogue: Catalogue | None = None
) -> tuple[Concept, ...]:
    """`Catalogue.resolve` of the catalogue that comes with the package, unless another is given."""
    return (load_catalogue() if catalogue is None else catalogue).resolve(names, allow_free_text)


def key_of(name: str) -> str:
    """What names are compared by: composed Unicode, single spaces, no difference of case."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
