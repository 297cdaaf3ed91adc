"""The demo, on parts with random weights: what it writes, says and refuses."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPTokenizer

from lib_gi.detect.oracle import Oracle, Verdict
from tools.gi_tiny import demo
from tools.gi_tiny.autoencoder import new_autoencoder
from tools.gi_tiny.demo_sheet import GREEN, GREY, RED, verdict_lines
from tools.gi_tiny.sampling import assemble
from tools.gi_tiny.text import new_text_encoder
from tools.gi_tiny.unet import new_unet
from tools.gi_tiny.world import BACKGROUNDS, OBJECTS, STYLES


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> tuple[str, ...]:
    """Options that name a random pipeline of gi-tiny's form and an untrained judge."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("demo")
    tokenizer = CLIPTokenizer.from_pretrained(demo.MODELS / "gi-tiny" / "tokenizer")
    vae, text = new_autoencoder((32,) * 4), new_text_encoder(tokenizer, 32, layers=1)
    assemble(vae, text, tokenizer, new_unet((32,) * 4, 32)).save_pretrained(folder / "model")
    judge = Oracle.new("pooling", list(OBJECTS), list(STYLES), list(BACKGROUNDS))
    judge.save(folder / "judge.safetensors")
    return "--model", str(folder / "model"), "--judge", str(folder / "judge.safetensors")


def test_the_demo_writes_a_labelled_picture_and_tells_where_and_what(parts, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "STEPS", 2)
    monkeypatch.chdir(tmp_path)
    assert demo.main([*parts, "--count", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"picture: {tmp_path / 'demo.png'}"
    for kind in demo.KINDS:
        assert sum(line.startswith(kind) for line in lines) == 2
    with Image.open(tmp_path / "demo.png") as picture:
        assert picture.width > 4 * 128 and picture.height > 3 * 128


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--concept", "skul"), "'skull'"),
        (("--strength", "-2"), "strength"),
        (("--count", "0"), "--count"),
        (("--model", "nowhere"), "no model"),
        (("--judge", "nowhere"), "no judge"),
        (("--out", "a.gif"), "PNG"),
    ],
)
def test_bad_input_gets_one_line(parts, tmp_path, capsys, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    assert demo.main([*parts, *options]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def verdict(*found: str, broken: bool = False) -> Verdict:
    """A judge's verdict on one picture."""
    objects = np.array([[name in found for name in OBJECTS]])
    return Verdict(objects, np.zeros(1, int), np.zeros(1, int), np.array([broken]))


def test_a_verdict_is_red_where_the_concept_is_found_and_green_where_it_went():
    assert verdict_lines(verdict("skull", "ship"), 0, "skull") == [("skull found", RED), ("ship", GREY)]
    assert verdict_lines(verdict("skull"), 0, "skull", went=True)[0] == ("skull found", RED)
    assert verdict_lines(verdict("ship"), 0, "skull", went=True) == [("skull gone", GREEN), ("ship", GREY)]
    assert verdict_lines(verdict(), 0, "skull") == [("no skull", GREY), ("no other object", GREY)]


def test_a_broken_picture_is_never_called_erased():
    assert verdict_lines(verdict(broken=True), 0, "skull", went=True) == [("broken picture", RED)]
    assert demo.kept_of(verdict("ship", broken=True), [["ship"]]) == "0/1"
    assert demo.kept_of(verdict("ship"), [["ship", "cat"]]) == "1/2"
