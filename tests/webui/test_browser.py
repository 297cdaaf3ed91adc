"""The accordion in a real page: tick, choose, generate, see, paste, send, reload."""

import numpy as np
import pytest
from browser import NOTHING, PROMPT, STRENGTH

from lib_gi.concepts import load_catalogue
from lib_gi.webui.arguments import label_of
from tools.webui_server import TITLE

BEER, SKULL = load_catalogue().lookup("beer"), load_catalogue().lookup("skull")
BASE = f"{PROMPT}\nSteps: 8, Sampler: DDIM, CFG scale: 4, Seed: 1, Size: 128x128"


@pytest.fixture
def page(page):
    """The page with settings for a quick picture."""
    page.prepare()
    return page


def same(one, other):
    """Whether two pictures are there and equal, bit for bit."""
    return one is not None and other is not None and np.array_equal(one, other)


def test_ticking_inhibits_and_unticking_gives_the_old_picture(page, server, check):
    off, before = page.generate(), page.picture
    check("before it is ticked, nothing tells of it", TITLE not in off + page.log, off + page.log)
    check("before it is ticked, there is a picture", before is not None)
    page.press()
    check("its label opens and ticks it", page.comes(lambda: page.is_open and page.ticked))
    check("ticked and empty, its line asks for a concept", page.says("no concept is selected"), page.line)
    page.choose(BEER)
    will = f"Will inhibit beer={STRENGTH} in gi-tiny"
    check("its line tells what will be inhibited, and in what", page.says(will), page.line)
    on, inhibited = page.generate(), page.picture
    check("the infotext under the picture tells of it", f"{TITLE}: beer={STRENGTH}" in on, on)
    done = f"{TITLE}: beer={STRENGTH}; 8 of 8 steps in 16 layers"
    check("the line under the infotext tells what was done", done in page.log, page.log)
    check("the picture is another one", inhibited is not None and not same(before, inhibited))
    check("nothing is left in the model", server.left == NOTHING, server.left)
    check("pressed again, Generate gives the same text", page.generate() == on)
    check("pressed again, Generate gives the same picture", same(page.picture, inhibited))
    page.press()
    check("its label closes and unticks it", page.comes(lambda: not page.is_open and not page.ticked))
    check("unticked, its line says that it is off", page.says("Off"), page.line)
    check("unticked, the infotext is as before", page.generate() == off)
    check("unticked, the picture is as before, bit for bit", same(page.picture, before))
    check("unticked, the line under the infotext tells nothing of it", TITLE not in page.log, page.log)
    check("unticked, nothing is left in the model", server.left == NOTHING, server.left)


def test_the_box_alone_ticks_it_and_leaves_it_closed(page, check):
    page.tick()
    check("the box ticks it", page.ticked)
    check("the box leaves it closed", not page.is_open)
    page.generate()
    check("ticked by the box and never opened, it acts", "no concept is selected" in page.log, page.log)
    page.tick()
    check("the box unticks it", not page.ticked)
    told = page.generate()
    check("unticked by the box, it does nothing", TITLE not in told and page.picture is not None, told)


def test_a_mistake_is_told_beforehand_and_stops_the_picture(page, server, check):
    page.press()
    page.choose(BEER)
    page.write("strengths", "bear=2")
    check("a mistake is told beforehand", page.says("Will not generate"), page.line)
    check("and what was perhaps meant", "Did you mean 'beer'" in page.line, page.line)
    told = page.generate()
    check("a mistake stops the picture", page.picture is None and not told, told)
    check("the error is where the picture's times stand", "bear" in page.log and "beer" in page.log, page.log)
    check("after the error nothing is left in the model", server.left == NOTHING, server.left)
    page.write("strengths", "beer=2")
    check("put right, the line tells it", page.says("Will inhibit beer=2"), page.line)
    told = page.generate()
    check("put right, it is drawn", f"{TITLE}: beer=2" in told and page.picture is not None, told)


def test_words_that_the_list_lacks_are_typed_and_act(page, check):
    page.press()
    page.write("free_text", "a bottle of beer; skull")
    both = f"a bottle of beer={STRENGTH}; skull={STRENGTH}"
    check("typed concepts are in the line", page.says(f"Will inhibit {both}"), page.line)
    told = page.generate()
    check("typed concepts are inhibited", f"{TITLE}: {both}" in told, told)
    page.write("free_text", "<b>beer</b>")
    check("typed signs are shown as they are", page.says(f"Will inhibit <b>beer</b>={STRENGTH}"), page.line)


def test_what_is_typed_fast_is_what_the_line_tells_of(page, check):
    page.press()
    page.choose(BEER)
    page.type("strengths", "beer=12.5")
    check("typed fast, the whole text counts", page.says("Will inhibit beer=12.5"), page.line)


def test_while_an_answer_is_under_way_the_form_is_there_and_no_change_is_lost(page, check):
    held = []
    page.page.route("**/run/predict*", lambda route: held.append(route))
    page.press()
    page.part("concepts").wait_for()
    check("the form is there before any answer", len(held) == 1 and page.line == "", page.line)
    page.choose(BEER)
    page.write("strength", "7.5")
    held.pop().continue_()
    check("once it has come, what changed meanwhile is asked for", page.comes(lambda: held))
    page.write("strengths", "beer=9")
    page.page.unroute("**/run/predict*")  # which lets go of what is held
    check("the line tells the last change", page.says("Will inhibit beer=9"), page.line)


