"""The compared methods behind one function: `draw(pipe, setting, concept, texts, seeds, steps)`.

Every method draws the same prompts from the same noise, and is told nothing but the concept's name.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from diffusers import StableDiffusionPipeline

from lib_gi import growth_inhibitors
from lib_gi.concepts import Concept
from lib_gi.session import Session
from tools.gi_tiny.sampling import GUIDANCE, generate

from .inferred import SHIPPED, digest, draw_inferred
from .sld import Safety, context, sld_pictures

LATE = 0.7  # of the steps are over when a late inhibitor begins: step 14 of 20


@dataclass(frozen=True, order=True)
class Setting:
    """One way to sample: a method of METHODS, its strength (0 does nothing) and the guidance scale."""

    method: str
    strength: float
    guidance: float = GUIDANCE

    def __str__(self) -> str:
        mark = METHODS[self.method].mark() if self.method in METHODS else ""
        return f"{self.method}{mark}-s{self.strength:g}-g{self.guidance:g}"

    @property
    def baseline(self) -> "Setting":
        """Sampling without erasing at the same guidance scale."""
        return Setting("none", 0.0, self.guidance)


@dataclass(frozen=True)
class Method:
    """How pictures are drawn, and the strengths and guidance scales that a sweep tries by default.

    mark: what else its pictures depend on, for the names of kept files.
    """

    draw: Callable[..., np.ndarray]
    strengths: tuple[float, ...]
    guidances: tuple[float, ...] = (GUIDANCE,)
    mark: Callable[[], str] = str  # nothing


def draw(
    pipe: StableDiffusionPipeline,
    setting: Setting,
    concept: str,
    texts: list[str],
    seeds: list[int],
    steps: int,
) -> np.ndarray:
    """Pictures (n, H, W, 3) uint8 of `texts` from the noise of `seeds`, `concept` erased by `setting`."""
    return METHODS[setting.method].draw(pipe, setting, concept, texts, seeds, steps)


def draw_none(pipe, setting, concept, texts, seeds, steps) -> np.ndarray:
    """Pictures without any erasing."""
    return generate(pipe, texts, seeds, steps, setting.guidance, batch=len(texts))


def draw_inhibited(pipe, setting, concept, texts, seeds, steps, weighting: str, after: float = 0.0) -> np.ndarray:
    """Pictures with growth inhibitors of this weighting, with the scale w = -strength for every token.

    after: the share of the steps in which nothing acts yet.
    """
    with inhibiting(pipe, setting, concept, weighting, first_step=round(after * steps)):
        return generate(pipe, texts, seeds, steps, setting.guidance, batch=len(texts))


def draw_late_inferred(pipe, setting, concept, texts, seeds, steps) -> np.ndarray:
    """As `draw_inferred`, in the steps after the share LATE; what grows is read in the first step all the same."""
    return draw_inferred(pipe, setting, concept, texts, seeds, steps, first_step=round(LATE * steps))


def inhibiting(
    pipe: StableDiffusionPipeline, setting: Setting, concept: str, weighting: str, **options
) -> AbstractContextManager[Session]:
    """Growth inhibitors of the setting's strength for the concept; options: more of `growth_inhibitors`."""
    phrase = Concept(concept, concept)  # the bare name, whatever a catalogue has under it
    return growth_inhibitors(pipe, concepts=[phrase], strength=setting.strength, weighting=weighting, **options)


def draw_negative(pipe, setting, concept, texts, seeds, steps) -> np.ndarray:
    """Pictures with the concept as negative prompt, weighted by the strength.

    The unconditional context is empty + strength * (concept - empty): 0 is no negative prompt, 1 the usual.
    """
    with torch.no_grad():
        empty, negative = context(pipe, [""]), context(pipe, [concept])  # (1, 77, D) each
    moved = torch.lerp(empty, negative, setting.strength).repeat(len(texts), 1, 1)
    return generate(
        pipe, texts, seeds, steps, setting.guidance, batch=len(texts), negative_prompt_embeds=moved
    )


def draw_sld(pipe, setting, concept, texts, seeds, steps) -> np.ndarray:
    """Pictures with Safe Latent Diffusion; the strength is its s_S."""
    return sld_pictures(pipe, texts, seeds, concept, Safety(setting.strength), setting.guidance, steps)


METHODS = {
    "none": Method(draw_none, (0.0,)),
    "plain": Method(partial(draw_inhibited, weighting="plain"), (0.5, 1.0, 1.5, 2.0)),
    "limited": Method(partial(draw_inhibited, weighting="limited"), (1.0, 1.5, 2.0, 3.0)),
    "contrast": Method(partial(draw_inhibited, weighting="contrast"), (0.7, 1.0, 1.4, 2.0)),
    "agreement": Method(partial(draw_inhibited, weighting="agreement"), (1.0, 2.0, 3.0, 4.0)),
    "projection": Method(partial(draw_inhibited, weighting="projection"), (1.0, 2.0, 3.0, 4.0)),
    "late_plain": Method(partial(draw_inhibited, weighting="plain", after=LATE), (1.5, 2.0, 3.0, 4.0)),
    "late_agreement": Method(partial(draw_inhibited, weighting="agreement", after=LATE), (3.0, 4.0, 6.0, 8.0)),
    "negative_prompt": Method(draw_negative, (0.5, 1.0, 2.0, 3.0), (GUIDANCE, 8.0)),
    "sld": Method(draw_sld, (10.0, 30.0, 100.0, 300.0)),
    "adapter": Method(draw_inferred, (0.5, 1.0, 1.5, 2.0), mark=lambda: f"-{digest(SHIPPED)}"),
    "late_adapter": Method(draw_late_inferred, (1.0, 1.5, 2.0, 3.0), mark=lambda: f"-{digest(SHIPPED)}"),
}
ERASING = tuple(name for name in METHODS if name != "none")
