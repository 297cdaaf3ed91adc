"""A user's own detector: by file or by entry point, and what is said of one that will not do."""

import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from lib_gi.detect import registry
from lib_gi.detect.own import try_out
from lib_gi.detect.registry import available, detector_of
from lib_gi.errors import ConceptError, DetectorError, SettingsError

SHOWN = np.zeros((3, 8, 8, 3), np.uint8)
CODE = """
import dataclasses
import numpy as np

from lib_gi.errors import ConceptError


@dataclasses.dataclass
class Dark:
    limit: int = 9

    def found(self, pictures, concept):
        if concept != "dark":
            raise ConceptError("it knows dark alone; expected that; choose it")
        return pictures.mean((1, 2, 3)) < self.limit


class Needy:
    def __init__(self, folder): ...
    def found(self, pictures, concept): ...


class Lazy: ...


class Narrow:
    def found(self, pictures): ...


class Answers:
    def found(self, pictures, concept):
        return {"list": [True] * 3, "short": np.ones(2, bool), "flat": np.ones((3, 1), bool), "scores": np.ones(3)}[
            concept
        ]


def made():
    return Dark(1)


number = 7
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


@pytest.fixture
def offered(file, monkeypatch):
    """Entry points as installed packages would have them."""
    monkeypatch.syspath_prepend(str(file.parent))
    monkeypatch.delitem(sys.modules, "mine", raising=False)

    def put(**values):
        entries = [EntryPoint(name, value, registry.GROUP) for name, value in values.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == registry.GROUP else [])

    return put


@pytest.mark.parametrize("name", ["Dark", "made"])
def test_a_class_of_a_file_or_what_makes_one_is_a_detector(file, name):
    detector = detector_of(f"{file}:{name}")
    assert detector.found(SHOWN, "dark").tolist() == [True] * 3
    try_out(detector, ["dark"])
    with pytest.raises(ConceptError):
        try_out(detector, ["dark", "light"])


@pytest.mark.parametrize(
    "name, problem",
    [
        ("Drak", "no class 'Drak'. Did you mean 'Dark'"),
        ("", "without a class"),
        ("Needy", "made without arguments"),
        ("Lazy", "has no method found"),
        ("Narrow", "takes (pictures)"),
        ("number", "is 7"),
    ],
)
def test_a_class_that_will_not_do_is_told(file, name, problem):
    for text in {f"{file}:{name}", f"{file}:{name}".removesuffix(":")}:
        with pytest.raises(DetectorError) as refused:
            detector_of(text)
        assert problem in str(refused.value)


@pytest.mark.parametrize(
    "concept, problem",
    [
        ("list", "gave back list for 3 pictures"),
        ("short", "bool and shape (2,)"),
        ("flat", "bool and shape (3, 1)"),
        ("scores", "float64 and shape (3,)"),
    ],
)
def test_an_answer_of_another_type_or_shape_is_told(file, concept, problem):
    with pytest.raises(DetectorError) as refused:
        detector_of(f"{file}:Answers").found(SHOWN, concept)
    assert problem in str(refused.value) and "mine.py:Answers" in str(refused.value)


@pytest.mark.parametrize("code", ["import no_such_package", "def f(:", "\x00"])
def test_a_file_that_cannot_be_loaded_is_told_and_leaves_nothing(tmp_path, code):
    (tmp_path / "broken.py").write_text(code)
    with pytest.raises(DetectorError, match="broken.py cannot be loaded"):
        detector_of(f"{tmp_path / 'broken.py'}:Mine")
    assert not [name for name in sys.modules if name.startswith("growth_inhibitors_detector_broken")]


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DetectorError, match="there is no file"):
        detector_of(f"{tmp_path / 'none.py'}:Mine")


def test_an_installed_packages_detector_is_listed_unloaded_and_found_by_name(offered):
    offered(dark="mine:Dark")
    assert ("dark", "dark", "") in available() and "mine" not in sys.modules
    assert detector_of("dark").found(SHOWN, "dark").all()


@pytest.mark.parametrize("value", ["mine:Drak", "no_such_module:Dark", "mine:Lazy"])
def test_an_installed_packages_detector_that_will_not_do_is_told(offered, value):
    offered(dark=value)
    with pytest.raises(DetectorError, match="dark"):
        detector_of("dark")


def test_no_package_can_take_the_name_of_one_of_ours(offered):
    offered(oracle="mine:Dark", dark="mine:Dark")
    assert [listed.problem for listed in available() if listed.name == "oracle"] == ["", "the name is taken by ours"]
    with pytest.raises(SettingsError, match="Expected one of: oracle:FILE"):
        detector_of("oracle")
    with pytest.raises(SettingsError, match="Did you mean 'dark'"):
        detector_of("dark:threshold=1")
