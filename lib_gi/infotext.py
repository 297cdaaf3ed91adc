"""The infotext of a picture: what was kept out of it, written so that the host and other readers bring it back.

    Growth Inhibitors: nudity=4; blood=3
    Growth Inhibitors settings: version=1; weighting=plain; bound=0.4 to 2.5
    Growth Inhibitors inferred: nudity=0.4 to 2.1
    Growth Inhibitors done: steps=20 of 20; layers=16; host=AUTOMATIC1111; optimisation=Doggettx

The first key gives each concept the strength that acted on it, or "auto" where an adapter infers it; the second what
else differs from the defaults. Nothing is read back from the others: the third has what an adapter inferred in a batch,
the fourth what its sampling passes did, such as "8 of 8 then 5 of 5" with a hires pass.
Readers split at commas and colons, take quotes and braces for their own, or read the line as YAML; so those signs,
and whatever cannot be seen, stand in names as %XX, the percent-encoding of their UTF-8.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from lib_gi.errors import SettingsError, did_you_mean
from lib_gi.settings import AUTO, NONE, RECORDED, Settings

KEY = "Growth Inhibitors"
SETTINGS_KEY = "Growth Inhibitors settings"
INFERRED_KEY = "Growth Inhibitors inferred"
DONE_KEY = "Growth Inhibitors done"
KEYS = (KEY, SETTINGS_KEY, INFERRED_KEY, DONE_KEY)
HOST = "AUTOMATIC1111"
VERSION = 1
"""To be raised, and told apart in `read`, when a default changes: what is left out stands for the default."""

_ESCAPED = frozenset(',:"{}#%\\;=()[]<>')


class Read(NamedTuple):
    """The fields of `Settings` (none where nothing could be read), and what the user should know about them."""

    values: dict[str, Any]
    warnings: list[str]


def write(settings: Settings) -> dict[str, str]:
    """The keys and texts that record the settings; none of them while disabled."""
    if not settings.enabled:
        return {}
    acting = settings.acting
    texts = {"version": str(VERSION)}
    for name, default in Settings.defaults().items():
        value = getattr(settings, name)
        if name == "concepts" or name not in RECORDED or value == default:
            continue
        if name != "strengths":
            texts[name.replace("_", " ")] = _text_of(value)
        elif value != _own(acting, settings):  # such as a name in capitals: kept to the letter
            texts[name] = _escape(_pairs_text(value))
    return {KEY: _pairs_text(acting), SETTINGS_KEY: "; ".join(f"{name}={text}" for name, text in texts.items())}


def renewed(params: Mapping[str, Any], ours: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of an infotext with these of ours and no others; a new dict, as the old one may be shared."""
    return {key: value for key, value in params.items() if key not in KEYS} | dict(ours)


