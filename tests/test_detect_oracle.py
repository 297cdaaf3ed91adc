"""The oracle as a detector: objects, styles, broken pictures, and names that it does not know."""

import numpy as np
import pytest

from lib_gi.detect.oracle import Oracle, OracleDetector, Verdict
from lib_gi.errors import ConceptError


@pytest.fixture
def detector(monkeypatch):
    oracle = Oracle.new("pooling", ["cat", "beer"], ["noto", "fluent"], ["grass"])
    told = Verdict(
        objects=np.array([[1, 0], [0, 1], [0, 0], [1, 1]], bool),
        style=np.array([0, 1, 1, 0]),
        background=np.zeros(4, int),
        broken=np.array([0, 0, 1, 0], bool),
    )
    monkeypatch.setattr(oracle, "judge", lambda pictures: told)
    return OracleDetector(oracle)


@pytest.mark.parametrize(
    "concept, found", [("cat", [1, 0, 1, 1]), ("beer", [0, 1, 1, 1]), ("noto", [1, 0, 1, 1]), ("fluent", [0, 1, 1, 0])]
)
def test_a_broken_picture_counts_as_one_that_shows_the_concept(detector, concept, found):
    assert detector.found(np.zeros((4, 128, 128, 3), np.uint8), concept).tolist() == [bool(x) for x in found]


def test_an_unknown_concept_is_refused_with_a_hint(detector):
    with pytest.raises(ConceptError, match="Did you mean 'beer'"):
        detector.found(np.zeros((4, 128, 128, 3), np.uint8), "bear")
