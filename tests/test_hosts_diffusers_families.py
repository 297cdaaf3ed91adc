"""The promises of `growth_inhibitors` in every family and kind of pipeline that it is for, on tiny random ones."""

import pytest
import tiny_pipelines
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline
from tiny_pipelines import KNIFE, draw, first_prediction, hooks, inhibited

from lib_gi import StepRangeError, growth_inhibitors

IMAGE = dict(image=torch.linspace(0, 1, 3 * 8 * 8).reshape(1, 3, 8, 8), strength=0.75)
MASK = dict(mask_image=torch.ones(1, 1, 8, 8), height=8, width=8)
GIVEN = {
    "sd1": {},
    "img2img": IMAGE,
    "inpaint": IMAGE | MASK,
    "sd2": {},
    "sdxl": {},
    "sdxl_img2img": IMAGE,
    "sdxl_inpaint": IMAGE | MASK,
}
"""What each kind of pipeline is called with beside a prompt."""
LATE = ("img2img", "inpaint", "sdxl_img2img", "sdxl_inpaint")  # run 3 steps of 4, from an image


@pytest.fixture(params=GIVEN)
def family(request):
    return request.param


@pytest.fixture()
def pipe(family, tokenizer_folder):
    return getattr(tiny_pipelines, family)(tokenizer_folder)


@pytest.fixture()
def given(family):
    return dict(GIVEN[family], steps=4)


def test_every_layer_is_hit_in_every_step_and_the_picture_is_as_before_afterwards(pipe, given, family):
    before = draw(pipe, **given)
    steps = 3 if family in LATE else 4
    with growth_inhibitors(pipe, **KNIFE) as session:
        assert session.armed and not torch.allclose(draw(pipe, **given), before, atol=1e-3)
        assert (session.passes, session.calls) == (1, steps) and set(session.hits.values()) == {steps}
        assert len(session.hits) == 4 and session.concepts[0].c_star.shape[-1] == pipe.unet.config.cross_attention_dim
    assert hooks(pipe.unet) == 0 and torch.equal(draw(pipe, **given), before)


def test_w_zero_is_bit_identical_with_hooks_and_without(pipe, given):
    before = draw(pipe, **given)
    for record in (False, True):
        with growth_inhibitors(pipe, ["knife"], strength=0, record_features=record) as session:
            assert session.armed == record and torch.equal(draw(pipe, **given), before)


def test_an_exception_inside_the_unet_leaves_the_pipeline_as_before(pipe, given):
    before = draw(pipe, **given)
    boom = pipe.unet.mid_block.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        inhibited(pipe, **given)
    boom.remove()
    assert hooks(pipe.unet) == 0 and torch.equal(draw(pipe, **given), before)


@pytest.mark.parametrize("cond_first", [False, True])
def test_only_conditional_rows_change_in_either_order_of_guidance(pipe, given, cond_first):
    # Without a negative prompt SDXL's context is zero, and what `agreement` weighs by is too.
    more = given | {"prompt": ["a cat", "a dog"], "negative_prompt": ["snow", "snow"], "steps": 2}
    before, after = (first_prediction(pipe, c, **more) for c in (None, KNIFE | {"cond_first": cond_first}))
    same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == ([False, False, True, True] if cond_first else [True, True, False, False])


def test_without_guidance_all_rows_change(pipe, given):
    more = given | {"guidance_scale": 1.0, "steps": 2}
    before, after = (first_prediction(pipe, context, **more) for context in (None, KNIFE))
    assert len(before) == len(after) == 1 and not torch.equal(before, after)


def test_a_last_step_counts_in_the_pass_itself(pipe, given, family):
    end = 2 if family in LATE else 3
    assert torch.equal(inhibited(pipe, KNIFE | {"last_step": end}, **given), inhibited(pipe, **given))
    with pytest.raises(StepRangeError, match=f"steps 0 to {end}; leave last_step out"):
        inhibited(pipe, KNIFE | {"last_step": end + 1}, **given)


def test_a_refiner_that_takes_over_counts_its_own_steps_as_the_base_does(tokenizer_folder):
    base = tiny_pipelines.sdxl(tokenizer_folder)
    refiner = StableDiffusionXLImg2ImgPipeline(**base.components)
    refiner.set_progress_bar_config(disable=True)
    shares = [(base, 1, dict(denoising_end=0.5)), (refiner, 2, dict(denoising_start=0.5, image=torch.ones(1, 4, 8, 8)))]
    for pipe, end, more in shares:
        with growth_inhibitors(pipe, **KNIFE, last_step=end) as session:
            draw(pipe, steps=5, **more)
        assert session.calls == end + 1
        with pytest.raises(StepRangeError, match=f"steps 0 to {end};"):
            inhibited(pipe, KNIFE | {"last_step": end + 1}, steps=5, **more)
