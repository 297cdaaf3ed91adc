"""The benchmark of styles, with and without an anchor, and by object."""

import json
from dataclasses import replace

import numpy as np
import pytest
import test_benchmarks_methods

from benchmarks import adapter_tables, styles
from benchmarks.inferred import SHIPPED
from benchmarks.methods import draw
from benchmarks.runs import Bench
from lib_gi.adapter import Adapter
from lib_gi.detect.oracle import Verdict
from tools.gi_tiny.world import OBJECTS, STYLES

pipe, judge = test_benchmarks_methods.pipe, test_benchmarks_methods.judge
TEXTS, SEEDS, STEPS = ["a ship, fluent style", "a cat in fluent style"], [11, 12], 3


@pytest.fixture()
def bench(pipe, judge, tmp_path, monkeypatch):
    acting = Adapter.load(SHIPPED)  # of the committed model: here it answers with the weakest strength, on any model
    about = {name: told for name, told in acting.about.items() if name != "architecture"}
    acting = replace(acting, mean=acting.mean * 0, highest=-1.0, lowest=-1.0, about=about)
    acting.network[-1].weight.zero_()
    acting.network[-1].bias.fill_(-1.0)
    monkeypatch.setattr("benchmarks.inferred.loaded", lambda *_: acting)
    made = Bench(pipe, judge, "m", "j", "test", tmp_path, STEPS, 2, styles.draw_style)
    monkeypatch.setattr(styles, "bench_of", lambda *_: made)
    return made


def test_the_anchor_is_the_other_style_and_its_pictures_have_a_name_of_their_own(pipe, bench):
    told = pipe, styles.SETTINGS["adapter"], "fluent", TEXTS, SEEDS, STEPS
    alone, anchored = styles.draw_style(*told), styles.draw_style(pipe, styles.SETTINGS["anchored"], *told[2:])
    assert np.array_equal(alone, draw(*told)) and not np.array_equal(alone, anchored)
    assert styles.OTHER == {"noto": "fluent", "fluent": "noto"}
    assert len({str(setting) for setting in styles.SETTINGS.values()}) == 3


def test_a_style_counts_where_an_object_is_drawn():
    objects = np.eye(3, len(OBJECTS), dtype=bool)
    objects[1] = False
    verdict = Verdict(objects, np.array([1, 1, 0]), np.zeros(3, int), np.array([False, False, True]))
    told = styles.styles_of(verdict)
    assert np.array_equal(told["fluent"], [1, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(told["noto"], [0, np.nan, np.nan], equal_nan=True)


def test_the_command_writes_what_the_tables_are_drawn_from(bench, tmp_path):
    styles.main(["--count", "2", "--unasked", "2", "--sweeps", str(tmp_path), "--results", str(tmp_path / "r")])
    told = json.loads((tmp_path / "styles.json").read_text())
    assert set(told["methods"]) == {"none", "adapter", "anchored"} and set(told["unasked"]) == set(OBJECTS)
    assert list(told["methods"]["anchored"]) == ["pooled", *STYLES]
    assert told["methods"]["none"]["pooled"]["style_left"]["n"] == 4
    figure = json.loads((tmp_path / "r" / "styles.anchored.left.json").read_text())
    kept = told["methods"]["anchored"]["pooled"]["style_objects_kept"]
    assert json.loads((tmp_path / "r" / "styles.anchored.objects_kept.json").read_text())["n"] == kept["n"]
    assert figure["n"] == 4 and figure["value"] == told["methods"]["anchored"]["pooled"]["style_left"]["value"]


def test_the_table_sets_what_is_left_of_the_last_style_beside_what_nobody_asked_for():
    share = {"value": 0.5, "low": 0.1, "high": 0.9, "n": 2}
    row = dict.fromkeys(adapter_tables.STYLES_SHOWN, share)
    shares = {"pooled": row, "noto": row, "fluent": row}
    shown = {"ship": share | {"value": 1.0, "high": 1.0}}
    told = {
        "methods": {"none": shares, "anchored": shares},
        "left_by_object": {"none": {"noto": {}, "fluent": shown}, "anchored": {"noto": {}, "fluent": {}}},
        "unasked": {"cat": {"fluent": share}, "ship": {"fluent": shown["ship"]}},
        "unasked_count": 7,
        "count": 9,
    }
    head, table, by_object, objects = adapter_tables.styles(told)
    assert "9 test prompts" in head and "| GIE, adapter, the other style as anchor: fluent | 0.50" in table
    assert "`fluent` (7 unerased" in by_object and objects.index("| ship |") < objects.index("| cat |")
    assert "left: none" not in objects and len(adapter_tables.styles(told | {"unasked": {}})) == 2
