"""The detectors that the page offers: installed ones, and files that whoever runs the WebUI has put into a folder.

A page never names a file: a detector's file may be code, and others than its owner may see the page.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lib_gi.detect.registry import CLIP, FILE, FORMS, NUDENET, ORACLE, available, detector_of, without_folders
from lib_gi.errors import SettingsError

if TYPE_CHECKING:
    from lib_gi.concepts import Catalogue
    from lib_gi.detect import Detector

JUDGE = Path(__file__).resolve().parents[2] / "models" / "gi-tiny-judges" / "label.safetensors"
OF_GI_TINY = "gi-tiny's own judge"
CLASS = "Detector"
"""What the class in a Python file in the folder has to be called."""


class Detectors:
    """Those that are installed or lie in the folder, looked for anew whenever asked; none is loaded by that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def texts(self) -> dict[str, str]:
        """By what the page lists it as, the text that `detect.registry` knows it by."""
        listed = {detector.name: detector for detector in available()}
        usable = [name for name, one in listed.items() if not one.problem]
        found = {name: name for name in usable if name == NUDENET or name not in FORMS}
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            if path.suffix == ".py":
                found[path.name] = f"{path}:{CLASS}"
            elif path.suffix == ".safetensors":
                found[path.name] = f"{ORACLE}:{path}"
            elif path.is_dir() and (path / "config.json").is_file() and not listed[CLIP].problem:
                found[path.name] = f"{CLIP}:{path}"
        return found | ({OF_GI_TINY: f"{ORACLE}:{JUDGE}"} if JUDGE.is_file() else {})

    def unusable(self) -> list[str]:
        """What could be here and cannot be used: "nudenet (not installed: nudenet)"."""
        return [f"{one.name} ({one.problem})" for one in available() if one.problem and one.name != FILE]

    def make(self, name: str, options: str, catalogue: Callable[[], "Catalogue"]) -> tuple[str, "Detector"]:
        """What the listed detector is called in an adapter's file, and the detector itself.

        Raises SettingsError for a name that is not listed or options that it has not, and what the detector raises.
        """
        text = self.texts().get(name or "")
        if text is None:
            raise SettingsError(
                f"there is no detector {name!r}; expected one of {', '.join(self.texts()) or 'those that are listed'};"
                " choose from the list"
            )
        options = "".join(options.split())
        if options and not (text == NUDENET or text.startswith(f"{CLIP}:")):
            raise SettingsError(f"the detector {name} takes no options: {options!r}; expected none; clear it")
        text = f"{text}:{options}" if options else text
        return without_folders(text), detector_of(text, catalogue())