def test_every_other_control_acts(page, check):
    page.press()
    page.choose(BEER)
    page.write("strength", "7.5")
    check("the slider's strength is in the line", page.says("beer=7.5"), page.line)
    page.press_advanced()
    page.write("first_step", "2")
    page.write("last_step", "5")
    page.pick("weighting", "plain")
    told = page.generate()
    for words in ("beer=7.5", "weighting=plain", "first step=2", "last step=5"):
        check(f"the infotext holds {words}", words in told, told)
    check("only the chosen steps are inhibited", "4 of 8 steps in 16 layers" in page.log, page.log)


def test_an_infotext_is_pasted_into_every_control(page, server, check):
    acting = f"beer=6; skull=2; a red hat={STRENGTH}"
    ours = f"{TITLE}: {acting}"
    more = f"{TITLE} settings: version=1; weighting=plain; first step=1; last step=6; free text=true"
    page.paste(f"{BASE}, {ours}, {more}")
    line = page.says(acting)
    check("pasted, the line tells it", line, page.line)
    check("pasted, it is ticked and open", page.comes(lambda: page.ticked and page.is_open))
    check("pasted, the list holds the concepts", page.chosen == [label_of(BEER), label_of(SKULL)], page.chosen)
    for name, value in (("free_text", "a red hat"), ("strength", STRENGTH), ("first_step", "1"), ("last_step", "6")):
        check(f"pasted, {name} is {value}", page.value(name) == value, page.value(name))
    strengths = page.value("strengths")
    check("pasted, each concept has its strength", strengths == "beer=6; skull=2", strengths)
    check("pasted, the weighting is picked", page.picked("weighting") == "plain")
    told = page.generate()
    for words in (ours, "weighting=plain", "first step=1", "last step=6", "free text=true"):
        check(f"what was pasted comes out again: {words}", words in told, told)
    asked = {"concepts": ["beer", "skull", "a red hat"], "free_text": True, "strengths": {"beer": 6, "skull": 2}}
    drawn = server.draw(asked | {"weighting": "plain", "first_step": 1, "last_step": 6}, prompt=PROMPT)
    check("the page and the API draw the same picture", same(page.picture, drawn.pictures[0]))


def test_an_infotext_without_ours_leaves_the_form_as_it_is(page, check):
    page.press()
    page.choose(BEER)
    page.paste(BASE.replace("Steps: 8", "Steps: 6"))
    check("the host's own fields are pasted", page.comes(lambda: page.read("steps") == "6"), page.read("steps"))
    check("it stays ticked", page.ticked)
    check("the concept stays chosen", page.chosen == [label_of(BEER)], page.chosen)


def test_a_reloaded_page_starts_with_the_defaults(page, check):
    page.press()
    page.choose(BEER)
    check("the concept was chosen", page.says("Will inhibit beer"), page.line)
    page.load()
    check("reloaded, it is unticked and closed", not page.ticked and not page.is_open)
    page.prepare()
    told = page.generate()
    check("reloaded, it does nothing", TITLE not in told and page.picture is not None, told)
    page.press()
    check("reloaded, the strength is the default", page.value("strength") == STRENGTH, page.value("strength"))
    check("reloaded, no concept is chosen", page.chosen == [] and page.says("no concept is selected"), page.line)


def test_both_tabs_have_their_own(page, check):
    page.press()
    page.choose(SKULL)
    page.go_to("img2img")
    check("the other tab's is unticked", not page.ticked)
    page.press()
    check("the other tab's has no concept", page.says("no concept is selected") and page.chosen == [], page.line)
    page.go_to("txt2img")
    check("back again, it is as it was", page.ticked and page.chosen == [label_of(SKULL)], page.chosen)


def test_sent_to_img2img_the_protection_goes_with_the_picture(page, server, check):
    page.press()
    page.choose(BEER)
    page.generate()
    page.send_to_img2img()
    check("sent on, it is ticked there", page.comes(lambda: page.ticked))
    sent = page.comes(lambda: page.chosen == [label_of(BEER)])
    check("sent on, the concept is chosen there", sent, page.chosen)
    check("sent on, the line there tells it", page.says(f"Will inhibit beer={STRENGTH}"), page.line)
    told = page.generate()
    check("sent on, it is inhibited there", f"{TITLE}: beer={STRENGTH}" in told, told)
    check("sent on, the line under the infotext tells what was done", " in 16 layers" in page.log, page.log)
    check("after both, nothing is left in the model", server.left == NOTHING, server.left)


def test_the_line_follows_the_checkpoint(page, check):
    page.press()
    page.choose(BEER)
    page.says(f"Will inhibit beer={STRENGTH} in gi-tiny")
    for name in ("second", "gi-tiny"):
        page.load_checkpoint(name)
        check(f"once {name} is loaded, the line names it", page.says(f"beer={STRENGTH} in {name}:"), page.line)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_legible_in_both_themes(page, check, theme):
    page.load(theme)
    page.prepare()
    check(f"the page is {theme}", page.dark == (theme == "dark"))
    page.press()
    page.says("no concept is selected")
    check(f"{theme}: what is wrong is legible", page.contrast >= 4.5, page.contrast)
    page.choose(BEER)
    page.says("Will inhibit beer")
    check(f"{theme}: what will happen is legible", page.contrast >= 4.5, page.contrast)
    page.generate()
    page.shoot(f"webui-{theme}.png")
