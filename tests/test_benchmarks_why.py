"""`python -m benchmarks.why`: rows, shares and the page, with pictures that a fake draws and a fake judges."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import erase, tables, why, why_tables
from lib_gi.detect.oracle import Verdict
from tools.gi_tiny.identity import fingerprint
from tools.gi_tiny.world import OBJECTS

ROOT = Path(__file__).parents[1]
CHOSEN = {"plain": {"strength": 2.0, "guidance": 4.0}, "agreement": {"strength": 3.0, "guidance": 4.0}}
ERASED, LEFT = 50, 200


def painted(pipe, setting, concept, texts, seeds, steps) -> np.ndarray:
    """A fake's pictures: bright without erasing, at CFG 10 and with only the mid block; else dark, the concept gone."""
    left = setting.method == "none" or setting.guidance == 10 or getattr(setting, "place", None) == "mid"
    return np.full((len(texts), 4, 4, 3), LEFT if left else ERASED, np.uint8)


class Judge:
    """Finds everything in a bright picture, and everything but the concepts in a dark one."""

    def judge(self, pictures: np.ndarray) -> Verdict:
        bright = pictures[:, 0, 0, 0] == LEFT
        objects = np.array([[lit or name not in why.CONCEPTS for name in OBJECTS] for lit in bright])
        zeros = np.zeros(len(pictures), int)
        return Verdict(objects, zeros, zeros, zeros > 0)


def keep_chosen(folder, steps: int) -> None:
    """A chosen.json of the model in this folder."""
    chosen = {"model": fingerprint(folder / "model"), "steps": steps, "settings": CHOSEN}
    (folder / "sweeps" / "chosen.json").write_text(json.dumps(chosen))


