"""Axes of the host's X/Y/Z plot: what they may hold, and the settings of the cell that is drawn."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

from lib_gi.adapter_names import adapter_choices, unknown_error
from lib_gi.concepts import Catalogue, key_of, load_catalogue
from lib_gi.errors import SettingsError
from lib_gi.settings import NONE, WEIGHTING_CHOICES, Settings

ATTRIBUTE = "growth_inhibitors_overrides"
"""Where a cell's generation `p` carries its axes' values: a dict of fields of `Settings`."""

PREFIX = "[Growth Inhibitors] "


def xyz_module(scripts: ModuleType) -> ModuleType | None:
    """The X/Y/Z plot that the host has loaded, from its module `modules.scripts`; None where there is none."""
    for data in scripts.scripts_data:
        module = data.module
        if isinstance(getattr(module, "axis_options", None), list) and hasattr(module, "AxisOption"):
            return module
    return None


def register_found(
    catalogue: Callable[[], Catalogue] = load_catalogue, adapters: Callable[[], list[str]] = list
) -> None:
    """Adds our axes to the X/Y/Z plot that the host has loaded, if it has; for the host's on_before_ui."""
    from modules import scripts

    xyz = xyz_module(scripts)
    if xyz is not None:
        register(xyz, catalogue, adapters)


def register(xyz: ModuleType, catalogue: Callable[[], Catalogue], adapters: Callable[[], list[str]] = list) -> None:
    """Adds our axes to those of the X/Y/Z plot; does nothing for axes that are there already.

    catalogue: gives the concepts that an axis may hold, and is asked whenever they matter; so do the names of adapters.
    """
    present = {option.label for option in xyz.axis_options}
    for option in _options(xyz.AxisOption, catalogue, adapters):
        if option.label not in present:
            xyz.axis_options.append(option)


def overridden(settings: Settings, p: Any) -> Settings:
    """The settings with the values that X/Y/Z axes have set for this cell.

    The strength axis acts on every concept, also on those that have a strength of their own or that an adapter infers,
    unless there is an axis of adapters too. Raises SettingsError where an axis is used while growth inhibitors are
    disabled, and where the values do not fit together.
    """
    changes = dict(getattr(p, ATTRIBUTE, None) or {})
    if not changes:
        return settings
    if not settings.enabled:
        raise SettingsError(
            f"the X/Y/Z plot has an axis for {', '.join(changes)} of growth inhibitors, which are not enabled, so"
            " every cell would look the same; expected them to be enabled; tick Growth Inhibitors and choose a"
            " concept, or remove the axis"
        )
    if "strength" in changes:
        changes = {"adapter": NONE} | changes | {"strengths": {}}
    elif "concepts" in changes:
        kept = {key_of(name) for name in changes["concepts"]}
        changes["strengths"] = {n: value for n, value in settings.strengths.items() if key_of(n) in kept}
    return replace(settings, **changes)


def _options(option: type, catalogue: Callable[[], Catalogue], adapters: Callable[[], list[str]]) -> list[Any]:
    def named(text: str) -> tuple[str, ...]:
        names = Settings(concepts=text).concepts
        return tuple(concept.name for concept in catalogue().resolve(names))

    def known(text: str) -> str:
        name = Settings(enabled=False, adapter=text).adapter
        names = adapters()
        if key_of(name) not in map(key_of, adapter_choices(names)):
            raise unknown_error(name, names)
        return name

    def none_for_end(step: int) -> int | None:
        return None if step == -1 else step

    def axis(label: str, kind: type, name: str, read: Callable[[Any], Any], **more: Any) -> Any:
        return option(PREFIX + label, kind, _apply(name, read), confirm=_confirm(name, read), **more)

    return [
        axis("Strength", float, "strength", float),
        axis("Concepts", str, "concepts", named, choices=lambda: [concept.name for concept in catalogue()]),
        axis("Weighting", str, "weighting", str.strip, choices=lambda: list(WEIGHTING_CHOICES)),
        axis("First step", int, "first_step", int),
        axis("Last step", int, "last_step", none_for_end),
        axis("Adapter", str, "adapter", known, choices=lambda: adapter_choices(adapters())),
    ]


def _apply(name: str, read: Callable[[Any], Any]) -> Callable[[Any, Any, Any], None]:
    def apply(p: Any, value: Any, values: Any) -> None:
        # A new dict each time: X/Y/Z copies p shallowly, so that one changed in place would be every cell's.
        setattr(p, ATTRIBUTE, {**(getattr(p, ATTRIBUTE, None) or {}), name: read(value)})

    return apply


def _confirm(name: str, read: Callable[[Any], Any]) -> Callable[[Any, list[Any]], None]:
    """What the host calls with all of an axis' values before it draws any; raises for one that cannot be used."""

    def confirm(p: Any, values: list[Any]) -> None:
        for value in values:
            Settings.from_dict({"concepts": ["any"], name: read(value)})

    return confirm
