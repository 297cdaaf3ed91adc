"""Run by the host's own Python, in the host's folder: writes checkpoints of other models' topology, random weights.

    python topologies.py FOLDER NAME...

xl     70 cross-attention layers, two text encoders with CLIP's whole vocabulary and a size conditioning like SDXL
two    OpenCLIP's encoder and a linear projection like SD2
sd15   SD1.5 with a UNet and a text encoder of its full width, for what a step costs; its autoencoder is narrow

The others are narrow throughout, so that a processor is enough: they prove the wiring, and say nothing about pictures.
"""

import json
import sys
from pathlib import Path

for part in ("generative-models", "stable-diffusion-stability-ai"):
    sys.path.insert(0, str(Path("repositories") / part))

import open_clip  # noqa: E402
import torch  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402
from open_clip.tokenizer import default_bpe  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModel  # noqa: E402

WIDTH, VOCABULARY = 64, 49408


def main(folder: Path, *names: str) -> None:
    write_arch(folder / "open_clip")
    open_clip.add_model_config(folder / "open_clip")
    # The host does the same: weights of a text encoder come from the checkpoint.
    CLIPTextModel.from_pretrained = lambda name: CLIPTextModel(CLIPTextConfig.from_pretrained(name))
    create = open_clip.create_model_and_transforms
    open_clip.create_model_and_transforms = lambda *args, pretrained=None, **more: create(*args, **more)
    for name in names:
        config = CONFIGS[name].replace("TEXT_FOLDER", str(folder / f"{name}-text"))
        if name in TEXTS:
            write_text_folder(folder / f"{name}-text", *TEXTS[name])
        (folder / f"{name}.yaml").write_text(config)
        save_file(random_weights(OmegaConf.create(config).model), folder / f"{name}.safetensors")


def random_weights(config) -> dict:
    """The weights of the model. What starts as zero is random here: layers that training would open gently, and biases,
    without which a context could have a mean of exactly zero, by which the host divides.
    """
    from sgm.util import instantiate_from_config

    torch.manual_seed(0)
    model = instantiate_from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn(parameter.shape), alpha=0.05)
            elif not parameter.any():
                parameter.normal_(std=0.3 * parameter[0].numel() ** -0.5)
    return {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}


def write_arch(folder: Path) -> None:
    """A narrow architecture, for OpenCLIP to know by its file's name."""
    folder.mkdir(exist_ok=True)
    vision = {"image_size": 32, "layers": 1, "width": WIDTH, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": VOCABULARY, "width": WIDTH, "heads": 2, "layers": 3}
    (folder / "narrow.json").write_text(json.dumps({"embed_dim": WIDTH, "vision_cfg": vision, "text_cfg": text}))


def write_text_folder(folder: Path, width: int, inner: int, layers: int, heads: int) -> None:
    """CLIP's tokenizer as transformers reads it, and the configuration of a text encoder of this size."""
    import gzip

    folder.mkdir(exist_ok=True)
    tokenizer = open_clip.tokenizer._tokenizer
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {names.get(token, token): number for token, number in tokenizer.encoder.items()}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    lines = gzip.open(default_bpe()).read().decode().split("\n")
    merges = lines[1 : 49152 - 256 - 2 + 1]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        bos_token_id=VOCABULARY - 2,
        eos_token_id=VOCABULARY - 1,
    ).save_pretrained(folder)


FIRST_STAGE = """
        embed_dim: 4
        ddconfig:
          double_z: true
          z_channels: 4
          resolution: 64
          in_channels: 3
          out_ch: 3
          ch: 32
          ch_mult: [1, 1, 1, 1]
          num_res_blocks: 1
          attn_resolutions: []
          dropout: 0.0
        lossconfig:
          target: torch.nn.Identity
"""

