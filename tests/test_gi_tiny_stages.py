"""The stages of gi-tiny: what a second model takes from a finished one, and what it must not touch."""

import sys

import pytest
import torch

pytest.importorskip("diffusers")
from tools.gi_tiny import __main__ as command  # noqa: E402
from tools.gi_tiny.autoencoder import new_autoencoder  # noqa: E402
from tools.gi_tiny.stages import Making  # noqa: E402

STAGES = ("autoencoder", "text_encoder", "scaling_factor", "judges", "unet")


def stages_run(monkeypatch, work, *options: str) -> list[str]:
    """The stages that `train` runs, in order; none of them is really made."""
    ran = []
    for name in STAGES:
        monkeypatch.setattr(Making, name, property(lambda _, name=name: ran.append(name)))
    monkeypatch.setattr(Making, "judges", lambda _: ran.append("judges"))
    monkeypatch.setattr(sys, "argv", ["gi_tiny", "train", "--work", str(work), *options])
    command.main()
    return ran


def test_training_runs_every_stage_in_order(monkeypatch, tmp_path):
    assert stages_run(monkeypatch, tmp_path) == list(STAGES)


def test_a_model_with_a_finished_autoencoder_leaves_the_shipped_judges_alone(monkeypatch, tmp_path):
    ran = stages_run(monkeypatch, tmp_path, "--autoencoder", "models/gi-tiny")
    assert ran == [name for name in STAGES if name != "judges"]


def test_a_finished_models_part_is_taken_unless_the_work_folder_has_its_own(tmp_path):
    for name in ("finished", "work"):
        torch.manual_seed(len(name))
        new_autoencoder((32, 32, 64, 64)).save_pretrained(tmp_path / name / "vae")

    def weight(work: str) -> torch.Tensor:
        making = Making(tmp_path / work, autoencoder_of=tmp_path / "finished")
        return making.autoencoder.decoder.conv_out.weight

    assert not torch.equal(weight("empty"), weight("work"))
    assert torch.equal(weight("empty"), weight("finished"))
