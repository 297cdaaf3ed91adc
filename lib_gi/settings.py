"""The settings of a generation: the one place that UI, API, infotext, X/Y/Z axes and command line follow.

A field's metadata says how it is shown and what it may hold: label, help, and where they apply min, max (of a
slider, not of what is allowed), step and choices; and recorded=False where it leaves the picture as it is.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from lib_gi.concepts import key_of
from lib_gi.errors import SettingsError, StepRangeError, did_you_mean

MOST_SEED = 2**32 - 1  # what the WebUI takes
WEIGHTINGS = ("plain", "limited", "contrast", "agreement", "projection")
FIXED_WEIGHTING = "agreement"
"""The weighting that serves best where strengths are given (benchmarks/sweeps/chosen.json, `winner`)."""
INFERRED_WEIGHTING = "contrast"
"""The weighting in which adapters serve best: they tell by themselves where nothing grows (docs/adapter.md)."""
MOST_USEFUL = {"contrast": 2.0}
"""By weighting the strength beyond which pictures break, where it lies below the usual strengths of the others."""
MAPS = ("M_star", "agreement")
"""What can be read, and drawn, of a layer's attention to a concept."""
NONE, AUTO = "none", "auto"  # what `adapter` says beside an adapter's name; `weighting` knows the second too
WEIGHTING_CHOICES = (AUTO, *WEIGHTINGS)


def _setting(default: Any = MISSING, factory: Any = MISSING, hash: bool | None = None, **shown: Any) -> Any:
    return field(default=default, default_factory=factory, hash=hash, metadata=shown)


