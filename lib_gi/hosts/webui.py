"""Growth inhibitors in AUTOMATIC1111's WebUI: when they go in, when they come out, and what stops a picture.

The host prints and swallows whatever a script's callback raises, and goes on without protection. So an error
is kept, and raised from inside the host's denoiser, where it does stop the generation.
"""

import logging
import weakref
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from torch import nn

from lib_gi.adapters import Adapters, Chosen
from lib_gi.concepts import Concept
from lib_gi.errors import GrowthInhibitorError, NeverHitError, StepRangeError
from lib_gi.hosts.webui_model import Webui
from lib_gi.hosts.webui_rows import rows_of
from lib_gi.inhibitor import CONTRASTED
from lib_gi.layers import find_cross_attention
from lib_gi.reading import ranges
from lib_gi.recording import Recording
from lib_gi.session import Session
from lib_gi.settings import Settings
from lib_gi.steps import acts_in

logger = logging.getLogger(__name__)

ATTRIBUTE = "growth_inhibitors"
"""Of the host's object of a generation: its protection, which acts whenever the host tells of a step of it."""

Fault = tuple[type[GrowthInhibitorError], str]


class Done(NamedTuple):
    """What a sampling pass did: layers reached, steps in which the inhibitors acted, steps that there were.

    adapter: which one inferred strengths, and `inferred` which; None and empty where the strengths were given.
    """

    layers: int
    acted: int
    steps: int
    optimisation: str
    adapter: Chosen | None = None
    inferred: Mapping[str, str] = MappingProxyType({})


