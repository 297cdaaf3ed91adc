"""Heat maps: what a recording holds, drawn over the picture with numpy and Pillow (9.5 or newer) alone."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from lib_gi.pictures import write
from lib_gi.recording import Pass, Recording, check_kind, checked_scale

TITLES = {
    "M_star": "M*, the share of attention that goes to the concept's own words",
    "agreement": "agreement, how much of the concept is already there",
}
# Points of the colour map in OKLab as lightness, chroma and hue in degrees: dark violet, red, yellow.
_POINTS = ((0.20, 0.09, 285.0), (0.42, 0.17, 330.0), (0.63, 0.21, 392.0), (0.78, 0.16, 425.0), (0.95, 0.16, 466.0))
_TO_LMS = ((1.0, 0.3963377774, 0.2158037573), (1.0, -0.1055613458, -0.0638541728), (1.0, -0.0894841775, -1.2914855480))
_TO_RGB = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)
_OPAQUE = 0.9  # of the colour at the top of the scale
_DIMMED, _GREYED = 0.55, 0.7  # the picture under the map
_LEAST, _MOST = 256, 512  # pixels of a panel's longer side
_GAP, _LINE, _HEAD, _BAR = 10, 18, 24, 80  # pixels between panels, of a line, of a headline, and right of all panels


def sheet(
    recording: Recording, image: int, picture: Image.Image, kind: str = "M_star", scale: float | None = None
) -> Image.Image:
    """The picture beside the maps of the whole run and of its parts, for each concept (and sampling pass) a row.

    image: which of the recording's images the picture is. kind: M_star or agreement. scale: the value at the top of
    the colours; None for the largest of the recording, over all its concepts and images.
    Raises SettingsError, NeverHitError, or UnsupportedModelError as `Pass.maps` does.
    """
    passes = recording.passes_of(image)
    check_kind(kind)
    top = largest(recording, kind) if scale is None else checked_scale(scale)
    zoom = min(max(1.0, _LEAST / max(picture.size)), _MOST / max(picture.size))
    small = [max(1, round(side * zoom)) for side in picture.size]
    panel = picture.convert("RGB").resize(small, Image.Resampling.BICUBIC)
    rows = [(concept, one) for concept in range(len(passes[0].names)) for one in passes]
    columns = 1 + max(len(one.ranges(image)) for one in passes)
    row_height = _HEAD + 2 * _LINE + panel.height + _GAP
    size = _GAP + columns * (panel.width + _GAP) + _BAR, _HEAD + _GAP + len(rows) * row_height
    paper = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(paper)
    write(draw, (_GAP, _GAP // 2), f"Where concepts grow: {TITLES[kind]}", size[0] - 2 * _GAP)
    for row, (concept, one) in enumerate(rows):
        y = _HEAD + _GAP + row * row_height
        write(draw, (_GAP, y), heading(passes, one, concept, image), size[0] - 2 * _GAP, 16)
        _draw_panels(paper, y + _HEAD, panel, one, (concept, image, kind), top)
    return paper


def heading(passes: list[Pass], one: Pass, concept: int, image: int) -> str:
    """A concept, how strongly it is suppressed at most, and which of several passes this is."""
    strength = 0.0 - min(one.curve(concept, image).w)
    several = f", pass {1 + passes.index(one)} of {len(passes)}" if len(passes) > 1 else ""
    return f"{one.names[concept]}, strength {strength:.3g}{several}"


def heat(one: Pass, concept: int, image: int, kind: str, part: int | None = None) -> np.ndarray:
    """The mean map of the layers that `Pass.maps` tells, all with the same weight: (height, width) of the finest."""
    maps = one.maps(concept, image, kind, part)
    shape = maps[0][0].shape
    return sum(resized(values, shape) * count for values, count in maps) / sum(count for _, count in maps)


def largest(recording: Recording, kind: str) -> float:
    """The largest value of any map, over all passes, concepts, images and parts."""
    return max(
        float(heat(one, concept, image, kind, range_.part).max())
        for one in recording.passes
        for concept in range(len(one.names))
        for image in one.images
        for range_ in one.ranges(image)
    )


def overlay(picture: Image.Image, values: np.ndarray, top: float) -> Image.Image:
    """The picture, dimmed, under its heat map (height, width), which is brought to its size.

    The colour and how far it covers the picture both follow value / top, from nothing at 0 on.
    """
    share = resized(values, (picture.height, picture.width)) / max(top, np.finfo(np.float32).tiny)
    share = share.clip(0, 1)[..., None]
    under = np.asarray(picture.convert("RGB"), np.float32) / 255
    grey = np.asarray(picture.convert("L"), np.float32)[..., None] / 255
    under = _DIMMED * (_GREYED * grey + (1 - _GREYED) * under)
    covered = _OPAQUE * share**1.5
    colour = colours()[(share[..., 0] * 255).round().astype(int)]
    return image_of(covered * colour + (1 - covered) * under)


def resized(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The map with another (height, width), smooth, and within its own smallest and largest value."""
    if values.shape == tuple(shape):
        return values
    resized_ = Image.fromarray(values.astype(np.float32)).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(resized_).clip(values.min(), values.max())


