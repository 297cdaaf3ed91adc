"""What the layers saw of each concept, brought into tensors that an adapter can read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lib_gi.inhibitor import window_of


@dataclass(frozen=True)
class Features:
    """The features of one concept: (steps, layers, images, tokens of the concept), fp32, on the CPU.

    Each number is a mean over heads and positions. Each `begin_step` of the host that some layer
    answered to counts as a step. An image that had no row in a step is NaN there.
    """

    M_star: Tensor
    agreement: Tensor

    def of_image(self, image: int) -> "Features":
        """Those of one image, (steps, layers, 1, tokens)."""
        return Features(self.M_star[:, :, image : image + 1], self.agreement[:, :, image : image + 1])


class Record(NamedTuple):
    """What one layer saw in one UNet call."""

    step: int
    layer: int
    images: tuple[int, ...]  # of each conditional row
    M_star: Tensor  # (C, B, T), mean over heads and positions
    agreement: Tensor  # (C, B, T)


def collect(
    records: Sequence[Record], names: Sequence[str], spans: Sequence[tuple[int, int]], layers: int
) -> dict[str, Features]:
    """The features by concept name, rows of the same image averaged; empty when there are no records."""
    if not records:
        return {}
    start, end = window_of(list(spans))
    steps = {step: i for i, step in enumerate(dict.fromkeys(record.step for record in records))}
    images = 1 + max(max(record.images) for record in records)
    total = torch.zeros(2, len(names), len(steps), layers, images, end - start)
    count = torch.zeros(len(steps), layers, images, 1)
    for record in records:
        step = steps[record.step]
        values = torch.stack([record.M_star, record.agreement]).to("cpu", torch.float32)  # (2, C, B, T)
        for row, image in enumerate(record.images):
            total[:, :, step, record.layer, image] += values[:, :, row]
            count[step, record.layer, image] += 1
    mean = total / count  # 0 / 0 is NaN
    return {
        name: Features(*mean[:, i, ..., s - start : e - start])
        for i, (name, (s, e)) in enumerate(zip(names, spans, strict=True))
    }
