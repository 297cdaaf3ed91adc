"""The arguments of the WebUI's script: from what the host passes to settings, and from settings to the form.

The host passes a list. Its form fills it with one value per entry of `FIELDS`; an API caller puts one dict with the
fields of `Settings` first, and the host fills the rest from the form's defaults, which are ignored.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from lib_gi.concepts import Catalogue, Concept, key_of
from lib_gi.errors import SettingsError
from lib_gi.settings import Settings, format_strengths

FIELDS = tuple(field.name for field in fields(Settings))
"""The form's values in order. Some differ from the setting of their name: `concepts` holds labels of the catalogue's
concepts, `free_text` the words of further ones, separated by semicolons, and where there is none `heatmap` is OFF."""
OFF = "off"  # what the form shows where the setting `heatmap` is None

EXAMPLE = '{"concepts": ["nudity"], "strength": 4}'


def settings_from(args: Sequence[Any], catalogue: Catalogue) -> Settings:
    """The settings in a script's arguments, with concepts that exist.

    Raises SettingsError, and ConceptError for a name that is neither in the catalogue nor allowed as free text.
    Where the arguments say that it is disabled, nothing else in them is checked but the names of a dict's fields.
    """
    args = list(args)
    dicts = [arg for arg in args if isinstance(arg, Mapping)]
    if len(dicts) > 1 or dicts and args[0] is not dicts[0]:
        raise SettingsError(
            f"{len(dicts)} of the arguments are dicts, or one is not the first; expected a single dict, as the first"
            f" argument; put all fields into it, such as {EXAMPLE}"
        )
    values = dicts[0] if dicts else _form(args)
    if values.get("enabled", True) is False:
        Settings.check_names(values)
        return Settings.disabled()
    settings = Settings.from_dict(values if dicts else _without_form(values, catalogue))
    catalogue.resolve(settings.concepts, settings.free_text)
    return settings


def form_of(values: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """What the form shows for the fields of a `Settings.to_dict()`: each of FIELDS with its component's value."""
    known = [catalogue.lookup(name) for name in values["concepts"] if name in catalogue]
    last_step, bound = values["last_step"], values["bound"]
    return {
        **{name: values[name] for name in FIELDS},
        "concepts": [label_of(concept) for concept in known],
        "free_text": "; ".join(name for name in values["concepts"] if name not in catalogue),
        "strengths": format_strengths(values["strengths"]),
        "last_step": "" if last_step is None else str(last_step),
        "bound": "" if bound is None else ", ".join(f"{x!r}".removesuffix(".0") for x in bound),
        "heatmap": values["heatmap"] or OFF,
    }


def concepts_of(chosen: Any, typed: Any, catalogue: Catalogue) -> tuple[Concept, ...]:
    """The concepts that the form's list and its box of further words name; errors as for `settings_from`."""
    names, words = _names(chosen, typed, catalogue)
    return catalogue.resolve([*names, *words], allow_free_text=True)


def label_of(concept: Concept) -> str:
    """How the form lists a concept: its category, then its name."""
    return f"{concept.category} / {concept.name}"


def _form(args: list[Any]) -> dict[str, Any]:
    if len(args) != len(FIELDS):
        raise SettingsError(
            f"the script was given {len(args)} arguments; expected one dict, or the form's {len(FIELDS)} values"
            f" ({', '.join(FIELDS)}); pass a dict such as {EXAMPLE}"
        )
    return dict(zip(FIELDS, args))


def _without_form(form: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The form's values as `Settings` takes them; what cannot be read is left for `Settings` to refuse."""
    chosen, typed = _names(form["concepts"], form["free_text"], catalogue)
    return form | {
        "concepts": [*chosen, *typed],
        "free_text": any(name not in catalogue for name in typed),
        "strengths": "" if form["strengths"] is None else form["strengths"],
        "first_step": _step(form["first_step"]),
        "last_step": None if _is_blank(form["last_step"]) else _step(form["last_step"]),
        "bound": None if _is_blank(form["bound"]) else _bound(form["bound"]),
        "heatmap": None if form["heatmap"] == OFF else form["heatmap"],
    }


def _names(chosen: Any, typed: Any, catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """The names that were chosen from the list, and those that were typed and not chosen.

    A list in a page may be older than the catalogue: what is chosen has to exist, and is never taken for free text.
    """
    chosen, typed = [] if chosen is None else chosen, "" if typed is None else typed
    if not _are_texts(chosen) or not isinstance(typed, str):
        raise SettingsError(
            f"the form's concepts are {chosen!r} and its further words {typed!r}; expected a list of names, and one"
            f" text with names separated by semicolons; change them, or pass a dict such as {EXAMPLE}"
        )
    names = [_chosen(label, catalogue).name for label in chosen]
    keys = {key_of(name) for name in names}
    typed_names = {key_of(name): " ".join(name.split()) for name in typed.split(";")}
    return names, [name for key, name in typed_names.items() if key and key not in keys]


def _chosen(label: str, catalogue: Catalogue) -> Concept:
    """The concept of a label, or of a mere name; ConceptError where there is none.

    Its category may have changed since the label was made. A category holds no slash between spaces, but a name may.
    """
    by_label = {label_of(concept): concept for concept in catalogue}
    if label in by_label:
        return by_label[label]
    return catalogue.lookup(label if label in catalogue else label.partition(" / ")[2] or label)


def _are_texts(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str) and all(isinstance(x, str) for x in value)


def _is_blank(value: Any) -> bool:
    return value is None or isinstance(value, str) and not value.strip()


def _step(value: Any) -> Any:
    """A slider's or text's whole number; anything else as it is."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,9}\s*", value):
        return int(value)
    return value


def _bound(value: Any) -> Any:
    """The numbers of a text such as "0.4, 2.5"; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return [float(number) for number in re.split(r"\s*,\s*|\s+to\s+|\s+", value.strip())]
    except ValueError:
        return value
