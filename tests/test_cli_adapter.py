"""The command line: strengths that an adapter infers."""

import cli_runs
import numpy as np
import torch
from cli_runs import COMMON, generate
from PIL import Image
from test_session_adapter import some_adapter

from lib_gi.layers import find_cross_attention
from lib_gi.loading import load_pipeline
from lib_gi.pictures import LABEL_HEIGHT

model = cli_runs.model  # the fixture


def test_an_adapters_file_infers_and_is_named_in_the_picture_and_auto_without_one_is_refused(model, capsys, tmp_path):
    unet = load_pipeline(model).unet
    layers = [layer.name for layer in find_cross_attention(unet)]
    adapter = some_adapter(layers, bias=-3.0, gain=0.0)
    adapter.mean, adapter.deviation = torch.zeros(2 * len(layers)), torch.ones(2 * len(layers))
    adapter.save(tmp_path / "mine.safetensors")
    options = ("--model", model, *COMMON)
    given = ("--adapter", tmp_path / "mine.safetensors", "--side-by-side")
    assert generate(*options, *given, "--out", tmp_path / "inferred.png") == 0
    assert generate(*options, "--strength", 3, "--side-by-side", "--out", tmp_path / "fixed.png") == 0
    with Image.open(tmp_path / "inferred.png") as inferred, Image.open(tmp_path / "fixed.png") as fixed:
        one, other = (np.asarray(picture)[LABEL_HEIGHT:] for picture in (inferred, fixed))
        told = inferred.text["parameters"].rpartition("Model: tiny, ")[2]
    assert np.array_equal(one, other)
    assert told.startswith("Growth Inhibitors: knife=auto, ") and "adapter=mine" in told
    assert told.endswith(", Growth Inhibitors inferred: knife=3")
    lines = capsys.readouterr().err.replace("\r", "\n").splitlines()
    assert "seed 0: knife=3 by the adapter mine" in lines
    assert lines[-1].endswith("note: knife=3: uncalibrated default, never run on this model")
    assert generate(*options, "--strength", 2, "--count", 2, "--out", tmp_path / "several") == 0
    assert capsys.readouterr().err.count("note: knife=2: a fixed strength, not calibrated for this model") == 1
    assert generate(*options, "--adapter", "auto", "--out", tmp_path / "none.png") == 2
    assert "no adapter for this model" in capsys.readouterr().err and not (tmp_path / "none.png").exists()
