"""Heat maps as pictures: the colours, what lies over the picture, and the sheet of a recording."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont

from lib_gi import curves, heatmaps, pictures
from lib_gi.errors import NeverHitError, SettingsError
from lib_gi.heatmaps import colours, heat, overlay, resized, sheet
from lib_gi.recording import Recording

PICTURE = Image.effect_noise((96, 64), 80).convert("RGB")


def recorded(*levels, names=("a",), size=(32, 48), total=3, images=1):
    """A recording of one pass, in which each concept's M* is `level` everywhere and its double in the upper left."""
    into = Recording()
    into.begin_pass(names, total)
    into._size = size
    for step in range(total or 3):
        maps = torch.ones(2, len(names), images, 1, *size, 1) * torch.tensor(levels).view(-1, 1, 1, 1, 1, 1)
        maps[..., : size[0] // 2, : size[1] // 2, :] *= 2
        maps = maps.flatten(4, 5)  # (2, C, B, H, N, T)
        into.add(step, range(images), tuple(maps), [(0, 1)] * len(names), torch.full((len(names), 1), -2.0))
    return into


def lab_of(rgb):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lms = np.cbrt((linear @ np.linalg.inv(heatmaps._TO_RGB).T).clip(0))
    return lms @ np.linalg.inv(heatmaps._TO_LMS).T


def test_colours_rise_in_lightness_and_are_evenly_far_apart():
    lab = lab_of(colours())
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert colours().shape == (256, 3) and 0 <= colours().min() and colours().max() <= 1
    assert (np.diff(lab[:, 0]) > 0).all() and lab[-1, 0] - lab[0, 0] > 0.7
    assert steps.max() < 1.2 * steps.min()


def test_nothing_covers_the_picture_where_the_value_is_zero_and_more_covers_more():
    values = np.linspace(0, 1, 96, dtype=np.float32)[None].repeat(64, 0)
    white, black = (np.asarray(overlay(Image.new("RGB", (96, 64), c), values, 1.0), float) for c in ("white", "black"))
    dimmed = np.asarray(overlay(PICTURE, np.zeros((2, 2), np.float32), 1.0), int)
    grey = np.asarray(PICTURE.convert("L"), int)[..., None]
    assert np.abs(dimmed - heatmaps._DIMMED * grey).max() <= 1
    shows = (white - black).mean((0, 2))  # how much of the picture is left
    assert (np.diff(shows) < 1).all() and shows[0] > 130 and shows[-1] < 20
    assert np.abs(black[0, -1] - 255 * heatmaps._OPAQUE * colours()[-1]).max() <= 1


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (200, 40), (7, 1)])
def test_a_map_takes_the_size_of_any_picture_and_stays_in_its_place_and_within_its_values(size):
    values = np.zeros((4, 6), np.float32)
    values[:2, 3:] = 0.5
    large = resized(values, size[::-1])
    assert large.shape == size[::-1] and 0 <= large.min() and large.max() <= 0.5
    assert overlay(PICTURE.resize(size), values, 0.5).size == size
    if min(size) > 8:
        assert large[0, -1] == 0.5 and large[-1, 0] == large[0, 0] == large[-1, -1] == 0


def test_layers_of_several_sizes_have_the_same_weight_each():
    one = recorded(0.1).passes[0]
    for _ in range(3):  # one more layer in each step, of half the size
        one.add(0, 0, torch.full((2, 1, 16 * 24), 0.5), torch.zeros(1))
    assert [calls for _, calls in one.maps(0, 0, "M_star")] == [3, 3]
    values = heat(one, 0, 0, "M_star")
    assert values.shape == (32, 48)
    np.testing.assert_allclose([values[0, 0], values[-1, -1]], [0.35, 0.3], rtol=1e-6)


