"""The infotext: it comes back through the host's parser, and never breaks what is beside it."""

import string
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from infotext_cases import BESIDE, NASTY, PASSES, host_params, picture_text, some_settings

from lib_gi.infotext import DONE_KEY, KEY, SETTINGS_KEY, read, write, write_done
from lib_gi.settings import Settings


def done(layers, acted, steps, optimisation, adapter=None):
    chosen = adapter and SimpleNamespace(name=adapter)
    return SimpleNamespace(layers=layers, acted=acted, steps=steps, optimisation=optimisation, adapter=chosen)


def through_the_host(settings):
    return read(host_params(picture_text(settings).splitlines()[-1]))


# -- as it is written ------------------------------------------------------------------------------------------


def test_a_plain_case_reads_as_a_person_expects():
    made = Settings(concepts=("nudity", "blood"), strengths={"blood": 5}, weighting="plain", bound=(0.4, 2.5))
    assert write(made) == {
        "Growth Inhibitors": "nudity=3; blood=5",
        "Growth Inhibitors settings": "version=1; weighting=plain; bound=0.4 to 2.5",
    }
    made = Settings(concepts=("dead body",), first_step=2, last_step=9, hires=False, strength=2.5, free_text=True)
    assert write(made) == {
        KEY: "dead body=2.5",
        SETTINGS_KEY: "version=1; free text=true; strength=2.5; first step=2; last step=9; hires=false",
    }


def test_what_is_left_out_is_the_default_of_version_1():
    """When this fails, a default has changed: raise VERSION, and let `read` know what version 1 left out.

    The weighting was `agreement` once, and an adapter of another one was refused: `auto` says the same of those texts.
    """
    assert write(Settings(concepts=("nudity",))) == {KEY: "nudity=3", SETTINGS_KEY: "version=1"}
    assert Settings.defaults() | {"concepts": ()} == {
        "enabled": True,
        "concepts": (),
        "free_text": False,
        "strength": 3.0,
        "strengths": {},
        "weighting": "auto",
        "first_step": 0,
        "last_step": None,
        "hires": True,
        "bound": None,
        "adapter": "none",
        "heatmap": None,
    }


def test_a_strength_that_an_adapter_infers_is_written_as_auto_and_one_of_its_own_as_a_number():
    made = Settings(concepts=("nudity", "blood"), strengths={"blood": 4}, adapter="gi-tiny")
    assert write(made) == {KEY: "nudity=auto; blood=4", SETTINGS_KEY: "version=1; adapter=gi-tiny"}


def test_a_concept_that_is_auto_asks_for_an_adapter_even_where_the_settings_are_lost():
    values, _ = read({KEY: "nudity=auto; blood=3"})
    assert values["adapter"] == "auto" and values["strengths"] == {"blood": 3.0}


def test_a_heat_map_which_leaves_the_picture_as_it_is_is_neither_told_nor_taken():
    assert write(Settings(concepts=("nudity",), heatmap="M_star")) == write(Settings(concepts=("nudity",)))
    values, [warning] = read({KEY: "nudity=4", SETTINGS_KEY: "version=1; heatmap=M_star"})
    assert values["heatmap"] is None and "unknown here" in warning


def test_nothing_is_written_while_disabled():
    assert write(Settings.disabled()) == {}


def test_only_signs_that_readers_stumble_over_are_escaped():
    made = Settings(concepts=("Salvador Dalí's 刀/knife-edge! v1.5", "a,b:c"), free_text=True)
    assert write(made)[KEY] == "Salvador Dalí's 刀/knife-edge! v1.5=3; a%2Cb%3Ac=3"


@examples(deadline=None)
@given(some_settings())
def test_no_sign_that_needs_quoting_or_cannot_be_seen_is_written(made):
    for text in write(made).values():
        assert text.isprintable() and not set(text) & set(',:"{}#\\()[]<>') and text == text.strip()


def test_what_was_done_is_told_of_each_pass():
    passes = [done(16, 8, 8, "Doggettx"), done(16, 4, 5, "sdp-no-mem")]
    told = "steps=8 of 8 then 4 of 5; layers=16; host=AUTOMATIC1111; optimisation=sdp-no-mem"
    assert write_done(passes) == {DONE_KEY: told}
    assert "layers=16 then 70;" in write_done([passes[0], done(70, 1, 1, "V1")])[DONE_KEY]
    assert write_done(passes, "as a = b")[DONE_KEY] == f"{told}; strength=as a %3D b"
    assert write_done([*passes, done(16, 4, 5, "V1", "my, first")])[DONE_KEY].endswith("V1; adapter=my%2C first")
    assert write_done([]) == {}


@examples(deadline=None)
@given(PASSES)
def test_what_was_done_comes_back_through_the_hosts_parser_and_is_not_taken_for_settings(passes):
    made = Settings(concepts=("nudity",))
    params = host_params(picture_text(made, passes).splitlines()[-1])
    assert params[DONE_KEY] == write_done(passes)[DONE_KEY]
    assert read(params) == through_the_host(made) and read({DONE_KEY: params[DONE_KEY]}) == ({}, [])


