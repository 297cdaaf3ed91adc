"""Generations that an extension draws inside one of the user's: what was ticked for it acts in them as well."""

import gc
from copy import copy
from types import SimpleNamespace

import pytest
import test_webui_script
from test_webui_script import NUDITY, differs
from tiny_unet import hooks
from webui_fakes import Generation

from lib_gi.errors import ConceptError
from lib_gi.webui import axes
from lib_gi.webui.nested import Running, within

webui = test_webui_script.webui  # the fixture


def drawn_inside(webui, *given, draw):
    """What `draw` draws while a picture of these arguments is post-processed."""
    kept = []
    outer = webui.generate(*given, inside=lambda: kept.append(draw()))
    return kept[0], outer


def in_the_same_job(webui, *given, **more):
    return lambda: webui.generate(*given, job=webui.loaded.job, **more)


def test_one_without_scripts_is_inhibited_as_the_picture_that_it_is_drawn_in_and_leaves_nothing(webui):
    off = webui.without_scripts()
    (inner, outer) = drawn_inside(webui, NUDITY | {"strength": 6}, draw=webui.without_scripts)
    assert all(differs(off, inner)) and not any(differs(inner, outer))
    assert hooks(webui.loaded.loaded) == 0
    assert not any(differs(off, webui.generate())) and not any(differs(off, webui.without_scripts()))


def test_in_a_picture_that_is_not_ticked_nothing_acts(webui):
    off = webui.generate()
    for given in ((), ({"enabled": False, "concepts": ["nudity"]},)):
        inner, outer = drawn_inside(webui, *given, draw=webui.without_scripts)
        assert not any(differs(off, inner)) and not any(differs(off, outer))


def test_one_with_our_form_as_the_page_opens_is_inhibited_and_says_so(webui):
    inner, outer = drawn_inside(webui, NUDITY, draw=in_the_same_job(webui))
    assert not any(differs(inner, outer))
    assert inner.params["Growth Inhibitors"] == "nudity=3" and "3 of 3 steps" in inner.comments[0]


def test_one_that_names_concepts_of_its_own_has_both(webui):
    (inner, _), both = (
        drawn_inside(webui, NUDITY | {"strength": 6}, draw=in_the_same_job(webui, {"concepts": ["Nudity", "blood"]})),
        webui.generate({"concepts": ["nudity", "blood"], "strength": 6, "strengths": {"blood": 3}}),
    )
    assert not any(differs(inner, both)) and inner.params["Growth Inhibitors"] == "nudity=6; blood=3"


def test_a_mistake_of_its_own_stops_it(webui):
    def wrong():
        with pytest.raises(ConceptError, match="Did you mean 'nudity'"):
            webui.generate({"concepts": ["nuditty"]}, job=webui.loaded.job)

    drawn_inside(webui, NUDITY, draw=wrong)


def test_steps_and_hires_pass_of_the_picture_are_not_those_of_what_is_drawn_inside(webui):
    off = webui.generate()
    inner, _ = drawn_inside(webui, NUDITY | {"first_step": 2, "hires": False}, draw=webui.without_scripts)
    assert differs(off, inner) == [True] * 3
    inner, outer = drawn_inside(webui, NUDITY | {"last_step": 0}, draw=in_the_same_job(webui))
    assert differs(off, outer) == [True, False, False] and differs(off, inner) == [True] * 3


def test_it_inherits_from_the_cell_of_a_plot_not_from_the_form(webui):
    cell = Generation(None)
    setattr(cell, axes.ATTRIBUTE, {"strength": 0.0})
    kept, webui.loaded.job = [], "plot"
    webui.call("setup", cell, NUDITY, *webui.defaults[1:])
    webui.generate(NUDITY, p=cell, job="plot", inside=lambda: kept.append(webui.without_scripts()))
    assert not any(differs(webui.generate(), kept[0]))


def test_where_a_script_draws_without_ever_beginning_the_users_own_generation_its_form_acts(webui):
    off = webui.without_scripts()
    for given, acts in ((NUDITY, True), ({"enabled": False}, False), (NUDITY, True)):
        webui.loaded.job = object()
        webui.call("setup", Generation(None), given, *webui.defaults[1:])
        assert differs(off, webui.without_scripts()) == [acts] * 3
    webui.loaded.job = object()
    assert not any(differs(off, webui.without_scripts())), "the next job asked for nothing"


def test_a_form_that_is_set_up_inside_a_picture_takes_nothing_away(webui):
    def with_its_own():
        webui.call("setup", Generation(None), *webui.defaults)
        return webui.without_scripts()

    inner, outer = drawn_inside(webui, NUDITY, draw=with_its_own)
    assert not any(differs(inner, outer))


