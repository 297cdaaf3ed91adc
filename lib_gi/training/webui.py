"""Draws pictures for a search through AUTOMATIC1111's own txt2img: they are neither saved nor shown while they grow.

No script takes part, neither ours nor another's. The host's modules are imported when they are needed, so that this
file can be imported without the host.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
from torch import nn

from lib_gi.errors import GrowthInhibitorError, NeverHitError, SearchStopped
from lib_gi.hosts.webui import ATTRIBUTE, Protection
from lib_gi.hosts.webui_draw import finished
from lib_gi.hosts.webui_model import Webui
from lib_gi.session import Session
from lib_gi.settings import Settings
from lib_gi.training.labels import drawings, tried_strengths
from lib_gi.training.sampling import Asked


class WebuiPipeline:
    """A `sampling.Pipeline` of the checkpoint that is loaded when it is made; the caller holds the host's queue."""

    def __init__(self, host: Webui, sampler: str, steps: int, width: int, height: int) -> None:
        self.host, self.sampler, self.steps, self.width, self.height = host, sampler, steps, width, height
        self.checkpoint, self._weights = host.checkpoint, host.weights

    def told(self) -> str:
        """What tells its pictures from those of another host or size."""
        from modules import shared

        skip = getattr(shared.opts, "CLIP_stop_at_last_layers", 1)
        return f"AUTOMATIC1111 {self.width}x{self.height} clip skip {skip}"

    def draw(self, asked: Asked) -> tuple[np.ndarray, Session]:
        """See `sampling.Pipeline`. Raises GrowthInhibitorError where another checkpoint is loaded by now."""
        from modules import processing, shared

        if shared.state.job_count == -1:  # begun, and nobody has counted yet
            shared.state.job_count = drawings(tried_strengths(asked.weighting, float("inf")))
        self._check_checkpoint()
        Protection.end_all()  # of others nothing acts here
        trying = _Trying(self.host, asked)
        p = processing.StableDiffusionProcessingTxt2Img(
            sd_model=shared.sd_model,
            prompt=list(asked.prompts),
            negative_prompt="",
            seed=list(asked.seeds),
            batch_size=len(asked.prompts),
            sampler_name=self.sampler,
            steps=self.steps,
            cfg_scale=asked.guidance,
            width=self.width,
            height=self.height,
            restore_faces=False,
            tiling=False,
            do_not_save_samples=True,
            do_not_save_grid=True,
        )
        setattr(p, ATTRIBUTE, trying)
        try:
            with closing(p), unseen(shared.state):
                images = finished(p)
        finally:
            trying.end_sampling()
        self._check_checkpoint()
        if len(images) != len(asked.prompts):
            raise SearchStopped("the WebUI was interrupted; expected to go on; resume when you like")
        if trying.session is None:
            raise NeverHitError(
                "the WebUI told of no step while it drew, so nothing was inhibited or seen; expected its callback"
                " on_cfg_denoiser; look into the log for why our script was not loaded"
            )
        return np.stack([np.asarray(image.convert("RGB")) for image in images]), trying.session

    def _check_checkpoint(self) -> None:
        if self.host.weights != self._weights:
            raise GrowthInhibitorError(
                f"the checkpoint {self.host.checkpoint} is loaded by now, and the labels are for {self.checkpoint};"
                " expected that one until the end; load it again, and resume"
            )


class _Trying(Protection):
    """Inhibits each picture of a batch at a strength of its own, and records features."""

    def __init__(self, host: Webui, asked: Asked) -> None:
        settings = Settings(concepts=(asked.concept.name,), strength=0.0, weighting=asked.weighting)
        super().__init__(host, settings, (asked.concept,))
        self._asked = asked
        self.session: Session | None = None

    def _session_in(self, unet: nn.Module) -> Session:
        if self.session is not None:
            raise GrowthInhibitorError(
                "the model was exchanged while a picture was drawn, so what was seen of it is not of one model;"
                " expected a single one; switch off refiners, and resume"
            )
        concepts = self._asked.concept, *self._asked.beside
        encoded = self._asked.scaled([self.host.encode(concept, None, self._size) for concept in concepts])
        told = {"weighting": self._asked.weighting, "record_features": True, "empty": self.host.empty(self._size)}
        self.session = Session(unet, encoded, **told)
        self.session.record_until = 1
        return self.session


def in_turn(queued: Callable[..., Callable[..., Any]], work: Callable[[], Any]) -> Any:
    """What some work gives when its turn in the host's queue has come; raises what it raises.

    queued: the host's wrap_gradio_gpu_call, which would tell an error to a page that may be gone by then.
    """
    given: list[Any] = []
    failed: list[Exception] = []

    def kept() -> list[str]:
        try:
            given.append(work())
        except Exception as error:  # noqa: BLE001 - any: it is raised below
            failed.append(error)
        return [""]  # to which the host adds the time it took

    queued(kept, extra_outputs=[])()
    if failed:
        raise failed[0]
    return given[0]


def default_sampler() -> str:
    """The name of the sampler that the host's form begins with."""
    from modules import sd_samplers

    return sd_samplers.samplers[0].name


@contextmanager
def unseen(state: Any) -> Iterator[None]:
    """Nothing that is drawn inside becomes a live preview, neither in the page nor for an API caller."""
    for name in ("do_set_current_image", "assign_current_image"):
        setattr(state, name, lambda *ignored: None)  # on the object itself: it hides the class's method
    try:
        yield
    finally:
        state.current_latent = state.current_image = None
        for name in ("do_set_current_image", "assign_current_image"):
            delattr(state, name)
