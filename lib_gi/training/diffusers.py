"""Draws pictures for a search with a diffusers pipeline."""

from collections.abc import Sequence

import numpy as np
import torch

from lib_gi.concepts import Catalogue, Concept
from lib_gi.hosts.diffusers import growth_inhibitors
from lib_gi.training.search import Drawn, Task


class PipelineSampler:
    """Any pipeline of SD 1, 2 or XL; `catalogue` tells a concept's phrase, which is else its name."""

    def __init__(self, pipe, steps: int = 20, weighting: str = "agreement", catalogue: Catalogue | None = None) -> None:
        self.pipe, self.steps, self.weighting, self.catalogue = pipe, steps, weighting, catalogue
        pipe.set_progress_bar_config(disable=True)

    def draw(self, tasks: Sequence[Task], strengths: np.ndarray) -> Drawn:
        """See `search.Sampler`."""
        [concept], [guidance] = {task.concept for task in tasks}, {task.guidance for task in tasks}
        known = self.catalogue is not None and concept in self.catalogue
        asked = self.catalogue.lookup(concept) if known else Concept(concept, concept)
        settings = {"strength": 0.0, "weighting": self.weighting, "record_features": True}
        with growth_inhibitors(self.pipe, [asked], **settings) as session:
            [encoded] = session.concepts
            w = -torch.as_tensor(np.asarray(strengths), dtype=torch.float32)
            session.set_w([w[:, None].expand(-1, encoded.e - encoded.s)])
            pictures = self.pipe(
                [task.prompt for task in tasks],
                num_inference_steps=self.steps,
                guidance_scale=guidance,
                generator=[torch.Generator("cpu").manual_seed(task.seed) for task in tasks],
                output_type="np",
            ).images
            return Drawn((pictures * 255).round().astype(np.uint8), session.features()[asked.name])