def test_a_concept_that_is_not_there_looks_cold_beside_one_that_is_and_on_a_fixed_scale():
    grey = Image.new("RGB", (256, 256), (128, 128, 128))
    cold = np.asarray(overlay(grey, np.zeros((1, 1), np.float32), 1.0), int)

    def warmth(recording, scale=None):
        """How far each concept's whole-run map is from an empty one at its hottest place."""
        drawn = np.asarray(sheet(recording, 0, grey, "M_star", scale), int)
        row = (drawn.shape[0] - 34) // len(recording.passes[0].names)
        tops = [34 + i * row + 24 + 18 for i in range(len(recording.passes[0].names))]
        return [np.abs(drawn[top + 20, 276 + 20] - cold[0, 0]).max() for top in tops]

    alone, fixed = warmth(recorded(0.01)), warmth(recorded(0.01), scale=0.5)
    empty, full = warmth(recorded(0.01, 0.3, names=("empty", "full")))
    assert alone[0] > 100 and full > 100
    assert empty < 5 and fixed[0] < 5


def test_the_scale_is_common_to_all_images_of_a_batch():
    into = recorded(0.1, images=2)
    into.add(2, [1], tuple(torch.ones(2, 1, 1, 1, 32 * 48, 1)), [(0, 1)], torch.zeros(1, 1))
    assert heatmaps.largest(into, "M_star") > 0.5 > heat(into.passes[0], 0, 0, "M_star").max()
    assert sheet(into, 0, PICTURE).tobytes() != sheet(into, 1, PICTURE).tobytes()


@pytest.mark.parametrize("size", [(128, 128), (512, 768), (1024, 512), (2048, 2048), (64, 16), (8192, 8)])
def test_a_sheet_has_the_picture_and_every_range_for_each_concept_at_a_size_that_can_be_read(size):
    drawn = sheet(recorded(0.1, 0.2, names=("a", "b")), 0, Image.new("RGB", size, "white"))
    longer = max(256, min(512, max(size)))
    width, height = (side * longer / max(size) for side in size)
    assert abs(drawn.width - (10 + 5 * (width + 10) + 80)) <= 5
    assert abs(drawn.height - (34 + 2 * (24 + 2 * 18 + height + 10))) <= 2


def test_without_announced_steps_there_is_the_whole_run_alone():
    with_parts, without = (sheet(recorded(0.1, total=total), 0, PICTURE).width for total in (3, None))
    assert with_parts - without == 3 * 266


def test_names_in_any_script_are_drawn_also_with_an_old_pillow(monkeypatch):
    names = ("血と骸骨", "Ärger ✂ 🔪", "x" * 300)
    into = recorded(0.1, 0.1, 0.1, names=names)
    new = sheet(into, 0, PICTURE), curves.sheet(into, 0)
    small = ImageFont.load_default_imagefont()

    def old_default():
        return small

    monkeypatch.setattr(pictures.ImageFont, "load_default", old_default)
    old = sheet(into, 0, PICTURE), curves.sheet(into, 0)
    assert [picture.size for picture in new] == [picture.size for picture in old]
    assert pictures.font(20) is small


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_cannot_be_drawn_is_refused(scale):
    with pytest.raises(SettingsError, match="above 0"):
        sheet(recorded(0.1), 0, PICTURE, scale=scale)


def test_what_was_not_recorded_is_refused():
    for scale in (None, 0.5):
        with pytest.raises(SettingsError, match="'heat'"):
            sheet(recorded(0.1), 0, PICTURE, kind="heat", scale=scale)
    with pytest.raises(NeverHitError, match="image 1"):
        sheet(recorded(0.1), 1, PICTURE)


def test_a_map_of_zeros_is_cold():
    drawn = overlay(PICTURE, np.zeros((4, 4), np.float32), heatmaps.largest(recorded(0.0), "M_star"))
    assert drawn.tobytes() == overlay(PICTURE, np.zeros((4, 4), np.float32), 1.0).tobytes()


def test_drawing_needs_neither_matplotlib_nor_a_host():
    command = "import sys, lib_gi.heatmaps, lib_gi.curves; print(*sys.modules)"
    repo = Path(__file__).parents[1]
    loaded = subprocess.run([sys.executable, "-c", command], cwd=repo, capture_output=True, text=True, check=True)
    assert not {"matplotlib", "gradio", "diffusers", "scipy"} & set(loaded.stdout.split())
