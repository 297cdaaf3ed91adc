"""Tasks: made of names, or from a file whose mistakes are told by entry."""

import json

import pytest

from lib_gi.concepts import Concept
from lib_gi.errors import SettingsError
from lib_gi.training.search import Task, names_sought
from lib_gi.training.tasks import made_tasks, read_tasks, write_tasks

GOOD = {"concept": "Dalí", "prompt": "a clock", "seed": 3, "guidance": 7.5}


def test_made_tasks_name_the_phrase_in_half_of_the_prompts_and_differ_in_noise_and_guidance():
    tasks = made_tasks([Concept("monet", "Claude Monet style"), Concept("gun", "gun")], 10)
    assert len(tasks) == 40 and len({task.seed for task in tasks}) == 40 and len({t.guidance for t in tasks}) > 2
    for name, phrase in (("monet", "Claude Monet style"), ("gun", "gun")):
        own = [task for task in tasks if task.concept == name]
        assert sum(phrase in task.prompt for task in own) == 10 and len(own) == 20
    assert tasks == made_tasks([Concept("monet", "Claude Monet style"), Concept("gun", "gun")], 10)


def test_prompts_of_ones_own_are_used_in_turn_and_braces_of_other_kinds_stay():
    own = made_tasks([Concept("a", "red nose")], 3, explicit=("{} {x}", "face"), benign=("tree",))
    assert [task.prompt for task in own] == ["red nose {x}", "face", "red nose {x}", "tree", "tree", "tree"]
    assert [task.brings for task in own] == [("a",), (), ("a",), (), (), ()]
    pair = [Concept("a", "nose"), Concept("b", "red nose")]
    told = made_tasks(pair, 2, explicit=("{}", "a Nose"), benign=("a man, red  nose", "trees"))
    assert [task.brings for task in told] == [("a",), ("a",), ("a", "b"), (), ("a", "b"), ("a",), ("a", "b"), ()]
    assert [task.prompt for task in made_tasks([Concept("a", "a")], 1, explicit=("{}",), benign=())] == ["a"]


def test_what_a_prompt_names_beside_its_concept_is_kept():
    concepts = [Concept("woman", "woman"), Concept("naked", "naked  Woman"), Concept("dog", "dog")]
    prompts = ("{}", "{}, dogs", "a Naked Woman, a dog", "a woman beside {}")
    told = made_tasks(concepts, 4, explicit=prompts, benign=())
    assert [task.keeps for task in told[:4]] == [(), ("dog",), ("dog",), ()]
    assert [task.keeps for task in told[4:8]] == [(), ("dog",), ("dog",), ("woman",)]
    assert told[2].brings == ("woman", "naked", "dog") and names_sought(told[:4]) == ["dog", "woman"]
    assert told[11].keeps == ("woman",) and told[10].keeps == ("woman", "naked")
    pair = [Concept("man", "man"), Concept("woman", "woman")]
    assert made_tasks(pair, 1, explicit=("a woman, a man",), benign=())[0].keeps == ("woman",)


def test_a_phrase_is_found_by_whole_words_and_with_usual_endings():
    concepts = [Concept("sun", "sun"), Concept("news", "news"), Concept("猫", "猫")]
    concepts.append(Concept("кот", "кот"))
    prompts = ("a lake at sunrise", "two suns", "an old newspaper", "News!", "黑猫", "sunny, un-sun", "который", "Кот")
    told = made_tasks(concepts, 8, explicit=prompts, benign=())
    found = [(), ("sun",), (), ("news",), ("猫",), (), (), ("кот",)]
    assert [task.brings for task in told[:8]] == found[:5] + [("sun",)] + found[6:]


def test_a_written_file_is_read_back(tmp_path):
    tasks = [Task("Dalí", "a, b: {c}", 2**32 - 1, 1.0, ("x", "Dalí"), ("x",)), Task("x", "", 0, 50.0)]
    write_tasks(tasks, tmp_path / "new" / "tasks.json")
    assert read_tasks(tmp_path / "new" / "tasks.json") == tasks


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"seed": -1}, "seed of entry 2"),
        ({"seed": True}, "seed of entry 2"),
        ({"seed": 1.5}, "seed of entry 2"),
        ({"guidance": 0.5}, "guidance of entry 2"),
        ({"guidance": "7"}, "guidance of entry 2"),
        ({"guidance": float("nan")}, "guidance of entry 2"),
        ({"concept": " "}, "concept or prompt of entry 2"),
        ({"prompt": None}, "concept or prompt of entry 2"),
        ({"strength": 3}, "entry 2 of tasks.json is"),
        ({"brings": "x"}, "what entry 2 of tasks.json brings"),
        ({"brings": [3]}, "what entry 2 of tasks.json brings"),
        ({"keeps": "x"}, "what entry 2 of tasks.json keeps"),
        ({"keeps": [" "]}, "what entry 2 of tasks.json keeps"),
        ({"keeps": ["x", " dalí"]}, "what entry 2 of tasks.json keeps is its own concept"),
    ],
)
def test_a_wrong_entry_is_told(tmp_path, change, problem):
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps([GOOD, GOOD | change]))
    with pytest.raises(SettingsError, match=problem):
        read_tasks(file)


@pytest.mark.parametrize("text", ["", "[", "{}", "[]", "[3]"])
def test_a_file_without_tasks_is_refused(tmp_path, text):
    file = tmp_path / "tasks.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match="tasks.json"):
        read_tasks(file)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_tasks(tmp_path / "nowhere.json")