XL = f"""
model:
  target: sgm.models.diffusion.DiffusionEngine
  params:
    scale_factor: 0.13025
    disable_first_stage_autocast: true
    denoiser_config:
      target: sgm.modules.diffusionmodules.denoiser.DiscreteDenoiser
      params:
        num_idx: 1000
        weighting_config:
          target: sgm.modules.diffusionmodules.denoiser_weighting.EpsWeighting
        scaling_config:
          target: sgm.modules.diffusionmodules.denoiser_scaling.EpsScaling
        discretization_config:
          target: sgm.modules.diffusionmodules.discretizer.LegacyDDPMDiscretization
    network_config:
      target: sgm.modules.diffusionmodules.openaimodel.UNetModel
      params:
        adm_in_channels: {WIDTH + 6 * 32}
        num_classes: sequential
        use_checkpoint: false
        in_channels: 4
        out_channels: 4
        model_channels: 32
        attention_resolutions: [4, 2]
        num_res_blocks: 2
        channel_mult: [1, 2, 4]
        num_head_channels: 32
        use_spatial_transformer: true
        use_linear_in_transformer: true
        transformer_depth: [1, 2, 10]
        context_dim: {2 * WIDTH}
        spatial_transformer_attn_type: softmax
        legacy: false
    conditioner_config:
      target: sgm.modules.GeneralConditioner
      params:
        emb_models:
          - is_trainable: false
            input_key: txt
            target: sgm.modules.encoders.modules.FrozenCLIPEmbedder
            params: {{version: TEXT_FOLDER, layer: hidden, layer_idx: 2}}
          - is_trainable: false
            input_key: txt
            target: sgm.modules.encoders.modules.FrozenOpenCLIPEmbedder2
            params:
              arch: narrow
              layer: penultimate
              always_return_pooled: true
              legacy: false
          - is_trainable: false
            input_key: original_size_as_tuple
            target: sgm.modules.encoders.modules.ConcatTimestepEmbedderND
            params: {{outdim: 32}}
          - is_trainable: false
            input_key: crop_coords_top_left
            target: sgm.modules.encoders.modules.ConcatTimestepEmbedderND
            params: {{outdim: 32}}
          - is_trainable: false
            input_key: target_size_as_tuple
            target: sgm.modules.encoders.modules.ConcatTimestepEmbedderND
            params: {{outdim: 32}}
    first_stage_config:
      target: sgm.models.autoencoder.AutoencoderKLInferenceWrapper
      params:{FIRST_STAGE}
"""


def of_compvis(parameterization: str, unet: str, text: str) -> str:
    """The configuration of a model of the first generation: lines of its UNet's and its text encoder's own."""
    return f"""
model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    parameterization: {parameterization}
    linear_start: 0.00085
    linear_end: 0.0120
    num_timesteps_cond: 1
    timesteps: 1000
    first_stage_key: jpg
    cond_stage_key: txt
    image_size: 16
    channels: 4
    cond_stage_trainable: false
    conditioning_key: crossattn
    scale_factor: 0.18215
    use_ema: false
    unet_config:
      target: ldm.modules.diffusionmodules.openaimodel.UNetModel
      params:
        image_size: 16
        in_channels: 4
        out_channels: 4
        attention_resolutions: [4, 2, 1]
        num_res_blocks: 2
        channel_mult: [1, 2, 4, 4]
        use_spatial_transformer: true
        transformer_depth: 1
        use_checkpoint: false
        legacy: false{unet}
    first_stage_config:
      target: ldm.models.autoencoder.AutoencoderKL
      params:{FIRST_STAGE}
    cond_stage_config:{text}
"""


TWO = of_compvis(
    "v",
    f"""
        model_channels: 32
        num_head_channels: 32
        use_linear_in_transformer: true
        context_dim: {WIDTH}""",
    """
      target: ldm.modules.encoders.modules.FrozenOpenCLIPEmbedder
      params:
        arch: narrow
        freeze: true
        layer: penultimate""",
)

SD15 = of_compvis(
    "eps",
    """
        model_channels: 320
        num_heads: 8
        context_dim: 768""",
    """
      target: ldm.modules.encoders.modules.FrozenCLIPEmbedder
      params:
        version: TEXT_FOLDER""",
)

CONFIGS = {"xl": XL, "two": TWO, "sd15": SD15}
TEXTS = {"xl": (WIDTH, 2 * WIDTH, 3, 2), "sd15": (768, 3072, 12, 12)}

if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
