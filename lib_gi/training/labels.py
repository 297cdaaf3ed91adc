"""The label of an example: the weakest strength at which a concept is no longer found and the rest still is.

Searched for many pictures at once, each with its own strength: one that shows nothing, and gets strength 0 each time,
need not be drawn again. Where a weighting's strengths have a measure of their own (TRIED), a few of them are tried in
turn; else by bisection.
"""

from collections.abc import Callable, Sequence

import numpy as np

Draw = Callable[[np.ndarray], np.ndarray]
Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Of n pictures whether the concept is found in each, or the picture broken; and whether any of the rest is lost."""
ROUNDS = 5
DRAWINGS = ROUNDS + 2
"""How often a picture is drawn for its label by bisection: without inhibitors, at the strongest, and in each round."""
TRIED = {"contrast": (0.8, 1.0, 1.25, 1.6, 2.0)}
"""By weighting the strengths that are tried: in contrast 1 takes away once what the concept's text adds."""


def tried_strengths(weighting: str, strongest: float) -> tuple[float, ...]:
    """The strengths that are tried in turn, up to the strongest; none where a weighting's are found by bisection."""
    known = TRIED.get(weighting, ())
    below = [strength for strength in known if strength < strongest]
    return tuple(below if len(below) == len(known) else [*below, strongest])


def drawings(tried: Sequence[float]) -> int:
    """How often a picture is drawn for its label at most."""
    return 1 + len(tried) if tried else DRAWINGS


def first_that_erases(draw: Draw, judge: Judge, shown: np.ndarray, tried: Sequence[float]) -> np.ndarray:
    """The labels (n,) of n pictures, as `weakest_strengths` tells, among the strengths `tried`, which increase."""
    left = np.array(shown, bool)
    labels = np.zeros(len(left))
    for strength in tried:
        if not left.any():
            break
        found, lost = judge(draw(np.where(left, strength, 0.0)))
        still = left & (found | lost)
        labels[left & ~still] = strength
        left = still
    return np.where(left, np.nan, labels)


def weakest_strengths(
    draw: Draw, judge: Judge, shown: np.ndarray, strongest: float, rounds: int = ROUNDS
) -> np.ndarray:
    """The labels (n,) of n pictures, from 0 to `strongest`; NaN where not even that erases the concept.

    NaN also where the weakest that erases it loses any of the rest: it is taken that a stronger one would too.
    draw: pictures (n, H, W, 3) of strengths (n,), from the same prompts and noise each time. judge: what is found in
    them; a broken one should count as showing the concept. shown: whether it is found in those of strength 0; one that
    shows nothing gets 0. Halving goes by the square of the strength's place: steps are finer where strengths are small.
    What is found at one strength may be gone at a weaker one; the label erases for sure.
    """
    shown = np.asarray(shown, bool)
    if strongest <= 0 or not np.isfinite(strongest):
        raise ValueError(f"the strongest strength is {strongest}; expected a positive number")
    below, above = np.zeros(len(shown)), np.ones(len(shown))  # places on [0, 1]
    found, lost = judge(draw(np.where(shown, strongest, 0.0)))
    hopeless = found & shown
    searched = shown & ~hopeless
    for _ in range(rounds):
        middle = (below + above) / 2
        found, lost_here = judge(draw(np.where(searched, strongest * middle**2, 0.0)))
        below = np.where(found, middle, below)
        above, lost = np.where(found, above, middle), np.where(found, lost, lost_here)
    labels = np.where(searched, strongest * above**2, 0.0)
    return np.where(hopeless | (searched & lost), np.nan, labels)
