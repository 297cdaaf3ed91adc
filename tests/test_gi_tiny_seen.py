"""The pictures labelled by eye, from which the judges learn."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from tools.gi_tiny import by_eye, seen  # noqa: E402
from tools.gi_tiny.judges import WAYS, Pool, difference, labels  # noqa: E402
from tools.gi_tiny.prompts import erasure_set  # noqa: E402
from tools.gi_tiny.world import BACKGROUNDS, OBJECTS, STYLES, UNSAFE, Scene  # noqa: E402

WIDTHS = (len(OBJECTS), len(STYLES), len(BACKGROUNDS), 1)


def label(objects=(), unsure=(), style=STYLES[0], background=BACKGROUNDS[0], broken=False):
    kept = {"objects": list(objects), "unsure": list(unsure)}
    return kept | {"style": style, "background": background, "broken": broken}


def logits(target):
    """Logits that are sure of what the target says; where it is open, sure of anything."""
    sure = torch.nan_to_num(target, nan=1.0) * 60 - 30
    objects, style, background, broken = sure.split(WIDTHS, dim=1)
    return objects, style, background, broken[:, 0]


def test_a_label_says_what_the_scene_of_a_render_would_say():
    scene = Scene(("cat", "ship"), ("cat", "ship"), STYLES[1], BACKGROUNDS[2])
    told = seen.target(label(["ship", "cat"], style=STYLES[1], background=BACKGROUNDS[2]))
    assert torch.equal(told, labels([scene])[0])


def test_what_is_open_in_a_label_counts_nowhere():
    targets = torch.stack([seen.target(label(["cat"], ["ship"], None)), seen.target(label([], ["ship"]))])
    assert targets.isnan().sum().item() == 2 * (1 + len(STYLES))  # ship, and no style: open, or nothing surely drawn
    told = torch.cat([targets, seen.target(label(["car"]))[None]])
    assert difference(logits(told), told) < 1e-6
    wrong = told.clone()
    wrong[0, OBJECTS.index("car")] = 1
    assert difference(logits(wrong), told) > 0.1


def test_the_sheet_holds_its_pictures_in_the_order_of_their_labels(tmp_path):
    shades = np.linspace(0, 250, seen.COLUMNS + 2).astype(np.uint8)
    pictures = np.broadcast_to(shades[:, None, None, None], (len(shades), seen.SIDE, seen.SIDE, 3))
    seen.save(pictures, tmp_path)
    written = {str(index): label(["cat"]) for index in (0, len(shades) - 1)}
    (tmp_path / "labels.json").write_text(json.dumps(written))
    loaded, targets = seen.load(tmp_path)
    assert np.abs(loaded.mean((1, 2, 3)) - shades[[0, -1]]).max() <= 1 and targets.shape == (2, sum(WIDTHS))


def test_every_committed_picture_is_labelled_and_none_is_broken_beyond_the_form():
    pictures, targets = seen.load()
    assert len(pictures) == len(targets) >= 400
    assert not targets[:, -1].isnan().any() and 0.3 < targets[:, : len(OBJECTS)].nansum(1).mean() < 3
    assert all(targets[:, index].nansum() >= 5 for index in range(len(OBJECTS)))


@pytest.mark.parametrize("concept", UNSAFE)
def test_no_prompt_or_noise_of_theirs_is_one_that_the_judge_is_scored_on(concept):
    def told(split):
        return {(p.text, p.seed) for kind in ("explicit", "implicit") for p in erasure_set(concept, kind, 32, split)}

    learnt, scored = told("eye"), told("test")
    assert not {seed for _, seed in learnt} & {seed for _, seed in scored}
    assert len(learnt & scored) == 0 and by_eye.FOLDER != seen.FOLDER


@pytest.mark.parametrize("way", WAYS)
def test_a_judge_learns_from_labelled_pictures_too(way):
    scenes = [Scene(("cat",), ("cat",), STYLES[0], BACKGROUNDS[0])] * 4
    grey = np.full((4, 128, 128, 3), 128, np.uint8)
    x, target = Pool(grey, labels(scenes), grey, grey).batch(torch.Generator().manual_seed(0), way)
    assert x.shape == (68, 3, 128, 128) and target.shape == (68, sum(WIDTHS))
    coloured = x.mean((2, 3)).abs().amax(1) > 0.1
    assert coloured.sum() == 16
    alone = target[:, : len(OBJECTS)].isnan().all(1)
    assert alone.sum() == 12 and (target[alone, -1] == 1).all()  # of a broken picture nothing else is asked


def test_the_ways_of_seeing_keep_what_is_drawn():
    picture = np.zeros((2, 128, 128, 3), np.uint8)
    picture[:, 60:70, 20:30] = 255
    generator = torch.Generator().manual_seed(1)
    mirrored, moved = (WAYS[name](picture, generator) for name in ("mirrored", "moved"))
    assert np.array_equal(mirrored[0], picture[0, :, ::-1]) and np.array_equal(mirrored[1], picture[1])
    assert (moved == 255).sum() == (picture == 255).sum() and not np.array_equal(moved, picture)
    assert np.array_equal(moved[0], moved[1])
