"""The f8 KL autoencoder: 128 x 128 pictures to 4 x 16 x 16 latents and back."""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from .loop import Schedule, Training

CROP = 64
LEAST_LOG_VARIANCE = -6.0
BALANCE_COUNT = 1000
BACKGROUND_WEIGHT = 0.3
LARGEST_GAIN = 3.0


def new_autoencoder(widths: tuple[int, ...] = (32, 32, 64, 128)) -> AutoencoderKL:
    """An untrained autoencoder whose encoder starts nearly deterministic."""
    model = AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=32,
        sample_size=128,
    )
    with torch.no_grad():
        model.quant_conv.bias[4:] = LEAST_LOG_VARIANCE
        model.quant_conv.weight[4:] *= 0.1
    return model


def train_autoencoder(
    pictures: np.ndarray,
    work: Path,
    steps: int,
    seed: int,
    device: str,
    widths: tuple[int, ...] = (32, 32, 64, 128),
) -> AutoencoderKL:
    """An autoencoder trained on random 64 x 64 crops of `pictures` (n, 128, 128, 3) uint8."""
    torch.manual_seed(seed)
    training = Training(
        "autoencoder",
        new_autoencoder(widths),
        Schedule(steps, muon=0.02, warm_up=20, flat=0.4),
        work,
        seed,
        ema=0.995,
        weight_decay=1e-4,
        device=device,
    )

    def loss(generator: torch.Generator) -> torch.Tensor:
        x = random_crops(pictures, 16, generator).to(device)
        noise = torch.randn(16, 4, CROP // 8, CROP // 8, generator=generator).to(device)
        return reconstruction_loss(training.module, x, noise)

    training.run(loss)
    with training as model:
        balance_latents(model, encode(model, pictures[:BALANCE_COUNT]))
        model.save_pretrained(work / "vae")
    return AutoencoderKL.from_pretrained(work / "vae").to(device).eval().requires_grad_(False)


@torch.no_grad()
def balance_latents(model: AutoencoderKL, latents: torch.Tensor) -> None:
    """Changes the basis of the model's latents so that drawings are not drowned by backgrounds; pictures stay.

    latents: (n, 4, 16, 16) of the model. Backgrounds hold most of the latents' variance, and a channel may hold
    hardly any; a UNet then learns where drawings stand long before it learns their shapes. The new basis is
    (R + 0.3 B)^-1/2, with B the covariance of row means (backgrounds are the same along a row), R that of
    the rest. It is folded into the two 1 x 1 convolutions around the latents.
    """
    mean = latents.mean((0, 2, 3))
    centred = latents - mean.view(1, -1, 1, 1)
    rows = centred.mean(3, keepdim=True).expand_as(centred)
    background, drawings = (torch.cov(part.transpose(0, 1).flatten(1)) for part in (rows, centred - rows))
    values, vectors = torch.linalg.eigh(drawings + BACKGROUND_WEIGHT * background)
    gains = values.rsqrt().clamp(max=LARGEST_GAIN * float(values.median().rsqrt()))  # a dead channel stays small
    forth = (vectors * gains) @ vectors.T
    back = (vectors / gains) @ vectors.T
    quant, post = model.quant_conv, model.post_quant_conv
    channels = len(mean)
    spread = torch.diagonal(forth @ forth.T) * torch.exp(quant.bias[channels:]).mean()
    weight = quant.weight[:channels, :, 0, 0]
    quant.bias[:channels] = forth @ (quant.bias[:channels] - mean)
    quant.weight[:channels] = (forth @ weight)[:, :, None, None]
    quant.weight[channels:] = 0.0  # the variance no longer depends on the picture
    quant.bias[channels:] = spread.log()
    inside = post.weight[:, :, 0, 0].clone()
    post.bias += inside @ mean
    post.weight.copy_((inside @ back)[:, :, None, None])


def random_crops(pictures: np.ndarray, count: int, generator: torch.Generator) -> torch.Tensor:
    """(count, 3, 64, 64) in [-1, 1]."""
    index = torch.randint(len(pictures), (count,), generator=generator).tolist()
    places = torch.randint(pictures.shape[1] - CROP + 1, (count, 2), generator=generator).tolist()
    crops = np.stack([pictures[i][y : y + CROP, x : x + CROP] for i, (y, x) in zip(index, places)])
    return to_unit(crops)


def reconstruction_loss(model: AutoencoderKL, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Squared, absolute and gradient difference of a picture and its reconstruction, and a trace of KL."""
    mean, log_variance = model.quant_conv(model.encoder(x)).chunk(2, 1)
    log_variance = log_variance.clamp(-20, 5)
    y = model.decoder(model.post_quant_conv(mean + torch.exp(0.5 * log_variance) * noise))
    edges = sum((a - b).abs().mean() for a, b in zip(differences(x), differences(y)))
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    return (y - x).square().mean() + (y - x).abs().mean() + 0.5 * edges + 1e-6 * kl


def differences(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Differences of neighbours along height and width."""
    return x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]


def to_unit(pictures: np.ndarray) -> torch.Tensor:
    """(n, H, W, 3) uint8 as (n, 3, H, W) float in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_bytes(x: torch.Tensor) -> np.ndarray:
    """(n, 3, H, W) float in [-1, 1] as (n, H, W, 3) uint8."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


@torch.no_grad()
def encode(model: AutoencoderKL, pictures: np.ndarray, batch: int = 16) -> torch.Tensor:
    """Mean latents (n, 4, 16, 16), unscaled, on the CPU."""
    parts = [
        model.encode(to_unit(pictures[i : i + batch]).to(model.device)).latent_dist.mean.cpu()
        for i in range(0, len(pictures), batch)
    ]
    return torch.cat(parts).contiguous()


@torch.no_grad()
def decode(model: AutoencoderKL, latents: torch.Tensor, batch: int = 16) -> np.ndarray:
    """Pictures (n, 128, 128, 3) uint8 of unscaled latents."""
    parts = [
        to_bytes(model.decode(latents[i : i + batch].to(model.device)).sample) for i in range(0, len(latents), batch)
    ]
    return np.concatenate(parts)


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio in dB of each picture pair of two (n, H, W, 3) uint8 stacks."""
    error = np.square(a.astype(np.float64) - b.astype(np.float64)).mean((1, 2, 3))
    return 10 * np.log10(255.0**2 / np.maximum(error, 1e-9))
