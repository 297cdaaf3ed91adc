"""The extension's own tab in a real page: concepts of one's own, a trial, a calibration, adapters."""

import numpy as np
import pytest
import torch
from browser import NOTHING, PROMPT, STRENGTH

from lib_gi.adapter import Adapter, new_network
from lib_gi.concept_files import text_of
from lib_gi.concepts import Concept, load_catalogue
from lib_gi.webui.arguments import label_of
from lib_gi.webui.calibrating import OWN
from tools.gi_tiny.stages import JUDGES_FOLDER
from tools.webui_server import TITLE

BEER = load_catalogue().lookup("beer")
MINE = Concept("Bière ☕", "beer", "my own")
HAT = Concept("<i>hat</i>", "a red hat", "clothes")
QUICK = {"steps": 6, "width": 128, "height": 128}
LONG = 400  # seconds, for a calibration


def saved(server):
    """The pictures that the server has written to its folder of outputs."""
    return sorted(server.folder.glob("outputs/**/*.png"))


def test_a_concept_of_ones_own_is_added_acts_and_goes(page, server, check, tmp_path):
    page.go_to_section("Concepts")
    page.click("add")
    check("without a name nothing is added", page.tells("name"), page.text("told"))
    for name, text in (("name", MINE.name), ("phrase", MINE.phrase), ("category", MINE.category)):
        page.write(name, text)
    page.write("anchor", MINE.phrase)
    page.click("add")
    check("an anchor that is the phrase is refused", page.tells("something else"), page.text("told"))
    page.write("anchor", "")
    page.click("add")
    check("added, it is told", page.tells(f"Added '{MINE.name}'"), page.text("told"))
    check("added, it is in the table", MINE.name in page.text("table"), page.text("table"))
    file = tmp_path / "concepts.json"
    file.write_text(text_of([HAT]), "utf-8")
    page.upload("import", file)
    check("a file is imported", page.tells("Imported 1 of 1"), page.text("told"))
    check("what a file holds is shown as it is", HAT.name in page.text("table"), page.text("table"))
    page.shoot("webui-concepts.png")
    page.go_to("txt2img")
    page.prepare()
    page.press()
    page.choose(MINE)
    check("it can be chosen without a reload", page.says(f"Will inhibit {MINE.name}={STRENGTH}"), page.line)
    told = page.generate()
    check("it acts", f"{MINE.name}={STRENGTH}" in told and "in 16 layers" in page.log, told + page.log)
    drawn = server.draw({"concepts": ["beer"]}, prompt=PROMPT, sampler_name="DPM++ 2M", cfg_scale=7)
    check("as its phrase does", np.array_equal(page.picture, drawn.pictures[0]))
    page.go_to_section("Concepts")
    for concept in (MINE, HAT):
        page.take("chosen", label_of(concept))
        filled = page.comes(lambda concept=concept: page.value("name") == concept.name)
        check(f"chosen, {concept.name} is in the field", filled, page.value("name"))
        page.click("delete")
        check(f"{concept.name} is deleted", page.tells(f"Deleted '{concept.name}'"), page.text("told"))
    check("deleted, none is in the table", page.comes(lambda: MINE.name not in page.text("table")))


def test_a_trial_shows_off_on_and_the_difference_and_saves_nothing(page, server, check):
    before = saved(server)
    page.go_to_section("Try")
    page.write("prompt", PROMPT)
    for name, value in (QUICK | {"seed": 1, "steps": 20, "cfg_scale": 4}).items():
        page.write(name, str(value))
    page.click("start")
    check("without a concept it says so", page.tells("no concept is selected"), page.text("told"))
    page.choose(BEER)
    page.click("start")
    check("a trial is drawn", page.tells("Drew 1 seed."), page.text("told"))
    shown = page.part("gallery").locator("img")
    check("there are three pictures", page.comes(lambda: shown.count() >= 3), shown.count())
    page.shoot("webui-try.png")
    check("none is saved", saved(server) == before)
    check("nothing is left in the model", server.left == NOTHING, server.left)


