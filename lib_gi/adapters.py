"""The adapters that there are: files in folders, and the one that serves a model."""

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from lib_gi.adapter import Adapter, about_of
from lib_gi.adapter_names import TO_DO, unknown_error
from lib_gi.concepts import key_of
from lib_gi.errors import AdapterError
from lib_gi.fingerprint import fingerprint
from lib_gi.layers import Layer, find_cross_attention
from lib_gi.reading import check_fits
from lib_gi.settings import AUTO, NONE, Settings

BUNDLED = Path(__file__).resolve().parent.parent / "models" / "adapters"
ENDING = ".safetensors"
OWN_MODEL, SAME_BUILD = "made for this model", "made for another model that is built like it"


@dataclass(frozen=True)
class Listed:
    """An adapter's file by its header: its name, and what it was trained on."""

    name: str
    path: Path
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What the folders hold, and what is wrong with files that cannot be used."""

    adapters: tuple[Listed, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Chosen:
    """The adapter for a model. own: whether it was trained on this very model."""

    name: str
    adapter: Adapter
    own: bool

    def __str__(self) -> str:
        trained = "this model" if self.own else f"another model ({self.adapter.about.get('model') or 'not told which'})"
        return f"the adapter {self.name}, trained on {trained}"


class Adapters:
    """Looks into the folders anew whenever it is asked.

    A file takes the place of an earlier folder's of its name, also when it cannot be read: another never acts for it.
    """

    def __init__(self, folders: Sequence[Path] = (BUNDLED,)) -> None:
        self._folders = tuple(folders)
        self._known: tuple[weakref.ref, str, str] | None = None

    def look(self) -> Found:
        """The adapters by name; one that cannot be read is left out and told."""
        found, problems = {}, []
        for path in (path for folder in self._folders for path in sorted(folder.glob(f"*{ENDING}"))):
            name = name_of(path)
            try:
                found[key_of(name)] = Listed(name, path, about_of(path))
            except AdapterError as error:
                found.pop(key_of(name), None)
                problems.append(str(error))
        return Found(tuple(found.values()), tuple(problems))

    def names(self) -> list[str]:
        """The names that can be chosen."""
        return [listed.name for listed in self.look().adapters]

    def named(self, name: str) -> Listed:
        """The adapter of this name; AdapterError where there is none."""
        found = self.look()
        for listed in found.adapters:
            if key_of(listed.name) == key_of(name):
                return listed
        raise unknown_error(name, [listed.name for listed in found.adapters], _also(found.problems))

    def choose(self, settings: Settings, unet: nn.Module, weights: str = "") -> Chosen:
        """The adapter that the settings name, or for `auto` one that was trained on this UNet: of several the one that
        learnt from most of the concepts, then a user's own, then the newest.

        weights: tells apart the weights that a host puts into one and the same UNet. Raises AdapterError when there
        is none, or when it cannot be read or does not fit; UnsupportedModelError.
        """
        own = self._fingerprint(unet, weights)
        is_auto = settings.adapter == AUTO
        listed = self._trained_on(own, settings.concepts) if is_auto else self.named(settings.adapter)
        adapter = Adapter.load(listed.path)
        weighting = settings.weighting_with(adapter.weighting)
        check_fits(adapter, find_cross_attention(unet), weighting)
        return Chosen(listed.name, adapter, adapter.fingerprint == own)

    def fit_of(self, listed: Listed, unet: nn.Module, weights: str = "") -> str:
        """Whether an adapter serves this UNet: OWN_MODEL, SAME_BUILD, or why it does not; `weights` as above.

        Raises UnsupportedModelError.
        """
        own = self._fingerprint(unet, weights)
        try:
            misfit = Adapter.load(listed.path).misfit(find_cross_attention(unet))
        except AdapterError as error:
            return str(error)
        if misfit:
            return misfit
        return OWN_MODEL if listed.about.get("fingerprint") == own else SAME_BUILD

    def made_for(self, unet: nn.Module, weights: str = "") -> list[str]:
        """The names of those that were trained on this UNet; `weights` as above. Raises UnsupportedModelError.

        The fingerprint, a second's work for a large UNet, is taken only where an adapter is built for such a one.
        """
        layers = find_cross_attention(unet)
        built = [listed for listed in self.look().adapters if _reads(listed, layers)]
        own = self._fingerprint(unet, weights) if built else ""
        return [listed.name for listed in built if listed.about.get("fingerprint") == own]

    def _trained_on(self, own: str, concepts: Sequence[str]) -> Listed:
        found = self.look()
        fitting = [listed for listed in found.adapters if listed.about.get("fingerprint") == own]
        if fitting:
            return max(fitting, key=lambda listed: self._suits(listed, concepts))
        raise AdapterError(
            f"there is no adapter for this model (fingerprint {own}); expected one that was trained on it;"
            f" {TO_DO}{_also(found.problems)}"
        )

    def _suits(self, listed: Listed, concepts: Sequence[str]) -> tuple[int, int, float]:
        """What orders adapters of one model: how many of the concepts it knows, whose it is, and when it was kept."""
        known = set(map(key_of, listed.about.get("known", ())))
        try:
            written = listed.path.stat().st_mtime
        except OSError:  # deleted since it was listed
            written = 0.0
        return len(known & set(map(key_of, concepts))), self._folders.index(listed.path.parent), written

    def _fingerprint(self, unet: nn.Module, weights: str) -> str:
        """The UNet's fingerprint, taken once for as long as the host has the same weights in it."""
        if self._known is None or self._known[0]() is not unet or self._known[1] != weights:
            self._known = weakref.ref(unet), weights, fingerprint(unet)
        return self._known[2]


def given(asked: Any) -> tuple[Any, Adapter | None]:
    """The name for `Settings`, and the adapter itself where a file or a loaded one was given. Raises AdapterError."""
    if isinstance(asked, Adapter):
        return "given", asked
    if isinstance(asked, Path) or isinstance(asked, str) and asked.endswith(ENDING):
        path = Path(asked)
        return name_of(path), Adapter.load(path)
    return asked, None


def name_of(path: Path) -> str:
    """What a file's adapter is called."""
    name = path.stem.strip()
    return path.name if name.casefold() in ("", NONE, AUTO) else name


def _reads(listed: Listed, layers: Sequence[Layer]) -> bool:
    """Whether the adapter can read a model with these layers."""
    try:
        return not Adapter.load(listed.path).misfit(layers)
    except AdapterError:  # the file was exchanged after its header had been read
        return False


def _also(problems: Sequence[str]) -> str:
    return f" (not usable: {'; '.join(problems)})" if problems else ""
