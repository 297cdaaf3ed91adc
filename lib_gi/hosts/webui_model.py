"""What growth inhibitors ask of a running AUTOMATIC1111 WebUI: its UNet, its text encoder, its options.

The host's modules are imported when they are needed, so that this file can be imported without the host.
"""

import re
from typing import Any

import torch
from torch import Tensor, nn

from lib_gi.concepts import Concept, anchor_of
from lib_gi.encoded import EncodedConcept
from lib_gi.errors import ConceptError, UnsupportedModelError

# What A1111's prompt language gives a meaning to; a backslash takes it away.
SIGNS = re.compile(r"([\\()\[\]])")


class Webui:
    """The running WebUI, whichever checkpoint is loaded at the moment."""

    def __init__(self) -> None:
        from modules import devices, progress, prompt_parser, sd_hijack, shared

        self._devices, self._progress, self._prompt_parser, self._sd_hijack, self._shared = (
            devices,
            progress,
            prompt_parser,
            sd_hijack,
            shared,
        )

    @property
    def checkpoint(self) -> str:
        """The name of the loaded checkpoint; empty when none is."""
        # `sd_model` would load one; the place that it is kept in is asked instead.
        info = getattr(self._loaded(), "sd_checkpoint_info", None)
        return getattr(info, "name_for_extra", "") or ""

    @property
    def weights(self) -> str:
        """The file of the loaded weights: the host may exchange them within one and the same UNet."""
        return str(getattr(self._loaded(), "sd_model_checkpoint", "") or "")

    @property
    def job(self) -> Any:
        """What the host is at: the same from the start of a job to its end, and another for the next one.

        The task's name, where the job has one; any extension may begin the host's state anew, and its time with it.
        """
        task = getattr(self._progress, "current_task", None)
        return task or getattr(self._shared.state, "time_start", None)

    @property
    def broken_off(self) -> bool:
        """Whether what the host draws was interrupted or skipped; it tells so by a BaseException, which hooks miss."""
        state = self._shared.state
        return bool(getattr(state, "interrupted", False) or getattr(state, "skipped", False))

    @property
    def optimisation(self) -> str:
        """The name of the cross-attention optimisation that is in use, as the host calls it."""
        return str(getattr(self._sd_hijack.model_hijack, "optimization_method", None) or "none")

    def unet(self) -> nn.Module:
        """The UNet of the loaded checkpoint; UnsupportedModelError when it is not where it should be."""
        unet = getattr(getattr(self._shared.sd_model, "model", None), "diffusion_model", None)
        if not isinstance(unet, nn.Module):
            raise UnsupportedModelError(
                f"the loaded model ({type(self._shared.sd_model).__name__}) has no model.diffusion_model;"
                " expected a checkpoint of Stable Diffusion 1, 2 or XL; load such a checkpoint"
            )
        return unet

    @property
    def replacement(self) -> str:
        """What the settings have run in the place of the checkpoint's UNet, by its label; empty for nothing."""
        from modules import sd_unet

        return str(getattr(sd_unet.get_unet_option(), "label", "") or "")

    def edits(self, denoiser: Any) -> bool:
        """Whether this denoiser's rows are those of an edit model: cond, uncond, uncond."""
        scale = getattr(denoiser, "image_cfg_scale", None)
        is_edit = getattr(self._shared.sd_model, "cond_stage_key", None) == "edit"
        return is_edit and scale is not None and scale != 1.0

    def encode(self, concept: Concept, w: float | None, size: tuple[int, int]) -> EncodedConcept:
        """The concept as the host's own text encoder sees it, with the scale w (<= 0, or None) for each token.

        size: width and height of the picture, which SDXL's conditioning asks for. Clip skip, textual inversion
        and LoRA act as they do on a prompt; brackets and colons mean nothing; the infotext learns nothing of it.
        Raises ConceptError when the phrase, or its anchor, has no token of its own, or more than one context has room
        for.
        """
        text, count = self.counted(concept)
        anchor = self._context_of(self.counted(anchor_of(concept))[0], size) if concept.anchor else None
        context = self._context_of(text, size)
        return EncodedConcept.even(concept.name, context, 1, 1 + count, w, anchor, concept.phrase)

    def empty(self, size: tuple[int, int]) -> Tensor:
        """What the UNet attends to for an empty prompt, (1, L, D); size as above."""
        return self._context_of("", size)

    def _context_of(self, text: str, size: tuple[int, int]) -> Tensor:
        model = self._shared.sd_model
        part = tokenizing_part(model)
        hijack = getattr(part, "hijack", None)
        told = dict(getattr(hijack, "extra_generation_params", {}))
        try:
            with torch.no_grad(), self._devices.autocast():
                prompt = self._prompt_parser.SdConditioning([text], width=size[0], height=size[1])
                context = model.get_learned_conditioning(prompt)
        finally:
            if hijack is not None:
                hijack.extra_generation_params = told
        # SDXL: the context of both encoders, and a vector that is not attended to.
        return context["crossattn"] if isinstance(context, dict) else context

    def counted(self, concept: Concept) -> tuple[str, int]:
        """The concept's phrase as the host's prompt language takes it for plain words, and how many tokens it has.

        Raises ConceptError as `encode` does.
        """
        text = as_words(concept.phrase, brackets_mean_something=self._shared.opts.emphasis != "None")
        return text, token_count(tokenizing_part(self._shared.sd_model), text, concept)

    def _loaded(self) -> Any:
        from modules import sd_models

        return getattr(sd_models.model_data, "sd_model", None)


def as_words(phrase: str, brackets_mean_something: bool) -> str:
    """The phrase written so that A1111's prompt language reads it as plain words."""
    phrase = re.sub(r"\bBREAK\b", "break", phrase)  # the tokenizer knows no capitals, so nothing is lost
    return SIGNS.sub(r"\\\1", phrase) if brackets_mean_something else phrase


def tokenizing_part(model: Any) -> Any:
    """The part of the model's text encoder that tells tokens; SDXL has two, which count alike."""
    encoder = getattr(model, "cond_stage_model", None)
    for part in (encoder, *getattr(encoder, "embedders", ())):
        if hasattr(part, "tokenize_line"):
            return part
    raise UnsupportedModelError(
        f"the text encoder of the loaded model ({type(encoder).__name__}) does not tell its tokens"
        " (tokenize_line); expected that of Stable Diffusion 1, 2 or XL; load such a checkpoint"
    )


def token_count(part: Any, text: str, concept: Concept) -> int:
    """How many tokens the phrase has, with textual inversions at their full length."""
    chunks, count = part.tokenize_line(text)
    if count < 1:
        raise ConceptError(
            f"the phrase {concept.phrase!r} of {concept.name!r} has no token; expected words that the"
            " model's tokenizer knows; choose another phrase"
        )
    if len(chunks) != 1:
        raise ConceptError(
            f"the phrase of {concept.name!r} has {count} tokens; expected at most {part.chunk_length};"
            " shorten it, or make several concepts of it"
        )
    return count
