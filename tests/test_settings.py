"""Settings: what is accepted, what is refused, and that text and dict come back as they went."""

import math
from copy import deepcopy
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_gi.errors import SettingsError, StepRangeError
from lib_gi.settings import WEIGHTINGS, Settings, format_strengths, parse_strengths

NAMES = st.text("abcé 刀", min_size=1, max_size=8).filter(lambda name: name == " ".join(name.split()) != "")
STRENGTHS = st.floats(0, 1e6, allow_nan=False)


def settings(**more):
    return Settings.from_dict({"concepts": ["nudity", "blood"]} | more)


def test_every_field_has_what_a_form_needs():
    for field in fields(Settings):
        assert field.metadata["label"] and field.metadata["help"], field.name
    assert set(Settings.defaults()) == {field.name for field in fields(Settings)}
    Settings(**Settings.defaults() | {"concepts": ("nudity",)})


def test_an_unknown_field_is_refused_with_the_closest_one():
    with pytest.raises(SettingsError, match="Did you mean 'strength'"):
        settings(strenght=4)


@pytest.mark.parametrize("value", [-1, -1e-9, math.nan, math.inf, -math.inf, 10**400, "4", None, True, [4]])
def test_a_strength_that_is_no_finite_number_from_zero_is_refused(value):
    with pytest.raises(SettingsError, match="strength .*Expected a finite number from 0"):
        settings(strength=value)
    with pytest.raises(SettingsError, match="Expected a finite number from 0"):
        settings(strengths={"blood": value})


@pytest.mark.parametrize(
    "field, value",
    [
        ("enabled", 1),
        ("hires", "yes"),
        ("free_text", None),
        ("weighting", "agreemnt"),
        ("weighting", None),
        ("adapter", None),
        ("adapter", " "),
        ("adapter", 3),
        ("heatmap", "off"),
        ("heatmap", ["M_star"]),
        ("concepts", 5),
        ("concepts", ["nudity", 3]),
        ("concepts", ["nudity", " "]),
        ("concepts", ["nudity", "Nudity"]),
        ("first_step", 1.0),
        ("first_step", None),
        ("first_step", True),
        ("last_step", "9"),
        ("bound", 2.5),
        ("bound", (0.5,)),
        ("bound", (0.5, math.inf)),
        ("bound", (math.nan, 2)),
        ("bound", (1.1, 2)),
        ("bound", (0.5, 0.9)),
        ("bound", (-0.1, 2)),
        ("bound", (0.5, 10**400)),
        ("strengths", 4),
        ("strengths", {"knife": 4}),
        ("strengths", "blood"),
        ("strengths", "blood=x"),
        ("strengths", "blood=nan"),
        ("strengths", "blood=1; Blood=2"),
    ],
)
def test_a_wrong_value_is_refused_and_the_message_says_what_was_expected(field, value):
    with pytest.raises(SettingsError, match="[Ee]xpected"):
        settings(**{field: value})


@pytest.mark.parametrize("steps", [(-1, None), (0, -1), (5, 4)])
def test_steps_outside_the_range_are_refused(steps):
    with pytest.raises(StepRangeError, match="expected"):
        settings(first_step=steps[0], last_step=steps[1])


def test_no_concept_is_refused_unless_disabled():
    with pytest.raises(SettingsError, match="choose a concept"):
        Settings.from_dict({})
    assert not Settings.disabled().enabled


def test_something_that_is_no_dict_is_refused():
    with pytest.raises(SettingsError, match="expected a dict"):
        Settings.from_dict(["nudity"])


def test_concepts_can_be_one_text():
    assert settings(concepts="nudity; dead body").concepts == ("nudity", "dead body")


def test_a_concept_has_its_own_strength_or_the_common_one_and_w_is_its_negative():
    chosen = settings(strength=2, strengths="Blood=3")
    assert chosen.strength_of("blood") == 3 and chosen.strength_of("nudity") == 2
    assert chosen.w_of("BLOOD") == -3 and chosen.w_of("nudity") == -2
    assert math.copysign(1, settings(strength=0).w_of("blood")) == 1


def test_with_an_adapter_a_concept_keeps_a_strength_of_its_own_and_the_others_is_inferred():
    chosen = settings(strengths="Blood=3", adapter=" AUTO ")
    assert chosen.adapter == "auto" and chosen.acting == {"nudity": None, "blood": 3} and chosen.infers
    assert chosen.w_of("nudity") is None and chosen.w_of("blood") == -3
    assert not settings(strengths="nudity=2; blood=3", adapter="auto").infers and not settings().infers
    assert format_strengths(chosen.acting) == "nudity=auto; blood=3"


def test_settings_are_frozen_copyable_and_hashable():
    chosen = settings(strengths={"blood": 3})
    assert deepcopy(chosen) == chosen and hash(deepcopy(chosen)) == hash(chosen)
    with pytest.raises(AttributeError):
        chosen.strength = 5


@given(
    st.lists(NAMES, min_size=1, max_size=4, unique_by=str.casefold),
    STRENGTHS,
    st.sampled_from(WEIGHTINGS),
    st.none() | st.tuples(st.floats(0, 1), st.floats(1, 9)),
    st.sampled_from(["none", "auto"]) | NAMES,
)
def test_a_dict_gives_back_equal_settings(names, strength, weighting, bound, adapter):
    chosen = Settings(True, tuple(names), True, strength, {names[0]: 1.0}, weighting, 1, 7, False, bound, adapter)
    assert Settings.from_dict(chosen.to_dict()) == chosen


@given(
    st.dictionaries(NAMES, STRENGTHS, max_size=5).filter(lambda d: len({k.casefold() for k in d}) == len(d))
)
def test_strengths_come_back_from_their_text(strengths):
    assert parse_strengths(format_strengths(strengths)) == strengths


def test_strengths_read_as_users_write_them():
    assert parse_strengths(" nudity = 6;blood=3.5 ; ") == {"nudity": 6.0, "blood": 3.5}
    assert format_strengths({"nudity": 6.0, "dead body": 3.5}) == "nudity=6; dead body=3.5"
