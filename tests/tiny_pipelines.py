"""Pipelines of random weights, small enough to draw a picture in a tenth of a second.

Every letter is a token of its own, so "abc" is a phrase of three tokens.
"""

import json
import string

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.utils import logging
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from lib_gi import growth_inhibitors

logging.set_verbosity_error()
WIDTH = 32
SD2_WIDTH = 48
KNIFE = dict(concepts=["knife"], strength=6.0)


def write_tokenizer(folder):
    letters = list(string.ascii_lowercase + string.digits + ",")
    words = letters + [letter + "</w>" for letter in letters] + ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"})
    )
    return folder


def text_encoder(tokenizer, projected=False, width=WIDTH, **more):
    torch.manual_seed(1)
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **more,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def unet(context=WIDTH, channels=4, **more):
    torch.manual_seed(2)
    settings = dict(
        sample_size=8,
        in_channels=channels,
        out_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=context,
        attention_head_dim=4,
    )
    model = UNet2DConditionModel(**(settings | more)).eval()
    with torch.no_grad():  # random layers of this size hardly look at the text: let them
        for name, parameter in model.named_parameters():
            if ".attn2.to_" in name and name.endswith("weight"):
                parameter.mul_(4)
    return model


def autoencoder():
    torch.manual_seed(3)
    return AutoencoderKL(
        block_out_channels=(32,),
        down_block_types=("DownEncoderBlock2D",),
        up_block_types=("UpDecoderBlock2D",),
        latent_channels=4,
        sample_size=8,
    ).eval()


def scheduler(**more):
    settings = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False)
    return DDIMScheduler(**(settings | more))


def sd1(folder, kind=StableDiffusionPipeline, channels=4):
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    return single(kind, tokenizer, text_encoder(tokenizer), unet(channels=channels), scheduler())


def sd2(folder):
    """What SD2 has and SD1 has not: another width of contexts and padding, a number of heads for each block, linear
    layers around the attention, and a scheduler for v."""
    tokenizer = CLIPTokenizer.from_pretrained(folder, pad_token="a")
    encoder = text_encoder(tokenizer, width=SD2_WIDTH, hidden_act="gelu")
    model = unet(context=SD2_WIDTH, attention_head_dim=[2, 4], use_linear_projection=True)
    return single(StableDiffusionPipeline, tokenizer, encoder, model, scheduler(prediction_type="v_prediction"))


def single(kind, tokenizer, encoder, model, steps):
    """A pipeline with one text encoder."""
    pipe = kind(
        vae=autoencoder(),
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=model,
        scheduler=steps,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def img2img(folder):
    return sd1(folder, StableDiffusionImg2ImgPipeline)


def inpaint(folder):
    return sd1(folder, StableDiffusionInpaintPipeline, channels=9)


def sdxl(folder, kind=StableDiffusionXLPipeline, channels=4):
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    second = CLIPTokenizer.from_pretrained(folder, pad_token="a")
    pipe = kind(
        vae=autoencoder(),
        text_encoder=text_encoder(tokenizer),
        text_encoder_2=text_encoder(tokenizer, projected=True),
        tokenizer=tokenizer,
        tokenizer_2=second,
        unet=unet(
            context=2 * WIDTH,
            channels=channels,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + WIDTH,
        ),
        scheduler=scheduler(),
        add_watermarker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def sdxl_img2img(folder):
    return sdxl(folder, StableDiffusionXLImg2ImgPipeline)


def sdxl_inpaint(folder):
    return sdxl(folder, StableDiffusionXLInpaintPipeline, channels=9)


def draw(pipe, prompt="a cat", steps=3, seed=0, **more):
    """Latents of a few steps: (images, 4, 8, 8)."""
    settings = dict(num_inference_steps=steps, guidance_scale=5.0, output_type="latent")
    settings |= {} if {"image", "height"} & more.keys() else {"height": 8, "width": 8}
    generator = torch.Generator().manual_seed(seed)
    return pipe(prompt, generator=generator, **(settings | more)).images


def hooks(model):
    """How many hooks the whole model has."""
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def inhibited(pipe, options=KNIFE, **more):
    with growth_inhibitors(pipe, **options):
        return draw(pipe, **more)


def first_prediction(pipe, context=None, steps=1, **more):
    """What the UNet gives back in its first call, all rows of it."""
    seen = []
    handle = pipe.unet.register_forward_hook(lambda m, args, out: seen.append(out[0].clone()))
    if context is None:
        draw(pipe, steps=steps, **more)
    else:
        with growth_inhibitors(pipe, **context):
            draw(pipe, steps=steps, **more)
    handle.remove()
    return seen[0]
