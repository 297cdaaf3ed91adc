"""What a method costs in time: ratios against sampling without it, taken turn by turn in one warm process."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from diffusers import StableDiffusionPipeline
from tqdm import tqdm

from lib_gi.evaluate.figures import Figure, described
from tools.gi_tiny.prompts import Prompt

from .methods import Setting, draw


@dataclass(frozen=True)
class TimesFigure(Figure):
    """A ratio of times, with the number of rounds that it was measured in."""

    repeats: int = 0


def seconds(
    pipe: StableDiffusionPipeline,
    settings: Sequence[Setting],
    concept: str,
    prompt: Prompt,
    steps: int,
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
    draw: Callable[..., np.ndarray] = draw,
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds for one picture without erasing (repeats,) and with each setting (settings, repeats).

    Each round draws the picture without erasing and then with each setting in turn; one more round goes
    before, uncounted, so that everything is warm. draw: as `methods.draw`.
    """
    order = [settings[0].baseline, *settings]
    times = np.zeros((len(order), repeats + 1))
    for turn in tqdm(range(repeats + 1), desc="timing", unit="round"):
        for row, setting in enumerate(order):
            begun = clock()
            draw(pipe, setting, concept, [prompt.text], [prompt.seed], steps)
            times[row, turn] = clock() - begun
    return times[0, 1:], times[1:, 1:]


def ratio(name: str, base: np.ndarray, taken: np.ndarray, seed: int = 0) -> TimesFigure:
    """The median over rounds of taken / base, both (repeats,), with a bootstrap interval of the median."""
    return median(name, taken / base, "ratio of times", seed)


def median(name: str, rounds: np.ndarray, unit: str, seed: int = 0) -> TimesFigure:
    """The median of one value per round, (repeats,), with a bootstrap interval of the median."""
    rng = np.random.default_rng(seed)
    medians = np.median(rounds[rng.integers(len(rounds), size=(2000, len(rounds)))], axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    figure = described(name, float(np.median(rounds)), float(low), float(high), len(rounds), unit)
    return TimesFigure(**vars(figure), repeats=len(rounds))