def test_a_mistake_in_the_form_stops_what_a_script_draws_instead(webui):
    webui.loaded.job = object()
    webui.call("setup", Generation(None), {"concepts": ["nuditty"]}, *webui.defaults[1:])
    with pytest.raises(ConceptError, match="Did you mean 'nudity'"):
        webui.without_scripts()


def test_a_copy_of_the_pictures_own_generation_has_a_protection_of_its_own(webui):
    kept = []

    def copied(p):
        inner = copy(p)
        kept.append(webui.without_scripts(inner))
        kept.append(getattr(inner, webui.module.ATTRIBUTE))

    p = Generation(None)
    outer = webui.generate(NUDITY | {"first_step": 2}, p=p, inside=lambda: copied(p))
    assert differs(webui.generate(), kept[0]) == [True] * 3 and differs(webui.generate(), outer) == [False, False, True]
    assert kept[1].settings.first_step == 0


@pytest.mark.parametrize("ending", ["the next batch", "the end"])
def test_hooks_of_one_without_scripts_are_out_when_the_picture_goes_on_and_when_it_ends(webui, ending):
    off, kept = webui.generate(), []
    p = Generation(None)

    def inside():
        kept.append(webui.without_scripts())  # and is kept alive
        assert hooks(webui.loaded.loaded) > 0
        if ending == "the next batch":
            webui.call("process_before_every_sampling", p, *webui.defaults, x=None)
            assert hooks(webui.loaded.loaded) == 2 * 3

    webui.generate(NUDITY, p=p, inside=inside)
    assert hooks(webui.loaded.loaded) == 0 and not any(differs(off, webui.generate()))


def test_after_one_that_failed_the_next_job_inherits_nothing_and_what_follows_in_the_same_one_does(webui):
    off = webui.generate()
    failed = Generation(None)

    def fail():
        raise MemoryError

    with pytest.raises(MemoryError):
        webui.generate(NUDITY, p=failed, inside=fail)
    assert all(differs(off, webui.without_scripts())), "whoever goes on in spite of an error is still in the user's job"
    webui.loaded.job = object()
    assert not any(differs(off, webui.without_scripts())) and not any(differs(off, webui.generate()))


def test_what_is_written_into_a_copys_infotext_and_cleared_from_it_is_not_the_pictures(webui):
    p = Generation(None)
    p.extra_generation_params = {"Growth Inhibitors inferred": "nudity=2", "Steps": 3}
    shared = p.extra_generation_params
    webui.call("process", copy(p), NUDITY, *webui.defaults[1:])
    assert p.extra_generation_params is shared == {"Growth Inhibitors inferred": "nudity=2", "Steps": 3}


# -- which generation is drawn inside which ------------------------------------------------------------------------


def test_generations_end_with_what_is_inside_them_with_their_job_and_with_their_object():
    running, a, b, c = Running(), Generation(None), Generation(None), Generation(None)
    outer, inner = object(), object()
    running.begin(1, a, outer)
    running.begin(1, b, inner)
    assert running.around(1, c) is inner and running.around(1, b) is outer and running.around(1, a) is None
    running.end(c)
    assert running.around(1, c) is inner, "one that never began"
    running.end(a)
    assert running.around(1, c) is None
    running.begin(1, a, outer)
    assert running.around(2, c) is None and running.around(1, c) is None
    running.begin(1, a, outer)
    del a
    gc.collect()
    assert running.around(1, c) is None


def test_it_is_told_apart_from_its_equals_by_identity():
    class Equal:
        def __eq__(self, other):
            raise RuntimeError("the host's objects hold tensors")

        __hash__ = None

    running, (a, b) = Running(), (Equal(), Equal())
    running.begin(1, a, "of a")
    assert running.inherited(1, b) == "of a" and running.inherited(1, a) is None


def test_what_acts_within_infers_where_the_picture_does_and_is_refused_where_it_is(webui):
    Settings, Protection = webui.module.Settings, webui.module.Protection
    concepts = [SimpleNamespace(name=name, key=name) for name in ("nudity", "blood")]
    around = Protection(webui.loaded, Settings(concepts=("nudity",), adapter="auto"), concepts[:1])
    own = Protection(webui.loaded, Settings(concepts=("blood",), strength=2), concepts[1:])
    assert within(around, own).settings.acting == {"nudity": None, "blood": 2}
    assert within(own, around).settings.acting == {"blood": 2, "nudity": 2}
    assert within(around, own).adapters is around.adapters
    refused = Protection.refused(webui.loaded, ConceptError("none of that name"))
    assert within(refused, own).refusal == (ConceptError, "none of that name")