class Protection:
    """Keeps one generation's concepts out, from the start of each of its sampling passes to the end.

    Only a sampling pass has anything installed. It is gone after `end_sampling`, after an error or interrupt
    inside a step, when the next generation begins, and at the latest when the generation's own object dies.
    """

    _all: ClassVar["weakref.WeakSet[Protection]"] = weakref.WeakSet()

    def __init__(
        self, host: Webui, settings: Settings, concepts: Sequence[Concept], adapters: Adapters | None = None
    ) -> None:
        self.host, self.settings, self.concepts = host, settings, tuple(concepts)
        self.adapters = Adapters() if adapters is None else adapters
        self.done: list[Done] = []
        self.refusal: Fault | None = None
        self._recording: Recording | None = None
        self._forget_pass()
        self._all.add(self)

    @classmethod
    def refused(cls, host: Webui, error: Exception) -> "Protection":
        """A protection that stops the generation with this error at its first step."""
        protection = cls(host, Settings.disabled(), ())
        protection.refusal = protection._fault = kept(error)
        return protection

    @classmethod
    def end_all(cls) -> None:
        """Take out what any generation has left, such as one that failed between two steps; safe at any time."""
        cls.end_others(None)

    @classmethod
    def end_others(cls, own: "Protection | None") -> None:
        """As `end_all`, but for this one."""
        for protection in list(cls._all):
            if protection is not own:
                protection.end_sampling()

    @property
    def armed(self) -> bool:
        """Whether layers are hooked at the moment."""
        return self._session is not None and self._session.armed

    @property
    def acts(self) -> bool:
        """Whether there is anything to inhibit: some concept has a strength, or one that is inferred."""
        return any(self.settings.w_of(concept.name) != 0 for concept in self.concepts)

    def begin_sampling(self, p: Any, hires: bool = False) -> None:
        """A sampling pass of `p` is about to begin, with `p.sampler` made for it."""
        self.end_pass()
        weakref.finalize(p, self.end_sampling)
        self._size = p.width, p.height
        self._excused = hires and not self.settings.hires
        denoiser = getattr(p.sampler, "model_wrap_cfg", None)
        if isinstance(denoiser, nn.Module):
            self._watch(denoiser)
        self._arm()

    def begin_step(self, params: Any) -> None:
        """The denoiser is about to run the UNet; `params` are those of the host's on_cfg_denoiser."""
        if self._excused:
            return
        denoiser = params.denoiser
        try:
            unet = self.host.unet()
            if not self._watches:  # a pass that the host did not tell of
                self._watch(unet)
                if isinstance(denoiser, nn.Module):  # it runs already: watched from the next step on, whatever it runs
                    self._watch(denoiser)
            if self._session is None or unet is not self._session.unet or self.host.weights != self._weights:
                self._arm()  # a refiner took over, with a UNet of its own or with its weights in this one
            if self._session is None:
                return
            calls = max(1, denoiser.total_steps // max(1, denoiser.steps))  # 2 where the sampler's order is 2
            step = denoiser.step // calls
            if not self._session.passes:
                # A hires or img2img pass may have fewer steps than the page shows, and settings may come from a picture
                # with more. A last step past the end leaves nothing unprotected.
                self._session.begin_pass(denoiser.steps, open_end=True)
            self._session.begin_step(step, rows_of(params, self.host.edits(denoiser)))
            self._steps.add(step)
            if self.acts and acts_in(step, self.settings.first_step, self.settings.last_step):
                self._acted.add(step)  # without what acts a pass is only looked at, for a heat map
        except Exception as error:  # noqa: BLE001 - any: the host would swallow it, and draw on without protection
            self._fault = kind, text = kept(error)
            if self._session is not None:
                self._session.refuse(kind(text))

    def end_pass(self) -> None:
        """As `end_sampling`, after a pass that has no further step; that nothing acted though it should is refused.

        Only now is it known: samplers take more or fewer steps than they tell. What was broken off did not get so far.
        """
        none_acted = self.acts and self._steps and not self._acted
        if none_acted and self._fault is None and not self.host.broken_off:
            s, last = self.settings, max(self._steps)
            until = "the end" if s.last_step is None else f"step {s.last_step}"
            self.refusal = StepRangeError, (
                f"the sampling pass had only the steps 0 to {last}, and growth inhibitors were to act from step"
                f" {s.first_step} to {until}, so nothing was inhibited; expected one of its steps; lower first_step"
            )
        self.end_sampling()

    def end_sampling(self) -> None:
        """Take everything out; safe at any time, and twice."""
        self._note_what_was_done()
        self._take_out()
        for watch in self._watches:
            watch.remove()
        self._forget_pass()

    def take_recording(self) -> Recording | None:
        """What was recorded of a batch, in all its passes, where heat maps are asked for; the next one begins anew."""
        recording, self._recording = self._recording, None
        return recording

    # -- what the watched module runs ----------------------------------------------------------------------

    def _watch(self, module: nn.Module) -> None:
        """Check before and after each call of the module, and take everything out when one breaks off."""

        def check_before(module: nn.Module, args: tuple) -> None:
            self._raise_fault()
            self._hits_before = self._hits

        def check_after(module: nn.Module, args: tuple, output: Any) -> None:
            if output is None:  # PyTorch's way to tell that an exception is on its way out
                self._break_off()
                return
            try:
                self._raise_fault()
                self._check_reached(output)
            except GrowthInhibitorError:
                self._break_off()
                raise

        self._watches.append(module.register_forward_pre_hook(check_before))
        self._watches.append(module.register_forward_hook(check_after, always_call=True))

    def _raise_fault(self) -> None:
        if self._fault is not None:
            kind, text = self._fault
            raise kind(text)

    def _check_reached(self, output: Any) -> None:
        if not self.armed:
            return
        self._session.end_call(output)
        if self._hits == self._hits_before:
            raise NeverHitError(
                "a step went by in which no cross-attention layer was called, so nothing was inhibited;"
                " expected the checkpoint's own UNet to run; set SD Unet to None in the host's settings (a"
                " replaced UNet such as TensorRT's cannot be inhibited)"
            )

    @property
    def _hits(self) -> int:
        return 0 if self._session is None else sum(self._session.hits.values())

    # -- in and out ----------------------------------------------------------------------------------------

    def _arm(self) -> None:
        self._take_out()
        if self._fault is not None or self._excused:
            return
        try:
            self._session = self._session_in(self.host.unet()).__enter__()
            self._weights, self._hits_before = self.host.weights, 0
        except Exception as error:  # noqa: BLE001 - any: the host would swallow it, and draw on without protection
            self._fault = kept(error)

    def _session_in(self, unet: nn.Module) -> Session:
        """What a pass in this UNet needs, and notes which adapter it is by."""
        s = self.settings
        find_cross_attention(unet)  # first: in a model without any, adapters and encoding fail for reasons that mislead
        chosen = self.adapters.choose(s, unet, self.host.weights) if s.infers else None
        if s.heatmap and self._recording is None:
            self._recording = Recording()
        self._adapter = chosen
        weighting = s.weighting_with(chosen.adapter.weighting if chosen else "")
        needs_empty = weighting in CONTRASTED or (chosen and chosen.adapter.needs_empty)
        return Session(
            unet,
            [self.host.encode(c, s.w_of(c.name), self._size) for c in self.concepts],
            weighting=weighting,
            first_step=s.first_step,
            last_step=s.last_step,
            bound=s.bound,
            adapter=chosen.adapter if chosen else None,
            recording=self._recording,
            empty=self.host.empty(self._size) if needs_empty else None,
        )

    def _break_off(self) -> None:
        """A step ended in an error or an interrupt: nothing of ours stays in the UNet, and no step follows."""
        self._note_what_was_done()
        self._take_out()
        self._fault = self._fault or (
            GrowthInhibitorError,
            "the sampling pass was broken off; expected no further step of it; generate again",
        )

    def _note_what_was_done(self) -> None:
        if self.armed and self._acted:
            layers = sum(1 for hits in self._session.hits.values() if hits)
            acted = 0 if self._session.idle else len(self._acted)  # an adapter may find that nothing grows
            by = self._adapter, ranges(self._session.inferred)
            self.done.append(Done(layers, acted, len(self._steps), self.host.optimisation, *by))

    def _take_out(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            out = GrowthInhibitorError("taken out")  # leaving with an error makes none of the closing checks
            session.__exit__(type(out), out, None)

    def _forget_pass(self) -> None:
        self._session: Session | None = None
        self._watches: list[Any] = []
        self._fault = self.refusal
        self._size = 0, 0
        self._excused = False
        self._weights, self._adapter, self._hits_before = "", None, 0
        self._acted: set[int] = set()
        self._steps: set[int] = set()


class Stop:
    """Stands in the place of latents that must not become a picture: whatever the host asks of it raises the error."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        kind, text = self._fault
        raise kind(text)


def kept(error: Exception) -> Fault:
    """An error to raise later, without its traceback, which would keep the whole generation alive."""
    if isinstance(error, GrowthInhibitorError):
        return type(error), str(error)
    logger.error("growth inhibitors failed", exc_info=error)
    return GrowthInhibitorError, (
        f"growth inhibitors failed with {type(error).__name__}: {error}; expected no such failure, so the"
        " generation was stopped; untick Growth Inhibitors to draw without protection, and report this"
    )
