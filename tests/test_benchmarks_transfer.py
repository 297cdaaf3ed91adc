"""The benchmark of what is carried over to another model."""

import json
from functools import partial

import pytest
import test_benchmarks_methods
import torch

from benchmarks import adapter_tables, transfer
from benchmarks.inferred import draw_inferred
from benchmarks.methods import Setting
from lib_gi.adapter import Adapter
from lib_gi.errors import AdapterError

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
    assert settings["contrast"] == Setting("contrast", 1.0)  # whatever the sizes: it has a measure of its own
    assert settings["none"].strength == 0 and list(settings) == list(transfer.WAYS)
    assert list(transfer.settings_of(["adapter"], 1.5)) == ["adapter"]


def test_in_how_many_pictures_an_adapter_is_lost_is_told_and_they_are_drawn_anyway(pipe, tmp_path, monkeypatch):
    file = test_benchmarks_methods.constant(pipe, tmp_path, -1.0)
    adapter = Adapter.load(file)
    adapter.network[-1].bias.data.fill_(1.0)  # nothing grows, it says
    adapter.save(file)
    monkeypatch.setattr(transfer, "SHIPPED", file)
    bench = transfer.Bench(pipe, None, "m", "j", "test", tmp_path, STEPS, 2)
    assert transfer.lost(bench, pipe, ["skull"], 3).tolist() == [0.0] * 9
    adapter.mean += 100
    adapter.save(file)
    assert transfer.lost(bench, pipe, ["skull"], 3).tolist() == [1.0] * 9
    asked = pipe, Setting("adapter", 1.0), "skull", ["a cat"], [1], STEPS
    with pytest.raises(AdapterError, match="cannot tell whether skull grows"):
        draw_inferred(*asked, file=file)
    monkeypatch.setattr(transfer, "draw_inferred", partial(draw_inferred, file=file))
    drawn = transfer.draw_anyway(*asked)
    assert (drawn == transfer.draw_anyway(pipe, Setting("none", 0.0), *asked[2:])).all()


def test_the_command_writes_figures_and_what_the_table_is_drawn_from(pipe, judge, tmp_path, monkeypatch):
    bench = transfer.bench_of.__globals__["Bench"](pipe, judge, "m", "j", "test", tmp_path, STEPS, 2)
    monkeypatch.setattr(transfer, "bench_of", lambda *_: bench)
    monkeypatch.setattr(transfer, "load_pipeline", lambda *_: "home")
    monkeypatch.setattr(transfer, "size", lambda measured, _: 0.2 if measured == "home" else 0.1)
    command = "--methods none default scaled contrast --tried 6 --concepts skull bomb --count 2 --sweeps".split()
    transfer.main([*command, str(tmp_path), "--results", str(tmp_path)])
    told = json.loads((tmp_path / "transfer.json").read_text())
    assert [row["way"] for row in told["rows"]] == ["none", "default", "scaled", "contrast", "6"]
    strengths = [row["strength"] for row in told["rows"]]
    assert strengths == [0, 3, 6, 1, 6]  # half as large here: scaled, twice as strong
    figure = json.loads((tmp_path / "scaled.transfer.explicit_left.json").read_text())
    assert figure["n"] == 4 and figure["value"] == told["rows"][2]["shares"]["explicit_left"]["value"]
    table = "\n".join(adapter_tables.transferred(told))
    assert "gi-tiny's strength, 3" in table and "contrast, strength 1" in table and "| strength 6 |" in table
