"""Growth inhibitors for diffusers pipelines of Stable Diffusion 1, 2 and XL.

    with growth_inhibitors(pipe, concepts=["knife"], strength=4.0):
        image = pipe("a pirate").images[0]

The pipeline is used as it is, and left as it was. diffusers itself is not imported: what counts is what the
pipeline object can do.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lib_gi import adapters, reading
from lib_gi.adapter import Adapter
from lib_gi.concepts import Catalogue, Concept, anchor_of, load_catalogue
from lib_gi.encoded import EncodedConcept
from lib_gi.errors import ConceptError, NeverHitError, RowCountError, SettingsError, UnsupportedModelError
from lib_gi.inhibitor import CONTRASTED
from lib_gi.recording import Recording
from lib_gi.rows import RowMap
from lib_gi.session import Session
from lib_gi.settings import NONE, Settings, format_strengths

logger = logging.getLogger(__name__)


@contextmanager
def growth_inhibitors(
    pipe: Any,
    concepts: Iterable[str | Concept] | str = (),
    strength: float = 3.0,
    *,
    adapter: str | Path | Adapter = NONE,
    cond_first: bool | None = None,
    clip_skip: int | None = None,
    catalogue: Catalogue | None = None,
    record_features: bool = False,
    recording: Recording | None = None,
    **settings: Any,
) -> Iterator[Session]:
    """A session that keeps the concepts out of everything the pipeline draws inside the `with` block.

    concepts: names of the catalogue, `Concept` objects, or free words with free_text=True.
    strength: from 0, which does nothing. settings: further fields of `Settings`.
    adapter: infers the strength of each concept that has none in `strengths`: "auto" for the one that was trained on
    this model (of several: `Adapters.choose`), a name of `models/adapters`, a .safetensors file, or one that is loaded.
    cond_first: the order of rows under guidance; None for that of diffusers, negative prompt first.
    clip_skip: the same that is given to the pipeline. catalogue: in place of the one in the package.
    record_features: keep what the layers saw, for `session.features()`.
    recording: keep sums of it, for heat maps and curves.

    A step is one step of the scheduler: one of Heun calls the UNet twice. A loop of one's own that calls
    `pipe.unet` has to call `set_timesteps` for each sampling pass, as pipelines do.
    Raises SettingsError, ConceptError, AdapterError or UnsupportedModelError before anything is drawn; StepRangeError
    before a pass's first UNet call, when first_step or last_step is not one of its steps (img2img and inpaint run fewer
    than they are asked for).
    """
    if isinstance(concepts, str):
        concepts = [name for name in concepts.split(";") if name.strip()] or [concepts]
    asked = [concepts] if isinstance(concepts, Concept) else list(concepts)
    for item in asked:
        if not isinstance(item, (str, Concept)):
            raise ConceptError(f"a concept is {item!r}; expected a name or a Concept; write the name as text")
    own = [item for item in asked if isinstance(item, Concept)]
    names = tuple(item.name if isinstance(item, Concept) else item for item in asked)
    asked_adapter, loaded = adapters.given(adapter)
    chosen = Settings.from_dict({"concepts": names, "strength": strength, "adapter": asked_adapter, **settings})
    if chosen.heatmap is not None:
        raise SettingsError(
            f"heatmap is {chosen.heatmap!r}, but no heat map is drawn here; expected a recording to draw one from; pass"
            " recording=Recording(), and give it to heatmaps.sheet"
        )
    unet = unet_of(pipe) if chosen.enabled else getattr(pipe, "unet", None)
    catalogue = (load_catalogue() if catalogue is None else catalogue).joined(own)
    found = catalogue.resolve(chosen.concepts, chosen.free_text) if chosen.enabled else ()
    encoded = [encode(pipe, concept, chosen.w_of(concept.name), clip_skip) for concept in found]
    by = f"the adapter {chosen.adapter}" if chosen.infers else "a fixed strength"
    if chosen.infers and loaded is None:
        picked = adapters.Adapters().choose(chosen, unet)
        loaded, by = picked.adapter, str(picked)
    weighting = chosen.weighting_with(loaded.weighting if loaded and chosen.infers else "")
    reads = record_features or (loaded is not None and loaded.needs_empty)
    session = Session(
        unet,
        encoded,
        weighting=weighting,
        first_step=chosen.first_step,
        last_step=chosen.last_step,
        bound=chosen.bound,
        record_features=record_features,
        adapter=loaded,
        recording=recording,
        empty=context_of(pipe, "", clip_skip) if encoded and (reads or weighting in CONTRASTED) else None,
    )
    with session:
        watcher = _Watcher(pipe, session, cond_first)
        handles = watcher.install(unet) if session.armed else []
        try:
            yield session
        finally:
            for handle in handles:
                handle.remove()
        if handles and pipe.unet is not unet:
            raise NeverHitError(
                "the pipeline's UNet was replaced inside the context, so what it drew then was not inhibited;"
                " expected the UNet that was there at the start; enter again after a change of model"
            )
    told = format_strengths(chosen.acting)
    last = f", {reading.told(reading.ranges(session.inferred))} in the last pass" if session.inferred else ""
    logger.debug("inhibited %s in %d calls by %s%s", told, session.calls, by, last)


def unet_of(pipe: Any) -> nn.Module:
    """The pipeline's UNet; UnsupportedModelError when it has none."""
    unet = getattr(pipe, "unet", None)
    if isinstance(unet, nn.Module):
        if not hasattr(type(pipe), "do_classifier_free_guidance"):
            raise UnsupportedModelError(
                f"{type(pipe).__name__} does not tell whether guidance is on (do_classifier_free_guidance),"
                " so its conditional rows are not known; expected a pipeline that"
                " does; update diffusers, or use its standard pipeline"
            )
        return unet
    has = " It has a transformer (as SD3 and Flux have)." if hasattr(pipe, "transformer") else ""
    raise UnsupportedModelError(
        f"{type(pipe).__name__} has no UNet.{has} Growth inhibitors act in the cross-attention of one;"
        " expected a pipeline of Stable Diffusion 1, 2 or XL; load such a model"
    )


