"""The rest of the tab's controls in a real page: of a trial, a calibration, one's own concepts and adapters."""

import re

import numpy as np
import torch
from browser import NOTHING, PROMPT, STRENGTH
from data_folder import UNET
from safetensors import safe_open

from lib_gi.adapter import Adapter, new_network
from lib_gi.adapters import SAME_BUILD
from lib_gi.concept_files import parse
from lib_gi.concepts import Concept, load_catalogue
from lib_gi.training.search import Task
from lib_gi.training.tasks import write_tasks
from lib_gi.webui.calibrating import FILE, OWN

BEER = load_catalogue().lookup("beer")
MUG = Concept("Humpen", "a mug of beer", "my own")
NAME = "untrained"  # of an adapter
QUICK = {"steps": 6, "width": 128, "height": 128}
LONG = 400  # seconds, for a calibration


def put_adapter(server):
    """The file of an adapter that can read gi-tiny and was trained on nothing, put into the WebUI's data folder."""
    with safe_open(server.folder / "models" / "Stable-diffusion" / "gi-tiny.safetensors", "pt") as file:
        names = [key.removesuffix(".to_k.weight") for key in file.keys() if key.endswith(".attn2.to_k.weight")]
    layers = tuple(sorted((name.removeprefix(UNET) for name in names), key=lambda name: name.split(".")[0][:5]))
    count = len(layers)
    about = {"model": "elsewhere"}
    adapter = Adapter(layers, "M_star", new_network(count), torch.zeros(count), torch.ones(count), -6.0, -2.0, about)
    path = server.folder / "growth-inhibitors" / "adapters" / f"{NAME}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    adapter.save(path)
    return path


def fill_trial(page, **more):
    """The section Try with a beer that is kept out."""
    page.go_to_section("Try")
    page.choose(BEER)
    for name, value in ({"prompt": PROMPT, "seed": 1, "cfg_scale": 4} | QUICK | more).items():
        page.write(name, str(value))


def test_a_trial_draws_what_all_of_its_controls_say(page, server, check):
    fill_trial(page, negative="grass", count=2)
    page.pick("weighting", "plain")
    page.click("start")
    check("two seeds are drawn", page.tells("Drew 2 seeds."), page.text("told"))
    check("three pictures of each are shown", page.comes(lambda: len(page.pictures) == 6), len(page.pictures))
    shown, captions = page.pictures, page.text("gallery")
    payload = {"prompt": PROMPT, "negative_prompt": "grass", "sampler_name": "DPM++ 2M", "steps": 6}
    for seed, pair in ((1, shown[:2]), (2, shown[3:5])):
        for gi, name in ((None, "off"), ({"concepts": ["beer"], "weighting": "plain"}, f"beer={STRENGTH}")):
            check(f"seed {seed}, {name}: the caption says so", f"seed {seed}: {name}" in captions, captions)
            drawn = server.draw(gi, **payload, seed=seed).pictures[0]
            same = np.array_equal(pair[gi is not None], drawn) if len(pair) == 2 else False
            check(f"seed {seed}, {name}: the picture is the API's", same)
    check("nothing is left in the model", server.left == NOTHING, server.left)


def test_a_trial_takes_an_adapter(page, server, check):
    file = put_adapter(server)
    try:
        fill_trial(page)
        page.take("adapter", NAME)
        page.click("start")
        check("with an adapter it is drawn", page.tells("Drew 1 seed."), page.text("told"))
        check("with an adapter there are three pictures", page.comes(lambda: len(page.pictures) == 3))
        shown = page.pictures
        check("the caption says who infers", "seed 1: beer=auto" in page.text("gallery"), page.text("gallery"))
        gi = {"concepts": ["beer"], "adapter": NAME}
        drawn = server.draw(gi, prompt=PROMPT, sampler_name="DPM++ 2M", steps=6).pictures[0]
        check("the picture is the API's with this adapter", len(shown) == 3 and np.array_equal(shown[1], drawn))
    finally:
        file.unlink()


def test_a_trial_is_interrupted(page, server, check):
    fill_trial(page, steps=150, count=4)
    page.click("start")
    begun = page.comes(lambda: server.ask("/sdapi/v1/progress?skip_current_image=true")["state"]["sampling_step"] > 0)
    check("it is drawn", begun)
    page.click("stop")
    check("interrupted, it ends and says so", page.tells("Interrupted after 0 of 4 seeds."), page.text("told"))
    check("interrupted, no picture is shown", page.comes(lambda: page.pictures == []))
    check("interrupted, nothing is left in the model", server.left == NOTHING, server.left)


