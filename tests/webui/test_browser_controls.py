"""The accordion's controls in a real page that are used less often: bound, hires pass, heat maps; styles; a warning."""

import numpy as np
from browser import PROMPT

from lib_gi.concepts import load_catalogue
from lib_gi.webui.arguments import label_of
from tools.webui_server import TITLE

BEER = load_catalogue().lookup("beer")
FORM = {"prompt": PROMPT, "sampler_name": "DPM++ 2M", "cfg_scale": 7}  # what the page begins with
BASE = f"{PROMPT}\nSteps: 8, Sampler: DDIM, CFG scale: 4, Seed: 1, Size: 128x128"


def test_bound_and_heat_maps_act(page, server, check):
    page.prepare()
    page.press()
    page.choose(BEER)
    page.write("strength", "12")
    page.press_advanced()
    page.write("bound", "0.9, 1.1")
    page.pick("heatmap", "agreement")
    told = page.generate()
    check("the infotext holds the bound", "bound=0.9 to 1.1" in told, told)
    shown = page.pictures
    check("heat map and curve are shown behind the picture", len(shown) == 3, len(shown))
    check("the heat map is as wide as several pictures", len(shown) == 3 and shown[1].shape[1] > 4 * 128)
    asked = {"concepts": ["beer"], "strength": 12}
    free, bounded = (server.draw(asked | more, **FORM).pictures[0] for more in ({}, {"bound": [0.9, 1.1]}))
    check("the bound changes the picture", not np.array_equal(free, bounded))
    check("the picture is the bounded one, whether or not there are heat maps", np.array_equal(page.picture, bounded))
    page.pick("heatmap", "off")
    page.write("bound", "")
    told = page.generate()
    check("without a bound none is recorded", TITLE in told and "bound" not in told, told)
    check("without a bound the picture is the free one", np.array_equal(page.picture, free))
    check("without heat maps none is shown", len(page.pictures) == 1, len(page.pictures))


def test_the_hires_pass_is_inhibited_or_not_as_is_ticked(page, check):
    page.prepare()
    page.page.locator("#txt2img_hr-visible-checkbox").click()
    page.press()
    page.choose(BEER)
    page.generate()
    check("ticked, both passes are inhibited", "8 of 8 steps in 16 layers, then " in page.log, page.log)
    both = page.picture
    page.press_advanced()
    page.set("hires", False)
    told = page.generate()
    check("unticked, the infotext says so", "hires=false" in told, told)
    check("unticked, the first pass is inhibited", "8 of 8 steps in 16 layers" in page.log, page.log)
    check("unticked, the second is not", ", then " not in page.log, page.log)
    check("unticked, the picture is another one", not np.array_equal(page.picture, both))
    page.forget_the_hosts_errors()


def test_an_infotext_of_an_unknown_version_is_taken_with_a_warning(page, check):
    page.prepare()
    warning = page.page.locator(".toast-body")
    page.paste(f"{BASE}, {TITLE}: beer=6, {TITLE} settings: version=1")
    check("of this version it is taken", page.says("Will inhibit beer=6"), page.line)
    check("of this version there is no warning", warning.count() == 0, warning.all_inner_texts())
    page.paste(f"{BASE}, {TITLE}: beer=7, {TITLE} settings: version=9")
    warned = page.comes(lambda: "version is 9; expected 1" in " ".join(warning.all_inner_texts()))
    check("of another version it is warned of in the page", warned, warning.all_inner_texts())
    check("of another version what is known is taken", page.says("Will inhibit beer=7"), page.line)


def test_a_style_is_inhibited_like_what_is_typed_and_leaves_the_accordion_as_it_is(page, server, check):
    page.prepare()
    page.press()
    page.choose(BEER)
    menu = page.page.locator("#txt2img_styles input").first
    menu.click()
    menu.fill("lively")
    page.page.locator("#txt2img_styles li", has_text="lively").click()
    menu.press("Tab")
    told = page.generate()
    check("a style's text is in the prompt that was drawn", f"{PROMPT}, a cat" in told, told)
    with_style = {"prompt": f"{PROMPT}, a cat", "negative_prompt": "car"}
    drawn = server.draw({"concepts": ["beer"]}, **FORM | with_style)
    check("the picture is that of the whole prompt, inhibited", np.array_equal(page.picture, drawn.pictures[0]))
    page.page.locator("#txt2img_style_apply").click()
    check("applied, the style is in the prompt", page.comes(lambda: page.read("prompt") == with_style["prompt"]))
    check("applied, the accordion stays ticked", page.ticked)
    check("applied, the concept stays chosen", page.chosen == [label_of(BEER)], page.chosen)
    page.generate()
    check("applied, the picture is the same", np.array_equal(page.picture, drawn.pictures[0]))
