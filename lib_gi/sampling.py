"""Pictures of a diffusers pipeline with inhibitors, and without them from the same noise."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tqdm import tqdm

from lib_gi import curves, heatmaps, infotext, reading
from lib_gi.adapter import Adapter
from lib_gi.concepts import Catalogue
from lib_gi.hosts.diffusers import growth_inhibitors
from lib_gi.pictures import beside, labelled, parameters, save_png
from lib_gi.recording import Recording
from lib_gi.settings import Settings, format_strengths

GROWTH = ("heatmap.png", "curve.png", "curve.json")


@dataclass(frozen=True)
class Job:
    """What is to be sampled; width and height None stand for the model's own.

    adapter: the one that the settings name, where it is not among those that are found by name. catalogue: that of the
    settings' concepts; None for the package's.
    """

    model: str
    prompt: str
    negative: str
    settings: Settings
    steps: int
    guidance: float
    width: int | None
    height: int | None
    side_by_side: bool
    heatmap_scale: float | None = None
    adapter: Adapter | None = None
    catalogue: Catalogue | None = None


def pictures_of(pipe: Any, job: Job, files: Mapping[int, Path]) -> Iterator[Path]:
    """The files of `files` (by seed), each as soon as it is written; a progress bar counts the steps.

    With a heat map a picture's file is followed by those beside it, whose names end as `GROWTH` says.
    """
    total = len(files) * job.steps * (2 if job.side_by_side else 1)
    # The delay keeps the bar away until the first step is done, so that an error before it stands alone.
    with tqdm(total=total, unit="step", desc="sampling", mininterval=0.5, delay=0.01) as bar:
        for seed, file in files.items():
            recording = Recording() if job.settings.heatmap else None
            # The picture with inhibitors comes first: what is wrong with the settings shows at once.
            with inhibited(pipe, job.settings, recording, job.adapter, job.catalogue) as session:
                picture = inhibited_picture = sample(pipe, job, seed, bar)
            if job.side_by_side:
                on = format_strengths(job.settings.acting)
                picture = labelled([sample(pipe, job, seed, bar), picture], ["off", f"on: {on}"])
            inferred = reading.ranges(session.inferred)
            if inferred:
                by = f"by the adapter {job.settings.adapter}"
                bar.write(f"seed {seed}: {reading.told(inferred)} {by}", file=sys.stderr)
            told = parameters_of(pipe, job, seed, inferred)
            save_png(picture, file, told)
            yield file
            if recording is not None:
                yield from growth_files(recording, job, inhibited_picture, file, told)


def growth_files(recording: Recording, job: Job, picture: Image.Image, file: Path, told: str) -> Iterator[Path]:
    """The files beside a picture's `file` that show where concepts grew in it, each as soon as it is written."""
    heat_file, curve_file, numbers_file = (beside(file, ending) for ending in GROWTH)
    save_png(heatmaps.sheet(recording, 0, picture, job.settings.heatmap, job.heatmap_scale), heat_file, told)
    yield heat_file
    save_png(curves.sheet(recording, 0), curve_file, told)
    yield curve_file
    numbers_file.write_text(json.dumps(curves.numbers(recording, 0), ensure_ascii=False) + "\n", encoding="utf-8")
    yield numbers_file


def inhibited(
    pipe: Any,
    settings: Settings,
    recording: Recording | None = None,
    adapter: Adapter | None = None,
    catalogue: Catalogue | None = None,
) -> Any:
    """The context manager in which `pipe` suppresses what `settings` say, by this adapter where there is one.

    catalogue: that of the settings' concepts; None for the package's.
    """
    values = settings.to_dict()
    for name in ("enabled", "hires", "heatmap"):
        del values[name]
    if adapter is not None:
        values["adapter"] = adapter
    return growth_inhibitors(pipe, recording=recording, catalogue=catalogue, **values)


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


def parameters_of(pipe: Any, job: Job, seed: int, inferred: Mapping[str, str]) -> str:
    """The infotext of one picture; inferred: what an adapter did, by concept."""
    width, height = job.width or own_side(pipe), job.height or own_side(pipe)
    values = {
        "Steps": job.steps,
        "Sampler": type(pipe.scheduler).__name__.removesuffix("Scheduler"),
        "CFG scale": f"{job.guidance:g}",
        "Seed": seed,
        "Size": f"{width}x{height}",
        "Model": job.model,
    }
    ours = infotext.write(job.settings) | infotext.write_inferred([inferred])
    return parameters(job.prompt, job.negative, values, ours)


def own_side(pipe: Any) -> int:
    """Pixels of the side that the model was made for."""
    return pipe.unet.config.sample_size * pipe.vae_scale_factor
