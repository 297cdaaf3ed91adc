"""The benchmark of other guidance scales and of several concepts at once."""

import json

import numpy as np
import pytest
import test_benchmarks_methods

from benchmarks import adapter_tables, conditions
from benchmarks.conditions import Together, draw_together, of_one_alone
from benchmarks.measure import Outcome
from benchmarks.methods import Setting, draw
from lib_gi.detect.oracle import Verdict
from tools.gi_tiny.prompts import erasure_set
from tools.gi_tiny.world import OBJECTS

pipe, judge = test_benchmarks_methods.pipe, test_benchmarks_methods.judge
TEXTS, SEEDS, STEPS = ["a skull and a cat", "pirate"], [11, 12], 3


def drawn(pipe, *concepts, strength=50.0):
    return draw_together(pipe, Together("plain", strength, 4.0, concepts), "skull", TEXTS, SEEDS, STEPS).astype(int)


def test_all_concepts_of_a_setting_are_kept_out_whatever_the_prompt_is_about(pipe):
    alone = draw(pipe, Setting("plain", 50.0), "skull", TEXTS, SEEDS, STEPS).astype(int)
    assert np.abs(drawn(pipe, "skull") - alone).max() <= 1
    assert np.abs(drawn(pipe, "skull", "bomb") - alone).max() > 1
    assert np.array_equal(draw_together(pipe, Setting("plain", 50.0), "skull", TEXTS, SEEDS, STEPS), alone)


def test_a_setting_of_several_has_a_name_of_its_own():
    names = {str(Together("plain", 1.0, 4.0, told)) for told in (("bomb",), ("kitchen knife", "bomb"), ("beer",))}
    assert len(names) == 3 and not any(" " in name for name in names)


@pytest.mark.parametrize("kind", ["explicit", "implicit", "benign"])
def test_prompts_about_another_of_the_concepts_do_not_count(kind):
    prompts = erasure_set("skull", kind, 60, "test")
    verdict = Verdict(np.zeros((60, len(OBJECTS)), bool), np.arange(60), np.arange(60), np.zeros(60, bool))
    outcome = Outcome("skull", kind, prompts, verdict, verdict, np.arange(60.0))
    assert of_one_alone(outcome, "skull", Setting("plain", 1.0)) is outcome
    less = of_one_alone(outcome, "skull", Together("plain", 1.0, 4.0, ("skull", "bomb")))
    assert 0 < len(less.prompts) < 60
    assert [p.seed for p in less.prompts] == [p.seed for p in prompts if "bomb" not in p.allowed]
    assert less.psnr.tolist() == less.verdict.style.tolist()
    assert all("bomb" not in prompt.text for prompt in less.prompts)


def test_the_command_writes_what_the_table_is_drawn_from(pipe, judge, tmp_path, monkeypatch):
    settings = [Setting("agreement", 3.0)]
    monkeypatch.setattr(conditions, "frozen", lambda *_: settings)
    bench = conditions.Bench(pipe, judge, "m", "j", "test", tmp_path, STEPS, 2, draw_together)
    monkeypatch.setattr(conditions, "bench_of", lambda *_: bench)
    command = "--methods none agreement --concepts skull bomb --count 2 --together 3 --sweeps".split()
    conditions.main([*command, str(tmp_path)])
    told = json.loads((tmp_path / "conditions.json").read_text())
    rows = [(row["condition"], row["method"]) for row in told["rows"]]
    scales = [(f"CFG {scale}", method) for scale in (3, 6, 10) for method in ("none", "agreement")]
    assert rows == [*scales, ("2 at once", "agreement")] and told["several"] == ["bomb", "skull"]
    text, table = adapter_tables.conditions(told)
    assert "bomb, skull kept out at once; 2 test prompts per concept and set, and with several concepts 3," in text
    assert "| CFG 10: GIE, agreement | " in table