@cache
def colours() -> np.ndarray:
    """The colour map, (256, 3) from 0 to 1: neighbours are equally far apart to the eye, and lightness only rises."""
    L, chroma, hue = np.array(_POINTS).T
    at = np.linspace(0, len(L) - 1, 4096)
    L, chroma, hue = (np.interp(at, np.arange(len(x)), x) for x in (L, chroma, np.radians(hue)))
    lab = np.stack([L, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    way = np.concatenate([[0], np.linalg.norm(np.diff(lab, axis=0), axis=1).cumsum()])
    even = np.linspace(0, way[-1], 256)
    return rgb_of(np.stack([np.interp(even, way, x) for x in lab.T], axis=1))


def rgb_of(lab: np.ndarray) -> np.ndarray:
    """sRGB from 0 to 1 of OKLab colours, both (n, 3)."""
    linear = (((lab @ np.array(_TO_LMS).T) ** 3) @ np.array(_TO_RGB).T).clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def image_of(colour: np.ndarray) -> Image.Image:
    """A picture of colours from 0 to 1, (height, width, 3)."""
    return Image.fromarray((colour * 255).round().astype(np.uint8))


def _draw_panels(
    paper: Image.Image, y: int, panel: Image.Image, one: Pass, which: tuple[int, int, str], top: float
) -> None:
    """One row from y on: the picture, a panel for each range of steps with its numbers, and the scale."""
    draw, (concept, image, kind) = ImageDraw.Draw(paper), which
    write(draw, (_GAP, y), "picture", panel.width)
    paper.paste(panel, (_GAP, y + _LINE))
    x = _GAP + panel.width + _GAP
    for name, part, first, last in one.ranges(image):
        values = heat(one, concept, image, kind, part)
        steps = f"step {first}" if first == last else f"steps {first} to {last}"
        write(draw, (x, y), f"{name}, {steps}", panel.width)
        paper.paste(overlay(panel, values, top), (x, y + _LINE))
        told = f"mean {values.mean():.2g}, largest {values.max():.2g}"
        write(draw, (x, y + _LINE + panel.height), told, panel.width)
        x += panel.width + _GAP
    _draw_scale(paper, (paper.width - _BAR, y + _LINE), panel.height, top)


def _draw_scale(paper: Image.Image, at: tuple[int, int], height: int, top: float) -> None:
    """The colours as they look over a light grey, with their values, the largest at the top."""
    (x, y), draw = at, ImageDraw.Draw(paper)
    paper.paste(overlay(Image.new("L", (16, height), 200), np.linspace(1, 0, height)[:, None].repeat(16, 1), 1.0), at)
    for share in (0.0, 0.5, 1.0):
        place = round(y + (1 - share) * (height - 13)) - 2
        write(draw, (x + 22, place), f"{share * top:.2g}", _BAR - 22)
