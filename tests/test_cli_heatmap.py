"""The command line: heat maps and curves beside a picture."""

import json

import cli_runs
import numpy as np
from cli_runs import COMMON, generate
from PIL import Image

model = cli_runs.model  # the fixture


def test_heat_maps_and_curves_come_beside_the_picture_which_stays_the_same(model, tmp_path, capsys):
    options = ("--model", model, *COMMON, "--concept", "gun", "--last-step", 1, "--width", 96)
    assert generate(*options, "--out", tmp_path / "plain.png") == 0
    capsys.readouterr()
    assert generate(*options, "--heatmap", "--out", tmp_path / "a.png") == 0
    written = [tmp_path / name for name in ("a.png", "a.heatmap.png", "a.curve.png", "a.curve.json")]
    assert capsys.readouterr().out.splitlines() == [str(file) for file in written]
    plain, picture, heat, curve = (Image.open(tmp_path / file) for file in ("plain.png", *written[:3]))
    assert np.array_equal(np.asarray(plain), np.asarray(picture))
    assert plain.text == picture.text == heat.text == curve.text
    assert heat.width > 4 * 256 and curve.width > 600
    numbers = json.loads(written[3].read_text())
    assert list(numbers) == ["knife", "gun"]
    [knife] = numbers["knife"]
    assert knife["steps"] == [0, 1, 2] and knife["strength"] == [3.0, 3.0, 0.0]
    assert all(0 < value < 1 for kind in ("M_star", "agreement") for value in knife[kind])


def test_a_heat_map_beside_an_off_on_pair_is_of_the_picture_with_inhibitors(model, tmp_path):
    options = ("--model", model, *COMMON, "--strength", 20, "--heatmap", "agreement", "--heatmap-scale", 0.5)
    assert generate(*options, "--side-by-side", "--count", 2, "--out", tmp_path / "pair.png") == 0
    assert generate(*options, "--out", tmp_path / "on.png") == 0
    names = {f"{name}{ending}" for name in ("pair-0", "pair-1", "on") for ending in (".png", ".heatmap.png")}
    assert names < {file.name for file in tmp_path.iterdir()} and len(list(tmp_path.iterdir())) == 12
    pair, on = (np.asarray(Image.open(tmp_path / f"{name}.heatmap.png")) for name in ("pair-0", "on"))
    assert np.array_equal(pair, on)
