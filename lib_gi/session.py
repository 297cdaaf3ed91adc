"""One generation's state: which layers are hooked, with what, and what they have seen.

    with Session(unet, concepts) as session:
        session.begin_pass(total_steps)     # each sampling pass: K* and V* are made anew
        session.begin_step(step, rows)      # each step: the rows of the UNet calls that follow
        unet(...)
        session.end_call()                  # optional: a layer left out is noticed at once

Each cross-attention layer gets a forward hook on `to_q` and a forward pre-hook on `to_out[0]`; nothing
else is touched. An error is raised, or raised again, from within the UNet's forward, because that stops a
generation in every host, while errors in a host's callbacks may be swallowed.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lib_gi.adapter import Adapter
from lib_gi.books import Books, missed_error
from lib_gi.encoded import EncodedConcept, unused_anchor
from lib_gi.errors import (
    GrowthInhibitorError,
    NeverHitError,
    RowCountError,
    SettingsError,
    UnsupportedModelError,
)
from lib_gi.faults import Faults
from lib_gi.features import Features, Record, collect
from lib_gi.inhibitor import CONTRASTED
from lib_gi.injection import Injection
from lib_gi.layers import Layer, check_output, find_cross_attention, sample_of
from lib_gi.reading import Reading
from lib_gi.recording import Recording
from lib_gi.rows import RowMap
from lib_gi.steps import acts_in, check_steps

logger = logging.getLogger(__name__)


class Session:
    """Inhibits concepts in a UNet while it is entered; the module's text has the order of calls.

    Without a concept, or with every w zero and no features or recording asked for, entering installs nothing.
    w holds one row per image, or one for all; where it is None, `adapter` infers it at the start of each
    pass, from one more call of the UNet: `inferred` has those of the last pass by concept, (images, tokens).
    record_until: set it to keep features of the steps before this one alone.
    empty: the context of an empty prompt (1, L, D), without which M* and agreement alone are read; contrast needs it.
    Raises UnsupportedModelError or SettingsError when made, other errors of ours while sampling, and NeverHitError on
    leaving when no layer was ever called.
    """

    def __init__(
        self,
        unet: nn.Module,
        concepts: Sequence[EncodedConcept],
        *,
        weighting: str = "agreement",
        first_step: int = 0,
        last_step: int | None = None,
        bound: tuple[float, float] | None = None,
        record_features: bool = False,
        adapter: Adapter | None = None,
        recording: Recording | None = None,
        empty: Tensor | None = None,
    ) -> None:
        self.unet, self.concepts, self.record_features = unet, tuple(concepts), record_features
        self.recording, self.record_until = recording, None
        self.first_step, self.last_step = first_step, last_step
        self.passes = self.calls = 0
        self.inferred: dict[str, Tensor] = {}
        self._layers = find_cross_attention(unet) if self.concepts else []
        self._injection = Injection(self._layers, self.concepts, weighting, bound, empty)
        for concept in self.concepts if weighting not in CONTRASTED else ():
            if concept.anchor is not None and concept.strength != 0:
                logger.warning("%s", unused_anchor(concept.name, weighting))
        self._reading = self._reading_by(adapter)
        self._books, self._faults = Books(self._layers), Faults()
        self._depth = 0
        self._handles: list[Any] = []
        self._records: list[list[Record]] = []
        self._forget_pass()

    def _reading_by(self, adapter: Adapter | None) -> Reading | None:
        """What infers the scales that the concepts lack; None where they lack none."""
        lacking = [c.name for c in self.concepts if c.w is None]
        if not lacking:
            return None
        if adapter is None:
            raise SettingsError(
                f"the scale of {', '.join(lacking)} is to be inferred, and there is no adapter; expected one for"
                " this model; choose a fixed strength, or train an adapter"
            )
        return Reading(adapter, self.concepts, self._layers, self._injection.weighting)

    # -- what the host tells -------------------------------------------------------------------------------

    def set_w(self, w: Sequence[Tensor]) -> None:
        """Use these scales from the next layer on: (images or 1, e - s) per concept, never positive."""
        self._injection.set_w(w)
        if self._depth and not self._handles and not self._injection.idle:
            raise SettingsError(
                "scales came after a session was entered that had none, so no layer is hooked; expected a"
                " session that records features; pass record_features=True, or enter with the scales"
            )

    def begin_pass(self, total_steps: int | None = None, *, open_end: bool = False) -> None:
        """A sampling pass begins: K* and V* are made anew, and a fault of the last pass is forgotten.

        Raises StepRangeError, as `check_steps` does, where the number of steps is known.
        """
        self._forget_pass()
        self._records.append([])
        self.passes += 1
        if self.recording is not None:
            self.recording.begin_pass([c.name for c in self.concepts], total_steps)
        with self._faults.keeping():
            if total_steps is not None:
                check_steps(self.first_step, self.last_step, total_steps, open_end=open_end)

    def begin_step(self, step: int, rows: RowMap) -> None:
        """A step begins; the UNet calls that follow share out `rows` in order."""
        if not self.passes:
            self.begin_pass()
        with self._faults.keeping():
            self._books.begin_step(rows)
            if 1 < self._injection.images < rows.image_count:
                raise RowCountError(
                    f"there are scales for {self._injection.images} images, but rows of {rows.image_count} images;"
                    " expected one row of w for each image, or one for all; set w again"
                )
        self.calls += 1
        self._step = step
        self._acting = acts_in(step, self.first_step, self.last_step)

    def end_call(self, output: Any = None) -> None:
        """A UNet call has ended: LayerMissedError when a layer was not reached in it.

        output: what it gave, a tensor or with one first; NonFiniteError once inhibitors have acted in the pass.
        """
        self._has_acted = self._has_acted or (self._acting and not self._injection.idle)  # w is known by now
        with self._faults.keeping():
            self._books.close()
            if output is not None and self._has_acted:
                check_output(output, self._step)

    def refuse(self, error: GrowthInhibitorError) -> None:
        """Have the next layer raise this error: the host could not tell what it had to."""
        self._faults.last = error

    # -- what a user reads ---------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether every scale is zero, those of the last pass that were inferred included."""
        return self._injection.idle

    @property
    def armed(self) -> bool:
        """Whether the layers are hooked."""
        return bool(self._handles)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The cross-attention layers in the order in which the UNet runs them."""
        return tuple(layer.name for layer in self._layers)

    @property
    def hits(self) -> dict[str, int]:
        """How often each layer was reached."""
        return {layer.name: layer.hits for layer in self._layers}

    def features(self, sampling_pass: int = -1) -> dict[str, Features]:
        """The features of a sampling pass by concept name; empty unless they were asked for and seen."""
        records = self._records[sampling_pass] if self._records else []
        return collect(records, [c.name for c in self.concepts], self._injection.spans, len(self._layers))

    # -- entering and leaving ------------------------------------------------------------------------------

    def __enter__(self) -> "Session":
        self._depth += 1
        if self._depth > 1:
            return self
        self.passes = self.calls = 0
        self._records.clear()
        self.inferred = {}
        self._forget_pass()
        watched = self.record_features or self._reading or self.recording is not None
        for layer in self._layers:
            layer.hits = 0
            if watched or not self._injection.idle:
                self._handles.append(layer.to_q.register_forward_hook(self._hook_for_q(layer)))
                self._handles.append(layer.to_out.register_forward_pre_hook(self._hook_for_out(layer)))
        if self._reading:
            self._handles.append(self.unet.register_forward_pre_hook(self._read_first, with_kwargs=True))
        if self.recording is not None and self.concepts:
            self._handles.append(self.unet.register_forward_pre_hook(self.recording.see_call, with_kwargs=True))
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._depth -= 1
        if self._depth:
            return
        armed, fault, told = bool(self._handles), self._faults.last, self._faults.told
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._forget_pass()
        if error is not None or told or not armed:
            return
        if fault is not None:
            raise fault
        if not any(layer.hits for layer in self._layers):
            raise NeverHitError(
                f"the inhibitor was armed in {len(self._layers)} layers and none was ever called; expected"
                " the UNet to run; generate inside the context, with no replaced UNet (TensorRT)"
            )

    # -- what the layers call ------------------------------------------------------------------------------

    def _hook_for_q(self, layer: Layer) -> Callable:
        def keep_q(module: nn.Module, args: tuple, output: Tensor) -> None:
            with self._faults.inside_forward():
                layer.check_unreplaced()
                if layer.q is not None:
                    raise missed_error(f"{layer.name}.to_q was called twice, and to_out[0] not in between")
                layer.q = output

        return keep_q

    def _hook_for_out(self, layer: Layer) -> Callable:
        def add_inhibitors(module: nn.Module, args: tuple) -> tuple | None:
            with self._faults.inside_forward():
                q, layer.q = layer.q, None
                if q is None:
                    raise missed_error(f"{layer.name}.to_out[0] was called without to_q before it")
                if args[0].ndim != 3 or args[0].shape != q.shape:
                    raise UnsupportedModelError(
                        f"{layer.name} has queries {tuple(q.shape)} and outputs {tuple(args[0].shape)};"
                        " expected the same (rows, positions, width); switch off what changes this layer"
                    )
                self._books.reach(layer, q.shape[0])
                Z = self._changed(layer, args[0], q)
                return None if Z is None else (Z, *args[1:])

        return add_inhibitors

    def _changed(self, layer: Layer, h: Tensor, q: Tensor) -> Tensor | None:
        """h with the inhibitors in its conditional rows, or None where nothing is to change."""
        rows, is_reading = self._books.rows, self._seen is not None
        wanted = self.record_features and (self.record_until is None or self._step < self.record_until)
        act, read = self._acting and not is_reading, wanted or is_reading
        if act and self._reading:
            self._reading.require(rows.image_of_conditional)
        recording = None if is_reading else self.recording
        Z, maps = self._injection.changed(layer, h, q, rows, act, read or recording is not None)
        if maps is not None and read:
            means = self._injection.means(layer, h, q, rows, maps)
            at = self._books.step, self._layers.index(layer), rows.image_of_conditional
            (self._seen if is_reading else self._records[-1]).append(Record(*at, means))
        if maps is not None and recording is not None:
            w = self._injection.mean_w() * self._acting
            recording.add(self._step, rows.image_of_conditional, maps, self._injection.spans, w)
        return Z

    def _read_first(self, unet: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        """Before a pass's first call: the same call once more, in which the layers are only read."""
        with self._faults.inside_forward():
            images = self._books.coming(sample_of(args, kwargs).shape[0]).image_of_conditional
            if not self._reading.wants(images):
                return
            self._seen = []
            try:
                with torch.no_grad():
                    unet.forward(*args, **kwargs)  # not the module itself: its hooks count calls
                self._books.take_back()
                self._reading.take(self._seen, images)
            finally:
                self._seen = None
            w = self._reading.w(self._books.image_count)
            self.inferred = {c.name: own for c, own in zip(self.concepts, w) if c.w is None}
            self._injection.set_w(w)

    # -- state ---------------------------------------------------------------------------------------------

    def _forget_pass(self) -> None:
        self._books.forget()
        self._acting, self._has_acted, self._step = False, False, 0
        self._faults.forget()
        self._seen: list[Record] | None = None  # by the layers in a call that only reads
        self._injection.forget()
        if self._reading:
            self._reading.forget()
            self._injection.set_w([c.first_w for c in self.concepts])
