"""Figures: their intervals, and the form of every committed one."""

import json
from pathlib import Path

import numpy as np
import pytest

from lib_gi.evaluate.figures import RESULTS, Figure, bootstrap, described, mean, share, wilson

FIELDS = {"name", "value", "low", "high", "n", "unit", "command", "machine", "date"}


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [  # Wilson's score interval, z = 1.96, from published tables
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_known_intervals(hits, n, low, high):
    assert wilson(hits, n) == pytest.approx((low, high), abs=1e-4)


def test_a_share_lies_in_its_interval_and_narrows_with_n():
    few, many = share("x", np.arange(20) < 3), share("x", np.arange(2000) < 300)
    for figure in (few, many):
        assert figure.low < figure.value == 0.15 < figure.high
    assert many.high - many.low < few.high - few.low
    assert (few.n, few.unit) == (20, "share")


def test_the_bootstrap_agrees_with_the_normal_interval_of_a_mean():
    values = np.random.default_rng(1).normal(3.0, 2.0, 4000)
    low, high = bootstrap(values)
    half = 1.96 * values.std() / np.sqrt(values.size)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_the_bootstrap_gives_the_same_interval_again_and_none_for_constants():
    values = np.random.default_rng(2).random(50)
    assert bootstrap(values, seed=4) == bootstrap(values, seed=4)
    figure = mean("x", np.full(9, 2.5), "dB")
    assert figure.low == figure.value == figure.high == 2.5


@pytest.mark.parametrize("measure", [lambda: share("empty", np.array([])), lambda: mean("empty", np.array([]), "dB")])
def test_nothing_measured_is_no_figure(measure):
    with pytest.raises(ValueError, match="empty"):
        measure()


def test_a_saved_figure_has_the_committed_form(tmp_path):
    figure = described("a.b", 0.5, 0.4, 0.6, 10, "share")
    figure.save(tmp_path)
    read = json.loads((tmp_path / "a.b.json").read_text())
    assert set(read) >= FIELDS
    assert Figure(**read) == figure


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*.json")), ids=lambda file: file.stem)
def test_every_committed_figure_has_all_fields(file: Path):
    read = json.loads(file.read_text(encoding="utf-8"))
    assert set(read) >= FIELDS
    assert read["name"] == file.stem
    assert read["low"] <= read["value"] <= read["high"]
    assert isinstance(read["n"], int) and read["n"] > 0
    for name in ("unit", "command", "machine", "date"):
        assert isinstance(read[name], str) and read[name]


def test_a_figure_s_command_tells_no_path_of_the_machine(monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "--work", "/somewhere/of mine", "--model", "models/gi-tiny"])
    assert mean("x", np.array([1.0]), "dB").command.endswith("--work 'of mine' --model models/gi-tiny")
