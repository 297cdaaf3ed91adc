"""What the tests of the command line share: a tiny model, and `generate` with its exit code."""

from pathlib import Path

import pytest
import torch
from transformers import CLIPTokenizer

from lib_gi import cli
from tools.gi_tiny.autoencoder import new_autoencoder
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