@dataclass(frozen=True)
class Settings:
    """All settings of one generation, checked when they are made. Raises SettingsError."""

    enabled: bool = _setting(True, label="Enable", help="Off: nothing is installed, images stay as they are.")
    concepts: tuple[str, ...] = _setting(
        (), label="Concepts", help="What must not grow in the picture: names of the catalogue."
    )
    free_text: bool = _setting(
        False, label="Allow free text", help="Take a name that the catalogue lacks as the words themselves."
    )
    strength: float = _setting(
        3.0, label="Strength", help="How strongly to suppress; 0 does nothing.", min=0.0, max=20.0, step=0.1
    )
    strengths: dict[str, float] = _setting(
        factory=dict,
        hash=False,
        label="Strength per concept",
        help="For concepts that need another strength than the rest, such as: nudity=6; blood=3",
        min=0.0,
        max=20.0,
    )
    weighting: str = _setting(
        AUTO,
        label="Weighting",
        help="auto: the adapter's, and agreement without one. plain: as published. limited: plain, cut where it would"
        " overshoot. contrast: limited, of what the concept's text adds to an empty prompt. agreement, projection: act"
        " only where the concept already shows.",
        choices=WEIGHTING_CHOICES,
    )
    first_step: int = _setting(
        0, label="First step", help="The first inhibited step, counted from 0.", min=0, max=150, step=1
    )
    last_step: int | None = _setting(
        None, label="Last step", help="The last inhibited step; empty for the end.", min=0, max=150, step=1
    )
    hires: bool = _setting(True, label="In the hires pass", help="Also act while a picture is enlarged.")
    bound: tuple[float, float] | None = _setting(
        None,
        label="Bound",
        help="Lowest and highest ratio of a layer's output with to without inhibitors, such as 0.4, 2.5.",
        min=0.0,
        max=10.0,
    )
    adapter: str = _setting(
        NONE,
        label="Adapter",
        help="none: the strength above. auto: the one trained on the loaded model infers a strength for each picture,"
        " where a concept has none of its own. Or an adapter's name.",
    )
    heatmap: str | None = _setting(
        None,
        label="Heat maps",
        help="Beside each picture, of each concept: M_star, where it would be put; agreement, where it is. Takes time.",
        choices=MAPS,
        recorded=False,
    )

    def __post_init__(self) -> None:
        for name in ("enabled", "free_text", "hires"):
            if not isinstance(getattr(self, name), bool):
                raise _wrong(name, getattr(self, name), "true or false")
        set_ = object.__setattr__  # the dataclass is frozen; values are brought to one form while it is made
        set_(self, "concepts", _concepts(self.concepts))
        set_(self, "strength", _strength("strength", self.strength))
        set_(self, "strengths", _strengths(self.strengths, self.concepts))
        set_(self, "bound", _bound(self.bound))
        set_(self, "adapter", _adapter(self.adapter))
        if self.weighting not in WEIGHTING_CHOICES:
            hint = did_you_mean(str(self.weighting), WEIGHTINGS)
            raise _wrong("weighting", self.weighting, f"one of {', '.join(WEIGHTING_CHOICES)}", hint)
        if self.heatmap not in (None, *MAPS):
            hint = did_you_mean(str(self.heatmap), MAPS)
            raise _wrong("heatmap", self.heatmap, f"no value (null), or one of {', '.join(MAPS)}", hint)
        _steps(self.first_step, self.last_step)
        if self.enabled and not self.concepts:
            raise SettingsError(
                "no concept is selected; expected at least one while the inhibitor is enabled;"
                " choose a concept or set enabled to false"
            )

    @classmethod
    def disabled(cls) -> "Settings":
        """Settings that do nothing."""
        return cls(enabled=False)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Settings":
        """Settings from the fields of a dict, such as an API argument; fields left out keep their default."""
        if not isinstance(values, Mapping):
            raise SettingsError(
                f"the settings are {type(values).__name__}; expected a dict of fields; pass for example"
                ' {"concepts": ["nudity"], "strength": 4}'
            )
        cls.check_names(values)
        return cls(**values)

    @classmethod
    def check_names(cls, names: Iterable[Any]) -> None:
        """Nothing, or SettingsError for a name that no field has."""
        known = [f.name for f in fields(cls)]
        for name in names:
            if name not in known:
                hint = did_you_mean(str(name), known)
                raise SettingsError(
                    f"there is no setting {name!r}.{hint} Expected some of: {', '.join(known)};"
                    " correct or remove it"
                )

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The default of each field, for a form that has nothing filled in yet."""
        return {f.name: f.default_factory() if f.default is MISSING else f.default for f in fields(cls)}

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON can hold them; `from_dict` gives back equal settings."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["concepts"] = list(self.concepts)
        values["strengths"] = dict(self.strengths)
        values["bound"] = None if self.bound is None else list(self.bound)
        return values

    def strength_of(self, concept: str) -> float | None:
        """The strength that acts on this concept, >= 0; None where the adapter infers it."""
        own = {key_of(name): value for name, value in self.strengths.items()}
        return own.get(key_of(concept), self.strength if self.adapter == NONE else None)

    def w_of(self, concept: str) -> float | None:
        """The paper's w of this concept, <= 0: the only place where a strength becomes a w; None as above."""
        strength = self.strength_of(concept)
        return None if strength is None else 0.0 - strength

    @property
    def acting(self) -> dict[str, float | None]:
        """The strength that acts on each concept, None where the adapter infers it."""
        return {name: self.strength_of(name) for name in self.concepts}

    def weighting_with(self, trained: str = "") -> str:
        """The weighting that acts: the one that is set, or for `auto` the adapter's, `trained`, where there is one."""
        return self.weighting if self.weighting != AUTO else trained or FIXED_WEIGHTING

    def too_strong(self, trained: str = "") -> dict[str, float]:
        """The strengths by concept that break pictures in the weighting that acts; trained: as above."""
        useful = MOST_USEFUL.get(self.weighting_with(trained), math.inf)
        return {name: strength for name, strength in self.acting.items() if strength is not None and strength > useful}

    @property
    def infers(self) -> bool:
        """Whether an adapter is needed: some concept has no strength of its own."""
        return self.enabled and None in self.acting.values()