@pytest.fixture
def given(tmp_path, monkeypatch):
    """The options of a run with fakes in the place of model, judge and drawing."""
    for name in ("model", "judge"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(erase, "load_pipeline", lambda *args: None)
    monkeypatch.setattr(erase.Oracle, "load", lambda file: Judge())
    monkeypatch.setattr(why, "draw_ablated", painted)
    (tmp_path / "sweeps").mkdir()
    keep_chosen(tmp_path, steps=20)
    files = {"model": "model", "judge": "judge", "work": "work", "sweeps": "sweeps"}
    options = [text for name, file in files.items() for text in (f"--{name}", str(tmp_path / file))]
    return ["sample", *options, "--count", "2", "--concepts", "kitchen knife", "bomb"]


def sampled(given, tmp_path, *more) -> dict:
    why.main([*given, *more])
    return json.loads((tmp_path / "sweeps" / "why.json").read_text())


def test_every_change_is_told_at_the_chosen_strength_beside_its_own_baseline(given, tmp_path):
    told = sampled(given, tmp_path, "--methods", "agreement", "plain")
    assert (told["split"], told["steps"], told["count"]) == ("validation", 20, 2) and told["judge"] != told["model"]
    assert {"command", "machine", "date"} <= set(told)
    rows = told["rows"]
    assert [row["guidance"] for row in rows if row["method"] == "none"] == [3, 4, 6, 10]
    for method, strength in (("agreement", 3.0), ("plain", 2.0)):
        own = {row["label"]: row for row in rows if row["method"] == method}
        assert len(own) == 15 and {row["strength"] for row in own.values()} == {strength}
        for label, row in own.items():
            left = label in ("CFG 10", "only the mid blocks")
            assert row["shares"]["explicit_left"]["value"] == row["shares"]["benign_same"]["value"] == left
            assert row["shares"]["explicit_left"]["n"] == 2 * len(row["concepts"])
            assert (row["concepts"] == ["kitchen knife"]) == ("token" in label)


def test_a_strength_on_the_command_line_needs_no_chosen_one(given, tmp_path):
    told = sampled(given, tmp_path, "--methods", "plain", "projection", "--strengths", "projection=1.5")
    assert {(row["method"], row["strength"]) for row in told["rows"]} == {
        ("none", 0.0),
        ("plain", 2.0),
        ("projection", 1.5),
    }
    with pytest.raises(SystemExit, match="no strength of projection"):
        why.main([*given, "--methods", "projection"])
    (tmp_path / "sweeps" / "chosen.json").unlink()
    sampled(given, tmp_path, "--methods", "projection", "--strengths", "projection=1.5")
    with pytest.raises(SystemExit, match="METHOD=S"):
        why.main([*given, "--methods", "plain", "--strengths", "projection=1.5"])


def test_a_dry_run_tells_how_many_pictures_are_missing_and_an_interrupted_run_goes_on(
    given, tmp_path, monkeypatch, capsys
):
    drawn = []

    def counted(pipe, setting, concept, texts, seeds, steps):
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append(texts)
        return painted(pipe, setting, concept, texts, seeds, steps)

    both = ["--methods", "plain", "agreement"]
    monkeypatch.setattr(why, "draw_ablated", counted)
    with pytest.raises(KeyboardInterrupt):
        why.main([*given, *both])
    monkeypatch.setattr(why, "draw_ablated", painted)
    capsys.readouterr()
    why.main([*given, *both, "--dry-run"])
    # 2 prompts, 3 sets: 2 concepts for 4 scales without erasing and 2 x 12 changes, one for 2 x 2 more.
    total = 2 * 3 * (2 * (4 + 2 * 12) + 2 * 2)
    text = capsys.readouterr().out
    assert f"{total} pictures" in text and f"{total - 6} of them still" in text
    assert not (tmp_path / "sweeps" / "why.json").exists()
    sampled(given, tmp_path, *both)
    capsys.readouterr()
    why.main([*given, *both, "--dry-run"])
    assert ", 0 of them still" in capsys.readouterr().out


def test_two_steps_have_no_thirds(given, tmp_path):
    keep_chosen(tmp_path, steps=2)
    with pytest.raises(SystemExit, match="at least 3"):
        why.main([*given, "--methods", "plain", "--steps", "2"])


@pytest.mark.parametrize("with_sizes", [False, True])
def test_the_report_fills_its_own_marks_and_no_others(given, tmp_path, with_sizes):
    told = sampled(given, tmp_path, "--methods", "plain", "agreement")
    docs, sizes = tmp_path / "docs", tmp_path / "sizes.json"
    docs.mkdir()
    begin, end = why_tables.MARKS
    measured = f"{tables.BEGIN}\n\nkept\n\n{tables.END}"
    (docs / "erasure.md").write_text(f"before\n{measured}\n{begin}\nold\n{end}\nafter\n")
    of = {"explicit": {"first": 0.5, "middle": 0.25, "last": 0.0}, "benign": dict.fromkeys(why_tables.THIRDS, 0.125)}
    layer = "down_blocks.0.attentions.1.transformer_blocks.0.attn2"
    of_sizes = {"pictures": {"explicit": 7, "benign": 8}, "layers": {layer: {"plain": of}}}
    if with_sizes:
        sizes.write_text(json.dumps(of_sizes))
    why.main(["report", "--docs", str(docs), "--sweeps", str(tmp_path / "sweeps"), "--sizes", str(sizes)])
    page = (docs / "erasure.md").read_text()
    assert page.startswith("before") and page.endswith("after\n") and tables.between(page) == "kept"
    content = tables.between(page, why_tables.MARKS)
    assert content == why_tables.whole(told, of_sizes if with_sizes else None) and "old" not in content
    assert "GIE, agreement, strength 3:" in content and "| only the mid blocks | 1.00 (" in content
    assert ("| down_blocks.0.1 | 0.250 / 0.125 |" in content) == with_sizes
    assert ("| first | 0.500 / 0.125 |" in content) == with_sizes
    assert (docs / "images" / "why.png").stat().st_size > 10_000


def test_the_committed_tables_are_what_the_committed_files_give():
    file = ROOT / "benchmarks" / "sweeps" / "why.json"
    if not file.exists():
        pytest.skip("nothing is measured yet")
    sizes = json.loads(why.SIZES.read_text()) if why.SIZES.exists() else None
    page = (ROOT / "docs" / "erasure.md").read_text()
    assert tables.between(page, why_tables.MARKS) == why_tables.whole(json.loads(file.read_text()), sizes)
