"""gi-tiny as AUTOMATIC1111 loads it: one original-format .safetensors, its .yaml, and the text encoder's folder.

The WebUI takes NAME.yaml beside NAME.safetensors as the checkpoint's configuration, and the folder that the
yaml names as the tokenizer and text configuration. Keys are those of CompVis' original release.
"""

import json
import re
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

NAME = "gi-tiny"


def export(model: Path, out: Path) -> Path:
    """Writes checkpoint, yaml and text folder of the diffusers folder `model` into `out`; gives the checkpoint."""
    out.mkdir(parents=True, exist_ok=True)
    configs = {part: json.loads((model / part / "config.json").read_text()) for part in ("unet", "vae", "text_encoder")}
    tensors = original_tensors(model, configs)
    checkpoint = out / f"{NAME}.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, checkpoint)
    text_folder = out / f"{NAME}-text"
    shutil.copytree(model / "tokenizer", text_folder, dirs_exist_ok=True)
    shutil.copy(model / "text_encoder" / "config.json", text_folder / "config.json")
    scheduler = json.loads((model / "scheduler" / "scheduler_config.json").read_text())
    (out / f"{NAME}.yaml").write_text(yaml_text(configs, scheduler, text_folder.resolve()))
    return checkpoint


def original_tensors(model: Path, configs: dict) -> dict[str, torch.Tensor]:
    """All weights under the original names, and the noise schedule that the original stores beside them."""
    unet = load_file(model / "unet" / "diffusion_pytorch_model.safetensors")
    vae = load_file(model / "vae" / "diffusion_pytorch_model.safetensors")
    text = load_file(model / "text_encoder" / "model.safetensors")
    tensors = {"model.diffusion_model." + unet_key(key, configs["unet"]): value for key, value in unet.items()}
    for key, value in vae.items():
        name = vae_key(key, len(configs["vae"]["block_out_channels"]))
        tensors["first_stage_model." + name] = as_convolution(name, value)
    prefix = "cond_stage_model.transformer."
    for key, value in text.items():
        tensors[f"{prefix}text_model.{key.removeprefix('text_model.')}"] = value  # transformers 5 leaves it out
    positions = configs["text_encoder"]["max_position_embeddings"]
    tensors[prefix + "text_model.embeddings.position_ids"] = torch.arange(positions)[None]
    return tensors


def unet_key(key: str, config: dict) -> str:
    """The original name of a diffusers UNet weight."""
    per_block = config["layers_per_block"]
    fixed = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    for name, original in fixed.items():
        if key.startswith(name + "."):
            return original + key[len(name) :]
    middle = {
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
    }
    for name, original in middle.items():
        if key.startswith(name + "."):
            return original + inner(key[len(name) :])
    side, block, kind, index, rest = re.match(
        r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)(\..*)", key
    ).groups()
    block, index = int(block), int(index)
    if side == "down":
        first = 1 + block * (per_block + 1)
        if kind == "downsamplers":
            return f"input_blocks.{first + per_block}.0.op{rest.removeprefix('.conv')}"
        return f"input_blocks.{first + index}.{0 if kind == 'resnets' else 1}" + inner(rest)
    first = block * (per_block + 1)
    if kind == "upsamplers":
        place = 2 if config["up_block_types"][block].startswith("CrossAttn") else 1
        return f"output_blocks.{first + per_block}.{place}{rest}"
    return f"output_blocks.{first + index}.{0 if kind == 'resnets' else 1}" + inner(rest)


def inner(rest: str) -> str:
    """The original name of what is inside a residual block (transformer blocks keep their names)."""
    names = {
        ".norm1.": ".in_layers.0.",
        ".conv1.": ".in_layers.2.",
        ".time_emb_proj.": ".emb_layers.1.",
        ".norm2.": ".out_layers.0.",
        ".conv2.": ".out_layers.3.",
        ".conv_shortcut.": ".skip_connection.",
    }
    for name, original in names.items():
        if rest.startswith(name):
            return original + rest[len(name) :]
    return rest


