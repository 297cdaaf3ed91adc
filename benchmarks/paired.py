"""Comparison of two methods on the same prompts and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import binomtest

from lib_gi.evaluate.figures import bootstrap

from .measure import Items


@dataclass(frozen=True)
class Comparison:
    """The share of `first` less that of `second`, with a 95 % interval and the p of McNemar's exact test."""

    first: str
    second: str
    item: str
    difference: float
    low: float
    high: float
    only_first: int
    only_second: int
    n: int
    p: float
    p_holm: float


def mcnemar(a: np.ndarray, b: np.ndarray) -> tuple[int, int, float]:
    """How often only a is true, how often only b, and the exact two-sided p that both are equally likely."""
    a, b = np.asarray(a, bool), np.asarray(b, bool)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    if only_a + only_b == 0:
        return 0, 0, 1.0
    return only_a, only_b, float(binomtest(only_a, only_a + only_b).pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """p values adjusted for being several (Holm 1979), in the given order."""
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = largest
    return adjusted


def compare(
    by_method: Mapping[str, Items],
    names: Sequence[str],
    guidance: Mapping[str, float] | None = None,
    mine: str | None = None,
) -> list[Comparison]:
    """Every two methods, or `mine` and each other one, for every item of `names`; p is adjusted over all pairs for one
    item.

    Items that do not apply (nan) to one of the two are left out of that pair. The test takes items as
    independent: let `names` be items per picture, not per object. guidance: the scale of each method; those of
    different scales are not compared, as their pictures differ by more than the erasing.
    """
    told = []
    for item in names:
        rows = []
        have = [method for method in by_method if item in by_method[method]]
        pairs = combinations(have, 2) if mine is None else ((mine, other) for other in have if other != mine)
        for first, second in pairs:
            if guidance and guidance[first] != guidance[second]:
                continue
            a, b = by_method[first][item], by_method[second][item]
            both = ~np.isnan(a) & ~np.isnan(b)
            if both.any():
                rows.append((first, second, a[both], b[both]))
        tests = [mcnemar(a, b) for _, _, a, b in rows]
        for (first, second, a, b), (only_a, only_b, p), adjusted in zip(
            rows, tests, holm([t[2] for t in tests])
        ):
            low, high = bootstrap(a - b)
            gap = float((a - b).mean())
            told.append(Comparison(first, second, item, gap, low, high, only_a, only_b, len(a), p, adjusted))
    return told
