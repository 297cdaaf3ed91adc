"""NudeNet's wiring: against a fake of the package's own signatures, and against the package where GI_NUDENET is 1."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from lib_gi.concepts import load_catalogue
from lib_gi.detect.nudenet import CLASSES, CONCEPTS, NudeNetDetector
from lib_gi.detect.registry import detector_of
from lib_gi.errors import ConceptError, SettingsError
from lib_gi.loading import MissingPackageError

REPO = Path(__file__).parents[1]


class FakeDetector:
    """Answers as nudenet 3.4.2 does: a list of boxes for each picture; here one box that the picture's corner tells."""

    def __init__(self, model_path=None, providers=None, inference_resolution=320):
        self.resolution = inference_resolution

    def detect_batch(self, image_paths, batch_size=4):
        answers = []
        for picture in image_paths:
            assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.flags["C_CONTIGUOUS"]
            blue, number, red = (int(value) for value in picture[0, 0])
            box = {"class": CLASSES[number], "score": red / 100, "box": [1, 2, 3, 4]}
            answers.append([box] if number < len(CLASSES) and not blue else [])
        return answers


@pytest.fixture
def fake(monkeypatch):
    module = ModuleType("nudenet")
    module.NudeDetector = FakeDetector
    monkeypatch.setitem(sys.modules, "nudenet", module)


def pictures(*boxes):
    """Pictures in which the fake sees one box each: of a class, with a score in hundredths."""
    made = np.zeros((len(boxes), 8, 8, 3), np.uint8)
    for picture, (name, score) in zip(made, boxes):
        picture[..., :2] = score, CLASSES.index(name)
    return made


def test_a_concept_is_found_by_its_own_classes_at_the_threshold(fake):
    shown = pictures(("FEMALE_BREAST_EXPOSED", 50), ("FEMALE_BREAST_EXPOSED", 49), ("FACE_MALE", 90))
    assert NudeNetDetector.load().found(shown, "bare breasts").tolist() == [True, False, False]
    assert NudeNetDetector.load("threshold=0.4").found(shown, "Nudity").tolist() == [True, True, False]
    assert NudeNetDetector.load().found(shown, "genitals").tolist() == [False, False, False]
    assert NudeNetDetector.load().found(shown[:0], "nudity").shape == (0,)


def test_classes_that_are_named_count_alone_for_whatever_concept(fake):
    shown = pictures(("FACE_MALE", 30), ("FACE_FEMALE", 30), ("FEMALE_BREAST_EXPOSED", 99))
    detector = detector_of("nudenet:FACE_MALE=0.3, FACE_FEMALE=0.31")
    assert detector.found(shown, "a portrait").tolist() == [True, False, False]


def test_what_its_classes_do_not_tell_is_refused(fake):
    with pytest.raises(ConceptError, match="Expected one of: nudity, "):
        NudeNetDetector.load().found(pictures(("FACE_MALE", 30)), "knife")


def test_its_concepts_are_those_of_the_catalogue():
    assert all(name in load_catalogue() for name in CONCEPTS)
    assert len(set(CLASSES)) == 18 and all(set(classes) <= set(CLASSES) for classes in CONCEPTS.values())


@pytest.mark.parametrize(
    "options, problem",
    [
        ("FACE_MAN=0.5", "FACE_MALE"),
        ("threshold", "number from 0.25 to 1"),
        ("threshold=x", "number from 0.25 to 1"),
        ("threshold=nan", "number from 0.25 to 1"),
        ("FACE_MALE=0.2", "number from 0.25 to 1"),
        ("FACE_MALE=1.1", "number from 0.25 to 1"),
        ("FACE_MALE=0.5,FACE_MALE=0.6", "twice"),
        ("FACE_MALE=0.5,threshold=0.6", "one or the other"),
        ("FACE_MALE=0.5,", "no option ''"),
    ],
)
def test_a_mistake_in_its_options_is_told_before_the_package_is_asked_for(options, problem):
    with pytest.raises(SettingsError, match=problem):
        NudeNetDetector.load(options)


