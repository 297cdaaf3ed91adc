"""Pictures of scenes: 128 x 128 RGB, drawings pasted on a background."""

from random import Random

import numpy as np
from PIL import Image

from .drawings import drawing
from .world import Scene

SIZE = 128
# Sides in pixels by number of objects: from a quarter of the picture to two thirds.
SIDES = {1: (44, 85), 2: (38, 60), 3: (32, 42)}
SKY_AND_GROUND = {
    "grass": ((150, 205, 250), (80, 170, 60)),
    "desert": ((250, 215, 150), (225, 165, 85)),
    "night": ((18, 20, 60), (40, 45, 95)),
    "snow": ((205, 220, 240), (250, 250, 255)),
}


def render(scene: Scene, rng: Random) -> Image.Image:
    """A picture of `scene`; places and sizes come from `rng`."""
    image = paint_background(scene.background, rng)
    count = len(scene.objects)
    for index, name in enumerate(scene.objects):
        side = rng.randint(*SIDES[count])
        left, right = index * SIZE // count, (index + 1) * SIZE // count
        margin = 8 if count == 1 else 0
        x = rng.randint(left + margin, max(left + margin, right - side - margin))
        y = rng.randint(10, SIZE - 4 - side)
        icon = drawing(scene.style, name).resize((side, side), Image.BILINEAR)
        image.paste(icon, (x, y), icon)
    return image


def paint_background(name: str, rng: Random) -> Image.Image:
    """A soft horizon at a random height between the background's two colours."""
    horizon = rng.uniform(0.35, 0.65)
    height = np.linspace(0, 1, SIZE)[:, None, None]
    ground = 1 / (1 + np.exp(-(height - horizon) * 18))
    sky_colour, ground_colour = (np.array(colour) for colour in SKY_AND_GROUND[name])
    rows = sky_colour * (1 - ground) + ground_colour * ground
    return Image.fromarray((rows * np.ones((1, SIZE, 1))).clip(0, 255).astype("uint8"))
