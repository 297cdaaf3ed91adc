"""Concepts of one's own on the command line."""

import json

import cli_runs
import numpy as np
import pytest
from cli_runs import generate
from PIL import Image

from lib_gi import cli

model = cli_runs.model  # the fixture
OWN = [
    {"name": "toon gore", "phrase": "cartoon blood", "category": "gore"},
    {"name": "knife", "phrase": "a sharp thing", "category": "mine"},
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(OWN), encoding="utf-8")
    return path


@pytest.mark.parametrize("name, phrase", [("Toon gore", "cartoon blood"), ("knife", "a sharp thing")])
def test_a_concept_of_a_file_acts_as_its_phrase_also_in_the_place_of_a_known_name(model, file, tmp_path, name, phrase):
    by_name, by_phrase, known = (tmp_path / f"{n}.png" for n in ("name", "phrase", "known"))
    common = ("--model", model, "--prompt", "a pirate", "--steps", 2)
    assert generate(*common, "--concept", name, "--concept-file", file, "--out", by_name) == 0
    assert generate(*common, "--concept", phrase, "--free-text", "--out", by_phrase) == 0
    assert generate(*common, "--concept", "knife", "--out", known) == 0
    pixels = [np.asarray(Image.open(path)) for path in (by_name, by_phrase, known)]
    assert np.array_equal(pixels[0], pixels[1]) and not np.array_equal(pixels[0], pixels[2])
    assert f"Growth Inhibitors: {name}=" in Image.open(by_name).text["parameters"]


def test_the_list_has_the_concepts_of_all_files(file, tmp_path, capsys):
    more = tmp_path / "more.json"
    more.write_text(json.dumps([{"name": "clown", "phrase": "clown with a red nose", "category": "circus"}]))
    assert cli.main(["concepts", "--concept-file", str(file), "--concept-file", str(more)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"  toon gore  (cartoon blood)", "  knife  (a sharp thing)", "circus:"} <= set(lines)
    assert "  knife" not in lines


def test_a_mistake_in_a_file_is_told_with_its_line_before_a_model_is_loaded(capsys, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('[\n  {"name": "toon gore"}\n]')
    own = ["--concept-file", str(broken)]
    for command in (
        ["generate", "--model", "none", "--prompt", "a cat", "--concept", "toon gore", *own],
        ["train-adapter", "--model", "none", "--concepts", "gore", "--detector", "nudenet", "--work", "w"]
        + ["--out", str(tmp_path / "adapter.safetensors"), *own],
        ["concepts", *own],
    ):
        assert cli.main(command) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("error: line 2") and "broken.json" in line