def test_a_calibration_takes_a_file_and_a_detectors_options(page, check, tmp_path):
    page.go_to_section("Calibrate")
    write_tasks([Task("beer", "a beer on grass", 1, 4.0), Task("beer", "a cat", 2, 4.0)], tmp_path / "two.json")
    page.upload("file", tmp_path / "two.json")
    check("a file of tasks is read", page.tells("2 tasks from two.json", "file_line"), page.text("file_line"))
    check("a file that was read is what is used", page.comes(lambda: page.picked("source") == FILE))
    (tmp_path / "none.json").write_text("[]")
    page.upload("file", tmp_path / "none.json")
    refused = page.tells("holds no list of tasks", "file_line")
    check("what is no file of tasks is refused", refused, page.text("file_line"))
    page.upload("file", tmp_path / "two.json")
    page.tells("2 tasks from two.json", "file_line")
    page.take("detector", "gi-tiny's own judge")
    page.write("options", "threshold=0.4")
    page.set("sure")
    page.click("start")
    check("options that a detector has not are refused", page.tells("takes no options"), page.text("told"))
    page.click("discard")
    check("discarded, nothing of it is told", page.comes(lambda: page.text("told") == ""), page.text("told"))


def test_a_calibration_is_watched_cancelled_resumed_and_discarded(page, server, check):
    other = page.another().load()
    other.go_to_section("Calibrate")
    page.go_to_section("Calibrate")
    page.choose(BEER)
    page.write("explicit", "a {} at night\na {} on grass")
    page.write("benign", "a ship on grass\na cat at night")
    page.pick("source", OWN)
    page.take("detector", "gi-tiny's own judge")
    for name, value in (QUICK | {"steps": 7, "count": 4, "batch": 1}).items():
        page.write(name, str(value))
    page.set("sure")
    page.click("start")
    check("it begins", page.tells("of 8 pictures"), page.text("told"))
    check("another page tells nothing by itself", other.text("told") == "", other.text("told"))
    other.click("watch")
    some = re.compile(r"\b[1-7] of 8 pictures have been tried")
    check("watched, the other page tells how far it is", other.comes(lambda: some.search(other.text("told")), LONG))
    other.click("cancel")
    for one, name in ((page, "the page that began it"), (other, "the other page")):
        check(f"cancelled there, {name} says so", one.tells("Cancelled."), one.text("told"))
    check("cancelled, nothing is left in the model", server.left == NOTHING, server.left)
    page.click("resume")
    told = page.comes(lambda: "pictures have been tried" in page.text("told") and page.text("told"))
    check("resumed, it goes on where it was", told and some.search(page.text("told")), page.text("told"))
    check("resumed, it comes to an end", page.tells("have a label", seconds=LONG), page.text("told"))
    chart = page.part("result").locator("img")
    check("its chart is shown", chart.count() == 1, chart.count())
    page.click("discard")
    check("discarded, nothing of it is told", page.comes(lambda: page.text("told") == ""), page.text("told"))
    check("discarded, its chart is gone", page.comes(lambda: chart.count() == 0))
    page.write("name", "gone")
    page.click("keep")
    check("discarded, there is nothing to keep", page.tells("no result to keep"), page.text("told"))
    check("the other page logged no error", not other.problems, other.problems)


def test_a_concept_of_ones_own_is_changed_and_exported(page, check):
    page.go_to_section("Concepts")
    for name in ("name", "phrase", "category"):
        page.write(name, getattr(MUG, name))
    page.click("change")
    check("without a choice nothing is changed", page.tells("no concept is chosen"), page.text("told"))
    page.click("add")
    page.tells("Added")
    changed = Concept(MUG.name, "a red mug", "vessels")
    for name in ("phrase", "category"):
        page.write(name, getattr(changed, name))
    page.click("change")
    check("changed, it is told", page.tells(f"Changed '{MUG.name}'"), page.text("told"))
    check("changed, the table has it", page.tells(changed.phrase, "table"), page.text("table"))
    exported = page.download("table")
    check("exported, the file holds it", parse(exported, "the download") == (changed,), exported)
    page.go_to("txt2img")
    page.press()
    page.choose(changed)
    check("changed, it is listed in its new category", page.says(f"Will inhibit {MUG.name}={STRENGTH}"), page.line)
    page.go_to_section("Concepts")
    page.click("delete")
    check("it is deleted", page.tells(f"Deleted '{MUG.name}'"), page.text("told"))


def test_adapters_are_listed_again_and_exported(page, server, check):
    page.go_to_section("Adapters")
    check("before it is there, it is not listed", NAME not in page.text("table"), page.text("table"))
    file = put_adapter(server)
    page.click("again")
    check("listed again, it is there", page.tells(NAME, "table"), page.text("table"))
    check("listed, what it is to the checkpoint is told", SAME_BUILD in page.text("table"), page.text("table"))
    page.take("chosen", NAME)
    check("chosen, it can be exported", page.tells("Export", "export"), page.text("export"))
    check("exported, it is the file", page.download("export") == file.read_bytes())
    page.set("sure")
    page.click("delete")
    check("deleted, it is told", page.tells(f"Deleted '{NAME}'"), page.text("told"))
    check("deleted, the file is gone", not file.exists())
