"""The tab's section "Calibrate": nothing is drawn unasked, what is asked for is done, kept or dropped, and resumed."""

import html
import importlib
import json
import re
import threading
from types import SimpleNamespace

import fake_gradio
import numpy as np
import pytest
import torch
from tiny_unet import UNet
from webui_fakes import Host

from lib_gi.adapters import Adapters
from lib_gi.concepts import Catalogue, Concept
from lib_gi.detect.registry import FORMS
from lib_gi.errors import SettingsError
from lib_gi.features import Features
from lib_gi.own_adapters import OwnAdapters
from lib_gi.settings import Settings
from lib_gi.training import webui as pipelines
from lib_gi.training.job import Job
from lib_gi.training.search import Task
from lib_gi.webui.calibrating import FILE, OWN, Order, Workshop
from lib_gi.webui.detectors import CLASS, OF_GI_TINY, Detectors

CATALOGUE = Catalogue([Concept("nudity", "naked skin", "unsafe")])
CODE = f"""
class {CLASS}:
    def found(self, pictures, concept):
        return pictures[:, 0, 0, 0] > 0
"""


class Pipeline:
    """Draws white where the prompt has the phrase and the strength is below three; notes what it was asked."""

    asked, stop = [], None

    def __init__(self, host, sampler, steps, width, height):
        self.sampler, self.settings = sampler, (steps, width, height)

    def told(self):
        return "fake"

    def draw(self, asked):
        self.asked.append((asked, self.settings))
        if Pipeline.stop is not None:
            Pipeline.stop()
        shows = torch.tensor(["naked" in prompt for prompt in asked.prompts])
        pictures = np.zeros((len(asked.prompts), 2, 2, 3), np.uint8)
        pictures[(shows & (asked.w > -1.5)).numpy()] = 255
        seen = shows.float()[None, None, :, None].expand(1, 3, -1, 2)
        return pictures, SimpleNamespace(features=lambda: {asked.concept.name: Features(*[seen] * 6)})


class Page:
    """The section in a page, and what its user does."""

    def __init__(self, gr, folder):
        self.gr, self.folder, self.host, self.required = gr, folder, Host(), []
        (folder / "detectors").mkdir()
        (folder / "detectors" / "mine.py").write_text(CODE)
        self.job = Job(lambda work: work(), lambda: None)
        self.workshop = Workshop(
            self.job,
            folder,
            lambda: self.host,
            Detectors(folder / "detectors"),
            lambda: CATALOGUE,
            OwnAdapters(folder / "adapters"),
            lambda: self.required,
        )
        module = importlib.import_module("lib_gi.webui.tab_calibrate")
        importlib.import_module("lib_gi.webui.tab").build([module.section(self.workshop)], "gi")
        self.parts = {block.elem_id.removeprefix("gi_calibrate_"): block for block in gr.made}
        self.tasks = ()

    def press(self, button, **given):
        """The line, whether it is an alert, and the result's HTML, as they are in the end."""
        [(fn, inputs, _)] = self.parts[button].click_events
        names = {id(block): name for name, block in self.parts.items()}
        values = [given.get(names[id(b)], b.value) if id(b) in names else self.tasks for b in inputs]
        shown = fn(*values)
        self.lines = [shown] if isinstance(shown, tuple) else list(shown)
        line, result = self.lines[-1]
        return html.unescape(re.sub("<[^>]*>", "", line)), "alert" in line, result


@pytest.fixture()
def page(monkeypatch, tmp_path):
    monkeypatch.setattr(Pipeline, "asked", [])
    monkeypatch.setattr(Pipeline, "stop", None)
    monkeypatch.setattr(pipelines, "WebuiPipeline", Pipeline)
    monkeypatch.setattr(pipelines, "default_sampler", lambda: "Euler")
    with fake_gradio.installed(monkeypatch, True) as (_, gr):
        yield Page(gr, tmp_path)


ASKED = {"sure": True, "concepts": ["unsafe / nudity"], "detector": "mine.py", "count": 6, "batch": 3}


