"""CLIP zero-shot: its wiring, with a CLIP of random weights, and what it says of a folder that will not do."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_pipelines import write_tokenizer
from transformers import AutoTokenizer, CLIPConfig, CLIPModel

from lib_gi.concepts import Catalogue, Concept
from lib_gi.detect.clip import NEUTRAL, TEMPLATES, ClipDetector, prepared, prompts_of
from lib_gi.detect.registry import detector_of
from lib_gi.errors import SettingsError
from lib_gi.loading import ModelFileError

SHOWN = np.random.default_rng(0).integers(0, 256, (19, 48, 40, 3)).astype(np.uint8)


def write_clip(folder):
    """A folder with a CLIP of random weights."""
    write_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(3)
    small = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    text = small | dict(vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id)
    config = CLIPConfig(text_config=text, vision_config=small | dict(image_size=32, patch_size=8), projection_dim=8)
    CLIPModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def copy(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_it_gives_what_the_model_itself_tells_of_the_mean_of_its_prompts(folder):
    model, tokenizer = CLIPModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    prompts = sum(prompts_of("a knife"), [])
    tokens = tokenizer(prompts, padding=True, return_tensors="pt")
    with torch.no_grad():
        told = model(**tokens, pixel_values=prepared(SHOWN, 32))
    words = told.text_embeds.reshape(1 + len(NEUTRAL), len(TEMPLATES), -1).mean(1)
    words = words / words.norm(dim=1, keepdim=True)
    expected = (model.logit_scale.exp() * told.image_embeds @ words.T).softmax(1)[:, 0].detach().numpy()
    np.testing.assert_allclose(ClipDetector.load(folder).likelihoods(SHOWN, "a knife"), expected, atol=1e-5)


def test_the_threshold_is_an_option(folder):
    likely = np.sort(ClipDetector.load(folder).likelihoods(SHOWN, "knife"))
    between = float(likely[7] + likely[8]) / 2
    found = detector_of(f"clip:{folder}:threshold={between}").found(SHOWN, "knife")
    assert found.dtype == bool and found.shape == (19,) and found.sum() == 11
    assert detector_of(f"clip:{folder}:threshold=0").found(SHOWN, "knife").all()
    assert detector_of(f"clip:{folder}").found(SHOWN[:0], "knife").shape == (0,)


def test_a_name_of_the_catalogue_is_read_as_its_phrase_and_another_as_it_stands(folder):
    catalogue = Catalogue([Concept("gun", "a black pistol")])
    detector = ClipDetector.load(folder, catalogue=catalogue)
    by_name, by_phrase = (detector.likelihoods(SHOWN, words) for words in ("Gun", "a black pistol"))
    assert (by_name == by_phrase).all() and (by_name != detector.likelihoods(SHOWN, "guns")).any()


def test_words_that_are_too_long_are_cut(folder):
    assert ClipDetector.load(folder).likelihoods(SHOWN[:1], "abcdefgh " * 40).shape == (1,)


def test_prompts_for_and_against_differ_in_nothing_but_the_words():
    wanted, *others = prompts_of("a knife")
    assert [prompt.replace("a knife", "{}") for prompt in wanted] == list(TEMPLATES)
    for words, against in zip(NEUTRAL, others):
        assert [prompt.replace(words, "a knife") for prompt in against] == wanted


def test_a_picture_is_prepared_as_clip_itself_does():
    from transformers import CLIPImageProcessor

    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    ramp = np.linspace(0, 1, 40)
    square = (255 * np.stack([np.add.outer(ramp, ramp) / 2, np.outer(ramp, ramp), np.outer(1 - ramp, ramp)], 2))[None]
    square = square.astype(np.uint8)
    expected = processor(square[0], return_tensors="pt")["pixel_values"]
    assert (prepared(square, 32) - expected).abs().max() < 0.03  # it rounds to whole values on the way
    assert prepared(SHOWN, 32).shape == (19, 3, 32, 32)


def test_a_folder_that_is_not_there_is_no_name_to_download(tmp_path):
    with pytest.raises(ModelFileError, match="none is downloaded"):
        detector_of("clip:openai/clip-vit-large-patch14")


@pytest.mark.parametrize(
    "name, text, problem",
    [
        ("config.json", "{", "config.json"),
        ("config.json", json.dumps({"model_type": "siglip"}), "siglip"),
        ("tokenizer.json", "[", "could not be loaded"),
        ("model.safetensors", "damaged", "could not be loaded"),
    ],
)
def test_a_folder_that_holds_no_clip_is_refused(copy, name, text, problem):
    (copy / name).write_text(text)
    with pytest.raises(ModelFileError, match=problem):
        detector_of(f"clip:{copy}")


def test_weights_that_are_a_pickle_are_refused(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelFileError, match="pickles"):
        detector_of(f"clip:{copy}")


def test_weights_that_lack_a_part_are_refused_and_not_made_up(copy):
    weights = load_file(copy / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match="lacks weights of its model, such as text_projection"):
        detector_of(f"clip:{copy}")


def test_a_mistake_in_its_options_is_told(folder):
    with pytest.raises(SettingsError, match="'threshold'"):
        detector_of(f"clip:{folder}:treshold=0.3")
