"""Which detectors there are, and how a text names one."""

from pathlib import Path

import numpy as np
import pytest

from lib_gi.detect import registry
from lib_gi.detect.oracle import Oracle
from lib_gi.detect.registry import available, detector_of, without_folders
from lib_gi.errors import DetectorError, SettingsError


def test_all_are_listed_with_why_one_cannot_be_used(monkeypatch):
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None if name == "cv2" else name)
    listed = {name: (form, problem) for name, form, problem in available()}
    assert listed["nudenet"] == ("nudenet[:OPTIONS]", "not installed: cv2")
    assert listed["clip"] == ("clip:FOLDER[:OPTIONS]", "") and listed["oracle"] == ("oracle:FILE", "")
    assert listed["file.py"] == ("path/to/file.py:ClassName", "")


@pytest.mark.parametrize("text", ["", "oracle", "oracle:", "clip", "clip:", "nudent", "nothing:at all", ":"])
def test_a_text_that_names_none_is_answered_with_what_there_is(text):
    with pytest.raises(SettingsError) as refused:
        detector_of(text)
    assert all(listed.form in str(refused.value) for listed in available())
    assert ("Did you mean 'nudenet'" in str(refused.value)) is (text == "nudent")


def test_the_oracle_is_that_of_the_file(tmp_path):
    Oracle.new("pooling", ["cat"], ["noto"], ["grass"]).save(tmp_path / "judge.safetensors")
    detector = detector_of(f"oracle:{tmp_path / 'judge.safetensors'}")
    assert detector.found(np.zeros((2, 128, 128, 3), np.uint8), "cat").shape == (2,)


def test_a_file_that_holds_no_oracle_is_told(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"damaged")
    with pytest.raises(DetectorError, match="cannot be read as an oracle"):
        detector_of(f"oracle:{tmp_path / 'x.safetensors'}")
    with pytest.raises(SettingsError, match="there is no file"):
        detector_of(f"oracle:{tmp_path / 'y.safetensors'}")


@pytest.mark.parametrize(
    "text, told",
    [
        ("oracle:/home/ann/label.safetensors", "oracle:label.safetensors"),
        ("oracle:C:\\models\\label.safetensors", "oracle:label.safetensors"),
        ("clip:/home/ann/vit-l", "clip:vit-l"),
        ("clip:/home/ann/vit-l/:threshold=0.4", "clip:vit-l:threshold=0.4"),
        ("clip:C:\\models\\vit-l:threshold=0.4", "clip:vit-l:threshold=0.4"),
        ("clip:C:\\models\\vit-l", "clip:vit-l"),
        ("C:\\ann\\mine.py:Mine", "mine.py:Mine"),
        ("/home/ann/mine.py:Mine", "mine.py:Mine"),
        ("nudenet:FACE_MALE=0.5", "nudenet:FACE_MALE=0.5"),
        ("nudenet", "nudenet"),
        ("installed", "installed"),
    ],
)
def test_no_folder_of_the_user_is_told_in_an_adapter_but_all_that_a_label_depends_on(text, told):
    assert without_folders(text) == told


def test_a_folder_may_hold_a_colon_and_an_equals_sign(tmp_path):
    folder = tmp_path / "a:b=c"
    folder.mkdir()
    assert registry._parts(f"clip:{folder}") == ("clip", str(folder), "")
    assert registry._parts(f"clip:{folder}:threshold=1") == ("clip", str(folder), "threshold=1")
    assert Path(registry._parts(f"{folder / 'm.py'}:A")[1]) == folder / "m.py"
