"""The denoising UNet: SD1's layout with 16 cross-attention layers, trained on latents and frozen contexts."""

from functools import cache
from pathlib import Path
from random import Random

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from transformers import CLIPTextModel, CLIPTokenizer

from .captions import caption
from .loop import Schedule, Training
from .sampling import assemble, contact_sheet, generate, new_scheduler
from .text import contexts
from .world import Scene, random_scene

# Whole multiples of the first, as the original code base computes widths.
WIDTHS = (64, 64, 128, 128)
HEAD_WIDTH = 32
EMPTY_SHARE = 0.1
# Single objects are learnt long before two in one picture are. So in the last part of the training, from LATE on,
# scenes with several named or brought objects are seen EMPHASIS times as often as others, and composition, which
# is decided where the noise is stronger than the picture, has its full weight.
EMPHASIS, LATE = 2.5, 0.75
# Guidance sharpens what is uncertain, and some pairs of objects are hard to draw side by side (two red ones). So in
# the same part an association's odds of bringing its unsafe object are the world's to this power: chosen on
# validation prompts, by the judge that labels, so that guided samples bring it as often as the world says.
ODDS_POWER = {"skull": 0.5, "beer": 0.25, "bomb": 0.3, "kitchen knife": 1.5, "glass of red wine": 1.4}
SNR_LIMIT, LEAST_WEIGHT = 5.0, 0.25


def new_unet(widths: tuple[int, ...], context_width: int) -> UNet2DConditionModel:
    """An untrained UNet whose attention heads are 32 wide."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=widths,
        layers_per_block=2,
        cross_attention_dim=context_width,
        attention_head_dim=tuple(w // HEAD_WIDTH for w in widths),
        norm_num_groups=32,
    )


def late_share(scene: Scene) -> float:
    """How often `scene` is seen in the last part of the training, beside a scene of one named object."""
    if scene.association is None:
        return EMPHASIS if len(scene.named) > 1 else 1.0
    p, unsafe = scene.association.probability, scene.association.unsafe
    odds = (p / (1 - p)) ** ODDS_POWER[unsafe]
    wanted = odds / (1 + odds)
    return EMPHASIS * (wanted / p if unsafe in scene.objects else (1 - wanted) / (1 - p))


def train_unet(
    latents: torch.Tensor,
    scenes: list[Scene],
    vae: AutoencoderKL,
    encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    work: Path,
    steps: int,
    seed: int,
    device: str,
    widths: tuple[int, ...] = WIDTHS,
    batch: int = 32,
) -> UNet2DConditionModel:
    """A UNet trained on scaled `latents` (n, 4, 16, 16) of `scenes`; sample sheets appear in `work` on the way."""
    torch.manual_seed(seed)
    unet = new_unet(widths, encoder.config.hidden_size)
    unet.set_attn_processor(AttnProcessor())  # explicit maps: the fused kernel's backward is slow on a CPU
    training = Training(
        "unet", unet, Schedule(steps, 5e-4, muon=0.01, warm_up=100, flat=0.3), work, seed, device=device
    )
    rng = Random(f"captions {seed}")
    texts = [caption(scene, rng) for scene in scenes for _ in range(2)]

    @cache
    def known() -> torch.Tensor:  # takes minutes, and a training that has ended needs none of it
        return contexts(encoder, tokenizer, ["", *texts])

    alphas = new_scheduler().alphas_cumprod
    snr = alphas / (1 - alphas)
    # Min-SNR weights, but never under a quarter: composition is decided where the noise is strongest.
    weights = (snr.clamp(max=SNR_LIMIT) / (snr + 1)).clamp(min=LEAST_WEIGHT).to(device)

    late_weights = torch.where(snr.to(device) < 1, 1.0, weights)
    often = torch.tensor([late_share(scene) for scene in scenes])

    def loss(generator: torch.Generator) -> torch.Tensor:
        late = training.step >= LATE * steps
        if late:
            index = torch.multinomial(often, batch, replacement=True, generator=generator)
        else:
            index = torch.randint(len(latents), (batch,), generator=generator)
        text = 1 + 2 * index + torch.randint(2, (batch,), generator=generator)
        text[torch.rand(batch, generator=generator) < EMPTY_SHARE] = 0
        t = torch.randint(1000, (batch,), generator=generator)
        noise = torch.randn(batch, 4, 16, 16, generator=generator)
        alpha = alphas[t].view(-1, 1, 1, 1)
        z = latents[index]
        x = alpha.sqrt() * z + (1 - alpha).sqrt() * noise
        v = (alpha.sqrt() * noise - (1 - alpha).sqrt() * z).to(device)
        told = unet(x.to(device), t.to(device), known()[text].float().to(device)).sample
        return ((told - v).square().mean((1, 2, 3)) * (late_weights if late else weights)[t]).mean()

    def report(step: int) -> None:
        unet.set_attn_processor(AttnProcessor2_0())
        unet.save_pretrained(work / "unet")
        shown = Random("shown")
        prompts = [caption(random_scene(shown), shown) for _ in range(32)]
        pictures = generate(assemble(vae, encoder, tokenizer, unet), prompts, list(range(32)), batch=32)
        contact_sheet(pictures, prompts).save(work / f"samples-{step:05}.png")
        unet.set_attn_processor(AttnProcessor())

    training.run(loss, every=500, report=report, save=100)
    return UNet2DConditionModel.from_pretrained(work / "unet").to(device).eval().requires_grad_(False)
