"""Pictures from gi-tiny's parts through diffusers' own Stable Diffusion pipeline."""

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image, ImageDraw
from tqdm import tqdm
from transformers import CLIPTextModel, CLIPTokenizer

STEPS, GUIDANCE = 20, 4.0


def new_scheduler() -> DDIMScheduler:
    """SD1's noise schedule with v-prediction, starting from the last training step."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
    )


def assemble(
    vae: AutoencoderKL, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, unet: UNet2DConditionModel
) -> StableDiffusionPipeline:
    """A quiet pipeline of the parts, without a safety checker (it would need weights of its own)."""
    pipe = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def generate(
    pipe: StableDiffusionPipeline,
    prompts: list[str],
    seeds: list[int],
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    batch: int = 25,
    label: str | None = None,
    **arguments,
) -> np.ndarray:
    """Pictures (n, 128, 128, 3) uint8, each from the noise of its own seed; `label` shows a progress bar."""
    parts = []
    for start in tqdm(range(0, len(prompts), batch), desc=label, disable=label is None, mininterval=2):
        chosen = slice(start, start + batch)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds[chosen]]
        out = pipe(
            prompts[chosen],
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=generators,
            output_type="np",
            **arguments,
        ).images
        parts.append((out * 255).round().astype(np.uint8))
    return np.concatenate(parts)


def contact_sheet(pictures: np.ndarray, captions: list[str], columns: int = 8) -> Image.Image:
    """Pictures in rows with their captions, cut to two lines, under them."""
    side, foot, per_line = pictures.shape[1], 24, 21
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * side, rows * (side + foot)), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (picture, text) in enumerate(zip(pictures, captions)):
        x, y = index % columns * side, index // columns * (side + foot)
        sheet.paste(Image.fromarray(picture), (x, y))
        draw.text((x + 1, y + side), f"{text[:per_line]}\n{text[per_line : 2 * per_line]}", "black", spacing=0)
    return sheet
