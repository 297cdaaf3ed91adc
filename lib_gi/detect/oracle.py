"""The oracle of gi-tiny: a small CNN that says what is in a picture of the tiny world.

Two of them are shipped, of different architecture and seed: `label` tunes and labels, `record` only
scores what is reported. Both files carry the names of what they tell.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lib_gi.errors import ConceptError, did_you_mean


@dataclass(frozen=True)
class Verdict:
    """What a judge says of pictures: `objects` (n, objects) and `broken` (n,) bool, `style`, `background` (n,) int."""

    objects: np.ndarray
    style: np.ndarray
    background: np.ndarray
    broken: np.ndarray

    def in_style(self, index: int) -> np.ndarray:
        """Whether each picture shows the style of this index (n,); one in which nothing is drawn shows none."""
        return (self.style == index) & self.objects.any(1)


class PoolingNet(nn.Module):
    """Plain convolutions with batch norm and max pooling, at half of the picture's size."""

    def __init__(self, outputs: int):
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((3, 32), (32, 64), (64, 128)):
            for width in (before, after):
                layers += [
                    nn.Conv2d(width, after, 3, padding=1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(),
                ]
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(256, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, outputs) of pictures (n, 3, 128, 128) in [-1, 1]."""
        return self.head(pooled(self.features(F.avg_pool2d(x, 2))))


class ResidualBlock(nn.Module):
    """Two convolutions with group norm beside a shortcut; halves height and width."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride=2, padding=1)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.norms = nn.ModuleList([nn.GroupNorm(8, after), nn.GroupNorm(8, after)])
        self.shortcut = nn.Conv2d(before, after, 1, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, before, H, W) as (n, after, H/2, W/2)."""
        y = self.norms[0](self.first(x)).relu()
        return (self.norms[1](self.second(y)) + self.shortcut(x)).relu()


class ResidualNet(nn.Module):
    """Strided residual blocks with group norm, at the picture's full size."""

    def __init__(self, outputs: int):
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 5, stride=2, padding=2)
        self.blocks = nn.Sequential(ResidualBlock(24, 48), ResidualBlock(48, 96), ResidualBlock(96, 144))
        self.head = nn.Linear(288, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, outputs) of pictures (n, 3, 128, 128) in [-1, 1]."""
        return self.head(pooled(self.blocks(self.stem(x).relu())))


class Mean(nn.ModuleList):
    """Several networks, and the mean of their logits: each errs in other pictures."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, outputs) of pictures as above."""
        return torch.stack([member(x) for member in self]).mean(0)


ARCHITECTURES = {"pooling": PoolingNet, "residual": ResidualNet}


class Oracle:
    """A judge with the names of what it tells."""

    def __init__(
        self,
        network: nn.Module,
        architecture: str,
        objects: list[str],
        styles: list[str],
        backgrounds: list[str],
    ):
        self.network, self.architecture = network, architecture
        self.objects, self.styles, self.backgrounds = objects, styles, backgrounds

    @classmethod
    def new(
        cls, architecture: str, objects: list[str], styles: list[str], backgrounds: list[str], members: int = 1
    ) -> "Oracle":
        """An untrained judge; outputs are objects, styles, backgrounds and broken, in this order.

        members: of how many networks it takes the mean.
        """
        outputs = len(objects) + len(styles) + len(backgrounds) + 1
        networks = [ARCHITECTURES[architecture](outputs) for _ in range(members)]
        return cls(networks[0] if members == 1 else Mean(networks), architecture, objects, styles, backgrounds)

    @property
    def members(self) -> list[nn.Module]:
        """The networks whose mean it takes."""
        return list(self.network) if isinstance(self.network, Mean) else [self.network]

    @classmethod
    def load(cls, file: Path) -> "Oracle":
        """The judge in a safetensors file."""
        with safe_open(file, "pt") as opened:
            about = json.loads(opened.metadata()["oracle"])
        oracle = cls.new(**about)
        oracle.network.load_state_dict({key: value.float() for key, value in load_file(file).items()})
        oracle.network.eval().requires_grad_(False)
        return oracle

    def save(self, file: Path) -> None:
        """Writes the judge in half precision."""
        about = {
            "architecture": self.architecture,
            "objects": self.objects,
            "styles": self.styles,
            "backgrounds": self.backgrounds,
            "members": len(self.members),
        }
        tensors = {
            key: value.half() if value.is_floating_point() else value
            for key, value in self.network.state_dict().items()
        }
        save_file(tensors, file, metadata={"oracle": json.dumps(about)})

    def split(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits (n, outputs) as objects, styles, backgrounds and broken (n,)."""
        sizes = [len(self.objects), len(self.styles), len(self.backgrounds), 1]
        objects, styles, backgrounds, broken = logits.split(sizes, dim=1)
        return objects, styles, backgrounds, broken[:, 0]

    @torch.no_grad()
    def judge(self, pictures: np.ndarray, batch: int = 64) -> Verdict:
        """The verdict on pictures (n, 128, 128, 3) uint8. A broken picture still gets its other answers."""
        parts = []
        for start in range(0, len(pictures), batch):
            x = torch.from_numpy(np.ascontiguousarray(pictures[start : start + batch]))
            parts.append(self.network(x.permute(0, 3, 1, 2).float() / 127.5 - 1))
        objects, styles, backgrounds, broken = self.split(torch.cat(parts))
        return Verdict(
            (objects > 0).numpy(),
            styles.argmax(1).numpy(),
            backgrounds.argmax(1).numpy(),
            (broken > 0).numpy(),
        )


class OracleDetector:
    """An oracle as a `detect.Detector`: for its objects and styles."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle

    def found(self, pictures: np.ndarray, concept: str) -> np.ndarray:
        """See `detect.Detector`. Raises ConceptError for what the oracle does not know."""
        verdict, oracle = self.oracle.judge(pictures), self.oracle
        if concept in oracle.objects:
            return verdict.objects[:, oracle.objects.index(concept)] | verdict.broken
        if concept in oracle.styles:
            return verdict.in_style(oracle.styles.index(concept)) | verdict.broken
        known = (*oracle.objects, *oracle.styles)
        raise ConceptError(
            f"the oracle knows no {concept!r}.{did_you_mean(concept, known)} Expected one of: {', '.join(known)};"
            " choose one, or another detector"
        )


def pooled(features: torch.Tensor) -> torch.Tensor:
    """The largest and the mean activation of each channel: (n, C, H, W) as (n, 2C)."""
    return torch.cat([features.amax((2, 3)), features.mean((2, 3))], 1)
