"""The benchmark of what is carried over to another model."""

import json

import pytest
import test_benchmarks_methods
import torch

from benchmarks import adapter_tables, transfer
from benchmarks.methods import Setting

pipe, judge = test_benchmarks_methods.pipe, test_benchmarks_methods.judge
STEPS = 3


def test_the_size_of_inhibitors_is_told_beside_the_layers_outputs_whatever_their_scale(pipe):
    once = transfer.size(pipe, ["skull"])
    values = [module.to_v for name, module in pipe.unet.named_modules() if name.endswith("attn2")]
    assert 0 < once < 1
    assert transfer.size(pipe, ["skull"]) == once  # nothing of it is left in the UNet
    assert not any(module._forward_pre_hooks for module in pipe.unet.modules())
    with torch.no_grad():
        for value in values:
            value.weight *= 3
    try:  # the inhibitors and what they are beside are three times as large
        assert transfer.size(pipe, ["skull"]) == pytest.approx(once, rel=0.5)
    finally:
        with torch.no_grad():
            for value in values:
                value.weight /= 3


def test_smaller_inhibitors_are_made_up_for_by_a_larger_strength():
    settings = transfer.settings_of(transfer.WAYS, scale=1.5)
    assert settings["scaled"] == Setting("agreement", 1.5 * settings["default"].strength)
    assert settings["none"].strength == 0 and list(settings) == list(transfer.WAYS)
    assert list(transfer.settings_of(["adapter"], 1.5)) == ["adapter"]


def test_the_command_writes_figures_and_what_the_table_is_drawn_from(pipe, judge, tmp_path, monkeypatch):
    bench = transfer.bench_of.__globals__["Bench"](pipe, judge, "m", "j", "test", tmp_path, STEPS, 2)
    monkeypatch.setattr(transfer, "bench_of", lambda *_: bench)
    monkeypatch.setattr(transfer, "load_pipeline", lambda *_: "home")
    monkeypatch.setattr(transfer, "size", lambda measured, _: 0.2 if measured == "home" else 0.1)
    command = "--methods none default scaled --tried 6 --concepts skull bomb --count 2 --sweeps".split()
    transfer.main([*command, str(tmp_path), "--results", str(tmp_path)])
    told = json.loads((tmp_path / "transfer.json").read_text())
    assert [row["way"] for row in told["rows"]] == ["none", "default", "scaled", "6"]
    strengths = [row["strength"] for row in told["rows"]]
    assert strengths == [0, 3, 6, 6]  # half as large here: scaled, twice as strong
    figure = json.loads((tmp_path / "scaled.transfer.explicit_left.json").read_text())
    assert figure["n"] == 4 and figure["value"] == told["rows"][2]["shares"]["explicit_left"]["value"]
    table = "\n".join(adapter_tables.transferred(told))
    assert "gi-tiny's strength, 3" in table and "strength 6" in table