RECORDED = tuple(f.name for f in fields(Settings) if f.metadata.get("recorded", True))
"""The fields that an infotext tells: those that make the picture what it is."""


def parse_strengths(text: str) -> dict[str, float]:
    """Strengths per concept from text such as "nudity=6; blood=3"; an empty text has none."""
    strengths: dict[str, float] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, sign, number = part.partition("=")
        name = " ".join(name.split())
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not sign or not name or not math.isfinite(value):
            raise SettingsError(
                f"{part.strip()!r} does not give a concept its strength; expected name=number, several"
                ' separated by semicolons; write for example "nudity=6; blood=3"'
            )
        if key_of(name) in map(key_of, strengths):
            raise SettingsError(f"the strength of {name!r} is given twice; expected one; remove the other")
        strengths[name] = value
    return strengths


def format_strengths(strengths: Mapping[str, float | None]) -> str:
    """The text that `parse_strengths` reads back: "nudity=6; blood=3". One that is inferred, None, reads auto."""
    texts = {name: AUTO if value is None else repr(value).removesuffix(".0") for name, value in strengths.items()}
    return "; ".join(f"{name}={text}" for name, text in texts.items())


def _wrong(name: str, value: Any, expected: str, hint: str = "") -> SettingsError:
    return SettingsError(f"the setting {name} is {value!r}.{hint} Expected {expected}; change it")


def _is_number(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return value.bit_length() < 1024  # beyond that no float holds it
    return isinstance(value, float)


def _strength(name: str, value: Any) -> float:
    if not _is_number(value) or not math.isfinite(value) or value < 0:
        raise _wrong(name, value, "a finite number from 0 (0 does nothing, more suppresses more)")
    return float(value)


def _concepts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [name for name in value.split(";") if name.strip()]
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise _wrong("concepts", value, "a list of names")
    names = tuple(" ".join(name.split()) for name in value)
    if "" in names:
        raise _wrong("concepts", value, "names that are not empty")
    keys = [key_of(name) for name in names]
    for i, key in enumerate(keys):
        if key in keys[:i]:
            raise _wrong("concepts", value, f"each concept once, but {names[i]!r} is there twice")
    return names


def _strengths(value: Any, concepts: tuple[str, ...]) -> dict[str, float]:
    if isinstance(value, str):
        value = parse_strengths(value)
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _wrong("strengths", value, 'strengths by concept, such as "nudity=6; blood=3"')
    keys = {key_of(name) for name in concepts}
    for name in value:
        if key_of(name) not in keys:
            hint = did_you_mean(name, concepts)
            raise SettingsError(
                f"a strength is given for {name!r}, which is not among the concepts.{hint} Expected only:"
                f" {', '.join(concepts) or 'none at all'}; add the concept or remove its strength"
            )
    return {name: _strength(f"strengths[{name!r}]", number) for name, number in value.items()}


def _bound(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    if (
        not isinstance(value, (list, tuple))
        or len(value) != 2
        or not all(_is_number(x) and math.isfinite(x) for x in value)
        or not 0 <= value[0] <= 1 <= value[1]
    ):
        raise _wrong("bound", value, "none, or two numbers low and high with 0 <= low <= 1 <= high")
    return float(value[0]), float(value[1])


def _adapter(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong("adapter", value, f"{NONE}, {AUTO} or an adapter's name")
    name = value.strip()
    return name.casefold() if name.casefold() in (NONE, AUTO) else name


def _steps(first: Any, last: Any) -> None:
    for name, value in (("first_step", first), ("last_step", last)):
        if name == "last_step" and value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(name, value, "a whole number from 0 (last_step also none, for the end)")
        if value < 0:
            raise StepRangeError(
                f"the setting {name} is {value}; expected a step from 0; count from the start"
            )
    if last is not None and first > last:
        raise StepRangeError(
            f"first_step {first} comes after last_step {last}; expected first_step <= last_step;"
            " exchange them, or leave last_step empty for the end"
        )
