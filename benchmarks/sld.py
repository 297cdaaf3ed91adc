"""Pictures of Safe Latent Diffusion (Schramowski et al., CVPR 2023, arXiv 2211.05105), for comparison.

A third UNet row sees the concept. Where the prompt's noise estimate comes close to the concept's, the
guidance is turned away from the concept (equations 3 to 8). The benchmark sweeps the strength s_S; the
other constants are those of the paper's strongest configuration, "Hyp-Max": no warm-up, threshold lambda 1.0,
momentum scale s_m 0.5, momentum decay beta_m 0.7. Weaker configurations start late (after 7 to 15 of 50
steps), when the composition has been decided already.

The paper writes mu with a maximum, max(1, |phi|). The authors' code takes the minimum, and so do we: s_S
saturates.
"""

from dataclasses import dataclass

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from torch import Tensor


@dataclass(frozen=True)
class Safety:
    """The constants of Safe Latent Diffusion; `warm_up` is the share of steps before it acts (delta)."""

    s_S: float
    threshold: float = 1.0
    warm_up: float = 0.0
    momentum: float = 0.5
    beta: float = 0.7


def safety_term(eps_uncond: Tensor, eps_text: Tensor, eps_safe: Tensor, nu: Tensor, safety: Safety) -> tuple:
    """What guidance is lessened by, and the momentum for the next step; all shapes (B, 4, h, w).

    Only differences of the three estimates enter, so they may lack a part that is common to them.
    """
    phi = safety.s_S * (eps_text - eps_safe)
    near = eps_text - eps_safe < safety.threshold
    mu = torch.where(near, phi.abs().clamp(max=1.0), 0.0)  # equations 5 and 6
    gamma = mu * (eps_safe - eps_uncond) + safety.momentum * nu  # equations 4 and 7
    return gamma, safety.beta * nu + (1 - safety.beta) * gamma  # equation 8


@torch.no_grad()
def sld_pictures(pipe: StableDiffusionPipeline, *arguments) -> np.ndarray:
    """Pictures (n, H, W, 3) uint8; arguments as for `sld_latents`."""
    x = sld_latents(pipe, *arguments)
    decoded = pipe.vae.decode(x / pipe.vae.config.scaling_factor, return_dict=False)[0]
    pictures = pipe.image_processor.postprocess(decoded, output_type="np")
    return (pictures * 255).round().astype(np.uint8)


@torch.no_grad()
def sld_latents(
    pipe: StableDiffusionPipeline,
    texts: list[str],
    seeds: list[int],
    concept: str,
    safety: Safety,
    guidance: float,
    steps: int,
) -> Tensor:
    """Latents (n, 4, h, w) of `texts`, away from `concept`, from the pipeline's own noise for `seeds`."""
    n = len(texts)
    contexts = torch.cat(
        [context(pipe, [""] * n), context(pipe, texts), context(pipe, [concept] * n)]
    )  # (3n, 77, D)
    pipe.scheduler.set_timesteps(steps, device=pipe.device)
    x = first_latents(pipe, seeds)
    nu = torch.zeros_like(x)
    for index, t in enumerate(pipe.scheduler.timesteps):
        told = pipe.unet(torch.cat([x] * 3), t, encoder_hidden_states=contexts).sample  # (3n, 4, h, w)
        uncond, text, safe = told.chunk(3)
        k = noise_per_output(pipe.scheduler, int(t))
        gamma, nu = safety_term(k * uncond, k * text, k * safe, nu, safety)
        direction = text - uncond
        if index >= safety.warm_up * steps:
            direction = direction - gamma / k
        x = pipe.scheduler.step(uncond + guidance * direction, t, x, eta=0.0).prev_sample
    return x


def noise_per_output(scheduler: DDIMScheduler, t: int) -> float:
    """How much a difference of UNet outputs at timestep `t` is as a difference of noise estimates.

    From a v prediction eps = sqrt(alpha_t) v + sqrt(1 - alpha_t) x_t, and x_t is the same for every row.
    """
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return 1.0
    if kind == "v_prediction":
        return float(scheduler.alphas_cumprod[t].sqrt())
    raise ValueError(f"the scheduler predicts {kind}; expected epsilon or v_prediction")


def context(pipe: StableDiffusionPipeline, texts: list[str]) -> Tensor:
    """Contexts (n, 77, D) of `texts`, as the pipeline makes them."""
    return pipe.encode_prompt(texts, pipe.device, 1, False)[0]


def first_latents(pipe: StableDiffusionPipeline, seeds: list[int]) -> Tensor:
    """The noise (n, 4, h, w) that the pipeline itself starts from with generators of these seeds."""
    side = pipe.unet.config.sample_size * pipe.vae_scale_factor
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    channels = pipe.unet.config.in_channels
    return pipe.prepare_latents(len(seeds), channels, side, side, pipe.unet.dtype, pipe.device, generators)
