"""The benchmark of what tells whether a picture will show a concept."""

import json

import numpy as np
import pytest
import test_benchmarks_methods
import torch

from benchmarks import adapter_tables, readings
from benchmarks.readings import MAPS, POOLS, Seen, areas, linear, pooled
from lib_gi import growth_inhibitors
from lib_gi.concepts import Concept
from lib_gi.injection import Injection

pipe, judge = test_benchmarks_methods.pipe, test_benchmarks_methods.judge
TEXTS, SEEDS, STEPS = ["a skull and a cat", "pirate"], [11, 12], 3


def test_the_means_over_positions_are_what_adapters_read(pipe):
    means = Injection.means
    _, told = readings.drawn(pipe, "skull", TEXTS, SEEDS, STEPS)
    with growth_inhibitors(pipe, [Concept("skull", "skull")], strength=0.0, record_features=True) as session:
        test_benchmarks_methods.draw(pipe, test_benchmarks_methods.Setting("none", 0.0), "skull", TEXTS, SEEDS, STEPS)
    features = session.features()["skull"].told()
    for name in ("M_star", "agreement", "excess"):  # (steps, layers, images, tokens)
        read = told[..., MAPS.index(name), POOLS.index("mean")].transpose(1, 2, 0)
        assert read == pytest.approx(features[name].mean(-1).numpy(), abs=1e-5)
    assert Injection.means is means


def test_pools_over_positions():
    maps = torch.zeros(1, 2, 4, 20, 1)
    maps[0, 1, :, :2] = 1.0  # a tenth of the second row's positions
    mean, tenth, deviation = pooled(maps)[1].tolist()
    assert (mean, tenth) == (pytest.approx(0.1), 1.0) and deviation == pytest.approx(np.std([1, 1] + [0] * 18, ddof=1))
    assert pooled(maps)[0].tolist() == [0, 0, 0]


def test_a_linear_reading_finds_what_separates():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5))
    shown = x[:, 2] > 0
    scores = linear(x[:100], shown[:100], x[100:])
    assert readings.auc(scores, shown[100:]) > 0.95
    assert abs(readings.auc(linear(x[:100], rng.random(100) > 0.5, x[100:]), shown[100:]) - 0.5) < 0.35


def test_areas_are_told_on_objects_that_the_reading_was_not_fitted_to():
    rng = np.random.default_rng(0)
    seen = []
    for index, concept in enumerate(("skull", "bomb", "beer")):
        for kind in ("explicit", "implicit"):
            shown = rng.random(40) < 0.5
            # In the third object presence looks the other way round: a reading fitted to it would know.
            signal = np.where(shown, 1.0, -1.0) * (-1 if index == 2 else 1)
            values = np.zeros((40, 1, 3, 1, 1)) + (signal + rng.normal(scale=0.1, size=40))[:, None, None, None, None]
            seen.append(Seen(concept, kind, values, shown))
    alone = [areas(part, (0, slice(None), 0, 0)) for part in (seen[:4], seen)]
    assert alone[0]["all"]["value"] == alone[0]["implicit"]["value"] == 1.0
    assert alone[1]["all"]["value"] < 0.75
    assert alone[1]["all"]["low"] <= alone[1]["all"]["value"] <= alone[1]["all"]["high"]


def test_the_command_writes_what_the_table_is_drawn_from(pipe, judge, tmp_path, monkeypatch):
    bench = readings.bench_of.__globals__["Bench"](pipe, judge, "m", "j", "validation", tmp_path, STEPS, 2)
    monkeypatch.setattr(readings, "bench_of", lambda *_: bench)
    monkeypatch.setattr(readings, "STEPS_READ", (0, 2, STEPS))  # there is no step of the last number
    shown = iter([[True, False]] * 6)
    monkeypatch.setattr(readings, "found", lambda *_: np.array(next(shown)))
    readings.main(["--concepts", "skull", "bomb", "--count", "2", "--sweeps", str(tmp_path)])
    told = json.loads((tmp_path / "readings.json").read_text())
    assert len(told["rows"]) == 2 * len(MAPS) * len(POOLS)
    table = adapter_tables.readings(told)[1]
    assert "| map | over positions | step 0 | step 2 |" in table and table.count("\n") == 1 + len(MAPS) * len(POOLS)
