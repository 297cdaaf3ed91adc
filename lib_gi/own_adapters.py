"""The user's own adapters: files in a folder that outlives the extension, each there whole or not at all."""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib_gi.adapter import MOST_BYTES, Adapter
from lib_gi.adapters import ENDING, Listed
from lib_gi.concepts import key_of
from lib_gi.errors import AdapterError
from lib_gi.safe_files import locked, write_whole
from lib_gi.settings import AUTO, NONE

LONGEST = 60
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f;=]|^\.|\.$')  # by some file system, or by the infotext
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # what Windows takes for no file


class OwnAdapters:
    """The adapters' files in a folder, which is made when the first is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, name: str, adapter: Adapter) -> str:
        """Writes an adapter under this name, which is given back as it is kept; AdapterError when it is taken."""
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / f"made{ENDING}"
            adapter.save(made)
            return self._write(name, made.read_bytes())

    def take(self, path: Path) -> str:
        """Copies an adapter's file into the folder, under its own name, which is given back.

        Raises AdapterError when it is no whole adapter, or its name is taken or cannot be one.
        """
        Adapter.load(path)
        with _told("the file cannot be read"):
            return self._write(path.stem, path.read_bytes())

    def delete(self, listed: Listed) -> None:
        """Removes the file of one of them; AdapterError when it comes with the extension, or is gone."""
        if listed.path.parent != self.folder:
            raise AdapterError(
                f"the adapter {listed.name!r} comes with the extension; expected one of your own; choose such a one, or"
                " keep another under its name, which then takes its place"
            )
        with _told("the adapter cannot be deleted"):
            listed.path.unlink()

    def _write(self, name: str, data: bytes) -> str:
        name = checked_name(name)
        with _told("the adapter cannot be saved"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder / "adapters.lock"):
                taken = {key_of(path.stem): path for path in self.folder.glob(f"*{ENDING}")}
                there = taken.get(key_of(name))
                if there is not None and (there.stat().st_size > MOST_BYTES or not same(there.read_bytes(), data)):
                    raise AdapterError(
                        f"there is an adapter {there.stem!r} of your own already; expected a new name; choose another,"
                        " or delete that one first"
                    )
                if there is None:
                    write_whole(self.folder / f"{name}{ENDING}", data)
        return name if there is None else there.stem


def same(one: bytes, other: bytes) -> bool:
    """Whether two safetensors files hold the same: their metadata come in another order each time they are written."""

    def parts(data: bytes) -> tuple[object, bytes]:
        start = 8 + int.from_bytes(data[:8], "little")
        return json.loads(data[8:start]), data[start:]

    try:
        return one == other or parts(one) == parts(other)
    except ValueError:  # one of them is damaged
        return False


def checked_name(name: str) -> str:
    """The name as it is kept: with single spaces. AdapterError for what cannot be the name of a file everywhere."""
    name = " ".join(name.split())
    wrong = not name or len(name) > LONGEST or _FORBIDDEN.search(name) or _DEVICES.fullmatch(name)
    if wrong or name.casefold() in (NONE, AUTO):
        raise AdapterError(
            f"an adapter cannot be called {name!r}; expected 1 to {LONGEST} letters, digits and spaces, neither"
            f" {NONE} nor {AUTO}; choose another name"
        )
    return name


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turns an error of the file system into one of ours."""
    try:
        yield
    except OSError as error:
        raise AdapterError(
            f"{what}: {error.strerror or error}; expected a folder to read from and write to, with room; nothing was"
            " changed, so try again"
        ) from error
