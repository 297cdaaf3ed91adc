"""A trial: the same seeds drawn without and with growth inhibitors, and what differs between the two."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops

from lib_gi.errors import SettingsError
from lib_gi.settings import MOST_SEED, Settings, format_strengths

GAIN = 3  # a difference is seen so many times as large
RANGES = {
    "steps": (1, 150, 1),
    "cfg_scale": (1, 30, 0.5),
    "width": (64, 2048, 8),
    "height": (64, 2048, 8),
    "count": (1, 16, 1),
}
"""Least, most and step of a slider; what lies between two steps is refused where they are whole numbers."""
Draw = Callable[["Trial", int, Settings], Image.Image | None]
"""Draws a trial's picture of a seed under settings; None where it was interrupted."""


@dataclass(frozen=True)
class Trial:
    """What is to be drawn, checked when it is made; a seed of -1 becomes a random one. Raises SettingsError."""

    settings: Settings
    prompt: str
    negative: str
    seed: int
    steps: int
    cfg_scale: float
    width: int
    height: int
    count: int

    def __post_init__(self) -> None:
        for name, range_ in RANGES.items():
            check_in_range("trial", name, getattr(self, name), range_)
        last = MOST_SEED - self.count + 1
        if not isinstance(self.seed, int) or not -1 <= self.seed <= last:
            raise _wrong("trial", "seed", self.seed, f"a whole number from 0 to {last}, or -1 for a random one")
        if self.seed == -1:
            object.__setattr__(self, "seed", random.randint(0, last))

    @property
    def seeds(self) -> range:
        """The seeds of its pictures."""
        return range(self.seed, self.seed + self.count)


def drawn(trial: Trial, draw: Draw) -> list[tuple[Image.Image, str]]:
    """Three pictures with captions for each seed: without, with, and their difference.

    The picture with inhibitors is drawn first, since what is wrong with its settings shows at once. After an interrupt
    there are the seeds that were finished until then.
    """
    on = format_strengths(trial.settings.acting)
    found: list[tuple[Image.Image, str]] = []
    for seed in trial.seeds:
        with_ = draw(trial, seed, trial.settings)
        without = None if with_ is None else draw(trial, seed, Settings.disabled())
        if with_ is None or without is None:
            break
        found += [
            (without, f"seed {seed}: off"),
            (with_, f"seed {seed}: {on}"),
            (difference(without, with_), f"seed {seed}: difference, {GAIN} times as large"),
        ]
    return found


def difference(one: Image.Image, other: Image.Image) -> Image.Image:
    """How far two pictures of one size lie apart in each colour, GAIN times as large; black where they are equal."""
    apart = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return apart.point(lambda value: min(255, GAIN * value))


def told(trial: Trial, pictures: Sequence[Any]) -> str:
    """What came of a trial, in a sentence."""
    done = len(pictures) // 3
    seeds = "seed" if trial.count == 1 else "seeds"
    return f"Interrupted after {done} of {trial.count} {seeds}." if done < trial.count else f"Drew {done} {seeds}."


def check_in_range(whose: str, name: str, value: Any, range_: tuple[float, float, float]) -> None:
    """Nothing, where a value is one that a slider of this least, most and step could have; SettingsError otherwise."""
    least, most, step = range_
    is_number = isinstance(value, (int, float)) and least <= value <= most
    if not is_number or isinstance(step, int) and value % step:
        kind = {0.5: "a number", 1: "a whole number"}.get(step, f"a multiple of {step}")
        raise _wrong(whose, name, value, f"{kind} from {least} to {most}")


def _wrong(whose: str, name: str, value: Any, expected: str) -> SettingsError:
    return SettingsError(f"the {whose}'s {name.replace('_', ' ')} is {value!r}; expected {expected}; change it")
