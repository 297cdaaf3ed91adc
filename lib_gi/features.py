"""What the layers saw of each concept, brought into tensors that an adapter can read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lib_gi.inhibitor import window_of


@dataclass(frozen=True)
class Features:
    """The features of one concept: (steps, layers, images, tokens of the concept), fp32, on the CPU.

    Each number but spread's is a mean over heads and positions. excess: the agreement less that which the layer would
    have under an empty prompt. spread: the deviation over positions of M* times the excess, its mean over heads taken
    first, which is large where a concept grows in some places and not in others. alignment: how far what the concept's
    text adds to an empty prompt points where what the prompt adds does, of the concept as a whole and so the same for
    each of its tokens; alignment_spread: its deviation over positions. These four are None where the host told of no
    empty prompt. Each `begin_step` of the host that some layer answered to counts as a step. An image that had no
    row in a step is NaN there.
    """

    M_star: Tensor
    agreement: Tensor
    excess: Tensor | None = None
    spread: Tensor | None = None
    alignment: Tensor | None = None
    alignment_spread: Tensor | None = None

    def of_image(self, image: int) -> "Features":
        """Those of one image, (steps, layers, 1, tokens)."""
        return self._each(lambda values: values[:, :, image : image + 1])

    def first_step(self) -> "Features":
        """Those of the first step alone, (1, layers, images, tokens)."""
        return self._each(lambda values: values[:1])

    def told(self) -> dict[str, Tensor]:
        """Those that are there, by name."""
        return {name: values for name, values in vars(self).items() if values is not None}

    def _each(self, part: Callable[[Tensor], Tensor]) -> "Features":
        return Features(**{name: part(values) for name, values in self.told().items()})


class Record(NamedTuple):
    """What one layer saw in one UNet call."""

    step: int
    layer: int
    images: tuple[int, ...]  # of each conditional row
    told: tuple[Tensor, ...]  # what `Features` has, in its order, the first two or all, each (C, B, T)


def collect(
    records: Sequence[Record], names: Sequence[str], spans: Sequence[tuple[int, int]], layers: int
) -> dict[str, Features]:
    """The features by concept name, rows of the same image averaged; empty when there are no records."""
    if not records:
        return {}
    start, end = window_of(list(spans))
    steps = {step: i for i, step in enumerate(dict.fromkeys(record.step for record in records))}
    images = 1 + max(max(record.images) for record in records)
    kinds = len(records[0].told)
    total = torch.zeros(kinds, len(names), len(steps), layers, images, end - start)
    count = torch.zeros(len(steps), layers, images, 1)
    for record in records:
        step = steps[record.step]
        values = torch.stack(record.told).to("cpu", torch.float32)  # (2 or 6, C, B, T)
        for row, image in enumerate(record.images):
            total[:, :, step, record.layer, image] += values[:, :, row]
            count[step, record.layer, image] += 1
    mean = total / count  # 0 / 0 is NaN
    return {
        name: Features(*mean[:, i, ..., s - start : e - start])
        for i, (name, (s, e)) in enumerate(zip(names, spans, strict=True))
    }
