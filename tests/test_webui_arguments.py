"""The script's arguments: both forms are read, and everything else is refused before anything is sampled."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_gi.concepts import Catalogue, Concept
from lib_gi.errors import ConceptError, GrowthInhibitorError, SettingsError, StepRangeError
from lib_gi.settings import MAPS, WEIGHTINGS, Settings
from lib_gi.webui.arguments import FIELDS, form_of, label_of, settings_from

CATALOGUE = Catalogue(
    [Concept("nudity", "nudity", "nudity"), Concept("blood", "blood", "gore"), Concept("Van Gogh", "style", "artists")]
)
FORM = {
    "enabled": True,
    "concepts": ["nudity / nudity", "gore / blood"],
    "free_text": "",
    "strength": 3,
    "strengths": "",
    "weighting": "auto",
    "first_step": 0,
    "last_step": "",
    "hires": True,
    "bound": "",
    "adapter": "none",
    "heatmap": "off",
}


def form(**more):
    """The form's values in order, with some changed."""
    return list((FORM | more).values())


def of_form(**more):
    return settings_from(form(**more), CATALOGUE)


def of_api(**values):
    return settings_from([values, *form()[1:]], CATALOGUE)


def test_the_form_has_one_value_for_each_setting():
    assert tuple(FORM) == FIELDS and set(FIELDS) == set(Settings.defaults())


# -- a dict, as API callers give it ----------------------------------------------------------------------------


def test_a_dict_has_the_settings_names_and_is_enabled_unless_it_says_otherwise():
    assert of_api(concepts=["nudity"], strength=7) == Settings(concepts=("nudity",), strength=7)
    assert of_api(enabled=True, concepts="nudity; blood").concepts == ("nudity", "blood")


def test_what_the_host_fills_in_after_a_dict_is_ignored():
    dict_alone = settings_from([{"concepts": ["nudity"]}], CATALOGUE)
    filled = settings_from([{"concepts": ["nudity"]}, *form(strength=19, first_step="x")[1:]], CATALOGUE)
    assert dict_alone == filled == Settings(concepts=("nudity",))


def test_a_misspelt_field_is_refused_with_the_right_one():
    with pytest.raises(SettingsError, match="'strenght'.*Did you mean 'strength'"):
        of_api(concepts=["nudity"], strenght=9)
    with pytest.raises(SettingsError, match="Did you mean 'enabled'"):
        of_api(enabeld=False)


def test_an_unknown_concept_is_refused_with_close_names_unless_free_text_is_allowed():
    with pytest.raises(ConceptError, match="Did you mean 'nudity'"):
        of_api(concepts=["nudty"])
    assert of_api(concepts=["nudty"], free_text=True).concepts == ("nudty",)
    with pytest.raises(ConceptError, match="separates names"):
        of_api(concepts=["a=b"], free_text=True)


@pytest.mark.parametrize(
    "args",
    [
        [{"concepts": ["nudity"]}, {"strength": 3}],
        [True, {"concepts": ["nudity"]}],
        [{"concepts": ["nudity"]}, *form()[1:-1], {}],
    ],
)
def test_more_than_one_dict_or_one_in_another_place_is_refused(args):
    with pytest.raises(SettingsError, match="single dict, as the first"):
        settings_from(args, CATALOGUE)


@pytest.mark.parametrize("enabled", [None, 0, 1, "false", "true", []])
def test_enabled_is_nothing_but_true_or_false(enabled):
    with pytest.raises(SettingsError, match="enabled"):
        of_api(enabled=enabled, concepts=["nudity"])
    with pytest.raises(SettingsError, match="enabled"):
        of_form(enabled=enabled)


def test_an_empty_dict_is_enabled_without_concepts_and_so_refused():
    with pytest.raises(SettingsError, match="choose a concept"):
        settings_from([{}], CATALOGUE)


@pytest.mark.parametrize("strength", [10**400, -1, math.nan, math.inf, "4", None])
def test_a_strength_that_json_can_hold_but_nothing_can_use_is_a_settings_error(strength):
    with pytest.raises(SettingsError, match="strength"):
        of_api(concepts=["nudity"], strength=strength)


# -- the form --------------------------------------------------------------------------------------------------


def test_the_form_is_read_by_place():
    read = of_form(
        concepts=["gore / blood"],
        free_text=" red  shoes ;clown; ",
        strength=2.5,
        strengths="clown=6",
        weighting="plain",
        first_step=3.0,
        last_step=" 12 ",
        hires=False,
        bound="0.4, 2.5",
    )
    names = ("blood", "red shoes", "clown")
    assert read == Settings(True, names, True, 2.5, {"clown": 6.0}, "plain", 3, 12, False, (0.4, 2.5))


def test_an_untouched_form_of_catalogue_concepts_equals_the_api_call():
    assert of_form() == of_api(concepts=["nudity", "blood"])
    assert of_form(concepts=["nudity"], strengths=None, last_step=None, bound=None) == of_api(concepts=["nudity"])


@pytest.mark.parametrize("text", ["0.4, 2.5", "0.4 2.5", "0.4 to 2.5", " 0.4 ,2.5 "])
def test_a_bound_reads_as_users_write_it(text):
    assert of_form(bound=text).bound == (0.4, 2.5)


