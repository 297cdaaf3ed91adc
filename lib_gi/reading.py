"""What an adapter infers at the start of a sampling pass, image by image."""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from lib_gi.adapter import Adapter
from lib_gi.encoded import EncodedConcept
from lib_gi.errors import AdapterError, NeverHitError, UnsupportedModelError
from lib_gi.features import Features, Record, collect
from lib_gi.fingerprint import fingerprint_of
from lib_gi.layers import Layer
from lib_gi.settings import AUTO

logger = logging.getLogger(__name__)


def ranges(inferred: Mapping[str, Tensor]) -> dict[str, str]:
    """The strengths that were inferred, over images and tokens, by concept: "0.4 to 2.1", or "0" where all are."""
    return {name: _range(0.0 - w) for name, w in inferred.items()}


def told(ranges: Mapping[str, str]) -> str:
    """A text of them: "nudity=0.4 to 2.1; blood=0"."""
    return "; ".join(f"{name}={text}" for name, text in ranges.items())


def _range(strengths: Tensor) -> str:
    low, high = f"{float(strengths.min()):.3g}", f"{float(strengths.max()):.3g}"
    return low if low == high else f"{low} to {high}"


def check_fits(adapter: Adapter, layers: Sequence[Layer], weighting: str) -> None:
    """Nothing, where the adapter can read a model with these layers, for this weighting; AdapterError otherwise."""
    misfit = adapter.misfit(layers)
    if misfit:
        raise AdapterError(
            f"the adapter does not belong to this model: {misfit}; expected the one that was trained on it;"
            " choose another, or a fixed strength"
        )
    if adapter.weighting not in ("", weighting):
        raise AdapterError(
            f"the adapter was trained with the weighting {adapter.weighting}, and {weighting} is set, in which a"
            f" strength means something else; expected the same; set the weighting to {AUTO}, or choose another adapter"
            " or a fixed strength"
        )


class Reading:
    """The scales of a pass: those that an adapter infers, and for the other concepts the given ones.

    Raises AdapterError when the adapter is of another model or for another weighting.
    """

    def __init__(
        self, adapter: Adapter, concepts: Sequence[EncodedConcept], layers: Sequence[Layer], weighting: str
    ) -> None:
        check_fits(adapter, layers, weighting)
        self._adapter, self._concepts, self._layers = adapter, concepts, layers
        self.forget()

    def forget(self) -> None:
        """A pass begins: nothing is read yet."""
        self._inferred: dict[int, list[Tensor | None]] = {}  # by image: for each concept (e - s,), None if given

    def wants(self, images: Sequence[int]) -> bool:
        """Whether some of these images are not read yet."""
        return any(image not in self._inferred for image in images)

    def require(self, images: Sequence[int]) -> None:
        """Nothing, where all these images are read; NeverHitError otherwise."""
        if self.wants(images):
            raise NeverHitError(
                "a call of the UNet came in which the adapter had read nothing, so nothing would have been inhibited;"
                " expected the UNet to be called as a module; switch off what calls its forward instead, or choose a"
                " fixed strength"
            )

    def take(self, records: Sequence[Record], images: Sequence[int]) -> None:
        """Infer the scales of these images from what all layers saw in one call.

        Raises AdapterError where nothing would be inhibited because the adapter does not know what it reads, on another
        model than its own. On its own such a picture is rare without a LoRA, and gets the benefit of the doubt:
        inhibitors act.
        """
        spans = [(c.s, c.e) for c in self._concepts]
        features = collect(records, [c.name for c in self._concepts], spans, len(self._layers))
        for image in sorted(set(images)):
            self._inferred[image] = [
                self._infer(concept, features[concept.name].of_image(image)) if concept.w is None else None
                for concept in self._concepts
            ]

    def _infer(self, concept: EncodedConcept, seen: Features) -> Tensor:
        """The scales (e - s,) of a concept for the one image of what was seen."""
        known = self._adapter.knows(concept.name, concept.phrase)
        is_lost = bool(self._adapter.lost(seen, known=known))
        if is_lost and not self._can_act_all_the_same:
            raise AdapterError(
                f"the adapter cannot tell whether {concept.name} grows: what it reads lies far beyond what it learnt"
                " from, and would pass for nothing; expected the model that it was trained on; choose the adapter of"
                " this model, or a fixed strength"
            )
        if is_lost:
            logger.warning(
                "what the adapter reads of %s lies far beyond what it learnt from (an unusual prompt, or a LoRA): it"
                " cannot tell that nothing grows, so inhibitors act",
                concept.name,
            )
        return self._adapter.w(seen, known=known, near=not is_lost)[0]

    @cached_property
    def _can_act_all_the_same(self) -> bool:
        """Whether the adapter has a weakest strength, and was trained on this very model; False too where the model
        cannot be told from others.
        """
        try:
            return self._adapter.highest < 0 and fingerprint_of(self._layers) == self._adapter.fingerprint
        except UnsupportedModelError:
            return False

    def w(self, images: int) -> list[Tensor]:
        """Scales (images or 1, e - s) for each concept; zero for an image that is not read yet."""
        return [
            self._inferred_w(index, concept, images) if concept.w is None else concept.w
            for index, concept in enumerate(self._concepts)
        ]

    def _inferred_w(self, index: int, concept: EncodedConcept, images: int) -> Tensor:
        w = torch.zeros(images, concept.e - concept.s)
        for image, inferred in self._inferred.items():
            w[image] = inferred[index]
        return w
