"""Pictures of prompt sets, kept chunk by chunk under their model's fingerprint: an interrupted evaluation goes on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diffusers import StableDiffusionPipeline

from .prompts import Prompt
from .sampling import generate

CHUNK = 100  # whole batches of `generate`, so that chunks change no picture


@dataclass(frozen=True)
class Kept:
    """A model that draws, its fingerprint, and the folder where its pictures are kept."""

    pipe: StableDiffusionPipeline
    model_id: str
    work: Path

    def pictures(self, prompts: Sequence[Prompt], label: str, chunk: int = CHUNK) -> np.ndarray:
        """The pictures (n, 128, 128, 3) uint8 of the set `label`; only what is not kept yet is sampled.

        A longer set of the same label must begin with the same prompts: then it goes on from a shorter one.
        """
        parts = []
        for start in range(0, len(prompts), chunk):
            chosen = prompts[start : start + chunk]
            file = self.file(label, start, start + len(chosen))
            if not file.exists():
                self._sample(chosen, f"{label} from {start} of {len(prompts)}", file)
            parts.append(np.load(file))
        return np.concatenate(parts)

    def file(self, label: str, start: int, stop: int) -> Path:
        """Where the pictures of the prompts from `start` up to `stop` are kept."""
        return self.work / f"evaluate-{self.model_id}-{label}-{start}-{stop}.npy"

    def _sample(self, prompts: Sequence[Prompt], label: str, file: Path) -> None:
        """Samples and keeps one chunk."""
        drawn = generate(self.pipe, [p.text for p in prompts], [p.seed for p in prompts], label=label)
        part = file.with_suffix(".part")
        with part.open("wb") as opened:
            np.save(opened, drawn)
        os.replace(part, file)  # a file is there whole or not at all
