"""docs/detectors.md: its example works as it stands, and what it tells of detectors and their options is so."""

import re
from pathlib import Path

import numpy as np
import pytest

from lib_gi.detect import clip, nudenet, registry
from lib_gi.detect.registry import detector_of
from lib_gi.errors import ConceptError
from lib_gi.training.tasks import read_tasks

PAGE = (Path(__file__).parents[1] / "docs" / "detectors.md").read_text(encoding="utf-8")


def test_the_example_is_a_detector_as_it_stands(tmp_path):
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    (tmp_path / "redness.py").write_text(code)
    detector = detector_of(f"{tmp_path / 'redness.py'}:Redness")
    shown = np.stack([np.full((64, 64, 3), colour, np.uint8) for colour in ((180, 10, 20), (90, 90, 90))])
    assert detector.found(shown, "blood").tolist() == [True, False]
    with pytest.raises(ConceptError):
        detector.found(shown, "knife")


def test_the_example_of_tasks_is_read_as_it_stands(tmp_path):
    [text] = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    (tmp_path / "tasks.json").write_text(text)
    tasks = read_tasks(tmp_path / "tasks.json")
    assert [(task.brings, task.keeps) for task in tasks] == [(("blood",), ("horse",))] * 2 + [((), ())]


def test_every_form_is_told():
    rows = re.findall(r"^\| `([^`]+)` \|", PAGE.partition("## NudeNet")[0], re.M)
    assert rows == ["--detector", *registry.FORMS.values()]
    assert f'[project.entry-points."{registry.GROUP}"]' in PAGE


def test_the_classes_of_nudenets_concepts_are_told_and_all_others_too():
    rows = dict(re.findall(r"^\| (`[^|]+`) \| (`[A-Z][^|]+`) \|$", PAGE, re.M))
    told = {name: tuple(re.findall(r"\w+", row)) for key, row in rows.items() for name in re.findall("`(.+?)`", key)}
    assert told == nudenet.CONCEPTS
    assert set(nudenet.CLASSES) <= set(re.findall(r"`(\w+)`", PAGE))
    assert f"`threshold={nudenet.THRESHOLD:g}`" in PAGE and f"from {nudenet.LOWEST:g} (" in PAGE


def test_the_prompts_of_clip_are_told():
    text = " ".join(PAGE.split())
    wanted = clip.prompts_of("blood")[0]
    assert all(f"`{words}`" in text for words in (*wanted, *clip.NEUTRAL))
    assert f"(default {clip.THRESHOLD:g})" in text