def test_words_of_ones_own_work_at_once_and_a_name_given_twice_counts_once():
    assert of_form(concepts=[], free_text="clown").concepts == ("clown",)
    assert of_form(concepts=None, free_text="clown").free_text is True
    assert of_form(free_text="Nudity; BLOOD; van gogh; Van Gogh").concepts == ("nudity", "blood", "Van Gogh")
    assert of_form(free_text="nudity").free_text is False


def test_what_was_chosen_from_a_list_that_is_out_of_date_is_found_by_its_name_or_refused():
    assert of_form(concepts=["old category / blood"]).concepts == ("blood",)
    for more in ({}, {"free_text": "red shoes"}):
        with pytest.raises(ConceptError, match="no concept 'clown'"):
            of_form(concepts=["circus / clown"], **more)


def test_a_name_with_a_slash_is_not_taken_for_another_one():
    catalogue = Catalogue([Concept("a / b", "1", "c"), Concept("b", "2", "c")])
    for chosen in ("c / a / b", "a / b", "d / a / b"):
        assert settings_from(form(concepts=[chosen]), catalogue).concepts == ("a / b",)


def test_a_form_without_any_concept_is_refused():
    with pytest.raises(SettingsError, match="choose a concept"):
        of_form(concepts=[], free_text=" ; ")


@pytest.mark.parametrize(
    "field, value",
    [
        ("concepts", 3),
        ("concepts", "nudity"),
        ("concepts", [3]),
        ("concepts", False),
        ("free_text", False),
        ("free_text", ["clown"]),
        ("free_text", "clown=6"),
        ("strength", "4"),
        ("strength", None),
        ("strengths", 5),
        ("strengths", "knife=5"),
        ("strengths", "nudity"),
        ("weighting", None),
        ("weighting", "agreemnt"),
        ("adapter", None),
        ("adapter", []),
        ("first_step", 1.5),
        ("first_step", None),
        ("first_step", math.nan),
        ("last_step", "soon"),
        ("last_step", "9" * 5000),
        ("last_step", True),
        ("hires", "yes"),
        ("bound", "low"),
        ("bound", "0.4"),
        ("bound", "0,4, 2,5"),
        ("bound", "2, 3"),
        ("bound", "nan nan"),
        ("bound", True),
    ],
)
def test_a_wrong_value_in_the_form_is_refused_and_the_message_says_what_was_expected(field, value):
    with pytest.raises(GrowthInhibitorError, match="[Ee]xpected"):
        of_form(**{field: value})


def test_steps_that_leave_nothing_are_refused():
    with pytest.raises(StepRangeError, match="first_step <= last_step"):
        of_form(first_step=5, last_step="4")
    with pytest.raises(StepRangeError, match="from 0"):
        of_form(last_step="-1")


@pytest.mark.parametrize("args", [[], [True], form()[:-1], [*form(), 1], [None] * 3])
def test_a_wrong_number_of_values_is_refused_and_the_message_names_them(args):
    with pytest.raises(SettingsError, match=f"given {len(args)} arguments.*enabled, concepts"):
        settings_from(args, CATALOGUE)


def test_disabled_does_nothing_and_checks_nothing_else_but_the_names_of_fields():
    rubbish = [False] + ["rubbish"] * (len(FIELDS) - 1)
    for args in (rubbish, [{"enabled": False, "concepts": 3, "strength": "x"}]):
        assert settings_from(args, CATALOGUE) == Settings.disabled()
    with pytest.raises(SettingsError, match="'strenght'.*Did you mean 'strength'"):
        of_api(enabled=False, concepts=3, strenght="x")


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())), max_size=12
    )
)
def test_any_arguments_give_settings_or_one_of_our_errors(args):
    try:
        assert isinstance(settings_from(args, CATALOGUE), Settings)
    except GrowthInhibitorError as error:
        assert "xpected" in str(error)


# -- back into the form ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.permutations(["nudity", "blood", "Van Gogh"]).flatmap(lambda names: st.integers(1, 3).map(lambda n: names[:n])),
    st.lists(st.sampled_from(["red shoes", "clown, sad", "刀", "a: b"]), max_size=2, unique=True),
    st.floats(0, 20),
    st.sampled_from(WEIGHTINGS),
    st.none() | st.integers(2, 150),
    st.booleans(),
    st.none() | st.tuples(st.floats(0, 1), st.floats(1, 9)),
    st.sampled_from(["none", "auto", "gi-tiny"]),
    st.sampled_from([None, *MAPS]),
)
def test_settings_shown_in_the_form_are_read_back_equal(
    names, words, strength, weighting, last, hires, bound, adapter, heat
):
    own = {names[0]: strength + 0.5}
    made = Settings(True, (*names, *words), bool(words), strength, own, weighting, 2, last, hires, bound, adapter, heat)
    shown = form_of(made.to_dict(), CATALOGUE)
    assert settings_from([shown[name] for name in FIELDS], CATALOGUE) == made


def test_the_form_shows_a_name_as_the_catalogue_lists_it():
    shown = form_of(Settings(concepts=("NUDITY", "clown"), free_text=True).to_dict(), CATALOGUE)
    assert shown["concepts"] == [label_of(CATALOGUE.lookup("nudity"))] and shown["free_text"] == "clown"
