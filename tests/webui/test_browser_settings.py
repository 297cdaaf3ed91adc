"""What a real page begins with: our settings, the host's own defaults, its language; and what it does at rest."""

import json
import re

import pytest
from browser import STRENGTH, opened
from host_page import SOON
from page_scripts import OUR_SHIFT, PUSH, SHIFTS, TEXTS

from lib_gi.concepts import load_catalogue
from lib_gi.webui.arguments import label_of
from tools.webui_server import REPOSITORY, TITLE

BEER, SKULL = load_catalogue().lookup("beer"), load_catalogue().lookup("skull")
ALWAYS, DEFAULT, FOLDER = (f"growth_inhibitors_{name}" for name in ("always", "default", "heatmap_folder"))
STILL = 0.01  # the most that may move, in Chromium's measure; up to 0.1 is called good
REST = 5000  # milliseconds


@pytest.fixture
def setting(page, server):
    """Sets options in the settings page and applies them; what was set is taken back in the same way."""
    there = {}

    def set_to(**texts):
        there.update(texts)
        open_settings(page, TITLE)
        for key, text in texts.items():
            box = page.page.locator(f"#setting_{key}").locator("textarea, input").first
            box.fill(text)
            box.press("Tab")
        press(page, "#settings_submit")
        return page.comes(lambda: texts.items() <= server.ask("/sdapi/v1/options").items())

    yield set_to
    if any(there.values()):
        set_to(**dict.fromkeys(there, ""))


def open_settings(page, title):
    """Opens a section of the settings page."""
    page.go_to("Settings")
    page.page.locator("#settings > .tab-nav > button", has_text=re.compile(rf"^\s*{title}\s*$")).click()


def press(page, button):
    """Presses a button, and waits until its event is answered."""
    with page.page.expect_websocket():
        page.page.locator(button).click()
    page.settle()


def reload_ui(page, server):
    """Presses "Reload UI", and opens the page anew once the server is back."""
    starts = server.starts
    press(page, "#settings_restart_gradio")
    page.page.goto("about:blank")  # the host's page would open itself anew, perhaps while it is opened here
    server.wait_for_start(starts)
    page.load()


def check_still(page, check, name):
    """Checks in a page of its own that nothing of ours moves while it is loaded."""
    page = page.another()
    page.page.set_viewport_size({"width": 1400, "height": 1600})
    page.page.add_init_script(f"({SHIFTS})()")
    page.load()
    page.page.wait_for_timeout(2000)
    shift = page.page.evaluate(OUR_SHIFT)
    check(f"{name}, nothing of ours moves while the page is loaded", shift < STILL, shift)
    page.page.evaluate(PUSH, "growth_inhibitors_txt2img_enabled")
    noticed = page.comes(lambda: page.page.evaluate(OUR_SHIFT) >= shift + STILL)
    check(f"{name}, it would be noticed if it did", noticed, page.page.evaluate(OUR_SHIFT))


def test_what_is_always_kept_out_is_set_and_taken_back_in_the_settings_page(page, setting, server, check):
    check("it can be set", setting(**{ALWAYS: "beer=5"}))
    page.go_to("txt2img")
    page.prepare()
    told = page.generate()
    check("unticked, it is kept out", f"{TITLE}: beer=5" in told and "in 16 layers" in page.log, told + page.log)
    page.press()
    page.choose(SKULL)
    line = f"Will inhibit skull={STRENGTH}; beer=5 in gi-tiny"
    check("ticked, the line tells it too", page.says(line) and page.says("Some of it always"), page.line)
    page.press()
    check("it can be taken back", setting(**{ALWAYS: ""}))
    page.go_to("txt2img")
    told = page.generate()
    check("taken back, nothing is kept out", TITLE not in told + page.log and page.picture is not None, told + page.log)


def test_heat_maps_are_saved_in_the_folder_that_the_settings_page_names(page, setting, check, tmp_path):
    folder = tmp_path / "maps"
    check("the folder can be set", setting(**{FOLDER: str(folder)}))
    page.go_to("txt2img")
    page.prepare()
    page.press()
    page.choose(BEER)
    page.press_advanced()
    page.pick("heatmap", "M_star")
    page.generate()
    kinds = sorted(file.stem.rpartition("-")[2] for file in folder.rglob("*.png"))
    check("both sheets are saved", kinds == ["curve", "heatmap"], kinds)