def encode(pipe: Any, concept: Concept, w: float | None, clip_skip: int | None = None) -> EncodedConcept:
    """The concept as the pipeline's own text encoders see it, with the scale w (<= 0, or None) for each token.

    Raises ConceptError when the phrase, or its anchor, has no token of its own, or more than one context has room for.
    """
    tokenizer = getattr(pipe, "tokenizer", None) or getattr(pipe, "tokenizer_2", None)
    encode_prompt = getattr(pipe, "encode_prompt", None) or getattr(pipe, "_encode_prompt", None)
    if tokenizer is None or encode_prompt is None:
        raise UnsupportedModelError(
            f"{type(pipe).__name__} has no text encoder that can be called (tokenizer, encode_prompt);"
            " expected a pipeline of Stable Diffusion 1, 2 or XL with all its parts; load that too"
        )
    s, e = span(pipe, tokenizer, concept)
    anchor = None
    if concept.anchor:
        span(pipe, tokenizer, anchor_of(concept))
        anchor = context_of(pipe, concept.anchor, clip_skip)
    context = context_of(pipe, concept.phrase, clip_skip)
    return EncodedConcept.even(concept.name, context, s, e, w, anchor, concept.phrase)


def context_of(pipe: Any, text: str, clip_skip: int | None = None) -> Tensor:
    """What the UNet attends to for this text, (1, L, D), by the pipeline's own text encoders."""
    encode_prompt = getattr(pipe, "encode_prompt", None) or pipe._encode_prompt
    with torch.no_grad():
        skip = {} if clip_skip is None else {"clip_skip": clip_skip}
        context = encode_prompt(
            text,
            device=getattr(pipe, "_execution_device", pipe.device),
            num_images_per_prompt=1,
            do_classifier_free_guidance=False,
            **skip,
        )
    # Newer pipelines add the negative context and pooled ones.
    return context[0] if isinstance(context, (tuple, list)) else context


