"""The tab's section "Try": its form, what its button draws, and how mistakes are told."""

import html
import importlib
import re

import fake_gradio
import pytest
from PIL import Image

from lib_gi.concepts import Catalogue, Concept
from lib_gi.errors import NeverHitError
from lib_gi.settings import Settings

CATALOGUE = [Concept("nudity", "nudity", "unsafe")]
PICTURE = Image.new("RGB", (8, 8))


class Try:
    """The section in a page, and what its user does; queued calls are noted, and run at once."""

    def __init__(self, gr):
        self.asked, self.interrupts, self.queued, self.concepts = [], [], [], list(CATALOGUE)
        self.error = None
        module = importlib.import_module("lib_gi.webui.tab_try")
        asked = lambda: Catalogue(self.concepts), lambda: ["tiny"]
        section = module.section(*asked, self.draw, self.wrap, self.interrupt)
        importlib.import_module("lib_gi.webui.tab").build([section], "gi")
        self.gr = gr
        self.parts = {block.elem_id.removeprefix("gi_try_"): block for block in gr.made}
        [(self.run, self.inputs, self.outputs)] = self.parts["start"].click_events

    def draw(self, trial, seed, settings):
        if self.error:
            raise self.error
        self.asked.append((trial, seed, settings))
        return PICTURE

    def interrupt(self):
        self.interrupts.append(1)

    def wrap(self, function, extra_outputs):
        self.queued.append(extra_outputs)
        return function

    def press(self, **given):
        """The pictures, the line, and whether it is an alert."""
        names = {id(block): name for name, block in self.parts.items()}
        values = [given.get(names[id(block)], block.value) for block in self.inputs]
        pictures, line = self.run(*values)
        assert isinstance(line, str)  # to which the host adds the time it took
        return pictures, html.unescape(re.sub("<[^>]*>", "", line)), "alert" in line


@pytest.fixture()
def page(monkeypatch):
    with fake_gradio.installed(monkeypatch, True) as (_, gr):
        yield Try(gr)


def test_its_button_draws_what_the_form_says_in_the_hosts_queue(page):
    more = {"strength": 6, "adapter": "tiny", "weighting": "plain"}
    method = {"concepts": ["unsafe / nudity"], "free_text": "clown", **more}
    sampling = {"seed": 3, "steps": 9, "width": 128.0, "height": 64, "count": 2}
    pictures, line, wrong = page.press(prompt="a chef", negative="dark", **method, **sampling)
    assert (len(pictures), line, wrong) == (6, "Drew 2 seeds.", False)
    trial, _, settings = page.asked[0]
    assert settings == trial.settings == Settings(concepts=("nudity", "clown"), free_text=True, **more)
    assert (trial.prompt, trial.negative, trial.seed, trial.steps) == ("a chef", "dark", 3, 9)
    assert (trial.width, trial.height, trial.cfg_scale, trial.count) == (128, 64, 7, 2)
    assert page.outputs == [page.parts["gallery"], page.parts["told"]]
    assert page.queued == [[[]]]  # for an error that nobody foresaw: no pictures, and the host's own line


@pytest.mark.parametrize(
    "given, problem",
    [
        ({}, "no concept"),
        ({"concepts": ["unsafe / gone"]}, "gone"),
        ({"free_text": "clown", "width": 100}, "multiple of 8"),
        ({"free_text": "clown", "seed": None}, "seed is None"),
        ({"free_text": "clown", "strength": -1}, "strength"),
    ],
)
def test_a_mistake_is_told_in_a_line_and_nothing_is_drawn(page, given, problem):
    pictures, line, wrong = page.press(**given)
    assert pictures == [] and wrong and problem in line and page.asked == []


def test_what_stops_a_generation_is_told_without_being_taken_for_html(page):
    page.error = NeverHitError("<b>no layer</b> was called")
    pictures, line, wrong = page.press(free_text="clown")
    assert pictures == [] and wrong and line == "<b>no layer</b> was called"


def test_the_button_beside_it_interrupts_at_once(page):
    [(interrupt, [], [])] = page.parts["stop"].click_events
    interrupt()
    assert page.interrupts == [1]


def test_whoever_opens_the_list_sees_what_there_is_by_then(page):
    [(now, [], [listed])] = page.parts["concepts"].focus_events
    [(adapters, [], [_])] = page.parts["adapter"].focus_events
    page.concepts.append(Concept("clown", "red nose", "circus"))
    assert listed is page.parts["concepts"]
    assert now()["choices"] == ["unsafe / nudity", "circus / clown"] and "value" not in now()
    assert adapters()["choices"] == ["none", "auto", "tiny"]


def test_every_part_has_an_id_of_its_own_and_the_host_keeps_nothing_of_what_is_written(page):
    ids = [block.elem_id for block in page.gr.made if block.elem_id]
    assert len(set(ids)) == len(ids) and all(name.startswith("gi_") for name in ids)
    labels = [block.label for block in page.inputs]
    assert all(labels) and len(set(labels)) == len(labels)
    assert all(block.do_not_save_to_config for block in page.inputs)
