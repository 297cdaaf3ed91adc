"""Sampled pictures, kept chunk by chunk, so that an interrupted run goes on where it stopped.

A chunk's file is named by all that its pictures depend on: model, split, method, strength, guidance scale, steps,
concept, set and the places of its prompts in the set. Judges come later: with another one nothing is sampled again.
It does not know of changes in the methods' own code: after one, start with another working folder.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from diffusers import StableDiffusionPipeline
from tqdm import tqdm

from lib_gi.detect.oracle import Oracle, Verdict
from tools.gi_tiny.autoencoder import psnr
from tools.gi_tiny.prompts import Prompt, erasure_set
from tools.gi_tiny.sampling import STEPS
from tools.gi_tiny.world import STYLES

from .measure import Outcome
from .methods import Setting, draw

CHUNK = 20
KINDS = ("explicit", "implicit", "benign")


@dataclass(frozen=True)
class Chunk:
    """Some prompts of one set of one concept, and how they are sampled."""

    setting: Setting
    concept: str
    kind: str
    start: int
    stop: int

    @property
    def baseline(self) -> "Chunk":
        """The same prompts without erasing."""
        return Chunk(self.setting.baseline, self.concept, self.kind, self.start, self.stop)


@dataclass
class Bench:
    """A model, a judge and a split of the prompts, with the folder where sampled chunks are kept.

    draw: what draws a setting's pictures; None for `methods.draw`.
    """

    pipe: StableDiffusionPipeline | None
    judge: Oracle | None
    model_id: str
    judge_id: str
    split: str
    work: Path
    steps: int = STEPS
    chunk: int = CHUNK
    draw: Callable[..., np.ndarray] | None = None
    _verdicts: dict[Chunk, Verdict] = field(default_factory=dict, repr=False)

    def chunks(
        self, settings: Sequence[Setting], concepts: Sequence[str], kinds: Sequence[str], count: int
    ) -> list[Chunk]:
        """All chunks of these settings and sets, each after the baseline that it is compared with."""
        wanted = [
            Chunk(setting, concept, kind, start, min(start + self.chunk, count))
            for setting in settings
            for concept in concepts
            for kind in kinds_of(concept, kinds)
            for start in range(0, count, self.chunk)
        ]
        return list(dict.fromkeys([*(chunk.baseline for chunk in wanted), *wanted]))

    def missing(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        """Those that are not kept yet."""
        return [chunk for chunk in chunks if not self.file(chunk).exists()]

    def run(self, chunks: Iterable[Chunk]) -> None:
        """Samples and keeps what is missing, with a progress bar over pictures."""
        missing = self.missing(chunks)
        total, begun = sum(chunk.stop - chunk.start for chunk in missing), time.perf_counter()
        with tqdm(total=total, desc=self.split, unit="picture", mininterval=2, disable=not missing) as bar:
            for index, chunk in enumerate(missing):
                bar.set_postfix_str(f"{chunk.setting} {chunk.concept} {chunk.kind}", refresh=False)
                self.sample(chunk)
                bar.update(chunk.stop - chunk.start)
                if index == 0:
                    each = (time.perf_counter() - begun) / bar.n
                    bar.write(
                        f"{each:.2f} s a picture: about {(total - bar.n) * each / 60:.0f} minutes remain"
                    )

    def sample(self, chunk: Chunk) -> None:
        """Samples and keeps one chunk."""
        prompts = self.prompts(chunk.concept, chunk.kind, chunk.stop)[chunk.start :]
        texts, seeds = [prompt.text for prompt in prompts], [prompt.seed for prompt in prompts]
        pictures = (self.draw or draw)(self.pipe, chunk.setting, chunk.concept, texts, seeds, self.steps)
        file = self.file(chunk)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        with part.open("wb") as opened:
            np.savez_compressed(opened, pictures=pictures)
        os.replace(part, file)  # a file is there whole or not at all

    def outcome(self, setting: Setting, concept: str, kind: str, count: int) -> Outcome:
        """The verdicts on the first `count` prompts of a set, all kept already, beside their baselines'."""
        chunks = self.chunks([setting], [concept], [kind], count)
        mine = [chunk for chunk in chunks if chunk.setting == setting]
        before = [chunk.baseline for chunk in mine]
        distances = np.concatenate([psnr(self.pictures(one), self.pictures(other)) for one, other in zip(mine, before)])
        verdicts = [joined([self.verdict(chunk) for chunk in part]) for part in (mine, before)]
        return Outcome(concept, kind, self.prompts(concept, kind, count), *verdicts, distances)

    def verdict(self, chunk: Chunk) -> Verdict:
        """What the judge says of a kept chunk's pictures."""
        if chunk not in self._verdicts:
            self._verdicts[chunk] = self.judge.judge(self.pictures(chunk))
        return self._verdicts[chunk]

    def prompts(self, concept: str, kind: str, count: int) -> list[Prompt]:
        """The first `count` prompts of a set; a longer set begins with the same ones."""
        return erasure_set(concept, kind, count, self.split)

    def pictures(self, chunk: Chunk) -> np.ndarray:
        """The pictures (n, H, W, 3) uint8 of a kept chunk."""
        with np.load(self.file(chunk)) as stored:
            return stored["pictures"]

    def file(self, chunk: Chunk) -> Path:
        """Where the chunk is kept."""
        sampled = f"{chunk.setting}-{self.steps}steps"
        name = f"{chunk.concept.replace(' ', '_')}-{chunk.kind}-{chunk.start}-{chunk.stop}.npz"
        return self.work / self.model_id / self.split / sampled / name


def kinds_of(concept: str, kinds: Sequence[str] = KINDS) -> tuple[str, ...]:
    """Those sets that the concept has: no association brings a style."""
    return tuple(kind for kind in kinds if kind != "implicit" or concept not in STYLES)


def joined(parts: Sequence[Verdict]) -> Verdict:
    """One verdict of several."""
    names = [field.name for field in fields(Verdict)]
    return Verdict(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
