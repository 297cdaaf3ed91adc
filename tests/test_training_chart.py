"""The picture of a result: each dot where its numbers are, and those that were held out on top."""

from types import SimpleNamespace

import torch
from PIL import ImageColor

from lib_gi.training.chart import _ABOVE, _LEFT, _SIDE, FITTED, HELD_OUT, chart


def pixel(picture, needed, inferred, top):
    return picture.getpixel((round(_LEFT + needed / top * _SIDE), round(_ABOVE + (1 - inferred / top) * _SIDE)))


def result(labelled, predicted, held_out, strengths=None):
    needed = torch.tensor(labelled)
    told = {"labelled": needed, "aimed": 1.25 * needed, "predicted": torch.tensor(predicted)}
    return SimpleNamespace(**told, strengths=strengths, held_out=torch.tensor(held_out))


def test_each_row_is_a_dot_at_its_numbers_and_held_out_ones_lie_on_top():
    picture = chart(result([0.0, 8.0, 2.0, 2.0], [1.0, 6.0, 4.0, 4.0], [False, False, True, False]))
    fitted, held_out = map(ImageColor.getrgb, (FITTED, HELD_OUT))
    assert pixel(picture, 0, 1, 10) == pixel(picture, 8, 6, 10) == fitted
    assert pixel(picture, 2, 4, 10) == held_out and pixel(picture, 6, 2, 10) == (255, 255, 255)
    assert pixel(picture, 4, 5, 10) == pixel(picture, 7.2, 9, 10) == ImageColor.getrgb("#999999")  # what is aimed at


def test_strengths_by_concept_are_level_lines():
    picture = chart(result([0.0, 8.0, 2.0], [1.0, 6.0, 9.5], [False] * 3, {"a": 4.0, "b": 7.0, "c": 4.0}))
    grey, pale = map(ImageColor.getrgb, ("#999999", "#cccccc"))
    assert pixel(picture, 1, 4, 10) == pixel(picture, 9, 4, 10) == pixel(picture, 3, 7, 10) == grey
    assert pixel(picture, 6, 6, 10) == pale and pixel(picture, 4, 5.5, 10) == ImageColor.getrgb("white")


def test_a_result_without_any_strength_is_drawn_too():
    assert chart(result([0.0, 0.0], [0.0, 0.0], [True, False])).size == (372, 414)
