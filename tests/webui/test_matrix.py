"""Every way in which the WebUI samples: inhibited, recorded, said, and nothing left behind."""

import numpy as np
import pytest
from cells import GI, LONG, PROMPT, alike, check, options

from tools.webui_server import encoded

SAMPLERS = (
    "DPM++ 2M, DPM++ SDE, DPM++ 2M SDE, DPM++ 2M SDE Heun, DPM++ 2S a, DPM++ 3M SDE, Euler a, Euler, LMS, Heun, DPM2,"
    " DPM2 a, DPM fast, DPM adaptive, Restart, DDIM, DDIM CFG++, PLMS, UniPC, LCM"
).split(", ")
OPTIMISATIONS = (
    "Automatic",
    "Doggettx",
    "InvokeAI",
    "None",
    "V1 - original v1",
    "sdp - scaled dot product",
    "sdp-no-mem - scaled dot product without memory efficient attention",
    "sub-quadratic",
)
HIRES = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.6, "hr_upscaler": "Latent"}
UNEQUAL = {"prompt": LONG, "negative_prompt": "cat"}

CELLS = {
    "plain": {},
    "batch of two": {"batch_size": 2},
    "two batches": {"n_iter": 2},
    "two batches of two": {"n_iter": 2, "batch_size": 2},
    "AND": {"prompt": "a beer on grass AND a cat on grass"},
    "AND in a batch": {"prompt": "a beer on grass AND a cat :0.5 AND a car", "batch_size": 2},
    "AND, cond and uncond apart": {
        "prompt": "a beer on grass AND a cat",
        "batch_size": 2,
        "override_settings": {"batch_cond_uncond": False},
    },
    "prompt editing": {"prompt": "a [cat:beer:0.3] on grass"},
    "alternating words": {"prompt": "a [cat|beer] on grass"},
    "emphasis": {"prompt": "a (beer:1.3) on [grass]"},
    "BREAK": {"prompt": "a beer BREAK on grass"},
    "style": {"styles": ["lively"]},
    "more than 75 tokens": {"prompt": LONG},
    "unequal lengths": UNEQUAL,
    "unequal lengths in a batch": UNEQUAL | {"batch_size": 2},
    "unequal lengths, padded": UNEQUAL | {"override_settings": {"pad_cond_uncond": True}},
    "unequal lengths, padded as before 1.6": UNEQUAL | {"override_settings": {"pad_cond_uncond_v0": True}},
    "unequal lengths, apart": UNEQUAL | {"override_settings": {"batch_cond_uncond": False}},
    "negative prompt longer": {"negative_prompt": LONG},
    "cond and uncond apart": {"override_settings": {"batch_cond_uncond": False}},
    "cond and uncond apart in a batch": {"batch_size": 2, "override_settings": {"batch_cond_uncond": False}},
    "NGMS": {"s_min_uncond": 4, "sampler_name": "Euler"},
    "NGMS in all steps": {
        "s_min_uncond": 4,
        "sampler_name": "Euler",
        "override_settings": {"s_min_uncond_all": True},
    },
    "NGMS with AND in a batch": {
        "prompt": "a beer on grass AND a cat",
        "batch_size": 2,
        "s_min_uncond": 4,
        "sampler_name": "Euler",
    },
    "skip early CFG": {"override_settings": {"skip_early_cond": 0.4}},
    "CFG 1": {"cfg_scale": 1},
    "CFG 12": {"cfg_scale": 12},
    "clip skip": {"override_settings": {"CLIP_stop_at_last_layers": 2}},
    "emphasis off": {"override_settings": {"emphasis": "None"}},
    "emphasis without norm": {"override_settings": {"emphasis": "No norm"}},
    "old emphasis": {"override_settings": {"use_old_emphasis_implementation": True}},
    "token merging": {"override_settings": {"token_merging_ratio": 0.5}},
    "attention upcast": {"override_settings": {"upcast_attn": True}},
    "zero terminal SNR": {"override_settings": {"sd_noise_schedule": "Zero Terminal SNR"}},
    "tiling": {"tiling": True},
    "another size": {"width": 192, "height": 128},
    "variation seed": {"subseed": 3, "subseed_strength": 0.3},
    "schedule type": {"sampler_name": "Euler", "scheduler": "Karras"},
    "many steps": {"steps": 40},
    "one step": {"steps": 1, "sampler_name": "Euler"},
    "hires fix": HIRES,
    "hires fix in a batch": HIRES | {"batch_size": 2},
    "hires fix with an upscaler": HIRES | {"hr_upscaler": "Lanczos"},
    "hires fix with its own prompt": HIRES | {"hr_prompt": "a beer and a cat"},
    "hires fix with its own sampler and steps": HIRES | {"hr_sampler_name": "Euler a", "hr_second_pass_steps": 5},
    "hires fix with its own checkpoint": HIRES | {"hr_checkpoint_name": "second"},
    "refiner": {"refiner_checkpoint": "second", "refiner_switch_at": 0.5},
    "refiner in two batches": {"refiner_checkpoint": "second", "refiner_switch_at": 0.5, "n_iter": 2},
    "refiner with hires fix": HIRES | {"refiner_checkpoint": "second", "refiner_switch_at": 0.5},
    "another checkpoint": {"override_settings": {"sd_model_checkpoint": "second"}},
}