# -- and back --------------------------------------------------------------------------------------------------


@examples(deadline=None)
@given(some_settings())
@example(Settings(concepts=("nudity",), strengths={"NUDITY ": 6.0}))
@example(Settings(concepts=("nudity",), strengths={"nudity": 4.0}))
@example(Settings(concepts=("true", "10x20", "nan"), free_text=True))
@example(Settings(concepts=(NASTY.replace("\t", ""),), free_text=True))
def test_settings_come_back_equal_through_the_hosts_parser(made):
    values, warnings = through_the_host(made)
    assert warnings == [] and Settings.from_dict(values) == made


def test_the_values_that_come_back_are_all_of_the_fields():
    values, _ = through_the_host(Settings(concepts=("nudity",)))
    assert set(values) == set(Settings.defaults())


@examples(deadline=None)
@given(some_settings())
def test_the_parameters_beside_ours_are_untouched(made):
    params = host_params(picture_text(made, [done(16, 8, 8, "V1")]).splitlines()[-1])
    size = {"Size-1": "64", "Size-2": "48"}
    others = {key: value for key, value in BESIDE.items() if key != "Size"} | size | {"Version": "v1.10.1"}
    assert {key: value for key, value in params.items() if key not in (KEY, SETTINGS_KEY, DONE_KEY)} == others


# -- what was not written by this release ----------------------------------------------------------------------


def test_an_infotext_without_ours_gives_nothing_and_no_warning():
    assert read({}) == read(BESIDE) == ({}, [])


def test_another_version_is_taken_as_far_as_it_is_known_with_a_warning():
    values, warnings = read({KEY: "nudity=5", SETTINGS_KEY: "version=7; weighting=plain; gain=3"})
    assert values["weighting"] == "plain" and values["strengths"] == {"nudity": 5.0}
    assert len(warnings) == 2 and "version is 7" in warnings[0] and "'gain'" in warnings[1]
    assert "version is None" in read({KEY: "nudity=5"}).warnings[0]


def test_a_setting_that_cannot_be_used_is_left_at_its_default_with_a_warning():
    text = "version=1; weighting=agreemnt; first step=9; last step=5; hires=false; bound=2 to 1; strength=-3"
    values, warnings = read({KEY: "nudity=3", SETTINGS_KEY: text})
    assert Settings.from_dict(values) == Settings(concepts=("nudity",), first_step=9, hires=False)
    assert [w.split("'")[1] for w in warnings] == ["weighting", "last_step", "bound", "strength"]


@pytest.mark.parametrize("name", ["enabled", "concepts"])
def test_the_settings_cannot_switch_off_or_exchange_what_the_first_key_says(name):
    values, warnings = read({KEY: "nudity=4", SETTINGS_KEY: f"version=1; {name}=false"})
    assert values["enabled"] is True and values["concepts"] == ["nudity"] and len(warnings) == 1


def test_where_the_keys_disagree_the_strengths_that_acted_count():
    values, _ = read({KEY: "nudity=8", SETTINGS_KEY: "version=1; strengths=NUDITY%3D6"})
    assert values["strengths"] == {"nudity": 8.0}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ";",
        "nudity",
        "nudity=",
        "=4",
        "nudity=x",
        "nudity=nan",
        "nudity=inf",
        "nudity=-1",
        "a=1; a=2",
        "a=1; A=2",
    ]
    + ["a=1=2", "%zz=4", "%=4", "%FF=4", "a%2=4", "nudity 4", "nudity=4, blood=3", 4, ["nudity=4"], b"nudity=4"],
)
def test_malformed_concepts_give_a_warning_and_no_settings(text):
    values, warnings = read({KEY: text, SETTINGS_KEY: "version=1"})
    assert values == {} and len(warnings) == 1 and "nothing was taken" in warnings[0]


def test_settings_without_concepts_give_a_warning_and_no_settings():
    values, warnings = read({SETTINGS_KEY: "version=1"})
    assert values == {} and len(warnings) == 1


@pytest.mark.parametrize("text", ["version", "version=1; weighting", 1, ["version=1"]])
def test_malformed_settings_leave_the_defaults_with_a_warning(text):
    values, warnings = read({KEY: "nudity=3", SETTINGS_KEY: text})
    assert Settings.from_dict(values) == Settings(concepts=("nudity",)) and "could not be read" in warnings[0]


FRAGMENTS = st.lists(
    st.sampled_from(
        ["version", "strength", "strengths", "bound", "last step", "nudity", "=", ";", " to ", "1", "%", "%3B"]
    )
    | st.text(string.printable, max_size=4),
    max_size=12,
).map("".join)


@examples(deadline=None)
@given(FRAGMENTS | st.text(), FRAGMENTS | st.text())
def test_no_text_raises_and_whatever_is_read_is_valid(concepts, others):
    for first in (concepts, "nudity=4"):
        values, warnings = read({KEY: first, SETTINGS_KEY: others})
        assert all(isinstance(warning, str) for warning in warnings)
        assert Settings.from_dict(values).enabled if values else warnings
