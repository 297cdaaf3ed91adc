"""The option by which commands learn of concepts beside the package's own: `--concept-file`."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from lib_gi.concept_files import read
from lib_gi.concepts import Catalogue, load_catalogue


def add_to(command: argparse._ActionsContainer) -> None:
    """Adds the option, which may be given several times."""
    command.add_argument(
        "--concept-file",
        dest="concept_files",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="concepts of your own or of a checkpoint's author, a file as the WebUI's tab exports it"
        " (docs/concept-files.md); they take the place of those of the same name",
    )


def catalogue_of(files: Iterable[Path]) -> Catalogue:
    """The package's catalogue with the concepts of these files; ConceptError says what is wrong in which line."""
    catalogue = load_catalogue()
    for file in files:
        catalogue = catalogue.joined(read(file))
    return catalogue