def test_it_makes_an_adapter_for_the_loaded_model_and_keeps_it_when_asked_to(page):
    line, wrong, result = page.press("start", **ASKED, steps=9, width=128.0, weighting="plain", strongest=12)
    assert not wrong and line.startswith("12 of 12 pictures have a label") and "data:image/png;base64," in result
    asked, settings = Pipeline.asked[0]
    assert settings == (9, 128, 512) and asked.weighting == "plain" and len(asked.prompts) <= 3
    assert any("naked skin" in prompt for asked, _ in Pipeline.asked for prompt in asked.prompts)
    line, wrong, result = page.press("keep", name="none")
    assert wrong and "another name" in line and isinstance(result, dict)  # it is still there
    line, wrong, result = page.press("keep", name="my first")
    assert not wrong and "Kept as 'my first'" in line and result == ""
    adapters = Adapters([page.folder / "adapters"])
    chosen = adapters.choose(Settings(concepts=("a",), adapter="auto", weighting="plain"), page.host.loaded)
    about = chosen.adapter.about
    assert chosen.own and (about["model"], about["detector"], about["concepts"]) == (
        "tiny",
        "mine.py:Detector",
        ["nudity"],
    )
    assert about["figures"]["labels"] == 12 and about["sampler"] == "Euler" and about["resolution"] == "128x512"
    assert not [path for path in page.folder.rglob("*") if path.suffix in (".png", ".jpg")]
    assert page.press("keep", name="again")[1]


