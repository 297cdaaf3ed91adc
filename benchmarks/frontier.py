"""The frontier that settings draw of erased against kept, and how far an adapter's lies above it.

A setting is a point: across the share erased, up what is kept. Between two settings lies what one gets by using each
for some of the pictures, so a frontier is the upper hull of its points, with no erasing at all among them. Its area is
taken over all of the shares erased, from none to all; beyond its best point a frontier keeps nothing.

Picture by picture, a setting does right where the concept is gone from what named or brought it, and where a benign
picture stays: `right`, which a paired test compares.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from .measure import Items

NOTHING = (0.0, 1.0)  # without erasing: nothing is gone, everything is kept


def hull(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The upper hull of points (erased, kept) and NOTHING, from left to right; points under another are left out."""
    told: list[tuple[float, float]] = []
    for point in sorted({NOTHING, *points}):
        while told and point[1] >= told[-1][1]:
            told.pop()  # the earlier one erases less and keeps no more
        while len(told) > 1 and _cross(told[-2], told[-1], point) >= 0:
            told.pop()
        told.append(point)
    return told


def _cross(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def area(points: Sequence[tuple[float, float]]) -> float:
    """The area under the hull, from 0 to 1."""
    told = hull(points)
    before = told[0][0] * told[0][1]  # what is left of the first point can be had by it
    return before + sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(told, told[1:]))


def point_of(told: Items, rows: Mapping[str, np.ndarray] | None = None) -> tuple[float, float]:
    """Erased (the mean of explicit and implicit) and kept (benign pictures within the distance) of a setting's items.

    rows: indices of the items to count, by name; None for all.
    """
    means = {
        name: told[name][slice(None) if rows is None else rows[name]].mean()
        for name in ("explicit_left", "implicit_left", "benign_same")
    }
    return 1 - (means["explicit_left"] + means["implicit_left"]) / 2, means["benign_same"]


def right(told: Items) -> np.ndarray:
    """For each prompt of all three sets whether the setting does right, 1 or 0 (prompts,)."""
    return np.concatenate([1 - told["explicit_left"], 1 - told["implicit_left"], told["benign_same"]])


def gain(
    mine: Sequence[Items], fixed: Sequence[Items], times: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """The area of `mine` less that of `fixed`, and its 95 % interval: the prompts are drawn again, the same for all."""
    rng = np.random.default_rng(seed)
    sizes = {name: len(mine[0][name]) for name in ("explicit_left", "implicit_left", "benign_same")}

    def difference(rows: Mapping[str, np.ndarray] | None) -> float:
        return area([point_of(told, rows) for told in mine]) - area([point_of(told, rows) for told in fixed])

    drawn = [difference({name: rng.integers(n, size=n) for name, n in sizes.items()}) for _ in range(times)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return difference(None), float(low), float(high)
