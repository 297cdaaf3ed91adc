"""The adapter's benchmark from labels to its page, on an untrained gi-tiny with one object."""

import json
import re
from pathlib import Path

import pytest
from test_benchmarks_methods import constant, judge, pipe  # noqa: F401 (fixtures)

from benchmarks import adapter, adapter_tables, tables, variants
from benchmarks.adapter_tables import MARKS
from benchmarks.variants import Inferred, Variant, setting_of

ROOT = Path(__file__).parents[1]
CONCEPT = "skull"
ABLATION = Variant(), Variant("M_star"), Variant(first_step=1)
LEFT_OUT, ALONE = {CONCEPT: Variant(without=CONCEPT)}, {CONCEPT: Variant(alone=CONCEPT)}


@pytest.fixture
def options(pipe, judge, tmp_path, monkeypatch):  # noqa: F811
    """What every command of a small run is told."""
    monkeypatch.setattr(adapter, "UNSAFE", (CONCEPT,))
    monkeypatch.setattr(adapter, "ABLATION", ABLATION)
    monkeypatch.setattr(adapter, "LEFT_OUT", LEFT_OUT)
    monkeypatch.setattr(adapter, "ALONE", ALONE)
    pipe.save_pretrained(tmp_path / "model")
    judge.save(tmp_path / "judge.safetensors")
    told = ["--work", tmp_path / "work", "--model", tmp_path / "model", "--judge", tmp_path / "judge.safetensors"]
    told += ["--sweeps", tmp_path / "sweeps", "--results", tmp_path / "results", "--steps", 2, "--count", 1]
    return [str(part) for part in told]


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_variants_are_told_apart_by_their_files_and_what_is_in_them(pipe, tmp_path):  # noqa: F811
    every = *variants.ABLATION, *variants.LEFT_OUT.values(), *variants.ALONE.values()
    fitted = [variant for variant in every if not variant.first_step]
    assert len({variant.file(tmp_path) for variant in fitted}) == len(fitted) == 20
    assert len({variant.label for variant in every}) == len(every)
    assert Variant().file(tmp_path) == Variant(first_step=1).file(tmp_path)  # fitted once, used in two ways
    assert len({str(setting_of(Variant(first_step=step), tmp_path)) for step in (0, 1)}) == 2
    names = set()
    for w in (-1.0, -2.0):
        constant(pipe, tmp_path, w).rename(Variant().file(tmp_path))
        names.add(str(setting_of(Variant(), tmp_path)))
    assert len(names) == 2 and str(Inferred("adapter", 2.0, file=tmp_path / "none")) == "adapter-absent-s2-g4"


def test_a_variant_learns_from_the_concepts_that_it_is_of(tmp_path, monkeypatch):
    seen = []

    def train(command):
        without = command[command.index("--without") + 1 : -2] if "--without" in command else []
        told = json.loads(Path(command[command.index("--tasks") + 1]).read_text())
        brought = sum(len(task["brings"]) for task in told)
        seen.append((len(told), without, command[command.index("--features") + 1], brought))

    monkeypatch.setattr(variants.cli, "main", train)
    tasks = tmp_path / "tasks.json"
    tasks.write_text(json.dumps([{"concept": name, "brings": [name]} for name in ("skull", "bomb", "cat", "noto")]))
    where = [tmp_path / name for name in ("model", "judge", "labels")]
    asked = [Variant("M_star"), Variant(without="bomb"), Variant(alone="bomb"), Variant(others=False)]
    asked.append(Variant(by_picture=True))
    variants.fit_all(asked, tmp_path / "fits", tasks, *where)
    assert seen == [
        (4, [], "M_star", 4),
        (4, ["bomb"], "alignment", 4),
        (1, [], "alignment", 1),  # as if the model was calibrated with it alone
        (4, ["cat", "noto"], "alignment", 4),
        (4, [], "alignment", 0),
    ]


