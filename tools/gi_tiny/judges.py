"""The two judges' training: renders, their reconstructions, broken pictures, and sampled ones labelled by eye."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from lib_gi.detect.oracle import Oracle, Verdict

from . import seen
from .autoencoder import decode, encode, to_unit
from .loop import Schedule, Training
from .world import BACKGROUNDS, OBJECTS, STYLES, Scene

Way = Callable[[np.ndarray, torch.Generator], np.ndarray]


def moved(pictures: np.ndarray, generator: torch.Generator, most: int = 8) -> np.ndarray:
    """Pictures moved by up to `most` pixels, all alike."""
    y, x = torch.randint(2 * most + 1, (2,), generator=generator).tolist()
    around = np.pad(pictures, ((0, 0), (most, most), (most, most), (0, 0)), "edge")
    return around[:, y : y + pictures.shape[1], x : x + pictures.shape[2]]


def mirrored(pictures: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """Pictures of which every second one is mirrored."""
    out = pictures.copy()
    out[::2] = pictures[::2, :, ::-1]
    return out


WAYS = {"moved": moved, "mirrored": mirrored}
# Architecture, seed, and how each network sees the few labelled pictures anew.
JUDGES = {"label": ("pooling", 11, ("moved",)), "record": ("residual", 12, ("mirrored", "moved"))}
POOL = 1500


def train_judge(
    name: str,
    pictures: np.ndarray,
    scenes: list[Scene],
    vae: AutoencoderKL,
    work: Path,
    steps: int,
    device: str,
) -> Oracle:
    """The judge `label` or `record`, trained on `pictures` of `scenes`."""
    architecture, seed, ways = JUDGES[name]
    torch.manual_seed(seed)
    oracle = Oracle.new(architecture, list(OBJECTS), list(STYLES), list(BACKGROUNDS), len(ways))
    pool = Pool(
        pictures, labels(scenes), through_autoencoder(pictures, vae, work), broken_pictures(pictures, vae, work)
    )
    with ExitStack() as averaged:
        for network, way in zip(oracle.members, ways):
            training = Training(
                f"judge-{name}-{way}",
                network,
                Schedule(steps, 2e-3, muon=0.02, warm_up=20, flat=0.4),
                work,
                seed,
                ema=0.99,
                device=device,
            )

            def loss(generator: torch.Generator, network=network, way=way) -> torch.Tensor:
                x, target = pool.batch(generator, way)
                return difference(oracle.split(network(x.to(device))), target.to(device))

            training.run(loss)
            averaged.enter_context(training)
        oracle.save(work / f"judge-{name}.safetensors")
    return Oracle.load(work / f"judge-{name}.safetensors")


@dataclass(frozen=True)
class Pool:
    """What a judge learns from: renders (n, 128, 128, 3) uint8 with their truth, and what `seen` has.

    through: the first of the renders after the autoencoder. broken: broken pictures, of which nothing else is asked.
    """

    pictures: np.ndarray
    truth: torch.Tensor
    through: np.ndarray
    broken: np.ndarray

    def batch(self, generator: torch.Generator, way: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (68, 3, 128, 128) in [-1, 1], and their targets as `labels`; way: one of WAYS."""
        sampled, truth = seen.load()
        clean, coded, bad, eyed = (
            torch.randint(len(pool), (count,), generator=generator).numpy()
            for pool, count in ((self.pictures, 24), (self.through, 16), (self.broken, 12), (sampled, 16))
        )
        parts = [self.pictures[clean], self.through[coded], self.broken[bad], WAYS[way](sampled[eyed], generator)]
        only_broken = torch.full((len(bad), self.truth.shape[1]), seen.OPEN)
        only_broken[:, -1] = 1
        targets = [self.truth[np.concatenate([clean, coded])], only_broken, truth[eyed]]
        return roughened(to_unit(np.concatenate(parts)), generator), torch.cat(targets)


def difference(logits: tuple[torch.Tensor, ...], target: torch.Tensor) -> torch.Tensor:
    """The loss of logits (objects, styles, backgrounds, broken) against targets as `labels`; NaN counts nowhere."""
    told = target.split([len(OBJECTS), len(STYLES), len(BACKGROUNDS), 1], dim=1)
    objects, broken = (
        F.binary_cross_entropy_with_logits(logits[part].flatten()[known], told[part].flatten()[known])
        for part in (0, 3)
        for known in [~told[part].flatten().isnan()]
    )
    style, background = (
        F.cross_entropy(logits[part][known], told[part][known])
        for part in (1, 2)
        for known in [~told[part].isnan().any(1)]
    )
    return objects * 4 + style + background + broken


