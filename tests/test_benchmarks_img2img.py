"""The benchmark of pictures that are begun from others."""

import json

import numpy as np
import test_benchmarks_methods
from test_benchmarks_methods import constant

from benchmarks import adapter_tables, img2img
from benchmarks.img2img import Begun, draw_begun

pipe, judge = test_benchmarks_methods.pipe, test_benchmarks_methods.judge
TEXTS, SEEDS, STEPS = ["a skull and a cat", "pirate"], [11, 12], 4


def drawn(pipe, method, denoising, texts=TEXTS):
    setting = Begun(method, float(method != "none"), denoising=denoising)
    return draw_begun(pipe, setting, "skull", texts, SEEDS, STEPS).astype(int)


def test_what_is_drawn_depends_on_what_it_is_begun_from_and_on_the_adapter(pipe, tmp_path, monkeypatch):
    monkeypatch.setattr(img2img, "SHIPPED", constant(pipe, tmp_path, -3.0))
    start = img2img.beginnings(pipe, "skull", 2, STEPS).astype(int)
    assert start.shape == (2, 128, 128, 3) and np.abs(start[0] - start[1]).max() > 0
    begun = drawn(pipe, "none", 0.5)
    assert np.array_equal(begun, drawn(pipe, "none", 0.5))
    for other in (drawn(pipe, "adapter", 0.5), drawn(pipe, "none", 0.25)):
        assert np.abs(other - begun).max() > 0
    monkeypatch.setattr(img2img, "beginnings", lambda *_: np.zeros_like(start))
    assert np.abs(drawn(pipe, "none", 0.5) - begun).max() > 0


def test_a_setting_is_compared_with_what_is_begun_from_the_same():
    settings = [Begun(method, 1.0, denoising=share) for method in ("none", "adapter") for share in (0.5, 0.75)]
    assert len({str(setting) for setting in settings}) == 4
    assert {(one.baseline.method, one.baseline.denoising) for one in settings} == {("none", 0.5), ("none", 0.75)}


def test_the_command_writes_what_the_table_is_drawn_from(pipe, judge, tmp_path, monkeypatch):
    monkeypatch.setattr(img2img, "SHIPPED", constant(pipe, tmp_path, -3.0))
    monkeypatch.setattr(img2img, "DENOISING", (0.5,))
    pipe.save_pretrained(tmp_path / "model")
    judge.save(tmp_path / "judge.safetensors")
    folders = {"work": "work", "model": "model", "sweeps": "sweeps", "judge": "judge.safetensors"}
    options = [part for name, path in folders.items() for part in (f"--{name}", str(tmp_path / path))]
    img2img.main([*options, "--steps", "2", "--count", "1", "--concepts", "skull"])
    told = json.loads((tmp_path / "sweeps" / "img2img.json").read_text())
    assert [(row["denoising"], row["method"]) for row in told["rows"]] == [(0.5, "none"), (0.5, "adapter")]
    title, table = adapter_tables.begun(told)
    assert "1 test prompts" in title and table.count("\n| denoising 0.5: ") == 2
