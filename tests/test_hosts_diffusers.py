"""`with growth_inhibitors(pipe, ...)` on small pipelines: what users rely on."""

import pytest
import tiny_pipelines
import torch
from diffusers import HeunDiscreteScheduler, PNDMScheduler
from tiny_pipelines import KNIFE, draw, first_prediction, hooks, inhibited

from lib_gi import LayerMissedError, NeverHitError, RowCountError, StepRangeError, growth_inhibitors
from lib_gi.concepts import Concept
from lib_gi.settings import WEIGHTINGS


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_the_picture_changes_inside_the_context_and_is_bit_identical_after_it(family, weighting, request):
    pipe = request.getfixturevalue(family)
    before = draw(pipe)
    with growth_inhibitors(pipe, **KNIFE, weighting=weighting) as session:
        assert not torch.allclose(draw(pipe), before, atol=1e-3)
        assert (session.passes, session.calls) == (1, 3) and set(session.hits.values()) == {3}
        assert [(c.name, c.strength) for c in session.concepts] == [("knife", 6.0)]
    assert hooks(pipe.unet) == 0 and torch.equal(draw(pipe), before)


@pytest.mark.parametrize(
    "off", [{"strength": 0}, {"strength": 0, "strengths": {"knife": 0}}, {"enabled": False}]
)
def test_strength_zero_and_disabled_hook_nothing_and_give_the_bit_identical_picture(sd1, off):
    before = draw(sd1)
    with growth_inhibitors(sd1, **KNIFE | off):
        assert hooks(sd1.unet) == 0
        assert torch.equal(draw(sd1), before)


def test_w_zero_with_hooks_in_place_gives_the_bit_identical_picture(sd1):
    before = draw(sd1)
    with growth_inhibitors(sd1, ["knife"], strength=0, record_features=True) as session:
        assert torch.equal(draw(sd1), before)
    seen = session.features()["knife"]
    assert seen.M_star.shape == seen.excess.shape == (3, 4, 1, 5) and float(seen.excess.abs().max()) > 1e-4
    with growth_inhibitors(sd1, ["knife"], strength=0, record_features=True) as session:
        draw(sd1, "")
    assert float(session.features()["knife"].excess.abs().max()) < 1e-5


def test_an_exception_inside_the_unet_leaves_the_model_as_before(sd1):
    before = draw(sd1)
    boom = sd1.unet.mid_block.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        inhibited(sd1)
    boom.remove()
    assert hooks(sd1.unet) == 0 and torch.equal(draw(sd1), before)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("images", [1, 2])
def test_rows_of_the_negative_prompt_stay_bit_identical(sd1, weighting, images):
    prompts = ["a cat", "a dog"][:images]
    before = first_prediction(sd1, prompt=prompts)
    after = first_prediction(sd1, KNIFE | {"weighting": weighting}, prompt=prompts)
    assert torch.equal(before[:images], after[:images])
    assert all(not torch.equal(before[i], after[i]) for i in range(images, 2 * images))


def test_the_other_order_of_rows_can_be_told(sd1):
    before, after = (first_prediction(sd1, context) for context in (None, KNIFE | {"cond_first": True}))
    assert not torch.equal(before[0], after[0]) and torch.equal(before[1], after[1])


def test_without_guidance_all_rows_are_inhibited(sd1):
    options = dict(prompt=["a cat", "a dog"], guidance_scale=1.0)
    before, after = (first_prediction(sd1, context, **options) for context in (None, KNIFE))
    assert len(after) == 2 and not torch.equal(before[0], after[0]) and not torch.equal(before[1], after[1])


def test_guidance_that_ends_midway_is_followed(sd1):
    def stop_guidance(pipe, step, timestep, values):
        if step == 0:
            pipe._guidance_scale = 1.0
            values["prompt_embeds"] = values["prompt_embeds"].chunk(2)[1]
        return values

    more = dict(
        callback_on_step_end=stop_guidance, callback_on_step_end_tensor_inputs=["latents", "prompt_embeds"]
    )
    before = draw(sd1, **more)
    with growth_inhibitors(sd1, **KNIFE, first_step=1) as session:
        assert not torch.equal(draw(sd1, **more), before)
    assert session.calls == 3


def changed_calls(pipe, steps, **window):
    """For each call of the UNet whether its first layer was inhibited."""
    attn2 = pipe.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2
    came, left = [], []
    early = attn2.to_out[0].register_forward_pre_hook(lambda m, args: came.append(args[0]))
    with growth_inhibitors(pipe, **KNIFE, **window):
        late = attn2.to_out[0].register_forward_pre_hook(lambda m, args: left.append(args[0]))
        draw(pipe, steps=steps)
    early.remove(), late.remove()
    return [not torch.equal(a, b) for a, b in zip(came, left, strict=True)]


def test_first_and_last_step_count_the_schedulers_steps(sd1):
    assert changed_calls(sd1, 4, first_step=1, last_step=2) == [False, True, True, False]
    sd1.scheduler = HeunDiscreteScheduler.from_config(sd1.scheduler.config)
    assert changed_calls(sd1, 4, first_step=1, last_step=2) == [False] * 2 + [True] * 4 + [False]
    sd1.scheduler = PNDMScheduler(skip_prk_steps=True)
    assert changed_calls(sd1, 4, first_step=1) == [False] + [True] * 4


