"""The command line, on a tiny pipeline with random weights."""

import subprocess
import sys
from dataclasses import fields

import cli_runs
import numpy as np
import pytest
import torch
from cli_runs import COMMON, REPO, generate, refused
from PIL import Image

from lib_gi import cli, infotext
from lib_gi.concepts import load_catalogue
from lib_gi.loading import chosen_device, load_pipeline
from lib_gi.pictures import LABEL_HEIGHT
from lib_gi.settings import Settings

model = cli_runs.model  # the fixture


def test_a_picture_is_written_with_its_settings_in_it(model, tmp_path, capsys):
    out = tmp_path / "new folder" / "picture.png"
    options = ("--strength", 3, "--weighting", "plain", "--last-step", 1, "--seed", 5, "--negative", "snow")
    assert generate("--model", model, *COMMON, *options, "--out", out) == 0
    assert capsys.readouterr().out.split("\n")[0] == str(out)
    with Image.open(out) as picture:
        assert picture.size == (64, 64)
        prompt, negative, values = picture.text["parameters"].split("\n")
    assert (prompt, negative) == ("a pirate", "Negative prompt: snow")
    assert values.startswith("Steps: 3, Sampler: DDIM, CFG scale: 4, Seed: 5, Size: 64x64, Model: tiny, ")
    found = infotext.read(dict(pair.split(": ", 1) for pair in values.split(", ")))
    expected = Settings(concepts=("knife",), strength=3.0, weighting="plain", last_step=1)
    assert Settings.from_dict(found.values) == expected and not found.warnings


def test_side_by_side_shows_off_and_on_from_the_same_noise(model, tmp_path):
    options = ("--model", model, *COMMON, "--seed", 1)
    assert generate(*options, "--strength", 20, "--weighting", "plain", "--out", tmp_path / "on.png") == 0
    assert generate(*options, "--strength", 0, "--out", tmp_path / "zero.png") == 0
    both = tmp_path / "both.png"
    assert generate(*options, "--strength", 20, "--weighting", "plain", "--side-by-side", "--out", both) == 0
    pair = np.asarray(Image.open(both))[LABEL_HEIGHT:]
    pipe = load_pipeline(model)
    noise = torch.Generator().manual_seed(1)
    plain = pipe("a pirate", num_inference_steps=3, guidance_scale=4.0, generator=noise).images[0]
    assert np.array_equal(pair[:, :64], np.asarray(plain))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "zero.png")), np.asarray(plain))
    assert np.array_equal(pair[:, 64:], np.asarray(Image.open(tmp_path / "on.png")))
    assert not np.array_equal(pair[:, :64], pair[:, 64:])


def test_several_pictures_are_numbered_by_their_seeds(model, tmp_path):
    size = ("--width", 72, "--height", 64)
    assert generate("--model", model, *COMMON, *size, "--count", 2, "--seed", 8, "--out", tmp_path / "a.png") == 0
    assert generate("--model", model, *COMMON, "--seed", 9, "--out", tmp_path) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["9.png", "a-8.png", "a-9.png"]
    with Image.open(tmp_path / "a-8.png") as picture:
        assert picture.size == (72, 64)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--strength", "-1"), "strength"),
        (("--strength", "nan"), "strength"),
        (("--strength", "much"), "--strength"),
        (("--weighting", "plane"), "'plain'"),
        (("--adapter", "tinny"), "no adapter 'tinny'"),
        (("--adapter", "tinny.safetensors"), "cannot be read"),
        (("--concept", "knif"), "'knife'"),
        (("--concept", ""), "concepts"),
        (("--strengths", "knife"), "name=number"),
        (("--strengths", "gun=3"), "'gun'"),
        (("--bound", "2", "1"), "bound"),
        (("--first-step", "3"), "--first-step"),
        (("--last-step", "3"), "--last-step is 3, but this sampling pass has only the steps 0 to 2; leave --last-step"),
        (("--first-step", "2", "--last-step", "1"), "last_step"),
        (("--last-step", "-1"), "last_step"),
        (("--width", "100"), "multiple of 8"),
        (("--height", "0"), "multiple of 8"),
        (("--steps", "0"), "--steps"),
        (("--count", "0"), "--count"),
        (("--seed", "-1"), "--seed"),
        (("--guidance", "inf"), "--guidance"),
        (("--heatmap", "warmth"), "M_star"),
        (("--heatmap", "--heatmap-scale", "0"), "--heatmap-scale"),
        (("--heatmap", "--heatmap-scale", "nan"), "--heatmap-scale"),
        (("--heatmap-scale", "0.5"), "add --heatmap"),
        (("--device", "abacus"), "--device"),
        (("--out", "picture.jpg"), "PNG"),
        (("--model", "nowhere"), "no model at nowhere"),
        (("--colour", "red"), "--colour"),
    ],
)
def test_bad_input_gets_one_line_before_a_model_is_loaded(model, capsys, monkeypatch, tmp_path, options, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "load_pipeline", lambda *_: pytest.fail("a model was loaded"))
    assert said in refused(capsys, "--model", model, *COMMON, *options)