def test_every_command_writes_its_files(pipe, tmp_path, options, monkeypatch, capsys):  # noqa: F811
    fits, sweeps = tmp_path / "fits", tmp_path / "sweeps"
    fits.mkdir()
    sweeps.mkdir()
    for file in {variant.file(fits) for variant in (*ABLATION, *LEFT_OUT.values(), *ALONE.values())}:
        constant(pipe, tmp_path, -2.0).rename(file)
    monkeypatch.setattr("benchmarks.methods.SHIPPED", Variant().file(fits))
    monkeypatch.setattr("benchmarks.inferred.SHIPPED", Variant().file(fits))
    monkeypatch.setattr(adapter, "frozen", lambda *asked: [adapter.Setting("agreement", 2.0)])
    adapter.main(["compare", *options, "--fits", str(fits)])
    rows = read(sweeps, "adapter.json")["rows"]
    assert [row["label"] for row in rows] == [
        "none",
        "fixed strength 2",
        *(variant.label for variant in ABLATION),
        "each object by one that never saw it",
    ]
    assert rows[1]["shares"] == rows[2]["shares"]  # a constant adapter is a fixed strength
    adapter.main(["fresh", *options])
    assert list(read(sweeps, "fresh.json")["by_method"]) == ["none", "agreement", "adapter"]
    assert read(tmp_path / "results", "erase.adapter.fresh.implicit_left.json")["n"] == 1
    for command in ("unseen", "alone"):
        adapter.main([command, *options, "--fits", str(fits)])
        figure = read(tmp_path / "results", f"erase.adapter.{command}.explicit_left.json")
        assert figure["n"] == 1 and list(read(sweeps, f"{command}.json")["by_concept"]) == [CONCEPT]
    adapter.main(["frontier", *options])
    lines = {row["method"] for row in read(sweeps, "frontier.json")["rows"]}
    figure = read(tmp_path / "results", "erase.adapter.frontier_gain.json")
    assert lines == set(adapter.LINES) and figure["low"] <= figure["value"] <= figure["high"]
    pairs = read(sweeps, "frontier.json")["pairs"]
    assert {pair["first"] for pair in pairs} == {"GIE, adapter"} and all(pair["n"] == 3 for pair in pairs)
    assert [pair["second"] for pair in pairs][:2] == ["GIE, plain, 0.5", "GIE, plain, 1"] and len(pairs) == 16
    adapter.main(["frontier", *options, "--guidance", "6", "--methods", "agreement", "adapter"])
    scales = {row["guidance"] for row in read(sweeps, "frontier_cfg_6.json")["rows"]}
    figure = read(tmp_path / "results", "erase.adapter.frontier_gain_cfg_6.json")
    assert scales == {6.0} and figure["n"] == 1 and figure["low"] <= figure["value"] <= figure["high"]
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "adapter.md").write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    by_concept = {"agreement": {"count": 3}, "adapter": {"count": 4}}
    (sweeps / "test_by_concept.json").write_text(json.dumps({"methods": by_concept}))
    folders = ["--docs", docs, "--sweeps", sweeps, "--results", tmp_path / "results"]
    adapter.main(["report", *map(str, folders)])
    page = (docs / "adapter.md").read_text()
    assert "old" not in page and "| GIE, adapter, objects never seen |" in page and page.endswith("after\n")
    assert tables.between(page, MARKS).count("| skull |") == 1
    assert page.count("\n| GIE, agreement |") == 1  # on prompts of other forms: of the test, its figures are not here
    assert (docs / "images" / "frontier.png").stat().st_size > 10_000
    assert re.search(r"\n\| 4 \| 1 \| .* \| \d+ of 16 \| GIE, .*: [+-]", page)
    assert re.search(r"\n\| 6 \| 1 \| .* \| \d of 4 \| GIE, agreement, \d: [+-]", page)
    assert "3 prompts per concept and set; 4 of GIE, adapter, 1 of objects never seen, 1 of each object by" in page
    (sweeps / "frontier.json").unlink()
    adapter.main(["report", *map(str, folders)])
    assert "frontier.png" in page and "frontier.png" not in (docs / "adapter.md").read_text()
    capsys.readouterr()
    adapter.main(["frontier", *options[:-1], "2", "--dry-run"])
    assert "of them still to be sampled" in capsys.readouterr().out


def test_the_committed_tables_are_what_the_committed_files_give():
    page = (ROOT / "docs" / "adapter.md").read_text()
    given = adapter_tables.whole(ROOT / "benchmarks" / "results", ROOT / "benchmarks" / "sweeps")
    assert tables.between(page, MARKS) == given
