"""Curves over the steps of what a recording holds, drawn with Pillow (9.5 or newer) alone."""

import math
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageColor, ImageDraw

from lib_gi.pictures import font, write
from lib_gi.recording import Curve, Recording

Line = tuple[Sequence[int], Sequence[float]]  # steps, and a value for each

# Of each column: its title, and what a concept's curve has there.
COLUMNS = {
    "M*, mean share of attention": lambda curve: curve.M_star,
    "agreement, mean": lambda curve: curve.agreement,
    "strength (-w), mean": lambda curve: [0.0 - w for w in curve.w],
}
_COLOURS = ("#0b62a4", "#b3202c", "#2f7d32", "#8a4fa3", "#b86e00", "#2a8c8c", "#6d4c41", "#c2478f")
_PLOT = 240, 130  # pixels of the area between the axes
_LEFT, _RIGHT, _ABOVE, _BELOW = 52, 14, 24, 40  # pixels around it
_GAP, _LINE = 10, 18
_FINE = 3  # drawn so many times larger, then made smaller: smooth lines


def sheet(recording: Recording, image: int) -> Image.Image:
    """A picture of an image's curves: a row for each sampling pass, a line for each concept.

    Raises NeverHitError or UnsupportedModelError as `Pass.curve` does.
    """
    passes = recording.passes_of(image)
    names = passes[0].names
    width, height = _LEFT + _PLOT[0] + _RIGHT, _ABOVE + _PLOT[1] + _BELOW
    paper = Image.new("RGB", (len(COLUMNS) * width, len(passes) * height + len(names) * _LINE + _GAP), "white")
    for row, one in enumerate(passes):
        curves = [one.curve(concept, image) for concept in range(len(names))]
        several = f" of pass {row + 1}" if len(passes) > 1 else ""
        for column, (title, values_of) in enumerate(COLUMNS.items()):
            lines = [(curve.steps, values_of(curve)) for curve in curves]
            draw_plot(paper, (column * width, row * height), title, f"step{several}", lines)
    draw, y = ImageDraw.Draw(paper), len(passes) * height
    for concept, name in enumerate(names):
        draw.line([_LEFT, y + 8, _LEFT + 24, y + 8], colour_of(concept), 3)
        write(draw, (_LEFT + 32, y), name, paper.width - _LEFT - 40)
        y += _LINE
    return paper


def numbers(recording: Recording, image: int) -> dict[str, list[dict[str, Any]]]:
    """What `sheet` draws, by concept and for each sampling pass, as JSON can hold it; errors as there."""
    passes = recording.passes_of(image)
    return {
        name: [as_numbers(one.curve(concept, image)) for one in passes] for concept, name in enumerate(passes[0].names)
    }


def as_numbers(curve: Curve) -> dict[str, Any]:
    """A curve, with the user's strength in place of w."""
    values = {"M_star": curve.M_star, "agreement": curve.agreement, "strength": [0.0 - w for w in curve.w]}
    return {"steps": curve.steps, **{name: [float(f"{x:.6g}") for x in given] for name, given in values.items()}}


def draw_plot(paper: Image.Image, at: tuple[int, int], title: str, below: str, lines: Sequence[Line]) -> None:
    """Draws lines over steps with both axes; `at` is the left upper corner of the plot with all its text."""
    draw, (width, height) = ImageDraw.Draw(paper), _PLOT
    left, upper = at[0] + _LEFT, at[1] + _ABOVE
    write(draw, (left, at[1] + 4), title, width)
    top = round_up(max((max(values) for _, values in lines), default=0.0))
    for share in (0.0, 0.5, 1.0):
        y = upper + round((1 - share) * height)
        draw.line([left, y, left + width, y], "black" if share == 0 else "#dddddd")
        text = f"{share * top:.3g}"
        draw.text((left - 6 - draw.textlength(text, font(11)), y - 7), text, "black", font(11))
    draw.line([left, upper, left, upper + height], "black")
    first, last = min(steps[0] for steps, _ in lines), max(steps[-1] for steps, _ in lines)
    span = max(1, last - first)
    for step in ticks(first, last):
        x = left + round((step - first) / span * width)
        draw.line([x, upper + height, x, upper + height + 4], "black")
        text = str(step)
        draw.text((x - draw.textlength(text, font(11)) / 2, upper + height + 5), text, "black", font(11))
    middle = left + (width - draw.textlength(below, font())) / 2
    draw.text((middle, upper + height + 19), below, "black", font())
    for index, (steps, values) in enumerate(lines):
        points = [((step - first) / span * width, (1 - value / top) * height) for step, value in zip(steps, values)]
        wide = min(2 + 1.5 * (len(lines) - 1 - index), 5)  # so that equal lines can be told apart
        draw_line(paper, (left, upper), points, colour_of(index), wide)


def draw_line(
    paper: Image.Image, at: tuple[int, int], points: Sequence[tuple[float, float]], colour: str, wide: float
) -> None:
    """Draws a smooth line through points relative to `at`; a single one is a dot."""
    edge = 3  # pixels around the plot, so that a line on the axis is not cut
    fine = [((x + edge) * _FINE, (y + edge) * _FINE) for x, y in points]
    size = _PLOT[0] + 2 * edge, _PLOT[1] + 2 * edge
    mask = Image.new("L", (size[0] * _FINE, size[1] * _FINE))
    draw = ImageDraw.Draw(mask)
    if len(fine) == 1:
        (x, y), r = fine[0], edge * _FINE
        draw.ellipse([x - r, y - r, x + r, y + r], 255)
    else:
        draw.line(fine, 255, round(wide * _FINE), joint="curve")
    mask = mask.resize(size, Image.Resampling.LANCZOS)
    paper.paste(ImageColor.getrgb(colour), (at[0] - edge, at[1] - edge), mask)


def round_up(value: float) -> float:
    """The smallest of 1, 2, 2.5, 4, 5, 10 times a power of ten that is not below `value`; 1 for 0."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 2.5, 4, 5, 10) if value <= factor * power * (1 + 1e-9))


def ticks(first: int, last: int) -> list[int]:
    """Some round steps from first to last, the first among them; seven at most."""
    between = next(n * 10**k for k in range(9) for n in (1, 2, 5) if (last - first) / (n * 10**k) <= 6)
    return [first, *range((first // between + 1) * between, last + 1, between)]


def colour_of(concept: int) -> str:
    """The colour of a concept's line."""
    return _COLOURS[concept % len(_COLOURS)]
