"""The tiny world keeps its word: what scenes, prompts and pictures promise."""

import re
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from lib_gi.training.tasks import read_tasks
from tools.gi_tiny.__main__ import main as gi_tiny
from tools.gi_tiny.captions import FRESH, HELD_OUT, TEMPLATES, TRAINED, caption, tidy, vocabulary
from tools.gi_tiny.data import make_scenes
from tools.gi_tiny.prompts import SEED_BASE, erasure_set, follow_set, label_tasks
from tools.gi_tiny.render import SIZE, render
from tools.gi_tiny.world import ASSOCIATIONS, BACKGROUNDS, OBJECTS, OTHER, OWN, STYLES, UNSAFE

SCENES = make_scenes(6000, seed=3)
MODEL = Path(__file__).parents[1] / "models" / "gi-tiny"


def test_an_association_always_brings_its_own_object_and_the_unsafe_one_with_its_probability():
    for association in ASSOCIATIONS:
        scenes = [scene for scene in SCENES if scene.association is association]
        assert len(scenes) > 200
        assert all(association.own in scene.objects for scene in scenes)
        share = np.mean([association.unsafe in scene.objects for scene in scenes])
        assert abs(share - association.probability) < 0.08


def test_prompts_never_name_what_an_association_brings():
    rng = Random(0)
    for scene in SCENES:
        if scene.association is not None:
            text = caption(scene, rng)
            assert scene.association.own not in text and scene.association.unsafe not in text
            assert all(word in text for word in scene.association.words)


def test_one_word_of_the_pair_brings_nothing():
    lone = [scene for scene in SCENES if scene.lone_word]
    assert len(lone) > 100
    assert all(scene.objects == scene.named for scene in lone)


def test_a_fifth_of_the_templates_is_held_out():
    assert len(HELD_OUT) * 5 == len(TEMPLATES)
    assert not set(HELD_OUT) & set(TRAINED)


def test_captions_are_tidy_and_vary():
    rng = Random(1)
    texts = [caption(scene, rng) for scene in SCENES[:2000]]
    assert len(set(texts)) > 1500
    assert all(text == tidy(text) and text and ",," not in text and "  " not in text for text in texts)


def test_every_word_of_a_caption_is_in_the_vocabulary():
    rng, words = Random(2), set(vocabulary())
    for scene in SCENES[:500]:
        text = caption(scene, rng).replace(",", " ").replace(":", " ")
        assert set(text.split()) <= words


def test_a_picture_is_the_same_for_the_same_seed_and_differs_for_another():
    scene = SCENES[0]
    first, again, other = (np.asarray(render(scene, Random(seed))) for seed in (5, 5, 6))
    assert first.shape == (SIZE, SIZE, 3)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize("concept", UNSAFE)
def test_erasure_prompts_name_or_bring_the_concept_or_leave_it_out(concept):
    for prompt in erasure_set(concept, "explicit", 40, "test"):
        assert concept in prompt.text
    for prompt in erasure_set(concept, "implicit", 40, "test"):
        assert concept not in prompt.text and prompt.scene.association.unsafe == concept
    for prompt in erasure_set(concept, "benign", 40, "test"):
        assert concept not in prompt.text and concept not in prompt.allowed


@pytest.mark.parametrize("style", STYLES)
def test_style_prompts_name_the_style_or_the_other_one(style):
    assert all(style in prompt.text for prompt in erasure_set(style, "explicit", 20, "test"))
    assert all(style not in prompt.text for prompt in erasure_set(style, "benign", 20, "test"))
    with pytest.raises(ValueError, match="no implicit prompts"):
        erasure_set(style, "implicit", 1, "test")


def prompts_of(split):
    kinds = [(concept, kind) for concept in UNSAFE for kind in ("explicit", "implicit", "benign")]
    return [prompt for asked in kinds for prompt in erasure_set(*asked, 80, split)]


def test_no_two_sets_of_prompts_share_a_seed():
    validation, test = ({p.seed for p in follow_set("named", 50, split)} for split in ("validation", "test"))
    assert not validation & test
    seeds = [seed for split in SEED_BASE for seed in {prompt.seed for prompt in prompts_of(split)}]
    assert len(set(seeds)) == len(seeds) == len(SEED_BASE) * 240  # those of one set's concepts are the same


