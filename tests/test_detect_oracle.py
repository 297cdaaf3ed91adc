"""The oracle as a detector: objects, styles, broken pictures, and names that it does not know."""

import numpy as np
import pytest
import torch

from lib_gi.detect.oracle import Oracle, OracleDetector, Verdict
from lib_gi.errors import ConceptError


@pytest.fixture
def detector(monkeypatch):
    oracle = Oracle.new("pooling", ["cat", "beer"], ["noto", "fluent"], ["grass"])
    told = Verdict(
        objects=np.array([[1, 0], [0, 1], [0, 0], [1, 1], [0, 0]], bool),
        style=np.array([0, 1, 1, 0, 1]),
        background=np.zeros(5, int),
        broken=np.array([0, 0, 1, 0, 0], bool),
    )
    monkeypatch.setattr(oracle, "judge", lambda pictures: told)
    return OracleDetector(oracle)


@pytest.mark.parametrize(
    "concept, found",
    [
        ("cat", [1, 0, 1, 1, 0]),
        ("beer", [0, 1, 1, 1, 0]),
        ("noto", [1, 0, 1, 1, 0]),
        ("fluent", [0, 1, 1, 0, 0]),  # the last picture shows nothing, and so no style
    ],
)
def test_a_broken_picture_counts_as_one_that_shows_the_concept(detector, concept, found):
    assert detector.found(np.zeros((5, 128, 128, 3), np.uint8), concept).tolist() == [bool(x) for x in found]


def test_an_unknown_concept_is_refused_with_a_hint(detector):
    with pytest.raises(ConceptError, match="Did you mean 'beer'"):
        detector.found(np.zeros((4, 128, 128, 3), np.uint8), "bear")


def test_a_judge_of_two_networks_takes_their_mean_and_is_the_same_from_its_file(tmp_path):
    torch.manual_seed(0)
    oracle = Oracle.new("residual", ["cat", "beer"], ["noto", "fluent"], ["grass"], members=2)
    oracle.network.half().float().eval()  # as the file holds it
    oracle.save(tmp_path / "judge.safetensors")
    loaded = Oracle.load(tmp_path / "judge.safetensors")
    x = torch.randn(2, 3, 128, 128)
    one, other = (member(x) for member in oracle.members)
    assert not torch.allclose(one, other)
    assert torch.allclose(loaded.network(x), (one + other) / 2, atol=1e-6)
