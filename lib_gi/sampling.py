"""Pictures of a diffusers pipeline with inhibitors, and without them from the same noise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tqdm import tqdm

from lib_gi.hosts.diffusers import growth_inhibitors
from lib_gi.pictures import infotext, labelled, save_png
from lib_gi.settings import Settings


@dataclass(frozen=True)
class Job:
    """What is to be sampled; width and height None stand for the model's own."""

    model: str
    prompt: str
    negative: str
    settings: Settings
    steps: int
    guidance: float
    width: int | None
    height: int | None
    side_by_side: bool


def pictures_of(pipe: Any, job: Job, files: Mapping[int, Path]) -> Iterator[Path]:
    """The files of `files` (by seed), each as soon as it is written; a progress bar counts the steps."""
    total = len(files) * job.steps * (2 if job.side_by_side else 1)
    # The delay keeps the bar away until the first step is done, so that an error before it stands alone.
    with tqdm(total=total, unit="step", desc="sampling", mininterval=0.5, delay=0.01) as bar:
        for seed, file in files.items():
            # The picture with inhibitors comes first: what is wrong with the settings shows at once.
            with inhibited(pipe, job.settings):
                picture = sample(pipe, job, seed, bar)
            if job.side_by_side:
                on = ", ".join(f"{name} {job.settings.strength_of(name):g}" for name in job.settings.concepts)
                picture = labelled([sample(pipe, job, seed, bar), picture], ["off", f"on: {on}"])
            save_png(picture, file, parameters_of(pipe, job, seed))
            yield file


def inhibited(pipe: Any, settings: Settings) -> Any:
    """The context manager in which `pipe` suppresses what `settings` say."""
    values = settings.to_dict()
    for name in ("enabled", "hires"):
        del values[name]
    return growth_inhibitors(pipe, **values)


def sample(pipe: Any, job: Job, seed: int, bar: tqdm) -> Image.Image:
    """One picture from the noise of `seed`, which is made on the CPU to be the same for any device."""

    def count(_pipe: Any, _step: int, _timestep: Any, values: dict) -> dict:
        bar.update()
        return values

    return pipe(
        job.prompt,
        negative_prompt=job.negative or None,
        num_inference_steps=job.steps,
        guidance_scale=job.guidance,
        width=job.width,
        height=job.height,
        generator=torch.Generator("cpu").manual_seed(seed),
        callback_on_step_end=count,
    ).images[0]


def parameters_of(pipe: Any, job: Job, seed: int) -> str:
    """The infotext of one picture."""
    width, height = job.width or own_side(pipe), job.height or own_side(pipe)
    values = {
        "Steps": job.steps,
        "Sampler": type(pipe.scheduler).__name__.removesuffix("Scheduler"),
        "CFG scale": f"{job.guidance:g}",
        "Seed": seed,
        "Size": f"{width}x{height}",
        "Model": job.model,
    }
    return infotext(job.prompt, job.negative, values, job.settings)


def own_side(pipe: Any) -> int:
    """Pixels of the side that the model was made for."""
    return pipe.unet.config.sample_size * pipe.vae_scale_factor