@pytest.mark.parametrize(
    "given, problem",
    [
        ({"sure": False}, "tick it first"),
        ({"concepts": []}, "no concept is chosen"),
        ({"concepts": ["unsafe / gone"]}, "gone"),
        ({"detector": None}, "there is no detector"),
        ({"detector": f"{FORMS['oracle']}"}, "there is no detector"),
        ({"detector": "/etc/mine.py"}, "there is no detector"),
        ({"options": "threshold=0.4"}, "takes no options"),
        ({"source": OWN, "explicit": " \n"}, "a line each"),
        ({"source": FILE}, "no file of tasks"),
        ({"count": 0}, "number of prompts"),
        ({"width": 100}, "multiple of 8"),
        ({"strongest": None}, "strongest"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_drawn(page, given, problem):
    line, wrong, result = page.press("start", **ASKED | given)
    assert wrong and problem in line and result == "" and Pipeline.asked == []


def test_where_something_is_always_kept_out_nothing_is_drawn(page):
    page.press("start", **ASKED)
    Pipeline.asked.clear()
    page.required = ["nudity"]
    for button in ("start", "resume"):
        line, wrong, _ = page.press(button, **ASKED)
        assert wrong and "nudity is always kept out" in line and Pipeline.asked == []


def test_what_is_set_to_be_always_kept_out_meanwhile_ends_it(page, monkeypatch):
    def draw(self, asked):
        page.required = ["nudity"]  # by somebody else, on the settings page
        return drawn(self, asked)

    drawn = Pipeline.draw
    monkeypatch.setattr(Pipeline, "draw", draw)
    line, wrong, result = page.press("start", **ASKED)
    assert wrong and "nudity is always kept out" in line and result == "" and len(Pipeline.asked) == 1


def test_own_prompts_and_a_file_are_used_as_they_are(page, tmp_path):
    page.press("start", **ASKED, source=OWN, explicit="{} by day\n\n a naked man ", benign="tree")
    prompts = {prompt for asked, _ in Pipeline.asked for prompt in asked.prompts}
    assert prompts == {"naked skin by day", "a naked man", "tree"}
    Pipeline.asked.clear()
    file = tmp_path / "tasks.json"
    tasks = [{"concept": "x", "prompt": f"naked {n % 2}", "seed": n, "guidance": 4 + n % 3} for n in range(6)]
    file.write_text(json.dumps(tasks))
    [(take, _, outputs)] = page.parts["file"].upload_events
    page.tasks, line, source = take(SimpleNamespace(name=str(file)))
    assert "6 tasks from tasks.json" in line and source["value"] == FILE and outputs[2] is page.parts["source"]
    assert not page.press("start", **ASKED | {"concepts": []}, source=FILE)[1]
    assert {asked.guidance for asked, _ in Pipeline.asked} == {4, 5, 6}
    file.write_text("[]")
    assert take(str(file))[0] == () and "alert" in take(str(file))[1]


def test_what_a_file_keeps_must_be_known_to_the_detector(page):
    page.tasks = tuple(Task("cat", "a cat", seed, 7.5, keeps=("spoon",)) for seed in range(2))
    line, wrong, _ = page.press("start", **ASKED | {"detector": OF_GI_TINY}, source=FILE)
    assert wrong and "knows no 'spoon'" in line and Pipeline.asked == []


@pytest.mark.parametrize("weighting, second", [("contrast", 6), ("plain", 9)])
def test_cancelled_and_resumed_it_goes_on_also_in_another_process_but_not_with_another_model(
    page, tmp_path, weighting, second
):
    assert "nothing to resume" in page.press("resume", sure=True)[0]
    calls = []

    def stop():
        calls.append(1)
        if len(calls) == second:  # in the second chunk, in which nothing shows
            page.parts["cancel"].click_events[0][0]()

    Pipeline.stop = stop
    line, wrong, result = page.press("start", **ASKED, weighting=weighting)
    assert not wrong and "resume when you like" in line and result == "" and len(list(tmp_path.glob("labels/*"))) == 2
    Pipeline.stop, drawn = None, len(Pipeline.asked)
    page.job.forget()  # as a restart does
    page.host.loaded = UNet(seed=1)
    assert "is for tiny" in page.press("resume", sure=True)[0] and len(Pipeline.asked) == drawn
    page.host.loaded = UNet()
    assert page.press("resume", sure=False)[1]
    last, before = tmp_path / "calibration.json", (tmp_path / "calibration.json").read_bytes()
    line, wrong, result = page.press("resume", sure=True)
    assert not wrong and "12 of 12" in line and result
    assert last.read_bytes() == before  # the order that it went on with is all of the one that was begun
    assert [task["brings"] for task in json.loads(before)["tasks"]].count(["nudity"]) == 6
    last.write_text("{")
    assert "cannot be read" in page.press("resume", sure=True)[0]


def test_while_it_runs_each_page_can_look_and_a_result_can_be_dropped(page):
    there, go = threading.Event(), threading.Event()

    def stop():
        there.set()
        assert go.wait(20)

    Pipeline.stop = stop
    [(start, inputs, _)] = page.parts["start"].click_events
    names = {id(block): name for name, block in page.parts.items()}
    first = next(start(*[ASKED.get(names[id(b)], b.value) if id(b) in names else () for b in inputs]))
    assert "status" in first[0] and there.wait(20)
    with pytest.raises(SettingsError, match="one at a time"):
        page.job.start(lambda: None)
    go.set()
    assert page.press("watch")[2] and page.press("watch")[0].startswith("12 of 12")
    assert page.press("discard") == ("", False, "")


def test_what_there_is_to_know_is_told_when_the_tab_is_first_seen_and_not_while_the_page_loads(page):
    [look, about] = page.parts["gi_seen"].click_events
    assert page.parts["detectors"].value == "" and not page.parts["gi_seen"].visible
    assert [part for _, _, outputs in (look, about) for part in outputs] == [
        page.parts[name] for name in ("told", "result", "detectors")
    ]
    assert look[0]() == ("", "") and "folder growth-inhibitors/detectors" in about[0]()


def test_detectors_are_those_that_are_installed_or_lie_in_the_folder(page, tmp_path):
    (tmp_path / "detectors" / "judge.safetensors").write_bytes(b"")
    (tmp_path / "detectors" / "notes.txt").write_text("")
    [(now, [], [listed])] = page.parts["detector"].focus_events
    choices = now()["choices"]
    assert {"mine.py", "judge.safetensors", OF_GI_TINY} <= set(choices) and "notes.txt" not in choices
    assert listed is page.parts["detector"] and not set(FORMS) & set(choices) - {"nudenet"}
    name, detector = page.workshop.detectors.make(OF_GI_TINY, "", lambda: CATALOGUE)
    assert name == "oracle:label.safetensors" and hasattr(detector, "found")


def test_an_order_comes_back_from_its_file_as_it_was(page, tmp_path):
    page.press("start", **ASKED, options="", steps=7, width=256)
    told = json.loads((tmp_path / "calibration.json").read_text())
    assert set(told) == {*Order.__dataclass_fields__, "model", "fingerprint"}
    first, started = [asked for asked, _ in Pipeline.asked], page.workshop._start
    for file in (tmp_path / "labels").iterdir():
        file.unlink()
    Pipeline.asked.clear()
    orders = []
    page.workshop._start = lambda order, *rest: orders.append(order) or started(order, *rest)
    assert not page.press("resume", sure=True)[1]
    assert {name: getattr(orders[0], name) for name in ("steps", "width", "detector")} == {
        "steps": 7,
        "width": 256,
        "detector": "mine.py",
    }
    again = [asked for asked, _ in Pipeline.asked]
    assert [(one.prompts, one.seeds, one.guidance) for one in again] == [
        (one.prompts, one.seeds, one.guidance) for one in first
    ]


def test_every_part_has_an_id_of_its_own_and_the_host_keeps_nothing_of_what_is_set(page):
    ids = [block.elem_id for block in page.gr.made if block.elem_id]
    assert len(set(ids)) == len(ids) and all(name.startswith("gi_") for name in ids)
    [(_, inputs, _)] = page.parts["start"].click_events
    fields = [*inputs[1:], page.parts["name"]]
    labels = [block.label for block in fields]
    assert all(labels) and len(set(labels)) == len(labels) and page.parts["sure"].value is False
    assert all(block.do_not_save_to_config for block in fields)
