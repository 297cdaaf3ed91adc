"""The benchmark of when the inferred scales begin to act."""

import json
from dataclasses import replace

import numpy as np
import pytest
import test_benchmarks_methods
import torch

from benchmarks import acting, adapter_tables
from benchmarks.acting import SETTINGS, draw_along, filled
from lib_gi.adapter import Adapter, new_network
from lib_gi.features import Features
from lib_gi.layers import find_cross_attention

pipe, judge = test_benchmarks_methods.pipe, test_benchmarks_methods.judge
TEXTS, SEEDS, STEPS = ["a skull and a cat", "pirate"], [11, 12], 3


@pytest.fixture
def adapter(pipe, monkeypatch):
    """One for this model, which answers strongly, and otherwise at different features."""
    names = tuple(layer.name for layer in find_cross_attention(pipe.unet))
    torch.manual_seed(0)
    about = {"weighting": "agreement"}
    made = Adapter(names, "excess", new_network(len(names)), torch.zeros(len(names)), torch.full((len(names),), 1e-3),
                   -60.0, -20.0, about)  # fmt: skip
    monkeypatch.setattr(acting, "loaded", lambda *_: made)
    return made


def drawn(pipe, way, steps=STEPS):
    return draw_along(pipe, SETTINGS[way], "skull", TEXTS, SEEDS, steps).astype(int)


def unerased(pipe, steps):
    return draw_along(pipe, SETTINGS["second step"].baseline, "skull", TEXTS, SEEDS, steps).astype(int)


def test_for_the_second_step_the_first_one_is_only_read(pipe, adapter):
    assert np.abs(drawn(pipe, "second step", 1) - unerased(pipe, 1)).max() <= 1
    assert np.abs(drawn(pipe, "second step") - unerased(pipe, STEPS)).max() > 1
    assert not any(module._forward_pre_hooks for module in pipe.unet.modules())


def test_layer_by_layer_it_acts_in_the_first_step_already(pipe, adapter):
    assert np.abs(drawn(pipe, "layer by layer", 1) - unerased(pipe, 1)).max() > 1
    assert np.abs(drawn(pipe, "layer by layer") - drawn(pipe, "second step")).max() > 1


def test_for_the_second_step_the_scales_are_inferred_once_and_for_every_picture(pipe, adapter):
    seen = []
    infer = Adapter.w
    adapter.w = lambda features, step=0: seen.append(infer(adapter, features, step)) or seen[-1]
    drawn(pipe, "second step")
    [once] = seen
    assert once.shape[0] == 2 and bool((once <= -20).all())


def test_a_layer_that_was_not_reached_counts_as_the_mean_of_the_training(adapter):
    layers = len(adapter.layers)
    values = torch.full((1, layers, 2, 1), 0.5)
    values[:, 1:] = float("nan")
    mean = torch.arange(2.0 * layers)
    seen = filled(Features(values, values, values, values), replace(adapter, kind="spread", mean=mean))
    assert seen.excess[0, :, 0, 0].tolist() == [0.5, *map(float, range(1, layers))]
    assert seen.spread[0, :, 1, 0].tolist() == [0.5, *map(float, range(layers + 1, 2 * layers))]
    assert seen.M_star is values


def test_the_command_writes_what_the_table_is_drawn_from(pipe, judge, adapter, tmp_path, monkeypatch):
    bench = acting.bench_of.__globals__["Bench"](pipe, judge, "m", "j", "validation", tmp_path, STEPS, 2, draw_along)
    monkeypatch.setattr(acting, "bench_of", lambda *_: bench)
    ways = ["--methods", "second step", "layer by layer", "--repeats", "2", "--count", "2", "--concepts", "skull"]
    acting.main([*ways, "--sweeps", str(tmp_path)])
    told = json.loads((tmp_path / "acting.json").read_text())
    assert [row["way"] for row in told["rows"]] == ["second step", "layer by layer"]
    assert all(row["seconds_ratio"]["value"] > 0 and row["seconds_ratio"]["n"] == 2 for row in told["rows"])
    assert "| layer by layer |" in "\n".join(adapter_tables.acting(told))
