"""What is always kept out: a request may add to it, and can weaken nothing of it."""

import argparse
import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_gi.concepts import Catalogue, Concept, load_catalogue
from lib_gi.errors import ConceptError, SettingsError
from lib_gi.settings import WEIGHTINGS, Settings
from lib_gi.webui.policy import Policy

POLICY = Policy.of("nudity=6; blood")


def strengths_of(settings):
    return {name: settings.strength_of(name) for name in settings.concepts}


def test_nothing_required_leaves_every_request_as_it_is():
    asked = Settings(concepts=("blood",), strength=1, first_step=3)
    assert Policy.of("", " ; ").enforced(asked) is asked
    assert not Policy.of("").enforced(Settings.disabled()).enabled


def test_what_is_required_acts_where_nothing_is_asked_for():
    assert strengths_of(POLICY.enforced(Settings.disabled())) == {"nudity": 6, "blood": 3}


def test_heat_maps_are_shown_to_whoever_asks_for_them():
    assert POLICY.enforced(Settings(concepts=("gun",), heatmap="agreement")).heatmap == "agreement"


def test_a_request_adds_concepts_and_raises_strengths():
    asked = Settings(concepts=("Blood", "gun"), strengths={"Blood": 9, "gun": 2})
    assert strengths_of(POLICY.enforced(asked)) == {"Blood": 9, "gun": 2, "nudity": 6}


def test_an_adapter_infers_what_a_request_adds_and_never_what_is_required():
    acting = POLICY.enforced(Settings(concepts=("blood", "gun"), adapter="auto"))
    assert acting.acting == {"blood": 3, "gun": None, "nudity": 6} and acting.adapter == "auto"


requests = st.builds(
    Settings,
    concepts=st.lists(st.sampled_from(["Nudity", "blood", "gun", "beer"]), unique=True, min_size=1).map(tuple),
    strength=st.floats(0, 20),
    weighting=st.sampled_from(WEIGHTINGS),
    first_step=st.integers(0, 50),
    last_step=st.none() | st.integers(50, 90),
    hires=st.booleans(),
    bound=st.none() | st.just((1.0, 1.0)),
)


@given(asked=requests)
def test_no_request_weakens_what_is_required(asked):
    acting = POLICY.enforced(asked)
    assert acting.strength_of("nudity") >= 6 and acting.strength_of("blood") >= 3
    assert {"nudity", "blood"} <= {name.casefold() for name in acting.concepts}
    assert (acting.weighting, acting.bound) == (POLICY.required.weighting, None)
    assert (acting.first_step, acting.last_step, acting.hires) == (0, None, True)
    for name in asked.concepts:
        assert acting.strength_of(name) >= asked.strength_of(name)


def test_two_texts_are_joined_and_the_higher_strength_counts():
    policy = Policy.of("nudity=2; gun", "Nudity=5; blood=1")
    assert strengths_of(policy.required) == {"nudity": 5, "gun": 3, "blood": 1}


@pytest.mark.parametrize("text", ["nudity=much", "nudity=-1", "=4", "nudity; nudity=3"])
def test_a_text_that_cannot_be_read_is_an_error(text):
    with pytest.raises(SettingsError):
        Policy.of(text)


def test_a_required_name_means_what_the_package_says_even_where_somebody_gave_it_another_phrase():
    catalogue = load_catalogue().joined([Concept("nudity", "unicorn", "mine"), Concept("clown", "red nose", "mine")])
    settings = Policy.of("nudity; purple frog").enforced(Settings(concepts=("clown",)))
    phrases = {c.name: c.phrase for c in Policy.of("nudity; purple frog").concepts(settings, False, catalogue)}
    assert phrases["nudity"] == load_catalogue().lookup("nudity").phrase != "unicorn"
    assert phrases["clown"] == "red nose" and phrases["purple frog"] == "purple frog"


def test_what_was_asked_for_still_has_to_exist():
    settings = POLICY.enforced(Settings(concepts=("clown",)))
    with pytest.raises(ConceptError, match="clown"):
        POLICY.concepts(settings, False, Catalogue([]))
    assert POLICY.concepts(settings, True, Catalogue([]))[0].phrase == "clown"


def test_a_required_name_that_is_no_concept_is_told_with_the_one_that_may_be_meant():
    slip, words = Policy.of("nudity; nuditty=6; purple frog").told_of_words()
    assert "'nuditty'" in slip and "Did you mean 'nudity'?" in slip
    assert "'purple frog'" in words and "words themselves" in words and "mean" not in words
    assert Policy.of("nuditty; purple frog").told_of_words(only_slips=True) == [slip]
    assert Policy.of("Nudity=6; blood").told_of_words() == Policy().told_of_words() == []


def test_the_command_line_has_the_flag():
    spec = importlib.util.spec_from_file_location("preload", Path(__file__).parents[1] / "preload.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    parser = argparse.ArgumentParser()
    module.preload(parser)
    assert parser.parse_args([]).growth_inhibitors_always == ""
    assert parser.parse_args(["--growth-inhibitors-always", "nudity=6"]).growth_inhibitors_always == "nudity=6"
