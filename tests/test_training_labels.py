"""The search for labels: the weakest strength that erases, for many pictures at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_gi.training.labels import weakest_strengths

STRONGEST = 10.0


def search(needed, rounds=5):
    """Labels of pictures in which the concept is found under the strengths `needed`; and how often was drawn."""
    needed = np.array(needed, float)
    calls = []

    def draw(strengths):
        calls.append(strengths)
        return np.broadcast_to(strengths[:, None, None, None], (len(strengths), 2, 2, 3))

    def found(pictures):
        return pictures[:, 0, 0, 0] < needed

    return weakest_strengths(draw, found, needed > 0, STRONGEST, rounds), calls


@settings(deadline=None)
@given(st.lists(st.floats(0, STRONGEST), min_size=1, max_size=20))
def test_a_label_erases_and_little_less_would_not(needed):
    labels, calls = search(needed)
    assert len(calls) == 6
    for label, strength in zip(labels, needed):
        assert label >= strength
        place = np.sqrt(label / STRONGEST)
        assert label == 0 or STRONGEST * (place - 1 / 32) ** 2 <= strength + 1e-9


def test_pictures_that_show_nothing_get_zero_and_are_never_inhibited():
    labels, calls = search([0, 4, 0])
    assert labels[0] == labels[2] == 0 and labels[1] > 0
    assert all(strengths[0] == strengths[2] == 0 for strengths in calls)


def test_what_nothing_erases_has_no_label():
    labels, _ = search([11, 9.9])
    assert np.isnan(labels[0]) and labels[1] == STRONGEST


def test_a_strength_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="positive"):
        weakest_strengths(lambda s: s, lambda p: p, np.array([True]), 0.0)
