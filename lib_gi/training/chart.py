"""A picture of a calibration's result: the strengths that were inferred against those that were needed."""

from PIL import Image, ImageDraw

from lib_gi.curves import round_up
from lib_gi.pictures import font, write
from lib_gi.training.calibration import Result

FITTED, HELD_OUT = "#0b62a4", "#b3202c"
_SIDE = 300  # pixels of the square between the axes
_LEFT, _RIGHT, _ABOVE, _BELOW = 52, 20, 30, 84
_DOT = 3


def chart(result: Result) -> Image.Image:
    """A dot for each token of a picture: as needed to the right, as inferred upwards.

    Dots on the pale diagonal or above it are inhibited enough. The dark line is what is aimed at; a level one for each
    strength where concepts are aimed at with one each.
    """
    paper = Image.new("RGB", (_LEFT + _SIDE + _RIGHT, _ABOVE + _SIDE + _BELOW), "white")
    draw = ImageDraw.Draw(paper)
    write(draw, (_LEFT, 8), "inferred strength", _SIDE)
    top = round_up(max(float(x.max()) for x in (result.labelled, result.aimed, result.predicted)))
    bottom = _ABOVE + _SIDE
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y, text = _LEFT + round(share * _SIDE), bottom - round(share * _SIDE), f"{share * top:.3g}"
        draw.line([_LEFT, y, _LEFT + _SIDE, y], "black" if share == 0 else "#dddddd")
        draw.line([x, _ABOVE, x, bottom], "black" if share == 0 else "#dddddd")
        draw.text((_LEFT - 6 - draw.textlength(text, font(11)), y - 7), text, "black", font(11))
        draw.text((x - draw.textlength(text, font(11)) / 2, bottom + 5), text, "black", font(11))
    draw.line([_LEFT, bottom, _LEFT + _SIDE, _ABOVE], "#cccccc")
    for line in _lines(result, top):
        draw.line([(_LEFT + needed / top * _SIDE, bottom - aim / top * _SIDE) for needed, aim in line], "#999999", 2)
    for held_out, colour in ((False, FITTED), (True, HELD_OUT)):  # those that count lie on top
        chosen = result.held_out == held_out
        for needed, inferred in zip(result.labelled[chosen].tolist(), result.predicted[chosen].tolist()):
            _dot(draw, _LEFT + needed / top * _SIDE, bottom - inferred / top * _SIDE, colour)
    below = "needed strength"
    draw.text((_LEFT + (_SIDE - draw.textlength(below, font())) / 2, bottom + 19), below, "black", font())
    for line, (colour, text) in enumerate(((FITTED, "learned from"), (HELD_OUT, "held out, never learned from"))):
        y = bottom + 44 + 18 * line
        _dot(draw, _LEFT + 4, y + 8, colour)
        write(draw, (_LEFT + 16, y), text, _SIDE - 16)
    return paper


def _lines(result: Result, top: float) -> list[list[tuple[float, float]]]:
    """What is aimed at, as lines of points (needed, aimed at)."""
    if result.strengths is None:
        return [sorted({*zip(result.labelled.tolist(), result.aimed.tolist())})]
    return [[(0.0, aim), (top, aim)] for aim in sorted(set(result.strengths.values()))]


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, colour: str) -> None:
    draw.ellipse([x - _DOT, y - _DOT, x + _DOT, y + _DOT], colour)
