"""Draws pictures for a search with a diffusers pipeline."""

import numpy as np
import torch

from lib_gi.hosts.diffusers import growth_inhibitors
from lib_gi.session import Session
from lib_gi.training.sampling import Asked


class DiffusersPipeline:
    """Any pipeline of SD 1, 2 or XL."""

    def __init__(self, pipe, steps: int = 20) -> None:
        self.pipe, self.steps = pipe, steps
        pipe.set_progress_bar_config(disable=True)

    def draw(self, asked: Asked) -> tuple[np.ndarray, Session]:
        """See `sampling.Pipeline`."""
        settings = {"strength": 0.0, "weighting": asked.weighting, "record_features": True}
        with growth_inhibitors(self.pipe, [asked.concept, *asked.beside], **settings) as session:
            session.set_w([encoded.w for encoded in asked.scaled(session.concepts)])
            session.record_until = 1
            pictures = self.pipe(
                list(asked.prompts),
                num_inference_steps=self.steps,
                guidance_scale=asked.guidance,
                generator=[torch.Generator("cpu").manual_seed(seed) for seed in asked.seeds],
                output_type="np",
            ).images
            return (pictures * 255).round().astype(np.uint8), session
