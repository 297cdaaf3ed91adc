"""All concepts that can be named at a moment: those of the package, the user's own, and those beside a checkpoint."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lib_gi.concept_files import beside, read
from lib_gi.concepts import Catalogue, Concept, load_catalogue
from lib_gi.errors import ConceptError
from lib_gi.own_concepts import OwnConcepts


@dataclass(frozen=True)
class Found:
    """What there is at the moment.

    own: the user's own concepts. file: that beside the checkpoint, where there is one. beside: its concepts, with
    the checkpoint's name before their categories. left_out: those of its concepts whose names are taken.
    """

    catalogue: Catalogue
    own: tuple[Concept, ...] = ()
    file: Path | None = None
    beside: tuple[Concept, ...] = ()
    left_out: tuple[Concept, ...] = ()


class Library:
    """Reads everything anew whenever it is asked, so that whatever was changed acts at once.

    The user's own concepts take the place of the package's of the same name. Those beside a checkpoint take nobody's
    place: a file of others' making must not change what a known name means. checkpoint: gives the file of the one that
    is loaded, or None.
    """

    def __init__(self, own: OwnConcepts, checkpoint: Callable[[], Path | None]) -> None:
        self.own = own
        self._checkpoint = checkpoint

    def catalogue(self) -> Catalogue:
        """All of them; what could not be read is in its `problems`. ConceptError for the package's own file alone."""
        return self.look().catalogue

    def look(self) -> Found:
        """All of them, and where they are from; raises as `catalogue` does."""
        problems: list[str] = []
        known = load_catalogue()
        own = _unless_broken(self.own.read, problems)
        known = known.joined(own)
        checkpoint = self._checkpoint()
        file = None if checkpoint is None else beside(checkpoint)
        if file is None or not os.path.lexists(file):
            return Found(Catalogue(known, problems), own)
        shipped = _unless_broken(lambda: _read_foreign(file), problems)
        prefix = checkpoint.stem.encode("utf-8", "replace").decode()  # a file's name may hold bytes that are no text
        listed = tuple(replace(c, category=f"{prefix}: {c.category}") for c in shipped if c.name not in known)
        left_out = tuple(c for c in shipped if c.name in known)
        return Found(Catalogue((*known, *listed), problems), own, file, listed, left_out)


def _read_foreign(file: Path) -> tuple[Concept, ...]:
    if file.is_symlink():
        raise ConceptError(f"{file} is a link, which is not followed; expected the file itself; put it there")
    return read(file)


def _unless_broken(read_it: Callable[[], tuple[Concept, ...]], problems: list[str]) -> tuple[Concept, ...]:
    """What is read, or nothing and one more problem."""
    try:
        return read_it()
    except ConceptError as error:
        problems.append(str(error))
        return ()
