"""`python -m lib_gi train-adapter`: from tasks to a file that a session takes; mistakes are told before sampling."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_pipelines import sd1, write_tokenizer

from lib_gi import loading
from lib_gi.adapter import Adapter
from lib_gi.cli import BAD_INPUT, main
from lib_gi.concepts import Concept
from lib_gi.detect.oracle import Oracle
from lib_gi.errors import SettingsError
from lib_gi.fingerprint import fingerprint
from lib_gi.hosts import diffusers as host
from lib_gi.session import Session
from lib_gi.training import command
from lib_gi.training.search import Task
from lib_gi.training.tasks import write_tasks

ROOT = Path(__file__).parents[1]


class Dark:
    """Finds every concept in pictures of an odd mean: no sense in it, but the same each time."""

    def found(self, pictures, concept):
        return np.round(pictures.mean((1, 2, 3)) * 10).astype(int) % 2 == 1


@pytest.fixture
def pipe(tmp_path, monkeypatch):
    made = sd1(write_tokenizer(tmp_path))
    monkeypatch.setattr(command, "load_pipeline", lambda *_: made)
    monkeypatch.setattr(command, "check_model", lambda _: None)
    monkeypatch.setattr(command, "detector_of", lambda *_: Dark())
    return made


def arguments(tmp_path, *more):
    return [
        *("train-adapter", "--model", str(tmp_path), "--detector", "oracle:x", "--steps", "2", "--chunk", "4"),
        *("--work", str(tmp_path / "work"), "--out", str(tmp_path / "a.safetensors"), *more),
    ]


def test_a_file_is_written_that_a_session_of_that_model_takes(pipe, tmp_path, capsys):
    tasks = [Task(name, f"a cat {seed}", seed, 4.0) for name in ("knife", "abc") for seed in range(8)]
    write_tasks(tasks, tmp_path / "tasks.json")
    assert main(arguments(tmp_path, "--tasks", str(tmp_path / "tasks.json"), "--features", "agreement")) == 0
    assert "pictures have a label" in capsys.readouterr().out
    adapter = Adapter.load(tmp_path / "a.safetensors")
    assert adapter.kind == "agreement" and adapter.about["fingerprint"] == fingerprint(pipe.unet)
    assert adapter.about["detector"] == "oracle:x"
    assert adapter.about["concepts"] == ["abc", "knife"] and adapter.about["pictures"] == 16
    encoded = host.encode(pipe, Concept("abc", "abc"), -1.0)
    inferred = type(encoded)(encoded.name, encoded.c_star, encoded.s, encoded.e, None)
    assert adapter.weighting == "contrast"
    empty = host.context_of(pipe, "", None)
    assert Session(pipe.unet, [inferred], adapter=adapter, weighting="contrast", empty=empty)


def test_names_will_do(pipe, tmp_path):
    assert main(arguments(tmp_path, "--concepts", "knife", "a b", "--count", "4")) == 0
    assert Adapter.load(tmp_path / "a.safetensors").about["concepts"] == ["a b", "knife"]


@pytest.mark.parametrize(
    "more, problem",
    [
        ([], "either --concepts or --tasks"),
        (["--concepts", "a", "--tasks", "b"], "either --concepts or --tasks"),
        (["--concepts", "a", "--features", "all"], "--features"),
        (["--concepts", "a", "b", "--without", "c"], "--without is c"),
        (["--concepts", "a", "b", "--without", "a", "b"], "--without is a, b"),
        (["--concepts", "a", "--out", "nowhere/a.safetensors"], "--out"),
        (["--concepts", "a", "--out", "a.pt"], "--out"),
        (["--tasks", "nowhere.json"], "cannot be read"),
    ],
)
def test_a_mistake_is_told_before_anything_is_loaded(tmp_path, monkeypatch, capsys, more, problem):
    monkeypatch.setattr(command, "load_pipeline", lambda *_: pytest.fail("a model was loaded"))
    monkeypatch.setattr(command, "check_model", lambda _: None)
    assert main(arguments(tmp_path, *more)) == BAD_INPUT
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("detector", ["oracle", "oracle:", "nudent", "oracle:/no/such/file"])
def test_an_unknown_detector_is_told(tmp_path, monkeypatch, capsys, detector):
    monkeypatch.setattr(command, "check_model", lambda _: None)
    assert main([*arguments(tmp_path, "--concepts", "knife"), "--detector", detector]) == BAD_INPUT
    assert "--detector" in capsys.readouterr().err


def test_a_concept_that_the_detector_does_not_tell_is_told_before_a_model_is_loaded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "load_pipeline", lambda *_: pytest.fail("a model was loaded"))
    monkeypatch.setattr(command, "check_model", lambda _: None)
    Oracle.new("pooling", ["cat"], ["noto"], ["grass"]).save(tmp_path / "judge.safetensors")
    text = f"oracle:{tmp_path / 'judge.safetensors'}"
    assert main([*arguments(tmp_path, "--concepts", "cat", "knife"), "--detector", text]) == BAD_INPUT
    assert "the oracle knows no 'knife'" in capsys.readouterr().err
    write_tasks([Task("cat", f"a cat {seed}", seed, 7.5, keeps=("spoon",)) for seed in range(2)], tmp_path / "t.json")
    asked = arguments(tmp_path, "--tasks", str(tmp_path / "t.json"))
    assert main([*asked, "--detector", text]) == BAD_INPUT
    assert "the oracle knows no 'spoon'" in capsys.readouterr().err


DARK = """
import numpy as np

