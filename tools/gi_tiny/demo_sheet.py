"""The demo's picture: kinds of prompts in rows, each picture off and on, the judge's verdict under it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from lib_gi.detect.oracle import Verdict
from lib_gi.pictures import fitted, font

from .world import OBJECTS

TILE, GAP, MARGIN = 168, 4, 14
TITLE, CAPTION, HEAD, FOOT = 30, 20, 18, 40
RED, GREEN, GREY, BLACK = "#c62828", "#1b7f3b", "#555555", "black"


@dataclass(frozen=True)
class Row:
    """One kind of prompts: pictures (n, 128, 128, 3) uint8 off and on, and what the judge found in them."""

    title: str
    captions: list[str]
    off: np.ndarray
    on: np.ndarray
    judged_off: Verdict
    judged_on: Verdict


def sheet(rows: list[Row], concept: str, title: str) -> Image.Image:
    """The whole labelled picture."""
    pair = 2 * TILE + GAP
    width = len(rows[0].captions) * (pair + MARGIN) + MARGIN
    height = TITLE + len(rows) * (TITLE + CAPTION + HEAD + TILE + FOOT) + MARGIN
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    write(draw, MARGIN, 8, title, width - 2 * MARGIN, BLACK, 17)
    y = TITLE
    for row in rows:
        write(draw, MARGIN, y + 8, row.title, width - 2 * MARGIN, BLACK, 15)
        for index, caption in enumerate(row.captions):
            x = MARGIN + index * (pair + MARGIN)
            write(draw, x, y + TITLE, caption, pair, GREY, 13)
            top = y + TITLE + CAPTION
            went = bool(row.judged_off.objects[index, OBJECTS.index(concept)] & ~row.judged_off.broken[index])
            paste(image, (x, top), "off", row.off[index], verdict_lines(row.judged_off, index, concept))
            lines = verdict_lines(row.judged_on, index, concept, went)
            paste(image, (x + TILE + GAP, top), "on", row.on[index], lines)
        y += TITLE + CAPTION + HEAD + TILE + FOOT
    return image


def paste(
    image: Image.Image, place: tuple[int, int], name: str, picture: np.ndarray, lines: list[tuple[str, str]]
) -> None:
    """Puts one picture with its name above it and the verdict's lines under it."""
    draw, (x, y) = ImageDraw.Draw(image), place
    write(draw, x, y, name, TILE, BLACK, 13)
    image.paste(Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.LANCZOS), (x, y + HEAD))
    for number, (text, colour) in enumerate(lines):
        write(draw, x, y + HEAD + TILE + 3 + 17 * number, text, TILE, colour, 13)


def verdict_lines(verdict: Verdict, index: int, concept: str, went: bool = False) -> list[tuple[str, str]]:
    """What the judge found: a line about the concept, red when it is there, then the other objects.

    `went`: the picture without inhibitors shows the concept, so its absence is said in green.
    """
    found = [name for name, there in zip(OBJECTS, verdict.objects[index]) if there]
    rest = ", ".join(name for name in found if name != concept) or "no other object"
    if verdict.broken[index]:
        return [("broken picture", RED)]
    if concept in found:
        return [(f"{concept} found", RED), (rest, GREY)]
    if went:
        return [(f"{concept} gone", GREEN), (rest, GREY)]
    return [(f"no {concept}", GREY), (rest, GREY)]


def write(draw: ImageDraw.ImageDraw, x: int, y: int, text: str, width: int, colour: str, size: int) -> None:
    """Writes one line, cut to `width` pixels."""
    draw.text((x, y), fitted(text, width, draw, size), colour, font(size))