@pytest.mark.parametrize("cell", CELLS)
def test_txt2img(server, cell):
    check(server, **CELLS[cell])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_sampler(server, sampler):
    check(server, sampler_name=sampler)


@pytest.mark.parametrize("optimisation", OPTIMISATIONS)
def test_cross_attention_optimisation(server, optimisation):
    usual = server.draw(prompt=PROMPT), server.draw(GI, prompt=PROMPT)
    with options(server, cross_attention_optimization=optimisation):
        _, on = check(server)
    assert alike(on, usual[1], apart=usual)


def test_no_sampler_and_no_optimisation_of_the_host_was_forgotten(server):
    lists = server.ask("/companion/lists")
    assert sorted(lists["samplers"]) == sorted(SAMPLERS)
    assert sorted(lists["optimisations"]) == sorted(OPTIMISATIONS)


@pytest.mark.parametrize("more", [{}, {"override_settings": {"batch_cond_uncond": False}}, {"s_min_uncond": 4}])
def test_each_picture_of_a_batch_is_inhibited_as_if_it_were_alone(server, more):
    more = {"prompt": PROMPT, "sampler_name": "Euler"} | more
    batch = server.draw(GI, batch_size=2, **more)
    for number in (0, 1):
        alone = server.draw(GI, seed=1 + number, **more)
        off = server.draw(seed=1 + number, **more)
        assert np.abs(batch.pictures[number].astype(int) - alone.pictures[0]).mean() < 0.1 * off.distance(alone)


def test_rows_that_the_host_runs_apart_are_inhibited_as_if_together(server):
    off, together = server.draw(prompt=PROMPT), server.draw(GI, prompt=PROMPT)
    apart = server.draw(GI, prompt=PROMPT, override_settings={"batch_cond_uncond": False})
    assert alike(apart, together, apart=(off, together))


@pytest.fixture(scope="module")
def picture(server):
    """A picture of a cat, to be changed."""
    return encoded(server.draw(prompt="a cat on grass").pictures[0])


@pytest.mark.parametrize("strength", [0.4, 0.75])
def test_img2img(server, picture, strength):
    check(server, to="img2img", init_images=[picture], denoising_strength=strength)


def test_img2img_in_a_batch_of_two(server, picture):
    check(server, to="img2img", init_images=[picture], denoising_strength=0.75, batch_size=2)


@pytest.mark.parametrize("whole", [True, False])
def test_inpaint(server, picture, whole):
    mask = np.zeros((128, 128, 3), np.uint8)
    mask[32:96, 32:96] = 255
    more = {"mask": encoded(mask), "inpaint_full_res": not whole, "inpainting_fill": 1, "mask_blur": 2}
    check(server, to="img2img", init_images=[picture], denoising_strength=0.75, **more)