def test_a_calibration_asks_first_and_makes_an_adapter_that_acts(page, server, check):
    before = saved(server)
    page.go_to_section("Calibrate")
    page.choose(BEER)
    page.write("explicit", "a {} on grass\na {} in the snow\na {} at night")
    page.write("benign", "a cat on grass\na car in the snow\na ship at night")
    page.pick("source", OWN)
    page.take("detector", "gi-tiny's own judge")
    for name, value in (QUICK | {"count": 4}).items():
        page.write(name, str(value))
    page.click("start")
    check("nothing is drawn before it is agreed to", page.tells("tick"), page.text("told"))
    page.set("sure")
    page.click("start")
    check("it tells how far it is", page.tells(" of "), page.text("told"))
    check("it comes to an end", page.tells("have a label", seconds=LONG), page.text("told"))
    check("its chart is shown", page.part("result").locator("img").count() == 1)
    page.shoot("webui-calibrate.png")
    check("none of its pictures is saved", saved(server) == before)
    page.write("name", "of the page")
    page.click("keep")
    check("it is kept", page.tells("Kept as 'of the page'"), page.text("told"))
    page.go_to("txt2img")
    page.prepare()
    page.press()
    page.choose(BEER)
    page.take("adapter", "of the page")
    check("chosen, the line tells it", page.says("of the page"), page.line)
    told = page.generate()
    check("it infers the strength", "beer=auto" in told and "adapter=of the page" in told, told)
    check("what it inferred is told", "beer=" in page.log and page.picture is not None, page.log)
    check("nothing is left in the model", server.left == NOTHING, server.left)


def test_an_adapter_is_imported_and_deleted_only_for_good(page, check, tmp_path):
    layers = tuple(f"layer {index}" for index in range(3))
    about = {"model": "elsewhere"}
    adapter = Adapter(layers, "M_star", new_network(3), torch.zeros(3), torch.ones(3), -4.0, 0.0, about)
    adapter.save(tmp_path / "foreign.safetensors")
    page.go_to_section("Adapters")
    page.upload("import", tmp_path / "foreign.safetensors")
    check("an adapter is imported", page.tells("Imported 'foreign'"), page.text("told"))
    check("it is in the table, with its model", "elsewhere" in page.text("table"), page.text("table"))
    page.upload("import", JUDGES_FOLDER / "label.safetensors")
    check("what is no adapter is refused", page.tells("no adapter"), page.text("told"))
    page.take("chosen", "foreign")
    check("chosen, it can be exported", page.comes(lambda: "Export" in page.text("export")), page.text("export"))
    page.click("delete")
    check("it is not deleted at once", page.tells("tick it, and press Delete again"), page.text("told"))
    page.set("sure")
    page.shoot("webui-adapters.png")
    page.click("delete")
    check("then it is", page.tells("Deleted 'foreign'"), page.text("told"))


@pytest.mark.parametrize("section", ["Concepts", "Try", "Calibrate", "Adapters"])
def test_a_screen_reader_has_a_name_for_everything_in_the_tab(page, check, section):
    page.go_to_section(section)
    check(f"{section}: everything has a name", page.unnamed == [], page.unnamed)


def test_a_screen_reader_and_the_keyboard_serve_the_accordion(page, server, check):
    page.prepare()
    page.press()
    page.press_advanced()
    page.comes(lambda: page.part("first_step").is_visible())
    check("everything has a name", page.unnamed == [], page.unnamed)
    page.write("free_text", "beer")
    page.part("free_text").locator("textarea, input").first.focus()
    reached = set()
    for _ in range(25):
        page.page.keyboard.press("Tab")
        reached |= set(page.page.evaluate(
            "() => { const ids = []; for (let e = document.activeElement; e; e = e.parentElement) ids.push(e.id);"
            " return ids.filter(id => id.startsWith('growth_inhibitors_txt2img_')); }"
        ))
    simple = ("strength", "adapter", "strengths")
    for name in (*simple, "weighting", "first_step", "last_step", "hires", "bound", "heatmap"):
        check(f"the key Tab comes to {name}", f"growth_inhibitors_txt2img_{name}" in reached, sorted(reached))


def test_two_pages_at_once_have_each_their_own(page, server, check):
    page.prepare()
    page.press()
    page.choose(BEER)
    other = page.another()
    other.load()
    other.prepare()
    check("the other page is unticked", not other.ticked)
    page.start()
    told = other.generate()
    check("the other page's picture is as if it were alone", TITLE not in told and other.picture is not None, told)
    told = page.end()
    check("the first page's picture is inhibited", f"{TITLE}: beer={STRENGTH}" in told, told)
    check("nothing is left in the model", server.left == NOTHING, server.left)
    check("the other page logged no error", not other.problems, other.problems)