def test_the_form_begins_with_what_is_ticked_at_the_start(page, setting, server, check):
    check("it can be set", setting(**{DEFAULT: "skull=6"}))
    reload_ui(page, server)
    for tab in ("txt2img", "img2img"):
        page.go_to(tab)
        check(f"{tab} begins ticked and open", page.ticked and page.is_open)
        check(f"{tab} begins with the concept", page.chosen == [label_of(SKULL)], page.chosen)
        check(f"{tab} begins with a line that tells it", page.says("Will inhibit skull=6 in gi-tiny"), page.line)
    said_nothing = server.draw().infotexts[0]
    check("a call that says nothing has it", f"{TITLE}: skull=6" in said_nothing, said_nothing)
    check_still(page, check, "open")
    check("it can be taken back", setting(**{DEFAULT: ""}))
    reload_ui(page, server)
    check("taken back, the form begins unticked", not page.ticked and not page.is_open)
    page.press()
    check("taken back, it begins with no concept", page.says("no concept is selected") and page.chosen == [], page.line)


def test_the_form_begins_with_the_hosts_own_defaults(page, server, check):
    file = server.folder / "ui-config.json"
    kept = file.read_text(encoding="utf-8")
    page.press()
    page.choose(BEER)
    page.write("strength", "5.5")
    open_settings(page, "Defaults")
    page.page.locator("#ui_defaults_view").click()
    review = page.page.locator("#settings_tab_defaults")
    key = "customscript/growth_inhibitors.py/txt2img/Strength/value"
    check("the host lists what was changed", page.comes(lambda: key in review.inner_text()), review.inner_text())
    page.page.locator("#ui_defaults_apply").click()
    check("the host keeps it", page.comes(lambda: json.loads(file.read_text(encoding="utf-8")).get(key) == 5.5))
    try:
        reload_ui(page, server)
        check("the form begins ticked and open", page.ticked and page.is_open)
        check("it begins with the strength", page.value("strength") == "5.5", page.value("strength"))
        check("it begins with the concept", page.chosen == [label_of(BEER)], page.chosen)
        check("its line tells it", page.says("Will inhibit beer=5.5 in gi-tiny"), page.line)
        page.go_to("img2img")
        check("the other tab's is unticked as ever", not page.ticked)
        page.press()
        check("the other tab's strength is as ever", page.value("strength") == STRENGTH, page.value("strength"))
    finally:
        file.write_text(kept, encoding="utf-8")
        server.reload_ui()


def test_in_german_everything_of_ours_is_german(server, check):
    german = json.loads((REPOSITORY / "localizations" / "de_DE.json").read_text(encoding="utf-8"))
    english = {text for text, other in german.items() if other != text} - set(german.values())
    server.ask("/sdapi/v1/options", {"localization": "de_DE"})
    try:
        server.reload_ui()
        with opened(f"http://127.0.0.1:{server.port}") as page:
            page.load()
            for tab in ("img2img", "txt2img"):
                page.go_to(tab)
                page.press()
                page.part("concepts").wait_for()
            page.go_to_section(german["Try"])
            found = set(page.page.evaluate(TEXTS))
            for text in ("Concepts", "Strength", "Advanced", "Try", "Calibrate", "to the end", "Always keep out"):
                check(f"{text!r} is there as {german[text]!r}", german[text] in found, sorted(found))
            check("nothing is left in English", not found & english, sorted(found & english))
            page.go_to("txt2img")
            page.choose(BEER)
            check("the line stays English", page.says(f"Will inhibit beer={STRENGTH}"), page.line)
            check("the German page logged no error", not page.problems, page.problems)
    finally:
        server.ask("/sdapi/v1/options", {"localization": "None"})
        server.reload_ui()


def test_nothing_of_ours_moves_while_the_page_is_loaded(page, check):
    check_still(page, check, "closed")


def test_the_page_asks_for_nothing_while_it_rests(page, check):
    page.page.wait_for_timeout(2000)
    asked = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.page.on("websocket", lambda socket: asked.append(socket.url))
    page.page.wait_for_timeout(REST)
    check(f"in {REST // 1000} s of rest nothing is asked for", asked == [], asked)
    page.press()
    check("it is noticed when something is", page.comes(lambda: asked, SOON))
