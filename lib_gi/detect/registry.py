"""Which detectors there are, and the one that a text such as nudenet:threshold=0.4 names."""

import importlib.util
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from lib_gi.errors import DetectorError, SettingsError, did_you_mean

if TYPE_CHECKING:
    from lib_gi.concepts import Catalogue
    from lib_gi.detect import Detector

GROUP = "growth_inhibitors.detectors"
ORACLE, NUDENET, CLIP, FILE = "oracle", "nudenet", "clip", "file.py"
FORMS = {
    ORACLE: "oracle:FILE",
    NUDENET: "nudenet[:OPTIONS]",
    CLIP: "clip:FOLDER[:OPTIONS]",
    FILE: "path/to/file.py:ClassName",
}
NEEDS = {NUDENET: ("nudenet", "onnxruntime", "cv2", "numpy"), CLIP: ("transformers",)}


class Listed(NamedTuple):
    """A detector: its name, how it is asked for, and why it cannot be used here, "" when it can."""

    name: str
    form: str
    problem: str


def available() -> list[Listed]:
    """All detectors that there are, our own first, then those of installed packages; none of them is loaded."""
    own = [Listed(name, form, _missing(NEEDS.get(name, ()))) for name, form in FORMS.items()]
    return own + [
        Listed(entry.name, entry.name, "the name is taken by ours" if entry.name in FORMS else "")
        for entry in _offered()
    ]


def detector_of(text: str, catalogue: "Catalogue | None" = None) -> "Detector":
    """The detector that a text names, ready to be asked; `catalogue` has the phrases of concepts, for CLIP.

    Raises SettingsError that lists what there is for a text that names none, and what the detector itself raises.
    """
    kind, target, options = _parts(text)
    if kind == FILE:
        from lib_gi.detect.own import from_file

        return from_file(Path(target), options)
    if kind == ORACLE and target:
        return _oracle(Path(target))
    if kind == NUDENET:
        from lib_gi.detect.nudenet import NudeNetDetector

        return NudeNetDetector.load(options)
    if kind == CLIP and target:
        from lib_gi.detect.clip import ClipDetector

        return ClipDetector.load(Path(target), options, catalogue)
    for entry in _offered():
        if entry.name == text and kind not in FORMS:
            from lib_gi.detect.own import from_entry_point

            return from_entry_point(entry)
    there = available()
    names = ", ".join(listed.form + (f" ({listed.problem})" if listed.problem else "") for listed in there)
    hint = did_you_mean(kind, (listed.name for listed in there if listed.name not in FORMS or listed.name != kind))
    raise SettingsError(f"--detector is {text!r}.{hint} Expected one of: {names}; change it")


def without_folders(text: str) -> str:
    """What names a detector in an adapter and among labels: the text with the last part of its path alone."""
    kind, target, options = _parts(text)
    if kind not in (ORACLE, CLIP, FILE):
        return text
    name = PureWindowsPath(target).name  # it takes both kinds of slash
    return ":".join(part for part in (*(() if kind == FILE else (kind,)), name, options) if part)


def _parts(text: str) -> tuple[str, str, str]:
    """The kind, the path and the options (or the class) that a text tells; a path may hold colons, as on Windows."""
    kind, _, rest = text.partition(":")
    if kind == ORACLE:
        return kind, rest, ""
    if kind == NUDENET:
        return kind, "", rest
    if kind == CLIP:
        folder, colon, last = rest.rpartition(":")
        return (kind, folder, last) if colon and "=" in last and not Path(rest).is_dir() else (kind, rest, "")
    path, colon, name = text.rpartition(":")
    if colon and path.endswith(".py"):
        return FILE, path, name
    return (FILE, text, "") if text.endswith(".py") else (kind, "", rest)


def _oracle(file: Path) -> "Detector":
    if not file.is_file():
        raise SettingsError(f"there is no file {file}; expected the oracle's .safetensors; correct --detector")
    from safetensors import SafetensorError

    from lib_gi.detect.oracle import Oracle, OracleDetector

    try:
        return OracleDetector(Oracle.load(file))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DetectorError(
            f"{file} cannot be read as an oracle ({type(error).__name__}: {error}); expected one of"
            " models/gi-tiny-judges, or another that was made like them; get the file again"
        ) from error


def _offered() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _missing(packages: Iterable[str]) -> str:
    lacking = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else ""
