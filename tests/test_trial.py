"""A trial: what may be asked for, what is drawn, in which order, and what is told of it."""

import math

import pytest
from PIL import Image

from lib_gi.errors import SettingsError
from lib_gi.settings import Settings
from lib_gi.trial import GAIN, Trial, difference, drawn, told

ON = Settings(concepts=("nudity", "blood"), strengths={"blood": 3})
ASKED = {
    "settings": ON,
    "prompt": "a chef",
    "negative": "",
    "seed": 5,
    "steps": 20,
    "cfg_scale": 7.0,
    "width": 512,
    "height": 512,
    "count": 2,
}


def trial(**more):
    return Trial(**ASKED | more)


def grey(level):
    return Image.new("RGB", (2, 2), (level, level, level))


@pytest.mark.parametrize("name", ["steps", "cfg_scale", "width", "height", "count", "seed"])
@pytest.mark.parametrize("value", [None, "9", math.nan, -2, 10**12])
def test_a_number_that_cannot_be_used_is_refused_before_anything_is_drawn(name, value):
    with pytest.raises(SettingsError, match=rf"{name.replace('_', ' ')} is .*expected .*change it"):
        trial(**{name: value})


@pytest.mark.parametrize("more", [{"width": 100}, {"steps": 2.5}, {"count": 0}, {"seed": 2**32 - 1}, {"seed": 1.5}])
def test_sizes_are_multiples_of_8_and_every_seed_is_one_that_the_host_takes(more):
    with pytest.raises(SettingsError):
        trial(**more)


def test_a_seed_of_minus_one_is_random_once_so_that_off_and_on_share_it():
    found = {trial(seed=-1).seed for _ in range(8)}
    assert len(found) > 1 and min(found) >= 0
    assert list(trial().seeds) == [5, 6]


def test_each_seed_is_drawn_with_and_without_and_shown_off_on_and_difference():
    asked = []

    def draw(given, seed, settings):
        asked.append((seed, settings))
        return grey(20 if settings.enabled else 50)

    pictures = drawn(trial(), draw)
    assert asked == [(5, ON), (5, Settings.disabled()), (6, ON), (6, Settings.disabled())]
    assert [picture.getpixel((0, 0))[0] for picture, _ in pictures] == [50, 20, 30 * GAIN] * 2
    assert [caption for _, caption in pictures[:3]] == [
        "seed 5: off",
        "seed 5: nudity=3; blood=3",
        "seed 5: difference, 3 times as large",
    ]
    assert told(trial(), pictures) == "Drew 2 seeds." and told(trial(count=1), pictures[:3]) == "Drew 1 seed."


@pytest.mark.parametrize("at, seeds", [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_after_an_interrupt_only_whole_seeds_are_shown_and_nothing_more_is_drawn(at, seeds):
    calls = []

    def draw(given, seed, settings):
        calls.append(seed)
        return None if len(calls) > at else grey(9)

    pictures = drawn(trial(), draw)
    assert len(pictures) == 3 * seeds and len(calls) == at + 1
    assert told(trial(), pictures) == f"Interrupted after {seeds} of 2 seeds."


def test_equal_pictures_differ_by_black_and_large_differences_are_cut_at_white():
    assert difference(grey(77), grey(77)).getextrema() == ((0, 0),) * 3
    assert difference(grey(0), grey(200)).getextrema() == ((255, 255),) * 3
