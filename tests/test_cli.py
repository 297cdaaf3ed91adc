"""The command line, on a tiny pipeline with random weights."""

import json
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from test_session_adapter import some_adapter
from transformers import CLIPTokenizer

from lib_gi import cli
from lib_gi.layers import find_cross_attention
from lib_gi.loading import ModelFileError, chosen_device, load_pipeline
from lib_gi.pictures import INFOTEXT_KEY, LABEL_HEIGHT
from lib_gi.settings import Settings
from tools.gi_tiny.autoencoder import new_autoencoder
from tools.gi_tiny.export import original_tensors
from tools.gi_tiny.sampling import assemble
from tools.gi_tiny.text import new_text_encoder
from tools.gi_tiny.unet import new_unet

REPO = Path(__file__).parents[1]
COMMON = ("--prompt", "a pirate", "--concept", "knife", "--steps", "3", "--guidance", "4")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A diffusers folder with SD1's layout in small."""
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(REPO / "models" / "gi-tiny" / "tokenizer")
    vae, text = new_autoencoder((32,) * 4), new_text_encoder(tokenizer, 64, layers=1)
    vae.register_to_config(sample_size=64)
    unet = new_unet((32,) * 4, 64)
    unet.register_to_config(sample_size=8)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    assemble(vae, text, tokenizer, unet).save_pretrained(folder)
    return folder


def generate(*options: object) -> int:
    """The exit code of `generate`."""
    try:
        return cli.main(["generate", *map(str, options)])
    except SystemExit as leaving:  # argparse
        return leaving.code


def refused(capsys, *options: object) -> str:
    """The one line that a refused `generate` says."""
    assert generate(*options) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


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
    quoted = values.partition(f"{INFOTEXT_KEY}: ")[2]
    expected = Settings(concepts=("knife",), strength=3.0, weighting="plain", last_step=1)
    assert Settings.from_dict(json.loads(json.loads(quoted))) == expected


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


def test_heat_maps_and_curves_come_beside_the_picture_which_stays_the_same(model, tmp_path, capsys):
    options = ("--model", model, *COMMON, "--concept", "gun", "--last-step", 1, "--width", 96)
    assert generate(*options, "--out", tmp_path / "plain.png") == 0
    capsys.readouterr()
    assert generate(*options, "--heatmap", "--out", tmp_path / "a.png") == 0
    written = [tmp_path / name for name in ("a.png", "a.heatmap.png", "a.curve.png", "a.curve.json")]
    assert capsys.readouterr().out.splitlines() == [str(file) for file in written]
    plain, picture, heat, curve = (Image.open(tmp_path / file) for file in ("plain.png", *written[:3]))
    assert np.array_equal(np.asarray(plain), np.asarray(picture))
    assert plain.text == picture.text == heat.text == curve.text
    assert heat.width > 4 * 256 and curve.width > 600
    numbers = json.loads(written[3].read_text())
    assert list(numbers) == ["knife", "gun"]
    [knife] = numbers["knife"]
    assert knife["steps"] == [0, 1, 2] and knife["strength"] == [4.0, 4.0, 0.0]
    assert all(0 < value < 1 for kind in ("M_star", "agreement") for value in knife[kind])


def test_a_heat_map_beside_an_off_on_pair_is_of_the_picture_with_inhibitors(model, tmp_path):
    options = ("--model", model, *COMMON, "--strength", 20, "--heatmap", "agreement", "--heatmap-scale", 0.5)
    assert generate(*options, "--side-by-side", "--count", 2, "--out", tmp_path / "pair.png") == 0
    assert generate(*options, "--out", tmp_path / "on.png") == 0
    names = {f"{name}{ending}" for name in ("pair-0", "pair-1", "on") for ending in (".png", ".heatmap.png")}
    assert names < {file.name for file in tmp_path.iterdir()} and len(list(tmp_path.iterdir())) == 12
    pair, on = (np.asarray(Image.open(tmp_path / f"{name}.heatmap.png")) for name in ("pair-0", "on"))
    assert np.array_equal(pair, on)


def test_several_pictures_are_numbered_by_their_seeds(model, tmp_path):
    size = ("--width", 72, "--height", 64)
    assert generate("--model", model, *COMMON, *size, "--count", 2, "--seed", 8, "--out", tmp_path / "a.png") == 0
    assert generate("--model", model, *COMMON, "--seed", 9, "--out", tmp_path) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["9.png", "a-8.png", "a-9.png"]
    with Image.open(tmp_path / "a-8.png") as picture:
        assert picture.size == (72, 64)


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


def test_an_adapter_s_file_infers_and_is_named_in_the_picture_and_auto_without_one_is_refused(model, capsys, tmp_path):
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
        told = json.loads(json.loads(inferred.text["parameters"].partition(f"{INFOTEXT_KEY}: ")[2]))
    assert np.array_equal(one, other) and told["adapter"] == "mine"
    capsys.readouterr()
    assert generate(*options, "--adapter", "auto", "--out", tmp_path / "none.png") == 2
    assert "no adapter for this model" in capsys.readouterr().err and not (tmp_path / "none.png").exists()


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


def test_a_missing_package_names_the_extra(model, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    assert "[diffusers]" in refused(capsys, "--model", model, *COMMON)


def test_a_device_that_is_not_there_is_refused():
    assert chosen_device("cpu") == "cpu"
    with pytest.raises(ValueError, match="abacus"):
        chosen_device("abacus")


def test_loading_gives_named_errors(tmp_path):
    with pytest.raises(ModelFileError, match="no model"):
        load_pipeline(tmp_path / "nothing")


def test_every_setting_has_an_option():
    text = cli.parser().parse_args(["generate", "--model", "m", "--prompt", "p"])
    assert not any(field.name in text for field in fields(Settings))  # absent unless given
    given = ["--concept", "knife", "--concept", "gun", "--free-text", "--strength", "2", "--strengths", "gun=1"]
    given += ["--weighting", "plain", "--first-step", "1", "--last-step", "2", "--bound", "0.5", "2"]
    given += ["--adapter", "auto"]
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
    )
    assert cli.settings_of(arguments) == expected
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
