"""The accordion in a real page: tick, choose, generate, see, paste, reload."""

import pytest
from browser import chromium, opened

from lib_gi.concepts import load_catalogue

pytest.importorskip("playwright")
if chromium() is None:
    pytest.skip("there is no Chromium; name one in GI_CHROMIUM", allow_module_level=True)

PROMPT = "a beer on grass"
BEER, SKULL = load_catalogue().lookup("beer"), load_catalogue().lookup("skull")


@pytest.fixture
def page(server):
    """The page, loaded anew, with settings for a quick picture."""
    with opened(f"http://127.0.0.1:{server.port}") as page:
        page.load()
        for field, value in (("steps", 8), ("width", 128), ("height", 128), ("seed", 1), ("prompt", PROMPT)):
            page.fill(field, value)
        yield page
        assert not page.problems


def test_ticking_inhibits_and_unticking_gives_the_old_picture(page, server):
    off = page.generate()
    assert "Growth Inhibitors" not in off
    page.tick()
    page.wait_for_line("no concept is selected")
    page.choose(BEER)
    page.wait_for_line("Will inhibit beer=4")
    on = page.generate()
    assert "Growth Inhibitors: beer=4" in on and "8 of 8 steps in 16 layers" in page.log
    page.tick()
    page.wait_for_line("Off")
    assert page.generate() == off
    assert server.left == {"hooks": [], "sessions": 0}


def test_a_mistake_is_told_beforehand_and_stops_the_picture(page):
    page.tick()
    page.choose(BEER)
    page.write("strengths", "bear=2")
    page.wait_for_line("Will not generate")
    assert "beer" in page.line
    page.generate()
    assert "bear" in page.log


def test_words_that_the_list_lacks_are_typed_and_act(page):
    page.tick()
    page.write("free_text", "a bottle of beer; skull")
    page.wait_for_line("a bottle of beer=4, skull=4")
    assert "Growth Inhibitors: a bottle of beer=4; skull=4" in page.generate()


def test_an_infotext_is_pasted_into_every_control(page):
    text = (
        f"{PROMPT}\nSteps: 8, Sampler: DDIM, CFG scale: 4, Seed: 1, Size: 128x128,"
        " Growth Inhibitors: beer=6; skull=3; a red hat=4,"
        " Growth Inhibitors settings: version=1; weighting=plain; first step=1; last step=6; free text=true"
    )
    page.paste(text)
    page.wait_for_line("beer=6")
    assert page.ticked and len(page.chosen) == 2
    assert page.value("free_text") == "a red hat" and page.value("last_step") == "6"
    drawn = page.generate()
    for words in ("beer=6", "skull=3", "a red hat=4", "weighting=plain", "first step=1", "last step=6"):
        assert words in drawn


def test_a_reloaded_page_starts_with_the_defaults(page):
    page.tick()
    page.choose(BEER)
    page.load()
    assert not page.ticked and page.chosen == [] and page.value("strength") == "4"


def test_both_tabs_have_their_own(page):
    page.tick()
    page.choose(SKULL)
    page.go_to("img2img")
    assert not page.ticked and page.chosen == []
