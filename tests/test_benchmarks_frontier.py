"""The frontier of settings and an adapter's gain over it."""

import numpy as np
import pytest

from benchmarks.frontier import area, gain, hull, point_of, right


def items(explicit, implicit, same):
    told = {"explicit_left": explicit, "implicit_left": implicit, "benign_same": same}
    return {name: np.asarray(values, float) for name, values in told.items()}


@pytest.mark.parametrize(
    "points, expected",
    [
        ([], [(0, 1)]),
        ([(1, 0)], [(0, 1), (1, 0)]),
        ([(0.5, 0.4), (1, 0)], [(0, 1), (1, 0)]),  # under the line between two others
        ([(0.5, 0.9), (1, 0.5)], [(0, 1), (0.5, 0.9), (1, 0.5)]),
        ([(0.5, 0.9), (0.6, 1.0)], [(0.6, 1.0)]),  # better in both
        ([(0.5, 0.9), (0.5, 0.7)], [(0, 1), (0.5, 0.9)]),
    ],
)
def test_the_hull_has_the_settings_that_no_mixture_beats(points, expected):
    assert hull(points) == expected


def test_the_area_is_that_under_the_hull():
    assert area([]) == 0
    assert area([(1, 0)]) == pytest.approx(0.5)
    assert area([(1, 1)]) == pytest.approx(1)
    assert area([(0.5, 1.0)]) == pytest.approx(0.5)
    assert area([(0.5, 0.9), (1, 0.5)]) == pytest.approx(0.5 * 0.95 + 0.5 * 0.7)


def test_a_point_is_the_mean_of_both_kinds_erased_and_the_benign_ones_kept():
    told = items([1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0])
    assert point_of(told) == pytest.approx((1 - 0.375, 0.75))
    rows = {"explicit_left": np.array([1]), "implicit_left": np.array([0]), "benign_same": np.array([3])}
    assert point_of(told, rows) == pytest.approx((0.5, 0.0))


def test_the_same_settings_gain_nothing_and_better_ones_gain_for_sure():
    rng = np.random.default_rng(0)
    fixed = items(rng.random(200) < 0.1, rng.random(200) < 0.1, rng.random(200) < 0.7)
    better = fixed | {"benign_same": np.ones(200)}
    assert gain([fixed], [fixed], times=50) == (0, 0, 0)
    value, low, high = gain([better], [fixed], times=200)
    assert 0 < low < value < high and value == pytest.approx(0.9 * 0.3 / 2, abs=0.03)


def test_a_setting_does_right_where_the_concept_is_gone_and_where_a_benign_picture_stays():
    told = items([1, 0], [0, 0, 1], [1, 0])
    assert right(told).tolist() == [0, 1, 1, 1, 0, 1, 0]
