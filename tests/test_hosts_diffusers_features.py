"""`growth_inhibitors` beside what else a pipeline can do: batches, LoRA, IP-Adapter, offloading, img2img."""

import accelerate
import peft
import pytest
import tiny_pipelines
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module, remove_hook_from_module
from tiny_pipelines import KNIFE, draw, first_prediction, inhibited

from lib_gi import growth_inhibitors, heatmaps
from lib_gi.recording import Recording


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_a_batch_gives_each_prompt_what_it_gets_alone(family, request):
    pipe = request.getfixturevalue(family)
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    both = inhibited(pipe, prompt=["a cat", "a dog"], latents=latents)
    for i, prompt in enumerate(["a cat", "a dog"]):
        alone = inhibited(pipe, prompt=prompt, latents=latents[i : i + 1])
        torch.testing.assert_close(both[i : i + 1], alone, atol=1e-2, rtol=1e-2)
    copies = inhibited(pipe, prompt="a dog", latents=latents, num_images_per_prompt=2)
    torch.testing.assert_close(copies[1:], both[1:], atol=1e-2, rtol=1e-2)


def test_prompt_embeds_give_what_the_prompt_gives(sd1):
    cond, uncond = sd1.encode_prompt("a cat", "cpu", 1, True)
    expected = inhibited(sd1)
    assert torch.equal(
        inhibited(sd1, prompt=None, prompt_embeds=cond, negative_prompt_embeds=uncond), expected
    )


def test_a_context_of_two_chunks_is_inhibited_too(sd1):
    cond, uncond = (torch.cat([x, x.flip(1)], dim=1) for x in sd1.encode_prompt("a cat", "cpu", 1, True))
    more = dict(prompt=None, prompt_embeds=cond, negative_prompt_embeds=uncond)
    before, after = (first_prediction(sd1, context, **more) for context in (None, KNIFE))
    assert torch.equal(before[0], after[0]) and not torch.allclose(before[1], after[1], atol=1e-3)


def test_attention_slicing_gives_the_same_picture(sd1):
    expected = inhibited(sd1)
    sd1.enable_attention_slicing(1)
    torch.testing.assert_close(inhibited(sd1), expected, atol=1e-3, rtol=1e-3)


def test_a_LoRA_acts_on_the_concept_as_if_it_were_part_of_the_weights(sd1):
    without = inhibited(sd1)
    config = peft.LoraConfig(
        r=2, target_modules=["to_q", "to_k", "to_v", "to_out.0"], init_lora_weights=False
    )
    sd1.unet.add_adapter(config)
    loaded = inhibited(sd1)
    assert not torch.allclose(loaded, without, atol=1e-2)
    sd1.unet.fuse_lora()
    torch.testing.assert_close(inhibited(sd1), loaded, atol=1e-2, rtol=1e-2)


def test_an_IP_adapter_works_beside_it(sd1):
    layers = [m for n, m in sd1.unet.named_modules() if n.endswith("attn2")]
    torch.manual_seed(7)
    weights = {
        f"{2 * i + 1}.to_{x}_ip.weight": torch.randn(m.to_k.weight.shape) / 4
        for i, m in enumerate(layers)
        for x in "kv"
    }
    image = {"proj.weight": torch.randn(4 * 32, 16), "proj.bias": torch.zeros(4 * 32)}
    image |= {"norm.weight": torch.ones(32), "norm.bias": torch.zeros(32)}
    plain = draw(sd1)
    sd1.unet._load_ip_adapter_weights([{"image_proj": image, "ip_adapter": weights}])
    more = dict(ip_adapter_image_embeds=[torch.randn(2, 1, 16)])
    before, after = draw(sd1, **more), inhibited(sd1, **more)
    assert not torch.equal(before, plain) and not torch.equal(before, after)
    assert torch.equal(draw(sd1, **more), before)


def test_a_callback_sees_every_step(sd1):
    steps = []
    more = dict(callback_on_step_end=lambda pipe, step, t, values: steps.append(step) or values)
    assert torch.equal(inhibited(sd1, **more), inhibited(sd1)) and steps == [0, 1, 2]


def test_offloading_hooks_of_accelerate_give_the_same_picture(sd1):
    expected = inhibited(sd1)
    add_hook_to_module(sd1.unet, AlignDevicesHook(execution_device="cpu", io_same_device=True))
    assert torch.equal(inhibited(sd1), expected)
    remove_hook_from_module(sd1.unet)
    accelerate.cpu_offload(sd1.unet, execution_device=torch.device("cpu"))  # weights are there in a call only
    assert sd1.unet.mid_block.attentions[0].transformer_blocks[0].attn2.to_k.weight.device.type == "meta"
    assert torch.equal(inhibited(sd1), expected)


def test_a_pipeline_that_offloads_its_models_gives_the_same_picture(sd1):
    expected = inhibited(sd1)
    sd1.enable_model_cpu_offload(device="cpu")  # its hooks, but no weight moves: that needs CUDA
    assert sd1.unet._hf_hook and torch.equal(inhibited(sd1), expected)


@pytest.mark.parametrize("kind", ["img2img", "inpaint"])
def test_img2img_and_inpaint_are_inhibited_and_count_their_own_steps(kind, tokenizer_folder):
    pipe = getattr(tiny_pipelines, kind)(tokenizer_folder)
    more = dict(image=torch.rand(1, 3, 8, 8), strength=0.5, steps=4)
    if kind == "inpaint":
        more |= dict(mask_image=torch.ones(1, 1, 8, 8), height=8, width=8)
    before = draw(pipe, **more)
    with growth_inhibitors(pipe, **KNIFE) as session:
        assert not torch.allclose(draw(pipe, **more), before, atol=1e-3) and session.calls == 2
    with pytest.raises(ValueError, match="steps 0 to 1, so nothing"):
        inhibited(pipe, KNIFE | {"first_step": 2}, **more)
    with pytest.raises(ValueError, match="steps 0 to 1; leave last_step out"):
        inhibited(pipe, KNIFE | {"last_step": 2}, **more)
    assert torch.equal(draw(pipe, **more), before)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_a_recording_has_maps_of_each_image_of_a_batch_in_the_form_of_the_picture(family, request):
    pipe = request.getfixturevalue(family)
    more = dict(prompt=["a cat", "a dog"], height=16, width=40)
    expected, into = inhibited(pipe, **more), Recording()
    with growth_inhibitors(pipe, **KNIFE, recording=into):
        assert torch.equal(draw(pipe, **more), expected)
    [one] = into.passes
    maps = [heatmaps.heat(one, 0, image, "agreement") for image in (0, 1)]
    assert [values.shape for values in maps] == [(16, 40)] * 2 and not (maps[0] == maps[1]).all()
    assert [part.name for part in one.ranges(0)] == ["whole run", "early", "middle", "late"]
    assert one.curve(0, 1).w == [-6.0] * 3
