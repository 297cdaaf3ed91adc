"""The command line: files and folders of models, those that it draws with and those that it refuses."""

import json
import shutil
from pathlib import Path

import cli_runs
import numpy as np
import pytest
import torch
from cli_runs import COMMON, generate, refused
from PIL import Image
from safetensors.torch import save_file

from lib_gi.loading import ModelFileError, load_pipeline
from tools.gi_tiny.export import original_tensors

model = cli_runs.model  # the fixture


def original_file(model: Path, file: Path) -> Path:
    """Writes a diffusers folder as one file with the names of the original release."""
    configs = {part: json.loads((model / part / "config.json").read_text()) for part in ("unet", "vae", "text_encoder")}
    text = "cond_stage_model.transformer."
    tensors = {
        key.replace(text, text + "text_model.") if key.startswith(text) and "text_model." not in key else key: value
        for key, value in original_tensors(model, configs).items()
    }
    save_file({key: value.contiguous() for key, value in tensors.items()}, file)
    return file


def test_a_single_file_of_the_original_form_draws_as_its_folder_does(model, tmp_path):
    file = original_file(model, tmp_path / "original.safetensors")
    options = ("--model-config", model, *COMMON, "--strength", 4)
    assert generate("--model", file, *options, "--out", tmp_path / "file.png") == 0
    assert generate("--model", model, *options, "--out", tmp_path / "folder.png") == 0
    one, other = (np.asarray(Image.open(tmp_path / name), int) for name in ("file.png", "folder.png"))
    assert abs(one - other).max() <= 1


@pytest.mark.parametrize("name", ["model.ckpt", "model.bin", "model.PT"])
def test_pickles_are_refused(capsys, tmp_path, name):
    (tmp_path / name).write_bytes(b"never opened")
    assert "pickle" in refused(capsys, "--model", tmp_path / name, *COMMON)


def test_files_that_are_no_checkpoint_are_refused(model, capsys, tmp_path):
    (tmp_path / "empty.safetensors").write_bytes(b"")
    assert "safetensors" in refused(capsys, "--model", tmp_path / "empty.safetensors", *COMMON)
    part = model / "vae" / "diffusion_pytorch_model.safetensors"
    assert "no UNet" in refused(capsys, "--model", part, *COMMON)
    (tmp_path / "model.gguf").write_bytes(b"")
    assert ".safetensors" in refused(capsys, "--model", tmp_path / "model.gguf", *COMMON)


def test_folders_that_are_no_stable_diffusion_are_refused(capsys, tmp_path):
    assert "model_index.json" in refused(capsys, "--model", tmp_path, *COMMON)
    for name in ("StableDiffusion3Pipeline", "FluxPipeline"):
        (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name}))
        assert name in refused(capsys, "--model", tmp_path, *COMMON)
    (tmp_path / "model_index.json").write_text("{")
    assert "cannot be read" in refused(capsys, "--model", tmp_path, *COMMON)


def test_a_folder_with_pickled_weights_only_is_refused(model, capsys, tmp_path):
    folder = shutil.copytree(model, tmp_path / "pickled")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({}, folder / "unet" / "diffusion_pytorch_model.bin")
    line = refused(capsys, "--model", folder, *COMMON, "--out", tmp_path)
    assert "could not be loaded" in line and ".safetensors" in line


def test_loading_gives_named_errors(tmp_path):
    with pytest.raises(ModelFileError, match="no model"):
        load_pipeline(tmp_path / "nothing")
