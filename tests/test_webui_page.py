"""What the page's own script and the components in the page know of each other."""

import re
from pathlib import Path

import fake_gradio
import pytest

from lib_gi.concepts import Catalogue, Concept

SCRIPT = (Path(__file__).parents[1] / "javascript" / "growth_inhibitors.js").read_text(encoding="utf-8")
PREFIX = "growth_inhibitors"


@pytest.fixture(params=[True, False], ids=["InputAccordion", "plain"])
def ui(request, monkeypatch):
    """The accordion module and its gradio, with and without the host's InputAccordion."""
    with fake_gradio.installed(monkeypatch, request.param) as pair:
        yield pair


def places():
    """By the blocks that are made when they are open the button that is pressed then, as the script has them."""
    return dict(re.findall(r"(\w+): \"(\w+)\"", re.search(r"PLACES = {(.*?)}", SCRIPT)[1]))


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_a_forms_block_and_button_are_there_and_its_answers_are_told(ui, tab):
    module, gr = ui
    module.build(tab == "img2img", lambda: Catalogue([Concept("dog", "dog", "objects")]), PREFIX, str)
    by_id = {block.elem_id: block for block in gr.made}
    place, button = by_id[f"{PREFIX}_{tab}_fields"], by_id[f"{PREFIX}_{places()[f'{tab}_fields']}"]
    assert place not in button.inside  # in it, the button would not be there to be pressed
    [(fn, inputs, outputs, js)] = button.click_then
    assert (fn, inputs, outputs) == (None, [], []) and js == f"() => growthInhibitorsTold('{tab}')"
    assert "window.growthInhibitorsTold = (tab)" in SCRIPT


def test_a_form_that_begins_open_is_known_by_the_id_of_its_accordion(ui):
    module, gr = ui
    module.build(False, lambda: Catalogue([Concept("dog", "dog", "objects")]), PREFIX, str)
    [accordion] = {block.elem_id for block in gr.made[:1]}
    [rests] = re.findall(r"one.props.open && isOurs\(one, (.*?)\)\)", SCRIPT)
    assert accordion.replace(f"{PREFIX}_txt2img", "${tab}") in re.findall(r"`(.*?)`", rests)


def test_the_tabs_block_and_button_are_there(ui):
    from lib_gi.webui import tab

    tab.build([], PREFIX)
    by_id = {block.elem_id: block for block in ui[1].made}
    assert by_id[f"{PREFIX}_sections"] not in by_id[f"{PREFIX}_{places()['sections']}"].inside
