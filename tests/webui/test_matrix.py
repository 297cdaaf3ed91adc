"""Every way in which the WebUI samples: inhibited, recorded, and nothing left behind.

Each cell is drawn without, with, and again without growth inhibitors.
"""

import pytest
from server import encoded

GI = {"concepts": ["beer"], "strength": 4}
PROMPT = "a beer on grass"
LONG = "a beer on grass, " + "a lovely picture of a quiet scene, " * 12

SAMPLERS = (
    "DPM++ 2M, DPM++ SDE, DPM++ 2M SDE, DPM++ 2M SDE Heun, DPM++ 2S a, DPM++ 3M SDE, Euler a, Euler, LMS, Heun, DPM2,"
    " DPM2 a, DPM fast, DPM adaptive, Restart, DDIM, DDIM CFG++, PLMS, UniPC, LCM"
).split(", ")
OPTIMISATIONS = ("None", "sub-quadratic", "InvokeAI", "V1", "Doggettx", "sdp", "sdp-no-mem")

CELLS = {
    "plain": {},
    "batch of two": {"batch_size": 2},
    "two batches": {"n_iter": 2},
    "AND": {"prompt": "a beer on grass AND a cat on grass"},
    "AND in a batch": {"prompt": "a beer on grass AND a cat :0.5 AND a car", "batch_size": 2},
    "prompt editing": {"prompt": "a [cat:beer:0.3] on grass"},
    "alternating words": {"prompt": "a [cat|beer] on grass"},
    "emphasis": {"prompt": "a (beer:1.3) on [grass]"},
    "more than 75 tokens": {"prompt": LONG},
    "unequal lengths": {"prompt": LONG, "negative_prompt": "cat"},
    "unequal lengths, padded": {
        "prompt": LONG,
        "negative_prompt": "cat",
        "override_settings": {"pad_cond_uncond": True},
    },
    "negative prompt longer": {"prompt": PROMPT, "negative_prompt": LONG},
    "cond and uncond apart": {"override_settings": {"batch_cond_uncond": False}},
    "cond and uncond apart, batch of two": {"batch_size": 2, "override_settings": {"batch_cond_uncond": False}},
    "NGMS": {"s_min_uncond": 4, "sampler_name": "Euler"},
    "NGMS in all steps": {
        "s_min_uncond": 4,
        "sampler_name": "Euler",
        "override_settings": {"s_min_uncond_all": True},
    },
    "skip early CFG": {"override_settings": {"skip_early_cond": 0.4}},
    "CFG 1": {"cfg_scale": 1},
    "CFG 12": {"cfg_scale": 12},
    "clip skip": {"override_settings": {"CLIP_stop_at_last_layers": 2}},
    "emphasis off": {"override_settings": {"emphasis": "None"}},
    "token merging": {"override_settings": {"token_merging_ratio": 0.5}},
    "tiling": {"tiling": True},
    "another size": {"width": 192, "height": 128},
    "variation seed": {"subseed": 3, "subseed_strength": 0.3},
    "hires fix": {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.6, "hr_upscaler": "Latent"},
    "hires fix with its own prompt": {
        "enable_hr": True,
        "hr_scale": 1.5,
        "denoising_strength": 0.6,
        "hr_upscaler": "Lanczos",
        "hr_prompt": "a beer and a cat",
    },
    "refiner": {"refiner_checkpoint": "second", "refiner_switch_at": 0.5},
    "another checkpoint": {"override_settings": {"sd_model_checkpoint": "second"}},
}


def check(server, **payload):
    """One cell; gives the pictures without and with."""
    before = server.draw(**payload)
    on = server.draw(GI, **payload)
    assert server.hooks == 0
    again = server.draw(**payload)
    assert before.same(again), "a picture changed that was drawn without growth inhibitors"
    assert not before.same(on), "growth inhibitors did nothing"
    for text in on.infotexts:
        assert "Growth Inhibitors: beer=4, " in text and "Growth Inhibitors settings: version=1" in text
    assert "Growth Inhibitors" not in "".join(before.infotexts + again.infotexts)
    assert "in 16 layers" in on.comments
    return before, on


@pytest.mark.parametrize("cell", CELLS)
def test_txt2img(server, cell):
    check(server, **{"prompt": PROMPT, **CELLS[cell]})


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_sampler(server, sampler):
    check(server, prompt=PROMPT, sampler_name=sampler)


@pytest.mark.parametrize("optimisation", OPTIMISATIONS)
def test_cross_attention_optimisation(server, optimisation):
    chosen = next(o for o in server_optimisations(server) if o.split(" ")[0] == optimisation)
    server.ask("/sdapi/v1/options", {"cross_attention_optimization": chosen})
    try:
        check(server, prompt=PROMPT)
    finally:
        server.ask("/sdapi/v1/options", {"cross_attention_optimization": "Automatic"})


def server_optimisations(server):
    """The optimisations' names as the host's settings list them."""
    return ["None", "sub-quadratic", "InvokeAI", "V1 - original", "Doggettx", "sdp", "sdp-no-mem"]


@pytest.fixture(scope="module")
def picture(server):
    """A picture of a cat, to be changed."""
    return encoded(server.draw(prompt="a cat on grass").pictures[0])


@pytest.mark.parametrize("strength", [0.4, 0.75])
def test_img2img(server, picture, strength):
    check(server, to="img2img", prompt=PROMPT, init_images=[picture], denoising_strength=strength)


@pytest.mark.parametrize("whole", [True, False])
def test_inpaint(server, picture, whole):
    import numpy as np

    mask = np.zeros((128, 128, 3), np.uint8)
    mask[32:96, 32:96] = 255
    more = {"mask": encoded(mask), "inpaint_full_res": not whole, "inpainting_fill": 1, "mask_blur": 2}
    check(server, to="img2img", prompt=PROMPT, init_images=[picture], denoising_strength=0.75, **more)