class Dark:
    def found(self, pictures, concept):
        return np.round(pictures.mean((1, 2, 3)) * 10).astype(int) % 2 == 1
"""


def test_two_processes_of_a_launcher_make_the_file_that_one_makes(tmp_path):
    pytest.importorskip("accelerate")
    (tmp_path / "dark.py").write_text(DARK)
    tasks = [Task("skull", "a cat", 0, 4.0), *(Task("bomb", f"a cat {seed}", seed, 4.0) for seed in range(8))]
    write_tasks(tasks, tmp_path / "tasks.json")  # the second process has more to draw, and the first one waits for it
    told = {}
    for name, launcher in {
        "one": [sys.executable, "-m"],
        "two": [
            *(sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"),
            *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"),
            "--module",
        ],
    }.items():
        out = tmp_path / f"{name}.safetensors"
        command = [*launcher, "lib_gi", "train-adapter", "--model", ROOT / "models" / "gi-tiny", "--steps", "2"]
        command += ["--tasks", tmp_path / "tasks.json", "--detector", f"{tmp_path / 'dark.py'}:Dark", "--device", "cpu"]
        command += ["--work", tmp_path / name, "--out", out, "--chunk", "8"]
        done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        told[name] = Adapter.load(out)
        assert done.stdout.count("pictures have a label") == 1
    assert sorted(file.name for file in (tmp_path / "one").iterdir()) == sorted(
        file.name for file in (tmp_path / "two").iterdir()
    )
    one, two = told["one"], told["two"]
    assert one.about == two.about and torch.equal(one.mean, two.mean)
    assert all(torch.equal(a, b) for a, b in zip(one.network.parameters(), two.network.parameters(), strict=True))


def test_labels_of_pictures_in_another_number_format_are_kept_apart(pipe):
    assert command.other_dtype(pipe) == "" and command.other_dtype(pipe.to(torch.float16)) == "diffusers float16"


def test_each_process_of_a_launcher_has_its_own_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert command.own_device("auto") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert command.own_device("auto") == "cuda:1" and command.own_device("cpu") == "cpu"
    assert loading.is_cuda("cuda:1") and not loading.is_cuda("cpu")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(SettingsError, match="'cuda:2' here; expected one of the 2 GPUs"):
        command.own_device("auto")
