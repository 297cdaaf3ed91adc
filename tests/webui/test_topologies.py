"""Models that are built otherwise than SD1: SDXL, SD2, those that edit by instruction, and those for inpainting."""

import pytest
from cells import GI, LONG, PROMPT, alike, check

from tools.webui_server import encoded

LONG_AND_SHORT = {"prompt": LONG, "negative_prompt": "cat"}
PLAIN_PAIRS = {"image_cfg_scale": 1, "batch_size": 2}  # cond and uncond only, as with any other model
TEXT_CELLS = {
    "plain": {},
    "batch of two": {"batch_size": 2},
    "AND in a batch": {"prompt": "a beer on grass AND a cat", "batch_size": 2},
    "unequal lengths": LONG_AND_SHORT,
    "unequal lengths, padded": LONG_AND_SHORT | {"override_settings": {"pad_cond_uncond": True}},
    "cond and uncond apart": {"override_settings": {"batch_cond_uncond": False}},
    "NGMS": {"s_min_uncond": 4, "sampler_name": "Euler"},
    "hires fix": {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.6, "hr_upscaler": "Latent"},
}


def of(model: str, payload: dict) -> dict:
    """The payload of a call, for this checkpoint."""
    settings = payload.get("override_settings", {}) | {"sd_model_checkpoint": model}
    return {"steps": 4} | payload | {"override_settings": settings}


@pytest.mark.parametrize("cell", TEXT_CELLS)
def test_sdxl_topology(server, cell):
    check(server, layers=70, **of("xl", TEXT_CELLS[cell]))


def test_sdxl_topology_img2img(server):
    picture = encoded(server.draw(prompt=PROMPT).pictures[0])
    check(server, layers=70, to="img2img", init_images=[picture], denoising_strength=0.75, **of("xl", {}))


@pytest.mark.parametrize("cell", TEXT_CELLS)
def test_sd2_topology(server, cell):
    check(server, **of("two", TEXT_CELLS[cell]))


@pytest.fixture(scope="module")
def picture(server):
    """A picture of a cat, to be changed."""
    return encoded(server.draw(prompt="a cat on grass").pictures[0])


@pytest.mark.parametrize("more", [{}, {"batch_size": 2}, {"image_cfg_scale": 1}, PLAIN_PAIRS], ids=str)
def test_a_model_that_edits_by_instruction(server, picture, more):
    more = {"to": "img2img", "init_images": [picture], "denoising_strength": 0.9} | of("edit", more)
    check(server, **more)


def test_the_rows_of_a_model_that_edits_are_the_same_together_and_apart(server, picture):
    more = {"to": "img2img", "init_images": [picture], "denoising_strength": 0.9, "prompt": PROMPT}
    off, on = (server.draw(gi, **more | of("edit", {})) for gi in (None, GI))
    apart = server.draw(GI, **more | of("edit", {"override_settings": {"batch_cond_uncond": False}}))
    assert alike(apart, on, apart=(off, on))


@pytest.mark.parametrize("more", [{}, {"batch_size": 2, "prompt": "a beer AND a cat"}])
def test_a_model_for_inpainting(server, more):
    check(server, **of("inpainting", more))
