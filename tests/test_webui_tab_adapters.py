"""The tab's section "Adapters": what is listed of each, and that none goes without being asked for twice."""

import base64
import html
import importlib
import re
from types import SimpleNamespace

import fake_gradio
import pytest
from test_adapters import saved
from test_session_adapter import LAYERS

from lib_gi.adapters import Adapters
from lib_gi.errors import UnsupportedModelError
from lib_gi.own_adapters import OwnAdapters

PREFIX = "growth_inhibitors_adapters_"
FIGURES = {"labels": 3, "strengths": {"a": 1.0, "b": 1.6}}


class Section:
    """The section in a page, with a bundled adapter and a folder for one's own."""

    def __init__(self, gr, folder):
        self.gr, self.folder = gr, folder / "own"
        self.bundled = saved(folder / "bundled", "tiny", date="2026-01-02", concepts=["a", "b"], figures=FIGURES)
        self.adapters = Adapters([folder / "bundled", self.folder])
        self.fit = lambda listed: f"fits {listed.name}"
        module = importlib.import_module("lib_gi.webui.tab_adapters")
        section = module.section(self.adapters, OwnAdapters(self.folder), lambda listed: self.fit(listed))
        importlib.import_module("lib_gi.webui.tab").build([section], "growth_inhibitors")
        self.parts = {block.elem_id.removeprefix(PREFIX): block for block in gr.made}
        self.shown = dict.fromkeys(("told", "table", "chosen", "sure", "export"), "")
        self.run(self.parts["growth_inhibitors_seen"].click_events)

    def run(self, events, *inputs):
        """An event with these inputs; what it gives is shown, and its line is given back."""
        [(fn, _, outputs)] = events
        for name, part, change in zip(self.shown, outputs, fn(*inputs)):
            assert part is self.parts[name]
            self.choices = change.get("choices", getattr(self, "choices", None))
            self.shown[name] = change.get("value", self.shown[name])
        return html.unescape(re.sub("<[^>]*>", "", self.shown["told"])), "alert" in self.shown["told"]

    def delete(self, name, sure):
        return self.run(self.parts["delete"].click_events, name, sure)

    @property
    def rows(self):
        body = self.shown["table"].partition("<tbody>")[2]
        return [list(map(html.unescape, re.findall("<td>(.*?)</td>", row))) for row in body.split("</tr>")[:-1]]


@pytest.fixture()
def tab(monkeypatch, tmp_path):
    with fake_gradio.installed(monkeypatch, True) as (_, gr):
        yield Section(gr, tmp_path)


def test_each_adapter_is_listed_with_what_it_is_for_and_what_it_is_to_the_checkpoint(tab):
    saved(tab.folder, "<i>mine</i>".replace("/", ""), model="<b>", concepts="odd", figures="odd")
    tab.run(tab.parts["again"].click_events)
    assert tab.rows == [
        ["<i>mine<i>", "<b>", "", "", "", "fits <i>mine<i>"],
        ["tiny", "tiny-0", "a, b", "2026-01-02", "labels=3; strengths: a=1.0, b=1.6", "fits tiny"],
    ]
    assert "<b>" not in tab.shown["table"] and tab.choices == ["tiny", "<i>mine<i>"]


def test_a_damaged_file_and_a_model_that_cannot_be_read_are_told_and_the_rest_is_listed(tab):
    (tab.folder).mkdir()
    (tab.folder / "bad.safetensors").write_bytes(b"damaged")

    def unsupported(listed):
        raise UnsupportedModelError("no cross-attention")

    tab.fit = unsupported
    tab.run(tab.parts["again"].click_events)
    assert tab.rows[0][-1] == "no cross-attention" and "bad.safetensors" in tab.shown["table"]


def test_deleting_needs_a_choice_and_a_tick_each_time(tab):
    file = saved(tab.folder, "mine")
    for name, sure, problem in (
        (None, True, "no adapter is chosen"),
        ("mine", False, "the tick"),
        ("gone", True, "gone"),
    ):
        told, wrong = tab.delete(name, sure)
        assert wrong and problem in told and file.exists() and tab.shown["sure"] is False
    told, wrong = tab.delete("tiny", True)
    assert wrong and "comes with the extension" in told and tab.bundled.exists()
    assert tab.delete("mine", True) == ("Deleted 'mine'.", False)
    assert not file.exists() and tab.choices == ["tiny"] and tab.shown["chosen"] is None and tab.shown["sure"] is False


def test_an_imported_file_is_there_at_once_and_exports_as_it_was(tab, tmp_path):
    file = saved(tmp_path / "downloads", "theirs", layers=LAYERS, seed=2)
    assert tab.run(tab.parts["import"].upload_events, SimpleNamespace(name=str(file))) == ("Imported 'theirs'.", False)
    assert tab.shown["chosen"] == "theirs" and tab.choices == ["tiny", "theirs"]
    [(data, name)] = re.findall('base64,([^"]*)" download="([^"]*)"', tab.shown["export"])
    assert (base64.b64decode(data), name) == (file.read_bytes(), "theirs.safetensors")
    told, wrong = tab.run(tab.parts["import"].upload_events, str(tmp_path / "no.safetensors"))
    assert wrong and "cannot be read" in told and tab.shown["chosen"] == "theirs"
    tab.run(tab.parts["chosen"].input_events, "tiny")
    assert 'download="tiny.safetensors"' in tab.shown["export"]


def test_every_part_has_an_id_of_its_own_and_the_host_keeps_nothing(tab):
    ids = [block.elem_id for block in tab.gr.made if block.elem_id]
    assert len(set(ids)) == len(ids) and all(name.startswith("growth_inhibitors_") for name in ids)
    for name in ("chosen", "sure"):
        assert tab.parts[name].label and tab.parts[name].do_not_save_to_config