def write_inferred(passes: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The key and text that record what an adapter inferred: of each sampling pass a strength's range by concept."""
    texts = ["; ".join(f"{_escape(name)}={strengths}" for name, strengths in one.items()) for one in passes if one]
    return {INFERRED_KEY: _begun_well(" then ".join(texts))} if texts else {}


def write_done(passes: Sequence[Any], strength: str = "") -> dict[str, str]:
    """The key and text that record what a batch's sampling passes did; none of them where nothing acted.

    passes: with steps that there were, how many of them acted, layers that were reached, the host's optimisation, and
    the adapter that was chosen, if any.
    strength: what there is to say of it; empty for nothing.
    """
    if not passes:
        return {}
    layers = [str(one.layers) for one in passes]
    texts = {
        "steps": " then ".join(f"{one.acted} of {one.steps}" for one in passes),
        "layers": layers[0] if len(set(layers)) == 1 else " then ".join(layers),
        "host": HOST,
        "optimisation": _escape(passes[-1].optimisation),
    }
    texts |= {"adapter": _escape(passes[-1].adapter.name)} if passes[-1].adapter else {}
    texts |= {"strength": _escape(strength)} if strength else {}
    return {DONE_KEY: "; ".join(f"{name}={text}" for name, text in texts.items())}


def read(params: Mapping[str, Any]) -> Read:
    """The settings in an infotext's parameters. Never raises: what is not understood becomes a warning.

    Where the concepts cannot be read there are no values. Another setting that cannot be is left at its default.
    """
    if params.get(KEY) is None:
        return Read({}, [] if params.get(SETTINGS_KEY) is None else [f"{SETTINGS_KEY!r} without {KEY!r} is ignored"])
    warnings: list[str] = []
    try:
        acting = _read_pairs(params[KEY])
        given = {name: strength for name, strength in acting.items() if strength is not None}
        values = Settings.from_dict({"concepts": list(acting), "strengths": given}).to_dict()
    except SettingsError as error:
        return Read({}, [f"{KEY!r} could not be read, and nothing was taken from it: {error}"])
    values |= {"strengths": {}, "adapter": AUTO if None in acting.values() else NONE}
    for name, text in _read_texts(params.get(SETTINGS_KEY), warnings).items():
        try:
            if name not in RECORDED or name in ("enabled", "concepts"):
                raise SettingsError(f"it is unknown here.{did_you_mean(name, RECORDED)}")
            value = _READERS.get(name, _value_of)(text)
            values = Settings.from_dict(values | {name: value}).to_dict()
        except SettingsError as error:
            warnings.append(f"the setting {name!r} of {SETTINGS_KEY!r} was left at its default: {error}")
    settings = Settings.from_dict(values)
    if not settings.strengths or settings.acting != acting:
        values["strengths"] = _own(acting, settings)
    return Read(values, warnings)


def _own(acting: Mapping[str, float | None], settings: Settings) -> dict[str, float]:
    """The strengths that are the concepts' own: not the common one, and not those that are inferred."""
    common = settings.strength if settings.adapter == NONE else None
    return {name: strength for name, strength in acting.items() if strength not in (None, common)}


# -- texts ---------------------------------------------------------------------------------------------------


def _text_of(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value!r}".removesuffix(".0")
    if isinstance(value, tuple):
        return " to ".join(map(_text_of, value))
    return _escape(value)


def _value_of(text: str) -> Any:
    """What `_text_of` wrote, whatever field it is of; `Settings` says whether it fits."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    try:
        numbers = [float(part) for part in text.split(" to ")]
    except ValueError:
        return _unescape(text)
    return numbers[0] if len(numbers) == 1 else numbers


def _pairs_text(strengths: Mapping[str, float | None]) -> str:
    texts = {name: AUTO if value is None else _text_of(float(value)) for name, value in strengths.items()}
    text = "; ".join(f"{_escape(name)}={value}" for name, value in texts.items())
    return _begun_well(text)


def _begun_well(text: str) -> str:
    """The text, which no YAML reader takes for anything else by its first sign."""
    return f"; {text}" if text.startswith("%") else text


def _read_pairs(text: Any) -> dict[str, float | None]:
    pairs: dict[str, float | None] = {}
    for name, number in _split(text):
        name = _unescape(name)
        try:
            strength = None if number == AUTO else float(number)
        except ValueError as error:
            raise SettingsError(
                f"the strength of {name!r} is {number!r}; expected a number; write for example {name}=4"
            ) from error
        if name in pairs:
            raise SettingsError(f"{name!r} is there twice; expected it once; remove one of them")
        pairs[name] = strength
    return pairs


def _read_texts(text: Any, warnings: list[str]) -> dict[str, str]:
    """The settings' texts by field, less the version; what is wrong with them is added to the warnings."""
    try:
        texts = {name.replace(" ", "_"): value for name, value in _split("" if text is None else text)}
    except SettingsError as error:
        warnings.append(f"{SETTINGS_KEY!r} could not be read, so its settings were left at their defaults: {error}")
        return {}
    version = texts.pop("version", None)
    if version != str(VERSION):
        warnings.append(
            f"the infotext's version is {version}; expected {VERSION}; what this release knows of it was taken, so"
            " look the settings over"
        )
    return texts


def _split(text: Any) -> list[tuple[str, str]]:
    if not isinstance(text, str):
        raise SettingsError(f"it is {text!r}; expected a text such as nudity=4; blood=3; paste it as it was written")
    pairs = []
    for part in filter(str.strip, text.split(";")):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not (name and sign and value):
            raise SettingsError(f"{part.strip()!r} in it is no name=value; expected some; paste it as it was written")
        pairs.append((name, value))
    return pairs


def _escape(text: str) -> str:
    """The text with the signs that readers stumble over as %XX."""
    last = len(text) - 1
    return "".join(_code(s) if _stumbles(s, at == 0, at == last) else s for at, s in enumerate(text))


def _stumbles(sign: str, first: bool, last: bool) -> bool:
    if sign in _ESCAPED or not sign.isprintable():
        return True
    return first and sign.isascii() and not sign.isalnum() or last and sign == " "


def _code(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", "surrogatepass"))


def _unescape(text: str) -> str:
    try:
        if re.search("%(?![0-9A-Fa-f]{2})", text):
            raise ValueError("a percent sign stands alone")
        return unquote(text, encoding="utf-8", errors="surrogatepass")
    except ValueError as error:
        raise SettingsError(
            f"{text!r} is not well escaped: {error}; expected %XX for signs; paste it as it was written"
        ) from error


# Of fields whose texts may look like numbers.
_READERS = {"strengths": lambda text: _read_pairs(_unescape(text)), "adapter": _unescape}
