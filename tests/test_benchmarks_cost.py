"""The benchmark of cost: the ways are what they say, and ratios are those of the times."""

import json
from types import SimpleNamespace

import pytest
import torch

from benchmarks import cost
from lib_gi.layers import find_cross_attention


@pytest.fixture(scope="module")
def pipe():
    return cost.random_pipeline((32, 64, 64, 64), 48, 8)


def test_the_full_model_has_the_size_of_sd15():
    with torch.device("meta"):
        unet = cost.random_unet()
    assert sum(p.numel() for p in unet.parameters()) == 859_520_964


@pytest.mark.parametrize(
    "way, layers, concepts", [("absent", 0, 0), ("disabled", 0, 0), ("one", 16, 1), ("twenty", 16, 20)]
)
def test_each_way_has_in_place_what_it_says(pipe, way, layers, concepts):
    with cost.around(pipe, way) as session:
        hooked = [layer for layer in find_cross_attention(pipe.unet) if layer.to_q._forward_hooks]
        assert len(hooked) == layers
        assert len(session.concepts) == concepts if session else concepts == 0
        if layers:
            pipe.set_progress_bar_config(disable=True)
            pipe(cost.PROMPT, num_inference_steps=1, output_type="latent")
            assert all(session.hits.values())


def test_the_reference_draws_two_pictures_with_explicit_maps_and_leaves_nothing(pipe):
    before = pipe.unet.attn_processors
    with cost.around(pipe, "reference"):
        assert all(type(p).__name__ == "AttnProcessor" for p in pipe.unet.attn_processors.values())
    assert pipe.unet.attn_processors == before
    ticks = iter([1.0, 5.5, 6.5, 8.5, 9.0])  # begun, three steps, done
    pipe.set_progress_bar_config(disable=True)
    assert cost.seconds(pipe, "reference", 3, lambda: next(ticks)) == (1.5, 8 - 3 * 1.5)


def test_ratios_are_of_the_times_in_the_same_round(pipe, monkeypatch):
    told = {"absent": iter([9, 1, 2, 4]), "one": iter([1, 2, 4, 8]), "reference": iter([1, 3, 6, 12])}
    once = {"absent": 0.5, "one": 2.0, "reference": 0.25}
    monkeypatch.setattr(cost, "seconds", lambda _, way, steps: (next(told[way]), once[way]))
    one, one_once, reference, reference_once = cost.measured(pipe, "sd15", ("one", "reference"), 2, 3)
    assert (one_once.name, one_once.value, reference_once.value) == ("cost.diffusers_sd15.one_once_s", 1.5, -0.25)
    assert (one.name, one.value, one.repeats) == ("cost.diffusers_sd15.one", 2.0, 3)
    assert (reference.name, reference.value) == ("cost.reference_sd15.one", 3.0)


def test_a_time_begins_and_ends_when_the_device_has_done_all_that_it_was_given(pipe, monkeypatch):
    seen = []
    monkeypatch.setattr(torch.cpu, "synchronize", lambda: seen.append("done"))

    def draw(pipe, prompts, callback_on_step_end, **more):
        for step in range(2):
            seen.append("step")
            assert callback_on_step_end(pipe, step, 0, {"kept": 1}) == {"kept": 1}

    monkeypatch.setattr(type(pipe), "__call__", draw)
    cost.seconds(pipe, "absent", 2, lambda: seen.append("clock") or 0.0)
    assert seen == ["done", "clock", "step", "done", "clock", "step", "done", "clock", "done", "clock"]


@pytest.mark.parametrize("device, suffix, told", [("cpu", "", "CPU"), ("cuda", "_cuda", "A GPU in half precision")])
def test_figures_tell_the_device_and_one_of_a_gpu_takes_no_other_ones_place(monkeypatch, device, suffix, told):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    monkeypatch.setattr(cost, "seconds", lambda _, way, steps: (1.0, 0.0))
    pipe = SimpleNamespace(device=torch.device(device), set_progress_bar_config=lambda disable: None)
    figures = cost.measured(pipe, "sd15", ("one", "reference"), 2, 2)
    assert [figure.name for figure in figures] == [
        f"cost.{host}_sd15{suffix}.one{once}" for host in ("diffusers", "reference") for once in ("", "_once_s")
    ]
    assert all(f" cores, {told}, " in figure.machine for figure in figures)
    tiny, _ = cost.measured(pipe, "gi_tiny", ("one",), 2, 2)
    assert tiny.name == f"cost.gi_tiny{suffix}.one"


def test_a_device_that_is_not_there_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit):
        cost.main(["sd15", "--device", "cuda"])
    assert "no device cuda" in capsys.readouterr().err


def test_the_command_writes_figures_and_refuses_unknown_ways(pipe, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cost, "random_pipeline", lambda: pipe)
    cost.main(["sd15", "--ways", "one", "--repeats", "2", "--steps", "2", "--results", str(tmp_path)])
    record = json.loads((tmp_path / "cost.diffusers_sd15.one.json").read_text())
    assert record["n"] == record["repeats"] == 2 and record["value"] > 0
    with pytest.raises(SystemExit):
        cost.main(["sd15", "--ways", "two"])
    assert "no way two" in capsys.readouterr().err
