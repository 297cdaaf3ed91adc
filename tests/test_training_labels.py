"""The search for labels: the weakest strength that erases, for many pictures at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_gi.settings import MOST_USEFUL
from lib_gi.training.labels import TRIED, drawings, first_that_erases, tried_strengths, weakest_strengths

STRONGEST = 10.0


def search(needed, tried=(), bearable=np.inf):
    """Labels of pictures in which the concept is found under the strengths `needed`; and what was drawn.

    tried: in turn; by bisection where there are none. bearable: the strengths up to which the rest is kept.
    """
    needed = np.array(needed, float)
    calls = []

    def draw(strengths):
        calls.append(strengths)
        return np.broadcast_to(strengths[:, None, None, None], (len(strengths), 2, 2, 3))

    def judge(pictures):
        return pictures[:, 0, 0, 0] < needed, pictures[:, 0, 0, 0] > bearable

    if tried:
        return first_that_erases(draw, judge, needed > 0, tried), calls
    return weakest_strengths(draw, judge, needed > 0, STRONGEST), calls


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
        weakest_strengths(lambda s: s, lambda p: (p, p), np.array([True]), 0.0)


@pytest.mark.parametrize("tried", [(), (1.0, 2.0, 4.0)])
def test_what_loses_of_the_rest_is_no_label(tried):
    needed = [0, 0.9, 1.9, 3.9, 9.9]
    labels, _ = search(needed, tried, bearable=[-1, 1.5, 1.8, 1.5, 5])
    assert labels[0] == 0 and 0.9 <= labels[1] <= 1.5  # stronger ones lose of the rest, but none is needed
    assert np.isnan(labels[2:]).all()
    assert not np.isnan(search(needed[:4], tried, bearable=[-1, 1.5, 2.5, 4.5])[0]).any()


def test_tried_in_turn_a_stronger_one_that_keeps_the_rest_is_the_label():
    def judge(pictures):
        return pictures < 1, pictures == 1

    labels = first_that_erases(lambda strengths: strengths, judge, np.array([True, True]), (0.5, 1.0, 2.0, 4.0))
    assert labels.tolist() == [2, 2]


def test_tried_in_turn_each_picture_is_drawn_until_it_is_erased():
    labels, calls = search([0, 0.5, 1.5, 9], tried=(1.0, 2.0, 4.0))
    assert labels[:3].tolist() == [0, 1, 2] and np.isnan(labels[3])
    assert [strengths.tolist() for strengths in calls] == [[0, 1, 1, 1], [0, 0, 2, 2], [0, 0, 0, 4]]
    assert len(search([0, 0.5, 1], tried=(1.0, 2.0, 4.0))[1]) == 1 and not search([0, 0], tried=(1.0,))[1]


def test_what_is_tried_ends_at_the_strongest():
    assert tried_strengths("contrast", 12.0) == TRIED["contrast"] == tuple(sorted(TRIED["contrast"]))
    assert tried_strengths("contrast", 1.1) == (0.8, 1.0, 1.1) and tried_strengths("contrast", 0.5) == (0.5,)
    assert tried_strengths("plain", 12.0) == ()
    assert {weighting: tried[-1] for weighting, tried in TRIED.items()} == MOST_USEFUL  # more breaks pictures
    assert drawings(()) == 7 and drawings((1.0, 2.0)) == 3
