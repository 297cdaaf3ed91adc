"""What a session records for heat maps and curves: sums over layers and steps, never the single maps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lib_gi.errors import NeverHitError, SettingsError, UnsupportedModelError
from lib_gi.inhibitor import window_of
from lib_gi.layers import sample_of
from lib_gi.settings import MAPS

THIRDS = ("early", "middle", "late")
# The maps of which layers: those with so many positions, about 12 x 12 to 45 x 45. Finer ones look at edges, and a
# position of coarser ones is a tenth of the picture and more. At 512 pixels Stable Diffusion 1 has 16 x 16 and 32 x 32.
POSITIONS = (128, 2048)


class Curve(NamedTuple):
    """The means of each step of a pass, over heads, positions, own tokens and the layers of the maps."""

    steps: list[int]
    M_star: list[float]
    agreement: list[float]
    w: list[float]  # what acted, <= 0; 0 in a step outside the first and last one


class Range(NamedTuple):
    """Some steps of a pass; part is None for the whole."""

    name: str
    part: int | None
    first: int
    last: int


class Recording:
    """What was seen while one batch of pictures was sampled; hand it to each session of it, then draw.

    parts: names of the equal parts of a pass's steps that get maps of their own, beside the whole pass.
    """

    def __init__(self, parts: Sequence[str] = THIRDS) -> None:
        self.parts = tuple(parts)
        self.passes: list[Pass] = []
        self._coming: tuple[tuple[str, ...], int | None] | None = (), None
        self._size = 0, 0

    def passes_of(self, image: int) -> list["Pass"]:
        """The passes in which this image was recorded; NeverHitError where there is none."""
        passes = [one for one in self.passes if image in one.images]
        if not passes:
            raise NeverHitError(
                f"nothing was recorded of image {image}; expected one that was sampled with this recording; hand it to"
                " the session before sampling"
            )
        return passes

    def begin_pass(self, names: Sequence[str], total_steps: int | None) -> None:
        """A sampling pass begins that inhibits these concepts; without a total it has no parts."""
        self._coming = tuple(names), total_steps

    def see_call(self, unet: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        """A hook before each call of the UNet, which tells height and width of its latents."""
        self._size = tuple(sample_of(args, kwargs).shape[-2:])

    def add(
        self,
        step: int,
        images: Sequence[int],
        maps: Sequence[Tensor],
        spans: Sequence[tuple[int, int]],
        w: Tensor,
    ) -> None:
        """Take in what one layer saw in one call of the UNet.

        images: of each conditional row. maps: M* and a, each (C, B, H, N, T), over the window of the spans.
        w: (C, images or 1), means over a concept's own tokens.
        """
        start, _ = window_of(list(spans))
        with torch.no_grad():
            means = [m.mean(dim=2, dtype=torch.float32) for m in maps]  # (C, B, H, N, T) -> (C, B, N, T)
            own = [m[i, ..., s - start : e - start].mean(-1) for m in means for i, (s, e) in enumerate(spans)]
            seen = torch.stack(own).unflatten(0, (2, len(spans)))  # (2, C, B, N)
        one = self._pass_of(step)
        for row, image in enumerate(images):
            one.add(step, image, seen[:, :, row], w[:, image if w.shape[1] > 1 else 0])

    def _pass_of(self, step: int) -> "Pass":
        coming, self._coming, size = self._coming, None, self._size
        # A pass that goes on where the last one stopped is the same one: a refiner's model took over.
        if coming and not (self.passes and self.passes[-1].size == size and self.passes[-1].ends_before(step)):
            names, total = coming
            self.passes.append(Pass(names, size, total, self.parts if total else ()))
        return self.passes[-1]


class _Mean:
    """The mean of tensors of one shape."""

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0
        self.count = 0

    def add(self, x: Tensor) -> None:
        self.total = self.total + x
        self.count += 1


@dataclass(eq=False)
class Pass:
    """One sampling pass. Maps are kept by part, level and image, means by step, level and image.

    A level is how often the latents were halved on their way to a layer.
    """

    names: tuple[str, ...]
    size: tuple[int, int]
    total_steps: int | None
    parts: tuple[str, ...]
    _maps: dict[tuple[int, int, int], _Mean] = field(default_factory=dict)  # of (2, C, N)
    _means: dict[tuple[int, int, int], _Mean] = field(default_factory=dict)  # of (2, C)
    _w: dict[tuple[int, int], Tensor] = field(default_factory=dict)  # (C,) by step and image
    _unplaced: int | None = None

    @property
    def images(self) -> list[int]:
        """The images that were recorded."""
        return sorted({image for _, image in self._w})

    def steps(self, image: int) -> list[int]:
        """The steps that were recorded of an image, counted from 0; errors as for `maps`."""
        levels = self.levels(image)
        return sorted({step for step, level, i in self._means if i == image and level in levels})

    def ends_before(self, step: int) -> bool:
        """Whether all steps that were recorded come before this one."""
        return all(recorded < step for recorded, _ in self._w)

    def add(self, step: int, image: int, seen: Tensor, w: Tensor) -> None:
        """Take in a layer's M* and a of one image, (2, C, N), and w (C,)."""
        self._w[step, image] = w
        level = level_of(seen.shape[2], self.size)
        if level is None:
            self._unplaced = seen.shape[2]
            return
        self._maps.setdefault((self.part_of(step), level, image), _Mean()).add(seen)
        self._means.setdefault((step, level, image), _Mean()).add(seen.mean(dim=2))

    def part_of(self, step: int) -> int:
        """The part in which the middle of a step lies: with three parts, one step alone is in the middle one."""
        if not self.parts:
            return 0
        return min((2 * step + 1) * len(self.parts) // (2 * self.total_steps), len(self.parts) - 1)

    def ranges(self, image: int) -> list[Range]:
        """The whole run, and each of its parts that was sampled; errors as for `maps`."""
        steps = self.steps(image)
        found = [Range("whole run", None, steps[0], steps[-1])]
        for part, name in enumerate(self.parts):
            own = [step for step in steps if self.part_of(step) == part]
            if own:
                found.append(Range(name, part, own[0], own[-1]))
        return found

    def maps(self, concept: int, image: int, kind: str, part: int | None = None) -> list[tuple[np.ndarray, int]]:
        """The mean map of each of the `levels`, (height, width), finest first, and how many layers' calls it is of.

        part: None for the whole pass. Raises SettingsError for another kind than M_star and agreement, and
        UnsupportedModelError where no layer's positions are those of a halved picture.
        """
        check_kind(kind)
        found = []
        for level in self.levels(image):
            means = [m for (p, lv, i), m in self._maps.items() if (lv, i) == (level, image) and part in (None, p)]
            count = sum(mean.count for mean in means)
            if count:
                total = sum(mean.total[MAPS.index(kind), concept] for mean in means)
                found.append(((total / count).cpu().numpy().reshape(halved(self.size, level)), count))
        return found

    def levels(self, image: int) -> list[int]:
        """The levels of a middle size, finest first, or else the one that comes closest; errors as for `maps`."""
        known = {level: math.prod(halved(self.size, level)) for _, level, i in sorted(self._maps) if i == image}
        if not known:
            raise UnsupportedModelError(
                f"a layer's {self._unplaced} positions do not make up latents of {self.size[1]} x {self.size[0]},"
                " so there is no heat map; expected them halved some times; switch off what merges or tiles them"
            )
        least, most = POSITIONS
        middle = sorted(level for level, positions in known.items() if least <= positions <= most)
        return middle or [min(known, key=lambda level: abs(math.log(known[level] ** 2 / (least * most))))]

    def curve(self, concept: int, image: int) -> Curve:
        """The means of each step; errors as for `maps`."""
        levels, curve = self.levels(image), Curve([], [], [], [])
        for step in self.steps(image):
            means = [self._means[step, level, image] for level in levels if (step, level, image) in self._means]
            mean = sum(m.total for m in means) / sum(m.count for m in means)  # (2, C)
            curve.steps.append(step)
            curve.M_star.append(float(mean[0, concept]))
            curve.agreement.append(float(mean[1, concept]))
            curve.w.append(float(self._w[step, image][concept]))
        return curve


def check_kind(kind: str) -> None:
    """Nothing for a kind of map that there is; SettingsError for another."""
    if kind not in MAPS:
        raise SettingsError(f"the kind of map is {kind!r}; expected one of {', '.join(MAPS)}; choose one of them")


def checked_scale(scale: float, name: str = "the scale of the heat map") -> float:
    """The value at the top of a heat map; SettingsError, with its name, where nothing could be drawn with it."""
    if not math.isfinite(scale) or scale <= 0:
        raise SettingsError(f"{name} is {scale}; expected a finite number above 0; change it, or leave it out")
    return scale


def halved(size: tuple[int, int], times: int) -> tuple[int, int]:
    """Height and width after that many convolutions of stride 2, which round up."""
    height, width = size
    for _ in range(times):
        height, width = -(-height // 2), -(-width // 2)
    return height, width


def level_of(positions: int, size: tuple[int, int]) -> int | None:
    """How often latents of this size were halved to have so many positions; None where none fits."""
    level = 0
    while True:
        height, width = halved(size, level)
        if height * width == positions:
            return level
        if height * width < positions or height == width == 1:
            return None
        level += 1
