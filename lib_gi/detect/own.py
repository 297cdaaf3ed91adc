"""A user's own detector, of an installed package or a file; loading it runs its code."""

import importlib.util
import inspect
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_gi.errors import DetectorError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from lib_gi.detect import Detector

EXPECTED = "expected a class that is made without arguments and has found(self, pictures, concept)"


class Checked:
    """A detector whose answers are looked at before they are used."""

    def __init__(self, detector: "Detector", where: str) -> None:
        self.detector, self.where = detector, where

    def found(self, pictures: "np.ndarray", concept: str) -> "np.ndarray":
        """See `detect.Detector`. Raises DetectorError for an answer of another type or shape."""
        import numpy as np

        answer = self.detector.found(pictures, concept)
        told = f"{type(answer).__name__}"
        if isinstance(answer, np.ndarray):
            if answer.dtype == bool and answer.shape == (len(pictures),):
                return answer
            told = f"an array of {answer.dtype} and shape {answer.shape}"
        raise DetectorError(
            f"found of {self.where} gave back {told} for {len(pictures)} pictures; expected a numpy array of bool and"
            f" shape ({len(pictures)},); correct the detector"
        )


def try_out(detector: "Detector", concepts: Iterable[str]) -> None:
    """Nothing, where the detector answers for a black picture and each concept; else what it raises."""
    import numpy as np

    for concept in concepts:
        detector.found(np.zeros((1, 128, 128, 3), np.uint8), concept)


def from_entry_point(entry: EntryPoint) -> Checked:
    """The detector that an installed package offers; DetectorError when it cannot be loaded or is none."""
    where = f"{entry.name} ({entry.value})"
    try:
        maker = entry.load()
    except (ImportError, AttributeError, SyntaxError, ValueError) as error:
        raise DetectorError(
            f"the detector {where} cannot be loaded ({error}); {EXPECTED}; repair or update the package"
        ) from error
    return _made(maker, where)


def from_file(file: Path, name: str) -> Checked:
    """The detector of that class in a Python file, whose code is run; DetectorError that says what is wrong with it."""
    where = f"{file.name}:{name}"
    if not file.is_file():
        raise DetectorError(f"there is no file {file}; expected a Python file with a detector; correct the path")
    if not name:
        raise DetectorError(f"{file} is named without a class; expected {file}:ClassName; add it")
    module = _module(file)
    if not hasattr(module, name):
        classes = [key for key, value in vars(module).items() if hasattr(value, "found")]
        raise DetectorError(
            f"{file} has no class {name!r}.{did_you_mean(name, classes)} {EXPECTED.capitalize()}, there is"
            f" {', '.join(classes) or 'none'}; correct the name"
        )
    return _made(getattr(module, name), where)


def _module(file: Path) -> Any:
    name = f"growth_inhibitors_detector_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError, ValueError) as error:  # the last for zero bytes and what is no Unicode
        del sys.modules[name]
        raise DetectorError(
            f"{file} cannot be loaded ({type(error).__name__}: {error}); expected Python code whose packages are"
            " installed; correct it"
        ) from error
    return module


def _made(maker: Any, where: str) -> Checked:
    if not callable(maker) or not _takes(maker):
        raise DetectorError(f"{where} is {maker!r:.80}; {EXPECTED}; correct it")
    detector = maker()
    if not callable(getattr(detector, "found", None)):
        raise DetectorError(f"{where} has no method found; {EXPECTED}; add it")
    if not _takes(detector.found, "pictures", "concept"):
        raise DetectorError(
            f"found of {where} takes {inspect.signature(detector.found)}; {EXPECTED}; correct its arguments"
        )
    return Checked(detector, where)


def _takes(function: Any, *arguments: str) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError):  # other arguments, or a signature that cannot be read
        return False
    return True
