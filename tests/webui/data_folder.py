"""What the tested WebUI finds in its data folder: checkpoints of gi-tiny and of other kinds, LoRA, embeddings, styles.

gi-tiny, second    two models with a yaml of their own each: the host makes a new UNet when it goes over to one
third, fourth      the same two as the host's default kind: it exchanges the weights within one UNet
edit, inpainting   gi-tiny's weights, with the further input channels of such models
broken             like third, with NaN in the first cross-attention
xl, two            SDXL's and SD2's topology with random weights, made by `topologies.py` in the host's Python
"""

import json
import os
import re
import subprocess
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tools.gi_tiny.export import export
from tools.webui_server import REPOSITORY

MODEL = REPOSITORY / "models" / "gi-tiny"
HERE = Path(__file__).parent
SETTINGS = {
    "CLIP_stop_at_last_layers": 1,
    "batch_cond_uncond": True,
    "cross_attention_optimization": "Automatic",
    "emphasis": "Original",
    "live_previews_enable": False,  # those of SDXL would need a download
    "pad_cond_uncond": False,
    "pad_cond_uncond_v0": False,
    "s_min_uncond_all": False,
    "sd_checkpoints_limit": 1,
    "sd_model_checkpoint": "gi-tiny.safetensors",
    "sd_noise_schedule": "Default",
    "sd_unet": "Automatic",
    "sd_vae": "Automatic",
    "skip_early_cond": 0.0,
    "token_merging_ratio": 0.0,
    "upcast_attn": False,
    "use_old_emphasis_implementation": False,
}
"""The host puts an overridden setting back only where its file already has it: so these are there from the start."""
UNET = "model.diffusion_model."
FIRST_VALUES = UNET + "input_blocks.1.1.transformer_blocks.0.attn2.to_v.weight"


def fill(data: Path, webui: Path, python: str) -> Path:
    """Fills the folder `data`; gives the checkpoint to start with."""
    models = data / "models" / "Stable-diffusion"
    checkpoint = export(MODEL, models)
    (data / "extensions").mkdir()
    (data / "extensions" / "companion").symlink_to(HERE / "companion")
    weights, yaml = load_file(checkpoint), checkpoint.with_suffix(".yaml").read_text()

    def write(name: str, changes: dict, config: str | None = None) -> None:
        save_file(weights | changes, models / f"{name}.safetensors")
        if config is not None:
            (models / f"{name}.yaml").write_text(config)

    write("second", noisy(weights, "", 2), yaml)
    write("third", {})
    write("fourth", noisy(weights, "", 2))
    write("broken", {FIRST_VALUES: torch.full_like(weights[FIRST_VALUES], torch.nan)})
    edit = "modules.models.diffusion.ddpm_edit.LatentDiffusion"
    inpainting = "ldm.models.diffusion.ddpm.LatentInpaintDiffusion"
    write("edit", widened(weights, 8), of_kind(yaml, edit, 8, cond_stage_key="edit", parameterization='"eps"'))
    write("inpainting", widened(weights, 9), of_kind(yaml, inpainting, 9, finetune_keys="null"))
    subprocess.run([python, HERE / "topologies.py", models, "xl", "two"], cwd=webui, check=True, env=os.environ)

    prefix = "first_stage_model."
    vae = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    (data / "models" / "VAE").mkdir()
    save_file(vae | noisy(vae, "decoder.", 5), data / "models" / "VAE" / "other.safetensors")
    write_loras(data / "models" / "Lora", weights)
    write_embeddings(data / "embeddings", weights)
    style = 'name,prompt,negative_prompt\nlively,"{prompt}, a cat",car\n'
    (data / "styles.csv").write_text(style)
    (data / "config.json").write_text(json.dumps(SETTINGS))
    return checkpoint


def noisy(weights: dict, prefix: str, seed: int) -> dict:
    """Those of the weights that the prefix names, each with noise of a tenth of its deviation."""
    generator = torch.Generator().manual_seed(seed)
    chosen = {k: v for k, v in weights.items() if k.startswith(prefix) and v.ndim > 1 and v.is_floating_point()}
    return {
        key: value + (0.1 * value.float().std() * torch.randn(value.shape, generator=generator)).to(value)
        for key, value in chosen.items()
    }


def widened(weights: dict, channels: int) -> dict:
    """The first convolution with further input channels, which matter a little."""
    key = UNET + "input_blocks.0.0.weight"
    out, given, *kernel = weights[key].shape
    more = 0.02 * torch.randn(out, channels - given, *kernel, generator=torch.Generator().manual_seed(channels))
    return {key: torch.cat([weights[key], more.to(weights[key])], dim=1)}


def of_kind(yaml: str, target: str, channels: int, **changed: str) -> str:
    """gi-tiny's configuration for a model of another class, with further input channels and these parameters."""
    yaml = yaml.replace("target: ldm.models.diffusion.ddpm.LatentDiffusion", f"target: {target}")
    yaml = yaml.replace("in_channels: 4", f"in_channels: {channels}")
    for name, value in ({"conditioning_key": "hybrid"} | changed).items():
        yaml = re.sub(rf"\n    {name}: .*", "", yaml)
        yaml = yaml.replace("\n  params:", f"\n  params:\n    {name}: {value}", 1)
    return yaml


def write_loras(folder: Path, weights: dict) -> None:
    """Two networks in the form of kohya's scripts: for the UNet's cross-attention, and for the text encoder."""
    folder.mkdir()
    part = "lora_unet_down_blocks_{}_attentions_{}_transformer_blocks_0_attn2_{}"
    texts = "lora_te_text_model_encoder_layers_"
    original = UNET + "input_blocks.{}.1.transformer_blocks.0.attn2.{}.weight"
    unet = {
        part.format(block, index, name.replace(".", "_")): weights[original.format(1 + 3 * block + index, name)]
        for block in range(3)
        for index in range(2)
        for name in ("to_q", "to_k", "to_v", "to_out.0")
    }
    layers = "cond_stage_model.transformer.text_model.encoder.layers."
    text = {
        f"{texts}{layer}_{name.replace('.', '_')}": weights[f"{layers}{layer}.{name}.weight"]
        for layer in range(4)
        for name in ("self_attn.q_proj", "self_attn.v_proj", "mlp.fc1", "mlp.fc2")
    }
    for name, changed in (("unet", unet), ("text", text)):
        save_file(lora(changed), folder / f"{name}.safetensors")


def lora(weights: dict, rank: int = 4) -> dict:
    """Random down and up weights that change each of the weights by about half of its size."""
    generator, made = torch.Generator().manual_seed(rank), {}
    for name, weight in weights.items():
        out, width = weight.shape
        scale = 0.5 * float(weight.float().std()) * rank**-0.5
        made[f"{name}.lora_down.weight"] = torch.randn(rank, width, generator=generator)
        made[f"{name}.lora_up.weight"] = scale * torch.randn(out, rank, generator=generator)
        made[f"{name}.alpha"] = torch.tensor(float(rank))
    return made


def write_embeddings(folder: Path, weights: dict) -> None:
    """sigil: three random vectors. beverage: the very vectors of the word beer."""
    from transformers import CLIPTokenizer

    folder.mkdir()
    tokens = weights["cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"].float()
    random = tokens.std() * torch.randn(3, tokens.shape[1], generator=torch.Generator().manual_seed(6))
    ids = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")("beer", add_special_tokens=False).input_ids
    save_file({"emb_params": random}, folder / "sigil.safetensors")
    save_file({"emb_params": tokens[ids]}, folder / "beverage.safetensors")
