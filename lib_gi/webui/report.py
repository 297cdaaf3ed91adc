"""What the page says of a generation: what strengths come by, and afterwards what was done."""

import logging
from collections.abc import Sequence

from lib_gi import infotext, reading
from lib_gi.adapters import Adapters, Listed
from lib_gi.calibrated import UNCALIBRATED, fixed, is_default
from lib_gi.concepts import Concept, anchor_of
from lib_gi.encoded import unused_anchor
from lib_gi.errors import NeverHitError
from lib_gi.hosts.webui import Protection
from lib_gi.hosts.webui_model import Webui
from lib_gi.inhibitor import CONTRASTED
from lib_gi.layers import find_cross_attention
from lib_gi.settings import AUTO, MOST_USEFUL, Settings, format_strengths

logger = logging.getLogger(__name__)

NOT_LOADED = "none is loaded"


def comes_by(settings: Settings, host: Webui, adapters: Adapters, concepts: Sequence[Concept]) -> str:
    """What the strengths of the concepts come by in the loaded checkpoint; errors as for `Adapters.choose`."""
    if not settings.infers:
        return fixed(settings, adapters_of(host, adapters)) + _warned(settings, concepts)
    if not host.checkpoint:
        later = f"auto by the adapter {settings.adapter}, which is looked for when the checkpoint is there"
        return later + _warned(settings, concepts if settings.weighting != AUTO else ())
    chosen = adapters.choose(settings, host.unet(), host.weights)
    return f"auto by {chosen}" + _warned(settings, concepts, chosen.adapter.weighting)


def _warned(settings: Settings, concepts: Sequence[Concept], trained: str = "") -> str:
    """A word on anchors that the weighting knows nothing of, and on strengths that are usual in others and too much in
    it, if there are any.
    """
    weighting = settings.weighting_with(trained)
    unused = [c.name for c in concepts if c.anchor and weighting not in CONTRASTED]
    told = "".join(f"; {unused_anchor(name, weighting)}" for name in unused)
    strong = settings.too_strong(trained)
    if not strong:
        return told
    return told + (
        f"; {format_strengths(strong)} is too much in {weighting}, where 1 takes away what the concept's text adds, and"
        f" more than {MOST_USEFUL[weighting]:g} breaks pictures"
    )


def adapters_of(host: Webui, adapters: Adapters) -> list[str]:
    """The names of those that were trained on the loaded checkpoint; none where that cannot be told."""
    try:
        return adapters.made_for(host.unet(), host.weights) if host.checkpoint else []
    except Exception as error:  # noqa: BLE001 - any: what was done is to be told and recorded all the same
        logger.info("whether an adapter was trained on the loaded checkpoint could not be told: %s", error)
        return []


def check_fits(host: Webui, concepts: Sequence[Concept], acts: bool) -> None:
    """Nothing, or the error with which the loaded checkpoint would stop a generation that keeps these concepts out.

    acts: whether some strength is not 0; where none is, a UNet that takes the checkpoint's place is let be.
    """
    if not host.checkpoint:
        return
    find_cross_attention(host.unet())
    if acts and host.replacement:
        raise NeverHitError(
            f"SD Unet is set to {host.replacement}, which runs in the place of the checkpoint's own and cannot be"
            " inhibited; expected the checkpoint's own; set SD Unet to None in the host's settings"
        )
    for concept in concepts:
        host.counted(concept)
        if concept.anchor:
            host.counted(anchor_of(concept))


def fit_of(listed: Listed, host: Webui, adapters: Adapters) -> str:
    """What an adapter is to the loaded checkpoint, if there is one; UnsupportedModelError."""
    return adapters.fit_of(listed, host.unet(), host.weights) if host.checkpoint else NOT_LOADED


def done(protection: Protection, trained: Sequence[str]) -> str:
    """What a batch's sampling passes did in a checkpoint that the adapters named `trained` were trained on."""
    settings = protection.settings
    acting = {c.name: settings.strength_of(c.name) for c in protection.concepts}
    names = format_strengths(acting)
    if not protection.acts:
        return f"{names}, which does nothing"
    if not protection.done:
        return f"{names}, but no step was sampled in which to act"
    passes = ", then ".join(
        f"{d.acted} of {d.steps} steps in {d.layers} layers"
        + (f" with {reading.told(d.inferred)} by {d.adapter}" if d.adapter else "")
        for d in protection.done
    )
    end = "" if settings.infers else f"; {fixed(settings, trained)}"
    return f"{names}; {passes}; {infotext.HOST}, {protection.done[-1].optimisation}{end}"


def recorded(protection: Protection, trained: Sequence[str]) -> dict[str, str]:
    """The same for the infotext: its keys and texts, beside those of the settings."""
    inferred = infotext.write_inferred([d.inferred for d in protection.done])
    guessed = is_default(protection.settings) and not trained
    return inferred | infotext.write_done(protection.done, UNCALIBRATED if guessed else "")
