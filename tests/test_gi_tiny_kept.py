"""Pictures of an evaluation are kept under their model, chunk by chunk, and only what is missing is sampled."""

import hashlib
import inspect
import sys

import numpy as np
import pytest

pytest.importorskip("diffusers")
from tools.gi_tiny import __main__ as command  # noqa: E402
from tools.gi_tiny import evaluate, kept  # noqa: E402
from tools.gi_tiny.identity import fingerprint  # noqa: E402
from tools.gi_tiny.kept import CHUNK, Kept  # noqa: E402
from tools.gi_tiny.prompts import follow_set  # noqa: E402
from tools.gi_tiny.sampling import generate  # noqa: E402


@pytest.fixture
def sampled(monkeypatch):
    """The seeds that were sampled; a picture shows the last digits of its seed."""
    seeds_seen = []

    def fake(pipe, texts, seeds, label=None):
        if pipe == "dies" and seeds_seen:
            raise KeyboardInterrupt
        seeds_seen.extend(seeds)
        return np.array([np.full((2, 2, 3), seed % 251, np.uint8) for seed in seeds])

    monkeypatch.setattr(kept, "generate", fake)
    return seeds_seen


def shown(prompts) -> list[int]:
    return [prompt.seed % 251 for prompt in prompts]


def test_pictures_come_in_the_order_of_their_prompts_and_are_sampled_once(sampled, tmp_path):
    prompts, mine = follow_set("named", 7), Kept("pipe", "aaaa", tmp_path)
    for _ in range(2):
        assert mine.pictures(prompts, "named", chunk=3)[:, 0, 0, 0].tolist() == shown(prompts)
    assert sampled == [prompt.seed for prompt in prompts]


def test_an_interrupted_set_goes_on_and_a_longer_one_begins_with_it(sampled, tmp_path):
    prompts = follow_set("association", 9)
    with pytest.raises(KeyboardInterrupt):
        Kept("dies", "aaaa", tmp_path).pictures(prompts[:6], "association", chunk=3)
    mine = Kept("pipe", "aaaa", tmp_path)
    assert mine.pictures(prompts, "association", chunk=3)[:, 0, 0, 0].tolist() == shown(prompts)
    assert sampled == [prompt.seed for prompt in prompts]


def test_another_model_or_set_never_gets_kept_pictures(sampled, tmp_path):
    prompts = follow_set("named", 3)
    for model, label in (("aaaa", "named"), ("bbbb", "named"), ("aaaa", "two")):
        Kept("pipe", model, tmp_path).pictures(prompts, label)
    assert len(sampled) == 9


@pytest.mark.parametrize("kind", ["named", "two", "association", "held_out", "lone"])
def test_a_longer_set_begins_with_the_shorter_one(kind):
    assert follow_set(kind, 30)[:20] == follow_set(kind, 20)


def test_a_fingerprint_is_of_names_sizes_and_contents_without_card_and_pictures(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "weights").write_bytes(b"abc")
    (tmp_path / "config.json").write_bytes(b"{}")
    told = hashlib.sha256(b"config.json 2 {}unet/weights 3 abc").hexdigest()[:10]
    assert fingerprint(tmp_path) == told
    for name in ("README.md", "samples.png"):
        (tmp_path / name).write_bytes(b"new")
    assert fingerprint(tmp_path) == told
    assert fingerprint(tmp_path / "config.json") == hashlib.sha256(b"config.json 2 {}").hexdigest()[:10]
    (tmp_path / "unet" / "weights").write_bytes(b"abd")
    assert fingerprint(tmp_path) != told
    with pytest.raises(FileNotFoundError, match="no model"):
        fingerprint(tmp_path / "absent")


def evaluated(monkeypatch, tmp_path, *options: str) -> dict:
    """What `evaluate` asks of the parts that draw sets: their arguments; nothing is measured."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights").write_bytes(b"abc")
    asked = {}
    for name in ("following", "lone"):
        monkeypatch.setattr(evaluate, name, lambda *given, name=name: asked.update({name: given}) or [])
    monkeypatch.setattr(command, "load_pipeline", lambda *_: "pipe")
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    given = ["evaluate", "--model", str(model), "--work", str(tmp_path / "work"), *options]
    monkeypatch.setattr(sys, "argv", ["gi_tiny", *given])
    command.main()
    return asked


def test_one_word_of_the_pair_is_measured_by_itself(monkeypatch, tmp_path):
    asked = evaluated(monkeypatch, tmp_path, "--only", "lone", "--count", "9")
    mine = Kept("pipe", fingerprint(tmp_path / "model"), tmp_path / "work")
    assert asked == {"lone": (mine, 9, "gi_tiny")}


def test_the_prompts_of_each_association_are_an_option(monkeypatch, tmp_path):
    (told,) = evaluated(monkeypatch, tmp_path, "--only", "follow", "--per-association", "7").values()
    assert told[1:] == (400, 7, "gi_tiny")


def test_each_association_gets_400_prompts_by_default(monkeypatch, tmp_path):
    (told,) = evaluated(monkeypatch, tmp_path, "--only", "follow").values()
    assert told[1:] == (400, 400, "gi_tiny")


def test_chunks_are_whole_batches():
    assert CHUNK % inspect.signature(generate).parameters["batch"].default == 0
