"""The training set: random scenes and their pictures, drawn once into a working folder."""

from pathlib import Path
from random import Random

import numpy as np
from tqdm import tqdm

from .render import SIZE, render
from .world import Scene, random_scene


def make_scenes(count: int, seed: int) -> list[Scene]:
    """`count` random scenes; the same for the same seed."""
    rng = Random(f"scenes {seed}")
    return [random_scene(rng) for _ in range(count)]


def make_pictures(scenes: list[Scene], work: Path, seed: int) -> np.ndarray:
    """Pictures (n, 128, 128, 3) uint8 of `scenes`, kept in `work` and only drawn if not there yet."""
    file = work / f"pictures-{seed}-{len(scenes)}.npy"
    if not file.exists():
        part = file.with_suffix(".part.npy")
        out = np.lib.format.open_memmap(part, "w+", np.uint8, (len(scenes), SIZE, SIZE, 3))
        rng = Random(f"pictures {seed}")
        for index, scene in enumerate(tqdm(scenes, desc="pictures", mininterval=5)):
            out[index] = np.asarray(render(scene, rng))
        out.flush()
        part.rename(file)
    return np.load(file, mmap_mode="r")
