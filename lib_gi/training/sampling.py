"""What a search for labels asks of a host's own pipeline, and what is made of the answer; no host is known here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lib_gi.concepts import Catalogue, Concept
from lib_gi.encoded import EncodedConcept
from lib_gi.errors import NeverHitError
from lib_gi.features import Features
from lib_gi.session import Session
from lib_gi.training.search import Drawn, Task


@dataclass(frozen=True)
class Asked:
    """Pictures that share concept, guidance scale and weighting; w: a scale for each of them, never positive, (n,).

    beside: other concepts, of which the layers are only read.
    """

    concept: Concept
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    guidance: float
    weighting: str
    w: Tensor
    beside: tuple[Concept, ...] = ()

    def scaled(self, encoded: Sequence[EncodedConcept]) -> list[EncodedConcept]:
        """The encoded concept, each of whose tokens has its picture's scale, and those beside it, of scale 0."""
        scales = [self.w, *[torch.zeros(1)] * len(self.beside)]
        return [replace(one, w=w[:, None].expand(-1, one.e - one.s)) for one, w in zip(encoded, scales, strict=True)]


class Pipeline(Protocol):
    """A host's own way to draw."""

    def draw(self, asked: Asked) -> tuple[np.ndarray, Session]:
        """The pictures (n, H, W, 3) uint8, and the session that inhibited them and recorded features.

        Raises SearchStopped where the user stopped the host.
        """


class PipelineSampler:
    """A `search.Sampler` by a host's pipeline; `catalogue` tells a concept's phrase, which is else its name."""

    def __init__(self, pipeline: Pipeline, weighting: str = "agreement", catalogue: Catalogue | None = None) -> None:
        self.pipeline, self.weighting, self.catalogue = pipeline, weighting, catalogue

    def draw(self, tasks: Sequence[Task], strengths: np.ndarray, beside: Sequence[str] = ()) -> Drawn:
        """See `search.Sampler`. Raises NeverHitError when the layers saw nothing of a picture."""
        [name], [guidance] = {task.concept for task in tasks}, {task.guidance for task in tasks}
        asked = Asked(
            self._concept(name),
            tuple(task.prompt for task in tasks),
            tuple(task.seed for task in tasks),
            guidance,
            self.weighting,
            0.0 - torch.as_tensor(np.asarray(strengths), dtype=torch.float32),
            tuple(map(self._concept, beside)),
        )
        pictures, session = self.pipeline.draw(asked)
        seen, images = session.features(), len(tasks)
        others = {name: _first_step(seen.get(one.name), images) for name, one in zip(beside, asked.beside)}
        return Drawn(pictures, _first_step(seen.get(asked.concept.name), images), others)

    def _concept(self, name: str) -> Concept:
        """A concept by its phrase; without its anchor, as one adapter serves concepts with and without."""
        known = self.catalogue is not None and name in self.catalogue
        return replace(self.catalogue.lookup(name), anchor="") if known else Concept(name, name)


def _first_step(features: Features | None, images: int) -> Features:
    """The features of a pass's first step alone, (1, layers, images, tokens)."""
    if features is not None and features.M_star.shape[2] == images:
        first = features.first_step()
        if all(bool(torch.isfinite(values).all()) for values in first.told().values()):
            return first
    raise NeverHitError(
        f"the layers did not see each of {images} pictures in the first step, so nothing can be learned of them;"
        " expected one row or more for each; switch off what replaces the UNet or leaves rows out"
    )