def test_words_outside_the_catalogue_need_free_text(model, capsys, tmp_path):
    options = ("--model", model, "--prompt", "a cat", "--steps", 1, "--concept", "blue suede shoes")
    assert "free text" in refused(capsys, *options)
    assert generate(*options, "--free-text", "--out", tmp_path) == 0


def test_a_phrase_that_is_too_long_is_refused_before_sampling(model, capsys, tmp_path):
    phrase = "word " * 100
    line = refused(capsys, "--model", model, "--prompt", "x", "--concept", phrase, "--free-text", "--out", tmp_path)
    assert "tokens" in line
    assert not list(tmp_path.iterdir())


def test_a_concept_is_needed(model, capsys):
    assert "--concept" in refused(capsys, "--model", model, "--prompt", "x")


def test_a_folder_that_cannot_be_written_to_is_refused(model, capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    line = refused(capsys, "--model", model, *COMMON, "--out", tmp_path / "file" / "picture.png")
    assert "nothing can be written" in line
    (tmp_path / "0.png").mkdir()
    assert "is a folder" in refused(capsys, "--model", model, *COMMON, "--out", tmp_path)
    (tmp_path / "a.heatmap.png").mkdir()
    line = refused(capsys, "--model", model, *COMMON, "--heatmap", "--out", tmp_path / "a.png")
    assert "a.heatmap.png is a folder" in line


def test_a_missing_package_names_the_extra(model, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    assert "[diffusers]" in refused(capsys, "--model", model, *COMMON)


def test_a_device_that_is_not_there_is_refused():
    assert chosen_device("cpu") == "cpu"
    with pytest.raises(ValueError, match="abacus"):
        chosen_device("abacus")


def test_every_setting_has_an_option():
    text = cli.parser().parse_args(["generate", "--model", "m", "--prompt", "p"])
    assert not any(field.name in text for field in fields(Settings))  # absent unless given
    given = ["--concept", "knife", "--concept", "gun", "--free-text", "--strength", "2", "--strengths", "gun=1"]
    given += ["--weighting", "plain", "--first-step", "1", "--last-step", "2", "--bound", "0.5", "2"]
    given += ["--adapter", "auto", "--heatmap", "agreement"]
    arguments = cli.parser().parse_args(["generate", "--model", "m", "--prompt", "p", *given])
    expected = Settings(
        concepts=("knife", "gun"),
        free_text=True,
        strength=2.0,
        strengths={"gun": 1.0},
        weighting="plain",
        first_step=1,
        last_step=2,
        bound=(0.5, 2.0),
        adapter="auto",
        heatmap="agreement",
    )
    assert cli.settings_of(arguments, load_catalogue()) == expected
    options = {field.name for field in fields(Settings)} - set(cli.UNUSED)
    assert options <= set(vars(arguments))


def test_the_catalogue_is_listed(capsys):
    assert cli.main(["concepts"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "weapons:" in lines and "  knife" in lines


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "lib_gi", "concepts"], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and "knife" in done.stdout
    assert "diffusers" not in done.stderr


def test_the_command_line_waits_for_no_heavy_package_before_it_needs_one():
    check = "import sys, lib_gi.cli; print([name for name in ('torch', 'numpy', 'PIL') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], cwd=REPO, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "[]")


def test_an_interrupt_and_a_full_disk_end_in_one_line(capsys):
    def interrupted():
        raise KeyboardInterrupt

    def full():
        raise OSError(28, "No space left on device")

    assert (cli.exit_code(interrupted), cli.exit_code(full)) == (130, 1)
    assert capsys.readouterr().err.splitlines() == ["error: interrupted", "error: [Errno 28] No space left on device"]


def test_output_that_nobody_reads_is_no_error():
    command = f"{sys.executable} -m lib_gi concepts | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=REPO, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