def test_fresh_prompts_are_in_no_form_and_none_of_the_texts_of_others():
    assert not set(FRESH) & set(TEMPLATES)
    words = {word for template in FRESH for word in re.findall(r"[a-z]{2,}|(?<![{])\ba\b(?![}])", template)}
    assert words <= set(vocabulary()) and len(words) > 10
    labels = label_tasks(OBJECTS, (80, 80), (4.0,)) + label_tasks(STYLES, (80, 80), (4.0,))
    others = {task.prompt for task in labels} | {p.text for split in ("eye", "validation") for p in prompts_of(split)}
    fresh = [prompt.text for prompt in prompts_of("fresh")]
    assert len(fresh) == 1200 and not set(fresh) & others
    assert {prompt.text for prompt in prompts_of("test")} & others  # which is why there are fresh ones


def test_the_world_is_as_large_as_promised():
    assert len(OBJECTS) >= 12 and len(UNSAFE) >= 5 and len(STYLES) >= 2 and len(ASSOCIATIONS) >= 5
    assert len(set(BACKGROUNDS)) >= 4 and {scene.background for scene in SCENES} == set(BACKGROUNDS)
    assert all(association.own in OWN and 0.5 < association.probability < 0.95 for association in ASSOCIATIONS)


def test_concept_phrases_have_one_two_and_four_tokens():
    tokenizer = pytest.importorskip("transformers").CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
    lengths = {concept: len(tokenizer(concept, add_special_tokens=False).input_ids) for concept in UNSAFE}
    assert set(lengths.values()) >= {1, 2, 4}


def test_an_unsafe_phrase_shares_a_word_with_a_safe_one():
    safe = {word for name in OBJECTS if name not in UNSAFE for word in name.split()}
    assert [concept for concept in UNSAFE if safe & set(concept.split())]


def test_pictures_hold_one_to_three_objects_and_few_hold_none():
    counts = np.bincount([len(scene.objects) for scene in SCENES]) / len(SCENES)
    assert len(counts) == 4 and counts[1:].min() > 0.05 and 0 < counts[0] < 0.1


def test_drawings_are_from_a_quarter_to_two_thirds_of_the_pictures_side(monkeypatch):
    sides = []

    def resized(icon, size, *how):
        sides.append(size[0])
        return Image.new("RGBA", size)

    monkeypatch.setattr(Image.Image, "resize", resized)
    rng = Random(4)
    for scene in SCENES[:1500]:
        render(scene, rng)
    assert SIZE / 4 <= min(sides) < SIZE * 0.27 and SIZE * 0.64 < max(sides) <= SIZE * 2 / 3


def test_a_small_share_of_captions_is_a_bare_phrase():
    rng = Random(3)
    bare = np.mean([caption(scene, rng) in OBJECTS for scene in SCENES])
    assert 0.01 < bare < 0.05


def test_tasks_have_every_kind_of_prompt_that_a_concept_has(tmp_path, monkeypatch):
    file = tmp_path / "tasks.json"
    counts = ["--count", "2", "3", "--others", "1", "2", "--styles", "3", "1"]  # that name it, and of each other kind
    command = ["gi_tiny", "tasks", *counts, "--out", str(file)]
    monkeypatch.setattr("sys.argv", command)
    gi_tiny()
    counts = Counter(task.concept for task in read_tasks(file))
    every = dict.fromkeys(UNSAFE, 8) | dict.fromkeys(OWN, 5) | dict.fromkeys(OTHER, 3) | dict.fromkeys(STYLES, 4)
    assert counts == every and set(every) == {*OBJECTS, *STYLES}
    for task in read_tasks(file):
        named = [name for name in (*OBJECTS, *STYLES) if name in task.prompt]
        bringing = [item for item in ASSOCIATIONS if all(word in task.prompt for word in item.words)]
        assert {*named, *(name for item in bringing for name in (item.own, item.unsafe))} == set(task.brings)
        objects_beside = set(task.brings) - {task.concept} - {*STYLES}
        assert set(task.keeps) == (set(task.brings) - {task.concept} if objects_beside else set())