def vae_key(key: str, levels: int) -> str:
    """The original name of a diffusers autoencoder weight."""
    key = re.sub(r"encoder\.down_blocks\.(\d+)\.resnets\.(\d+)", r"encoder.down.\1.block.\2", key)
    key = re.sub(r"encoder\.down_blocks\.(\d+)\.downsamplers\.0", r"encoder.down.\1.downsample", key)
    key = re.sub(
        r"decoder\.up_blocks\.(\d+)\.resnets\.(\d+)",
        lambda found: f"decoder.up.{levels - 1 - int(found[1])}.block.{found[2]}",
        key,
    )
    key = re.sub(
        r"decoder\.up_blocks\.(\d+)\.upsamplers\.0",
        lambda found: f"decoder.up.{levels - 1 - int(found[1])}.upsample",
        key,
    )
    key = re.sub(r"mid_block\.resnets\.(\d+)", lambda found: f"mid.block_{int(found[1]) + 1}", key)
    for name, original in (
        ("mid_block.attentions.0", "mid.attn_1"),
        ("group_norm", "norm"),
        ("to_q", "q"),
        ("to_k", "k"),
        ("to_v", "v"),
        ("to_out.0", "proj_out"),
        ("conv_norm_out", "norm_out"),
        ("conv_shortcut", "nin_shortcut"),
    ):
        key = key.replace(name, original)
    return key


def as_convolution(name: str, value: torch.Tensor) -> torch.Tensor:
    """The autoencoder's attention weights as the original's 1 x 1 convolutions."""
    is_attention = ".mid.attn_1." in name and name.endswith(".weight") and ".norm." not in name
    return value[:, :, None, None] if is_attention and value.ndim == 2 else value


def yaml_text(configs: dict, scheduler: dict, text_folder: Path) -> str:
    """The WebUI's configuration of this checkpoint."""
    unet, vae = configs["unet"], configs["vae"]
    width, first = unet["block_out_channels"][0], vae["block_out_channels"][0]
    attention = [2**i for i, kind in enumerate(unet["down_block_types"]) if kind.startswith("CrossAttn")]
    head_width = width // unet["attention_head_dim"][0]
    return YAML.format(
        parameterization="v" if scheduler["prediction_type"] == "v_prediction" else "eps",
        beta_start=scheduler["beta_start"],
        beta_end=scheduler["beta_end"],
        scale_factor=vae["scaling_factor"],
        sample=unet["sample_size"],
        width=width,
        attention=attention,
        blocks=unet["layers_per_block"],
        multipliers=multipliers(unet["block_out_channels"]),
        head_width=head_width,
        context=unet["cross_attention_dim"],
        pixels=vae["sample_size"],
        vae_width=first,
        vae_multipliers=multipliers(vae["block_out_channels"]),
        vae_blocks=vae["layers_per_block"],
        text_folder=text_folder,
    )


def multipliers(widths: list[int]) -> list[int]:
    """Widths as multiples of the first, which the original code base wants whole."""
    if any(width % widths[0] for width in widths):
        raise ValueError(f"widths {widths} are no whole multiples of {widths[0]}: the WebUI cannot build this model")
    return [width // widths[0] for width in widths]


YAML = """\
model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    parameterization: "{parameterization}"
    linear_start: {beta_start}
    linear_end: {beta_end}
    num_timesteps_cond: 1
    timesteps: 1000
    first_stage_key: jpg
    cond_stage_key: txt
    image_size: {sample}
    channels: 4
    cond_stage_trainable: false
    conditioning_key: crossattn
    scale_factor: {scale_factor}
    use_ema: false
    unet_config:
      target: ldm.modules.diffusionmodules.openaimodel.UNetModel
      params:
        image_size: {sample}
        in_channels: 4
        out_channels: 4
        model_channels: {width}
        attention_resolutions: {attention}
        num_res_blocks: {blocks}
        channel_mult: {multipliers}
        num_head_channels: {head_width}
        use_spatial_transformer: true
        transformer_depth: 1
        context_dim: {context}
        use_checkpoint: false
        legacy: false
    first_stage_config:
      target: ldm.models.autoencoder.AutoencoderKL
      params:
        embed_dim: 4
        ddconfig:
          double_z: true
          z_channels: 4
          resolution: {pixels}
          in_channels: 3
          out_ch: 3
          ch: {vae_width}
          ch_mult: {vae_multipliers}
          num_res_blocks: {vae_blocks}
          attn_resolutions: []
          dropout: 0.0
        lossconfig:
          target: torch.nn.Identity
    cond_stage_config:
      target: ldm.modules.encoders.modules.FrozenCLIPEmbedder
      params:
        version: {text_folder}
"""