def span(pipe: Any, tokenizer: Any, concept: Concept) -> tuple[int, int]:
    """[s, e), the phrase's own tokens in its context, counted without the padding that differs by model."""
    phrase = concept.phrase
    if hasattr(pipe, "maybe_convert_prompt"):  # a textual inversion may take several tokens
        phrase = pipe.maybe_convert_prompt(phrase, tokenizer)
    ids = list(tokenizer(phrase, truncation=False, padding=False).input_ids)
    s = 1 if ids and ids[0] == tokenizer.bos_token_id else 0
    e = len(ids) - 1 if ids and ids[-1] == tokenizer.eos_token_id else len(ids)
    room = tokenizer.model_max_length - 2
    if e <= s:
        raise ConceptError(
            f"the phrase {concept.phrase!r} of {concept.name!r} has no token; expected words that the"
            " model's tokenizer knows; choose another phrase"
        )
    if e - s > room:
        raise ConceptError(
            f"the phrase of {concept.name!r} has {e - s} tokens; expected at most {room}; shorten it, or make"
            " several concepts of it"
        )
    return s, e


class _Watcher:
    """Watches the pipeline's UNet calls and tells the session the pass, the step and the rows."""

    def __init__(self, pipe: Any, session: Session, cond_first: bool | None) -> None:
        if cond_first not in (None, True, False):
            raise SettingsError(f"cond_first is {cond_first!r}; expected true, false or none; leave it out")
        self.pipe, self.session, self.cond_first = pipe, session, cond_first
        self.timesteps: Any = None
        self.calls = 0  # of the pass that is under way
        self.total = 0

    def install(self, unet: nn.Module) -> list[Any]:
        """The handles of a hook before each call of the UNet and one after it.

        The first comes before the session's own, which read the rows that it tells.
        """
        return [
            unet.register_forward_pre_hook(self.before, with_kwargs=True, prepend=True),
            unet.register_forward_hook(self.after),
        ]

    def before(self, unet: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        sample = args[0] if args else kwargs["sample"]
        order = max(1, getattr(self.pipe.scheduler, "order", 1))  # UNet calls per step
        if self.is_new_pass():
            self.calls = 0
            self.session.begin_pass(-(-self.total // order) if self.total else None)
        self.session.begin_step(self.calls // order, self.rows(sample))
        self.calls += 1

    def after(self, unet: nn.Module, args: tuple, output: Any) -> None:
        self.session.end_call(output)

    def is_new_pass(self) -> bool:
        """Whether this call begins a sampling pass: new timesteps were set, or all of them were run."""
        timesteps = getattr(self.pipe.scheduler, "timesteps", None)
        if self.calls and timesteps is self.timesteps and not (self.total and self.calls >= self.total):
            return False
        self.timesteps = timesteps
        known = 0 if timesteps is None else len(timesteps)
        planned = getattr(self.pipe, "_num_timesteps", None) or known  # fewer where img2img starts late
        self.total = min(planned, known) if known else planned
        return True

    def rows(self, sample: Tensor) -> RowMap:
        """The map of this call's rows, from what the pipeline says of its guidance."""
        rows = sample.shape[0]
        if getattr(self.pipe, "do_perturbed_attention_guidance", False):
            raise RowCountError(
                "perturbed attention guidance adds rows of a third kind; expected conditional and"
                " unconditional rows only; set pag_scale to 0"
            )
        if not getattr(self.pipe, "do_classifier_free_guidance", False):
            return RowMap.all_conditional(rows)
        if hasattr(self.pipe, "image_guidance_scale"):
            return RowMap.edit(rows)
        return RowMap.guided(rows, cond_first=bool(self.cond_first))