def test_a_missing_package_is_told_with_how_to_install_it_apart_from_the_webui(monkeypatch):
    monkeypatch.setitem(sys.modules, "nudenet", None)
    with pytest.raises(MissingPackageError, match="never into the WebUI.*pip install.*nudenet"):
        detector_of("nudenet")


def test_the_package_is_not_imported_before_a_detector_is_made():
    names = "('nudenet', 'cv2', 'onnxruntime', 'transformers')"
    check = (
        "import sys, lib_gi.detect.nudenet, lib_gi.detect.registry as r; r.available();"
        f" print([name for name in {names} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=REPO, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def drawn_face(size=320):
    """A woman's face, drawn here, so that no picture has to be kept."""
    skin, shade, hair, side = (224, 172, 140), (190, 146, 119), (60, 35, 20), 4 * size
    picture = Image.new("RGB", (side, side), (120, 150, 170))
    pen = ImageDraw.Draw(picture)

    def at(*places):
        return [place * side for place in places]

    pen.ellipse(at(0.22, 0.08, 0.78, 0.95), fill=hair)
    pen.polygon(at(0.42, 0.7, 0.58, 0.7, 0.62, 0.95, 0.38, 0.95), fill=shade)
    pen.ellipse(at(0.1, 0.85, 0.9, 1.4), fill=(90, 30, 60))
    pen.ellipse(at(0.3, 0.2, 0.7, 0.82), fill=skin)
    pen.pieslice(at(0.28, 0.13, 0.72, 0.62), 180, 360, fill=hair)
    pen.ellipse(at(0.32, 0.28, 0.68, 0.6), fill=skin)
    for x in (0.41, 0.59):
        pen.ellipse(at(x - 0.045, 0.46, x + 0.045, 0.5), fill=(245, 245, 245))
        pen.ellipse(at(x - 0.02, 0.46, x + 0.02, 0.5), fill=hair)
        pen.arc(at(x - 0.06, 0.4, x + 0.06, 0.48), 200, 340, fill=hair, width=side // 80)
    pen.arc(at(0.47, 0.52, 0.53, 0.62), 20, 160, fill=shade, width=side // 100)
    pen.ellipse(at(0.43, 0.68, 0.57, 0.73), fill=(170, 60, 60))
    pen.line(at(0.43, 0.703, 0.57, 0.703), fill=(110, 30, 30), width=side // 160)
    softened = picture.filter(ImageFilter.GaussianBlur(side / 200))
    return np.array(softened.resize((size, size), Image.Resampling.LANCZOS))


@pytest.mark.nudenet
@pytest.mark.skipif(os.environ.get("GI_NUDENET") != "1", reason="GI_NUDENET is not 1")
def test_the_real_package_finds_a_drawn_face_and_no_nudity_in_it():
    face = drawn_face()
    shown = np.stack([face, np.full_like(face, 127), face, np.zeros_like(face), face])
    seen = [True, False, True, False, True]
    assert detector_of("nudenet:FACE_FEMALE=0.4").found(shown, "face").tolist() == seen
    assert detector_of("nudenet:FACE_FEMALE=0.95").found(shown, "face").tolist() == [False] * 5
    assert detector_of("nudenet").found(shown, "nudity").tolist() == [False] * 5
    assert detector_of("nudenet").found(shown[:, ::2, :200:2], "nudity").dtype == bool
    assert detector_of("nudenet").found(shown[:0], "nudity").shape == (0,)


@pytest.mark.nudenet
@pytest.mark.skipif(os.environ.get("GI_NUDENET") != "1", reason="GI_NUDENET is not 1")
def test_the_real_package_has_the_classes_that_are_told():
    import nudenet

    assert set(getattr(nudenet.nudenet, "__labels")) == set(CLASSES)