@pytest.mark.parametrize("scheduler, last", [(None, 3), (HeunDiscreteScheduler, 3), (PNDMScheduler, 4)])
def test_a_last_step_past_the_schedulers_steps_is_refused_before_the_unet_runs(sd1, scheduler, last):
    if scheduler:
        sd1.scheduler = scheduler.from_config(sd1.scheduler.config, skip_prk_steps=True)
    to_the_end = inhibited(sd1, steps=4)
    assert torch.equal(inhibited(sd1, KNIFE | {"last_step": last}, steps=4), to_the_end)
    ran = []
    sd1.unet.conv_in.register_forward_hook(lambda *_: ran.append(1))
    with pytest.raises(StepRangeError, match=f"steps 0 to {last}; leave last_step out"):
        inhibited(sd1, KNIFE | {"last_step": last + 1}, steps=4)
    assert not ran and hooks(sd1.unet) == 1


@pytest.mark.parametrize("scheduler", [None, HeunDiscreteScheduler])
def test_a_second_picture_in_the_context_is_a_new_pass_that_gives_the_same(sd1, scheduler):
    if scheduler:
        sd1.scheduler = scheduler.from_config(sd1.scheduler.config)
    with growth_inhibitors(sd1, **KNIFE, first_step=1) as session:
        first = draw(sd1)
        assert torch.equal(draw(sd1), first) and session.passes == 2


def test_a_picture_after_one_that_was_broken_off_in_the_context_gives_the_same(sd1):
    expected = inhibited(sd1)
    with growth_inhibitors(sd1, **KNIFE):
        boom = sd1.unet.mid_block.register_forward_pre_hook(lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            draw(sd1)
        boom.remove()
        assert torch.equal(draw(sd1), expected)


def test_nested_contexts_act_as_one_with_both_concepts(sd1):
    options = dict(weighting="plain", strength=3.0)
    with growth_inhibitors(sd1, ["knife"], **options), growth_inhibitors(sd1, ["gun"], **options):
        nested = draw(sd1)
    with growth_inhibitors(sd1, ["knife", "gun"], **options):
        joint = draw(sd1)
    torch.testing.assert_close(nested, joint, atol=1e-2, rtol=1e-2)
    assert hooks(sd1.unet) == 0


def test_concepts_have_their_own_strengths(sd1):
    single = inhibited(sd1)
    with growth_inhibitors(sd1, "knife; gun", strength=6, strengths="gun=0"):
        torch.testing.assert_close(draw(sd1), single, atol=1e-3, rtol=1e-3)


def test_free_words_and_own_concepts_can_be_used(sd1):
    with growth_inhibitors(sd1, ["purple gnome"], free_text=True) as session:
        words = draw(sd1)
    with growth_inhibitors(sd1, [Concept("mine", "purple gnome")]) as own:
        assert torch.equal(draw(sd1), words)
    assert session.concepts[0].s == 1 and session.concepts[0].e == 1 + len("purplegnome")
    assert own.concepts[0].name == "mine"


@pytest.mark.parametrize("tokens", [1, 2, 3, 5, 8, 13, 20, 75])
def test_the_span_covers_the_phrases_own_tokens(sd1, sdxl, tokens):
    for pipe in (sd1, sdxl):
        with growth_inhibitors(pipe, [Concept("x", "a " * tokens)]) as session:
            assert (session.concepts[0].s, session.concepts[0].e) == (1, 1 + tokens)
            draw(pipe, steps=1)


def test_more_images_per_batch_do_not_change_the_features_of_the_first(sd1):
    found = []
    for prompt in (["a cat"], ["a cat", "a dog"]):
        latents = torch.ones(len(prompt), 4, 8, 8)
        with growth_inhibitors(sd1, ["knife"], strength=0, record_features=True) as session:
            draw(sd1, prompt=prompt, latents=latents)
        found.append(session.features()["knife"])
    assert found[1].agreement.shape == (3, 4, 2, 5)
    torch.testing.assert_close(found[0].M_star, found[1].M_star[:, :, :1], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found[0].agreement, found[1].agreement[:, :, :1], atol=1e-3, rtol=1e-2)


def test_a_unet_that_never_runs_or_is_replaced_is_an_error(sd1):
    with pytest.raises(NeverHitError, match="none was ever called"):
        with growth_inhibitors(sd1, **KNIFE):
            sd1.encode_prompt("a cat", "cpu", 1, False)
    assert hooks(sd1.unet) == 0
    with pytest.raises(NeverHitError, match="replaced"):
        with growth_inhibitors(sd1, **KNIFE):
            draw(sd1)
            sd1.unet = tiny_pipelines.unet()


def test_a_layer_left_out_of_the_second_call_stops_the_generation(sd1):
    block = sd1.unet.mid_block.attentions[0].transformer_blocks[0]
    attn2 = block.attn2

    def leave_out(pipe, step, timestep, values):
        block.attn2 = None
        return values

    with pytest.raises(LayerMissedError, match="mid_block"):
        inhibited(sd1, callback_on_step_end=leave_out)
    block.attn2 = attn2
    assert hooks(sd1.unet) == 0


def test_rows_of_a_third_kind_are_refused(sd1):
    type(sd1).do_perturbed_attention_guidance = True
    try:
        with pytest.raises(RowCountError, match="pag_scale"):
            inhibited(sd1)
    finally:
        del type(sd1).do_perturbed_attention_guidance
