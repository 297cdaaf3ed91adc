"""The two judges' training: renders, their reconstructions, and pictures broken on purpose."""

from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from lib_gi.detect.oracle import Oracle, Verdict

from .autoencoder import decode, encode, to_unit
from .loop import Schedule, Training
from .world import BACKGROUNDS, OBJECTS, STYLES, Scene

JUDGES = {"label": ("pooling", 11), "record": ("residual", 12)}
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
    architecture, seed = JUDGES[name]
    torch.manual_seed(seed)
    oracle = Oracle.new(architecture, list(OBJECTS), list(STYLES), list(BACKGROUNDS))
    training = Training(
        f"judge-{name}",
        oracle.network,
        Schedule(steps, 2e-3, muon=0.02, warm_up=20, flat=0.4),
        work,
        seed,
        ema=0.99,
        device=device,
    )
    truth = labels(scenes)
    through = through_autoencoder(pictures, vae, work)
    broken = broken_pictures(pictures, vae, work)

    def loss(generator: torch.Generator) -> torch.Tensor:
        clean = torch.randint(len(pictures), (28,), generator=generator).numpy()
        coded = torch.randint(len(through), (24,), generator=generator).numpy()
        bad = torch.randint(len(broken), (12,), generator=generator).numpy()
        x = to_unit(np.concatenate([pictures[clean], through[coded], broken[bad]]))
        x = roughened(x, generator).to(device)
        known = torch.from_numpy(np.concatenate([clean, coded]))
        objects, styles, backgrounds, is_broken = oracle.split(oracle.network(x))
        target = truth[known].to(device)
        n, o, s = len(known), len(OBJECTS), len(STYLES)
        drawn = target[:, :o].any(1)  # an empty picture has no style
        style_loss = F.cross_entropy(styles[:n][drawn], target[drawn, o : o + s])
        background_loss = F.cross_entropy(backgrounds[:n], target[:, o + s :])
        flags = torch.cat([torch.zeros(n), torch.ones(len(bad))]).to(device)
        return (
            F.binary_cross_entropy_with_logits(objects[:n], target[:, :o]) * 4
            + style_loss
            + background_loss
            + F.binary_cross_entropy_with_logits(is_broken, flags)
        )

    training.run(loss, save=1000)
    with training:
        oracle.save(work / f"judge-{name}.safetensors")
    return Oracle.load(work / f"judge-{name}.safetensors")


def labels(scenes: list[Scene]) -> torch.Tensor:
    """(n, objects + styles + backgrounds) of zeros and ones."""
    out = torch.zeros(len(scenes), len(OBJECTS) + len(STYLES) + len(BACKGROUNDS))
    for row, scene in zip(out, scenes):
        for name in scene.objects:
            row[OBJECTS.index(name)] = 1
        row[len(OBJECTS) + STYLES.index(scene.style)] = 1
        row[len(OBJECTS) + len(STYLES) + BACKGROUNDS.index(scene.background)] = 1
    return out


def exact(verdict: Verdict, scenes: list[Scene]) -> np.ndarray:
    """For each scene whether the verdict is right in everything (style only where something is drawn)."""
    truth = labels(scenes).numpy()
    o, s = len(OBJECTS), len(STYLES)
    objects = (verdict.objects == truth[:, :o].astype(bool)).all(1)
    style = (verdict.style == truth[:, o : o + s].argmax(1)) | (truth[:, :o].sum(1) == 0)
    return objects & style & (verdict.background == truth[:, o + s :].argmax(1)) & ~verdict.broken


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
