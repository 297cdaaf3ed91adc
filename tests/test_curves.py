"""Curves over the steps: what is drawn, and the numbers beside it."""

import json

import numpy as np
import pytest
from PIL import Image, ImageColor
from test_heatmaps import recorded

from lib_gi import curves
from lib_gi.errors import NeverHitError
from lib_gi.recording import Recording


def has(picture: Image.Image, colour: str) -> bool:
    """Whether some pixel of the plots, without the legend below, has this colour."""
    plots = np.asarray(picture)[:190]
    return bool((np.abs(plots.astype(int) - ImageColor.getrgb(colour)).max(-1) < 8).any())


def test_each_concept_has_a_line_of_its_own_colour():
    drawn = curves.sheet(recorded(0.1, 0.2, names=("a", "b")), 0)
    assert has(drawn, curves.colour_of(0)) and has(drawn, curves.colour_of(1))
    assert not has(drawn, curves.colour_of(2))


def test_a_single_step_is_a_dot():
    assert has(curves.sheet(recorded(0.1, total=1), 0), curves.colour_of(0))


def test_a_second_pass_has_a_row_of_its_own():
    into = recorded(0.1)
    one = curves.sheet(into, 0)
    into.passes.extend(recorded(0.2, size=(64, 96)).passes)
    assert curves.sheet(into, 0).height == one.height + 194
    assert len(curves.numbers(into, 0)["a"]) == 2


def test_numbers_are_the_curves_as_json_with_the_strength_of_the_user():
    found = json.loads(json.dumps(curves.numbers(recorded(0.08, 0.1, names=("a", "b")), 0)))
    assert list(found) == ["a", "b"]
    means = [0.1, 0.1, 0.1]  # 0.08 and in a quarter of the picture its double
    assert found["a"] == [{"steps": [0, 1, 2], "M_star": means, "agreement": means, "strength": [2.0, 2.0, 2.0]}]


def test_an_image_that_was_not_recorded_is_refused():
    for draw in (curves.sheet, curves.numbers):
        with pytest.raises(NeverHitError):
            draw(Recording(), 0)


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (1.1, 2), (2.3, 2.5), (0.031, 0.04), (0.2, 0.2), (7, 10), (3e-7, 4e-7), (12, 20)]
)
def test_an_axis_ends_at_the_next_round_number(value, top):
    assert curves.round_up(value) == pytest.approx(top)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0, 0, [0]), (0, 2, [0, 1, 2]), (0, 19, [0, 5, 10, 15]), (7, 19, [7, 8, 10, 12, 14, 16, 18]), (0, 999, None)],
)
def test_steps_are_marked_at_round_numbers(first, last, expected):
    found = curves.ticks(first, last)
    assert found == expected or (expected is None and found[1] == 200 and len(found) == 5)
