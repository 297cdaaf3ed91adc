"""Pictures that gi-tiny sampled, labelled by eye: what renders cannot teach the judges.

A sampled drawing is softer than a rendered one, and erasing leaves smears that are neither a clean drawing nor a
broken picture. `benchmarks.seen` draws the pictures; labellers that saw neither prompts nor verdicts wrote
labels.json, in the form that by_eye.py tells.
"""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .world import BACKGROUNDS, OBJECTS, STYLES

FOLDER = Path(__file__).parent / "seen"
COLUMNS, SIDE = 24, 128
OPEN = float("nan")  # a target that nobody knows


def save(pictures: np.ndarray, folder: Path = FOLDER) -> None:
    """Writes pictures (n, 128, 128, 3) uint8 as one sheet without captions; picture i is at row i // 24."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE))
    for index, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), place(index))
    sheet.save(folder / "sheet.jpg", quality=95, subsampling=0)


@lru_cache
def load(folder: Path = FOLDER) -> tuple[np.ndarray, torch.Tensor]:
    """The pictures (n, 128, 128, 3) uint8 and their targets, as `judges.labels` has them, NaN where a label is open."""
    labels = json.loads((folder / "labels.json").read_text())
    sheet = Image.open(folder / "sheet.jpg").convert("RGB")
    boxes = [(x, y, x + SIDE, y + SIDE) for x, y in map(place, map(int, labels))]
    pictures = np.stack([np.asarray(sheet.crop(box)) for box in boxes])
    return pictures, torch.stack([target(label) for label in labels.values()])


def target(label: dict) -> torch.Tensor:
    """(objects + styles + backgrounds + 1,) of zeros and ones, NaN where the label is open."""
    objects = [OPEN if name in label["unsure"] else float(name in label["objects"]) for name in OBJECTS]
    # Nothing drawn for certain, no style.
    style = label["style"] if label["objects"] else None
    styles = [OPEN if style is None else float(name == style) for name in STYLES]
    ground = label["background"]
    backgrounds = [OPEN if ground is None else float(name == ground) for name in BACKGROUNDS]
    return torch.tensor([*objects, *styles, *backgrounds, float(label["broken"])])


def place(index: int) -> tuple[int, int]:
    """Where a picture's upper left corner is on the sheet."""
    return index % COLUMNS * SIDE, index // COLUMNS * SIDE
