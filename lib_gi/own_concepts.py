"""The user's own concepts: a file in a folder that outlives the extension, changed one entry at a time.

Every change reads the file anew and is saved before anybody else's: so windows and processes that change it at the same
time lose nothing of each other's. A file that cannot be read is never written to.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lib_gi.concept_files import LARGEST, read, text_of
from lib_gi.concepts import Concept
from lib_gi.errors import ConceptError
from lib_gi.safe_files import locked, write_whole


class Merged(NamedTuple):
    """What came of concepts that were brought along: by those that were new, the same, or another under that name."""

    added: tuple[Concept, ...]
    same: tuple[Concept, ...]
    refused: tuple[Concept, ...]


class OwnConcepts:
    """The concepts in `concepts.json` of a folder, which is made when the first is added."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "concepts.json"
        self.backup = folder / "concepts.backup.json"
        """What the file held before its last change."""

    def read(self) -> tuple[Concept, ...]:
        """All of them in their order, none where there is no file. ConceptError when it cannot be read."""
        try:
            return read(self.path)
        except ConceptError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return ()
            kept = f"; what it held before its last change is in {self.backup.name} beside it"
            raise ConceptError(
                f"your own concepts cannot be read: {error}{kept if self.backup.exists() else ''}"
            ) from error

    def add(self, concept: Concept) -> None:
        """One more, at the end; ConceptError when one of its name is there."""
        with self._changing() as concepts:
            _check_free(concepts, concept)
            concepts.append(concept)

    def replace(self, old: Concept, new: Concept) -> None:
        """`new` in the place of `old`; ConceptError when `old` is no longer there as it was, or the name is taken."""
        with self._changing() as concepts:
            place = _place(concepts, old)
            _check_free([concept for concept in concepts if concept != old], new)
            concepts[place] = new

    def delete(self, old: Concept) -> None:
        """All but `old`; ConceptError when it is no longer there as it was."""
        with self._changing() as concepts:
            del concepts[_place(concepts, old)]

    def merge(self, others: Iterable[Concept]) -> Merged:
        """The others at the end, but for those whose name is taken: what is there stays as it is."""
        with self._changing() as concepts:
            present = {concept.key: concept for concept in concepts}
            others = tuple(others)
            merged = Merged(
                tuple(c for c in others if c.key not in present),
                tuple(c for c in others if present.get(c.key) == c),
                tuple(c for c in others if present.get(c.key, c) != c),
            )
            concepts.extend(merged.added)
        return merged

    @contextmanager
    def _changing(self) -> Iterator[list[Concept]]:
        """The concepts as they are now, in a list whose changes are saved unless an error comes out."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self.path.with_name("concepts.lock")):
                before = self.read()
                concepts = list(before)
                yield concepts
                if tuple(concepts) != before:
                    self._save(concepts)
        except OSError as error:
            raise ConceptError(
                f"your own concepts cannot be saved in {self.path}: {error.strerror}; expected a folder to write to,"
                " with room, for one process at a time; nothing was changed, so try again"
            ) from error

    def _save(self, concepts: Iterable[Concept]) -> None:
        data = text_of(concepts).encode()
        if len(data) > LARGEST:
            raise ConceptError(
                f"your own concepts would need {len(data)} bytes; expected at most {LARGEST}; delete some first"
            )
        if self.path.exists():
            write_whole(self.backup, self.path.read_bytes())
        write_whole(self.path, data)


def _place(concepts: list[Concept], old: Concept) -> int:
    if old in concepts:
        return concepts.index(old)
    now = next((concept for concept in concepts if concept.key == old.key), None)
    anchored = f", anchor {now.anchor!r}" if now and now.anchor else ""
    what = "deleted" if now is None else f"changed to {now.phrase!r} in {now.category!r}{anchored}"
    raise ConceptError(
        f"the concept {old.name!r} was {what} meanwhile, in another window or by another program; expected it as it was"
        " when you chose it; choose it again, or add yours as a new one"
    )


def _check_free(concepts: list[Concept], new: Concept) -> None:
    for concept in concepts:
        if concept.key == new.key:
            raise ConceptError(
                f"there is a concept {concept.name!r} of your own already, with the phrase {concept.phrase!r}; expected"
                " a new name; choose another, or choose that concept and change it"
            )
