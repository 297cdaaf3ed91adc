"""Bad input to `growth_inhibitors`: refused before sampling, with what to do."""

import math
from types import SimpleNamespace

import pytest
import tiny_pipelines
import torch
from diffusers import FluxPipeline, StableDiffusion3Pipeline, UNet2DModel
from torch import nn

from lib_gi import ConceptError, GrowthInhibitorError, SettingsError, UnsupportedModelError, growth_inhibitors
from lib_gi.concepts import Concept


def refused(pipe, *args, **more):
    """Enter the context, which has to fail without a single call of the UNet, and leave no hook."""
    calls = []
    handle = None
    if isinstance(getattr(pipe, "unet", None), nn.Module):
        handle = pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    try:
        with growth_inhibitors(pipe, *args, **more):
            raise AssertionError("the context was entered")
    finally:
        if handle:
            handle.remove()
            assert not calls and tiny_pipelines.hooks(pipe.unet) == 0


@pytest.mark.parametrize(
    "concepts, more, error, says",
    [
        (["skul"], {}, ConceptError, "Did you mean 'skull'"),
        (["qqq"], {}, ConceptError, "allow free text"),
        ([], {}, SettingsError, "choose a concept"),
        (["  "], {}, SettingsError, "not empty"),
        ([5], {}, ConceptError, "write the name as text"),
        ([Concept("long", "a " * 76)], {}, ConceptError, "76 tokens; expected at most 75; shorten"),
        (["a " * 76], {"free_text": True}, ConceptError, "shorten"),
        (["skull"], {"strength": math.nan}, SettingsError, "finite number from 0"),
        (["skull"], {"strength": math.inf}, SettingsError, "finite number from 0"),
        (["skull"], {"strength": -1}, SettingsError, "finite number from 0"),
        (["skull"], {"strengths": {"knife": 2}}, SettingsError, "add the concept"),
        (["skull"], {"strenghts": "skull=2"}, SettingsError, "Did you mean 'strengths'"),
        (["skull"], {"first_step": -1}, SettingsError, "from 0"),
        (["skull"], {"first_step": 4, "last_step": 3}, SettingsError, "first_step <= last_step"),
        (["skull"], {"weighting": "plane"}, SettingsError, "Did you mean 'plain'"),
        (["skull"], {"bound": (2, 3)}, SettingsError, "low <= 1"),
        (["skull"], {"heatmap": "M_star"}, SettingsError, "pass recording="),
        (["skull"], {"cond_first": "yes"}, SettingsError, "leave it out"),
    ],
)
def test_bad_input_is_refused_before_sampling_with_what_to_do(sd1, concepts, more, error, says):
    with pytest.raises(error, match=says):
        refused(sd1, concepts, **more)


@pytest.mark.parametrize("kind", [StableDiffusion3Pipeline, FluxPipeline])
def test_models_without_a_unet_are_refused_by_name(kind):
    pipe = kind(**dict.fromkeys(kind._get_signature_keys(kind)[0]))
    name = kind.__name__
    with pytest.raises(UnsupportedModelError, match=f"{name} has no UNet.*SD3 and Flux.*load such a model"):
        refused(pipe, ["skull"])


def test_a_model_that_would_be_refused_is_left_alone_when_disabled():
    pipe = type("FluxPipeline", (), {"transformer": nn.Linear(2, 2)})()
    with growth_inhibitors(pipe, enabled=False) as session:
        assert not session.armed and session.hits == {}


def test_a_unet_without_cross_attention_is_refused(sd1):
    sd1.unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(32,),
        down_block_types=("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",),
    )
    with pytest.raises(UnsupportedModelError, match="no cross-attention layer"):
        refused(sd1, ["skull"])


def test_a_compiled_unet_is_refused_with_what_to_do(sd1):
    whole = sd1.unet
    sd1.unet = torch.compile(whole)
    with pytest.raises(UnsupportedModelError, match="torch.compile.*not compiled"):
        refused(sd1, ["skull"])
    whole.mid_block.compile()
    sd1.unet = whole
    with pytest.raises(UnsupportedModelError, match="torch.compile"):
        refused(sd1, ["skull"])


def test_a_pipeline_that_does_not_tell_its_guidance_is_refused(sd1):
    with pytest.raises(UnsupportedModelError, match="do_classifier_free_guidance"):
        refused(SimpleNamespace(unet=sd1.unet, tokenizer=sd1.tokenizer), ["skull"])


def test_a_pipeline_without_its_text_encoder_is_refused(sd1):
    sd1.tokenizer = None
    with pytest.raises(UnsupportedModelError, match="tokenizer"):
        refused(sd1, ["skull"])


def test_a_context_of_another_model_is_refused(sd1):
    sd1.unet = tiny_pipelines.unet(context=48)
    with pytest.raises(UnsupportedModelError, match="32 numbers per token.*takes 48"):
        refused(sd1, ["skull"])


def test_all_of_this_can_be_caught_as_one_error(sd1):
    with pytest.raises(GrowthInhibitorError):
        refused(sd1, ["qqq"])