def labels(scenes: list[Scene]) -> torch.Tensor:
    """(n, objects + styles + backgrounds + 1) of zeros and ones; the last, broken, is 0. Nothing drawn, no style."""
    out = torch.zeros(len(scenes), len(OBJECTS) + len(STYLES) + len(BACKGROUNDS) + 1)
    for row, scene in zip(out, scenes):
        for name in scene.objects:
            row[OBJECTS.index(name)] = 1
        row[len(OBJECTS) + STYLES.index(scene.style)] = 1
        if not scene.objects:
            row[len(OBJECTS) : len(OBJECTS) + len(STYLES)] = seen.OPEN
        row[len(OBJECTS) + len(STYLES) + BACKGROUNDS.index(scene.background)] = 1
    return out


def exact(verdict: Verdict, scenes: list[Scene]) -> np.ndarray:
    """For each scene whether the verdict is right in everything (style only where something is drawn)."""
    truth = labels(scenes).numpy()
    o, s = len(OBJECTS), len(STYLES)
    objects = (verdict.objects == truth[:, :o].astype(bool)).all(1)
    style = (verdict.style == truth[:, o : o + s].argmax(1)) | (truth[:, :o].sum(1) == 0)
    return objects & style & (verdict.background == truth[:, o + s : -1].argmax(1)) & ~verdict.broken


def through_autoencoder(pictures: np.ndarray, vae: AutoencoderKL, work: Path) -> np.ndarray:
    """The first pictures after encoding and decoding; picture i stays picture i."""
    return cached(work / "through.npy", lambda: decode(vae, encode(vae, pictures[:POOL])))


def broken_pictures(pictures: np.ndarray, vae: AutoencoderKL, work: Path) -> np.ndarray:
    """Pictures that show no clean scene: noisy latents, double exposures, shuffled tiles, strong waves, ghosts."""
    return cached(work / "broken.npy", lambda: make_broken(pictures, vae))


def make_broken(pictures: np.ndarray, vae: AutoencoderKL) -> np.ndarray:
    """A pool of broken pictures, a third of them from noisy latents."""
    generator, rng = torch.Generator().manual_seed(5), Random(5)
    half = POOL // 3
    z = encode(vae, pictures[POOL : POOL + half])
    amount = torch.empty(half, 1, 1, 1).uniform_(0.7, 2.5, generator=generator) * z.std()
    noise = torch.randn(z.shape, generator=generator)
    # Coarse noise too: a failed sample is blotchy rather than grainy.
    coarse = F.interpolate(torch.randn(half, 4, 5, 5, generator=generator), size=(16, 16), mode="bicubic")
    noise[::2] = coarse[::2] * 1.4
    noisy = decode(vae, z + amount * noise)
    rest = [
        spoil(pictures[rng.randrange(len(pictures))], pictures[rng.randrange(len(pictures))], rng)
        for _ in range(POOL - half)
    ]
    return np.concatenate([noisy, np.stack(rest)])


def spoil(picture: np.ndarray, other: np.ndarray, rng: Random) -> np.ndarray:
    """One picture broken in a random way; `other` lends a second exposure."""
    kind = rng.randrange(3)
    if kind == 0:  # double exposure, turned so that two scenes cannot be one
        share = rng.uniform(0.35, 0.6)
        return (picture * (1 - share) + np.rot90(other, rng.choice((1, 2, 3))) * share).astype(np.uint8)
    if kind == 1:  # tiles in the wrong places
        side = rng.choice((16, 32))
        tiles = [picture[y : y + side, x : x + side] for y in range(0, 128, side) for x in range(0, 128, side)]
        rng.shuffle(tiles)
        per_row = 128 // side
        return np.concatenate([np.concatenate(tiles[i : i + per_row], 1) for i in range(0, len(tiles), per_row)])
    strength, length = rng.uniform(6, 14), rng.uniform(14, 40)
    y, x = np.mgrid[0:128, 0:128]
    phase = rng.uniform(0, 6.3)
    waved_x = np.clip(x + strength * np.sin(y / length * 6.3 + phase), 0, 127).astype(int)
    waved_y = np.clip(y + strength * np.sin(x / length * 6.3 + phase * 2), 0, 127).astype(int)
    return picture[waved_y, waved_x]


def roughened(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Pictures with a little noise, some of them a little blurred."""
    amount = 0.08 * torch.rand(len(x), 1, 1, 1, generator=generator)
    x = x + torch.randn(x.shape, generator=generator) * amount
    soft = torch.rand(len(x), generator=generator) < 0.3
    x[soft] = F.interpolate(F.avg_pool2d(x[soft], 2), scale_factor=2, mode="bilinear")
    return x


def cached(file: Path, make) -> np.ndarray:
    """The array in `file`, made and kept there if it is missing."""
    if not file.exists():
        np.save(file, make())
    return np.load(file, mmap_mode="r")
