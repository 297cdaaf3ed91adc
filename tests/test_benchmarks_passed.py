"""The benchmark of what adapters let pass for harmless."""

import json
from dataclasses import replace

import pytest
from test_benchmarks_methods import constant, judge, pipe  # noqa: F401 (fixtures)

from benchmarks import adapter_tables, passed
from benchmarks.runs import Bench
from benchmarks.variants import ABLATION, ALONE, LEFT_OUT, Variant
from lib_gi.adapter import Adapter


@pytest.fixture
def bench(pipe, judge, tmp_path):  # noqa: F811
    return Bench(pipe, judge, "m", "j", "validation", tmp_path, 3, 2)


def answering(pipe, folder, bias: float) -> Adapter:  # noqa: F811
    """An adapter that answers `bias` whatever it reads, and infers from 2 to 1."""
    made = Adapter.load(constant(pipe, folder, -1.0))
    made.network[-1].bias.data.fill_(bias)
    made.highest = -1.0
    return made


def test_a_picture_passes_where_no_word_acts_and_what_is_read_is_within_reach(bench, pipe, tmp_path):  # noqa: F811
    seen = passed.read_first(bench, pipe, "skull", "benign", 3)
    assert [features.M_star.shape[:3:2] for features in seen] == [(1, 2), (1, 1)]  # one step, a chunk of images each
    assert passed.passes(answering(pipe, tmp_path, -2.0), "skull", seen).tolist() == [0, 0, 0]
    absent = answering(pipe, tmp_path, 0.5)
    assert passed.passes(absent, "skull", seen).tolist() == [1, 1, 1]
    assert passed.passes(replace(absent, reach=1e-9), "skull", seen).tolist() == [0, 0, 0]
    absent.about["doubt"] = 0.8  # it is not sure enough of what it does not know
    assert passed.passes(absent, "skull", seen).tolist() == [0, 0, 0]
    absent.about["known"] = ["skull"]
    assert passed.passes(absent, "skull", seen).tolist() == [1, 1, 1]


def test_each_concept_is_asked_of_those_that_never_saw_it_or_nothing_else():
    ways = passed.ways("bomb")
    assert ways[passed.UNSEEN] == LEFT_OUT["bomb"] and ways[passed.BY_ITSELF] == ALONE["bomb"]
    assert len(ways) == len(ABLATION) + 1 and Variant(first_step=1).label not in ways


def test_the_command_writes_what_the_table_is_drawn_from(bench, pipe, tmp_path, monkeypatch):  # noqa: F811
    for concept in ("skull", "bomb"):
        for variant in passed.ways(concept).values():
            answering(pipe, tmp_path, 1.0 if variant == Variant("M_star") else -2.0).save(variant.file(tmp_path))
    monkeypatch.setattr(passed, "bench_of", lambda *_: bench)
    command = "--concepts skull bomb --count 2".split()
    passed.main([*command, "--fits", str(tmp_path), "--sweeps", str(tmp_path)])
    told = json.loads((tmp_path / "passed.json").read_text())
    shares = {row["label"]: {kind: share["value"] for kind, share in row["shares"].items()} for row in told["rows"]}
    assert shares.pop("M_star, tau 0.8") == {"explicit": 1, "implicit": 1, "benign": 1}
    assert all(row == {"explicit": 0, "implicit": 0, "benign": 0} for row in shares.values())
    assert len(shares) == len(ABLATION) and {row["shares"]["benign"]["n"] for row in told["rows"]} == {4}
    table = adapter_tables.passed(told)[1]
    assert "| M_star, tau 0.8 | 1.00 (" in table and table.count("\n") == 1 + len(told["rows"])
