"""The search for examples: resumed, shared out, and the same however it ran."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_pipelines import sd1, write_tokenizer

from lib_gi.features import Features
from lib_gi.training.diffusers import DiffusersPipeline
from lib_gi.training.labels import DRAWINGS
from lib_gi.training.sampling import PipelineSampler
from lib_gi.training.search import Drawn, Search, Task

TASKS = [Task(concept, f"prompt {seed}", seed, 4.0 + seed % 2) for concept in ("a", "b c") for seed in range(7)]


class Paint:
    """A picture's value is its strength; a concept of two words has two tokens. Counts what it draws."""

    def __init__(self):
        self.drawn = []

    def draw(self, tasks, strengths, beside=()):
        assert len({(task.concept, task.guidance) for task in tasks}) == 1
        self.drawn += [(task.concept, task.seed) for task in tasks]
        shown = np.stack([strengths, [task.seed for task in tasks]], 1)
        pictures = np.repeat(shown[:, None, None, :], 1, 1).astype(float)
        tokens = len(tasks[0].concept.split())
        values = torch.tensor([[[[float(task.seed)] * tokens for task in tasks]] * 3])  # (1, 3, n, T)
        seen = Features(values, -values, values / 2, values / 4, values / 8, values / 16)
        return Drawn(pictures, seen, {name: self.beside(values[..., :1] + 100, name) for name in beside})

    def beside(self, values, name):
        """What is seen of another concept: a hundred more, for each of its words."""
        values = values.expand(-1, -1, -1, len(name.split()))
        return Features(values, -values, values / 2, values / 4, values / 8, values / 16)


class Needs:
    """Seed 0 shows nothing, seed 6 is never erased, the others need their seed as strength.

    A tree is lost from seed 3 on where the strength is above 4.5; seed 4 shows none. A sun shines everywhere.
    """

    def found(self, pictures, concept):
        strengths, seeds = pictures[:, 0, 0, 0], pictures[:, 0, 0, 1]
        if concept == "sun":
            return np.full(len(pictures), True)
        if concept == "tree":
            return (seeds != 4) & ((strengths < 4.5) | (seeds < 3))
        return (seeds > 0) & ((strengths < seeds) | (seeds == 6))


ALL = 2 * (5 * DRAWINGS + 2 + 1)  # of each concept five are searched, seed 6 is given up, seed 0 shows nothing


def search(work, sampler=None, **kwargs):
    return Search(sampler or Paint(), Needs(), work, "model", strongest=8.0, chunk=3, **kwargs)


def test_examples_have_the_features_and_labels_of_their_own_picture(tmp_path):
    found = search(tmp_path)
    found.run(TASKS)
    examples = found.examples(TASKS)
    seeds = examples.M_star[:, 0]
    assert torch.equal(examples.agreement, -examples.M_star) and examples.M_star.shape == (6 + 12, 3)
    assert 6 not in seeds.tolist() and examples.w[seeds == 0].eq(0).all()
    for seed, w in zip(seeds.tolist(), examples.w.tolist()):
        assert -w >= seed and (seed == 0 or -w < seed + 1)
    per_picture = {int(p): seeds[examples.picture == p].unique().tolist() for p in examples.picture}
    assert all(len(values) == 1 for values in per_picture.values()) and len(per_picture) == 12


def test_what_is_not_found_in_a_picture_is_an_example_of_nothing_too(tmp_path):
    plain, found = search(tmp_path / "one"), search(tmp_path / "two", concepts=("a", "b c"))
    for one in (plain, found):
        one.run(TASKS)
    assert found.sampler.drawn == plain.sampler.drawn  # no picture more
    alone, both = plain.examples(TASKS), found.examples(TASKS)
    assert bool(alone.own.all())
    assert both.concept[both.own].tolist() == [0] * 6 + [1] * 12 and both.concept[both.beside].tolist() == [1, 1, 0]
    for name in ("M_star", "excess", "spread", "w", "picture"):
        assert torch.equal(getattr(both, name)[both.own], getattr(alone, name))
    # of the seven seeds seed 0 alone shows neither concept: two tokens of "b c" beside "a", and one of "a" beside it
    assert both.spread[both.beside][:, 0].tolist() == [25.0] * 3 and both.w[both.beside].tolist() == [0.0] * 3
    assert both.picture[both.beside].tolist() == [0, 0, 7]  # the first picture of each concept's seven


def test_a_prompt_that_is_known_to_bring_a_concept_is_no_example_of_its_absence(tmp_path):
    bringing = [replace(task, brings=("a",)) for task in TASKS]
    found = search(tmp_path, concepts=("a", "b c"))
    found.run(bringing)
    assert found.missing(found.parts(TASKS)) == []  # what is drawn does not depend on it
    before, after = found.examples(TASKS), found.examples(bringing)
    assert before.beside.sum() == 3 and before.grows.sum() == after.grows.sum() - 1
    rows = {name: (after.concept == number) & after.own for number, name in enumerate(("a", "b c"))}
    assert after.brings[rows["a"]].all() and not after.brings[~rows["a"]].any() and int(rows["a"].sum()) == 6
    assert after.concept[after.beside].tolist() == [1, 1]  # "a" is not absent beside "b c"
    assert after.w[after.brings].tolist().count(0.0) == 1 == int((after.brings & ~(after.w < 0)).sum())


def test_of_strengths_that_are_tried_in_turn_the_first_that_erases_is_the_label(tmp_path):
    found = search(tmp_path, tried=(2.0, 5.0))
    found.run(TASKS)
    examples = found.examples(TASKS)
    seeds = examples.M_star[:, 0]
    assert sorted(set(seeds.tolist())) == [0, 1, 2, 3, 4, 5]  # that which none erases has no label
    expected = torch.tensor([0.0, 2.0, 2.0, 5.0, 5.0, 5.0])
    assert torch.equal(-examples.w, expected[seeds.long()])
    # of each concept all seven without inhibitors, six at the first strength, and 3, 4, 5, 6 at the second
    assert len(found.sampler.drawn) == 2 * (7 + 6 + 4)
    assert search(tmp_path).missing(found.parts(TASKS)) == found.parts(TASKS)  # other labels than a bisection's


@pytest.mark.parametrize("tried, learnt", [((), [0, 1, 2, 3, 4]), ((2.0, 5.0), [0, 1, 2, 4])])
def test_a_strength_that_loses_what_is_to_be_kept_is_no_label(tmp_path, tried, learnt):
    keeping = [replace(task, keeps=("tree", "sun")) for task in TASKS]
    found = search(tmp_path, tried=tried)
    found.run(TASKS)
    assert found.missing(found.parts(keeping)) == found.parts(keeping)  # other labels
    found.run(keeping)
    before, after = found.examples(TASKS), found.examples(keeping)
    assert sorted(set(before.M_star[:, 0].tolist())) == [0, 1, 2, 3, 4, 5]
    assert sorted(set(after.M_star[:, 0].tolist())) == learnt
    kept = torch.isin(before.M_star[:, 0], after.M_star[:, 0])
    assert torch.equal(before.w[kept], after.w)
    some = [replace(task, keeps=("tree",) if task.seed == 5 else ("sun",) if task.seed == 3 else ()) for task in TASKS]
    found.run(some)
    assert sorted(set(found.examples(some).M_star[:, 0].tolist())) == [0, 1, 2, 3, 4]


def test_a_task_that_keeps_nothing_is_told_as_ever():
    assert Task("a", "b", 1, 4.0, ("c",)).told == {"concept": "a", "prompt": "b", "seed": 1, "guidance": 4.0}
    assert Task("a", "b", 1, 4.0, keeps=("c",)).told["keeps"] == ("c",)


def test_a_picture_is_looked_at_for_so_many_other_concepts_at_most(tmp_path):
    names = tuple(f"c{i}" for i in range(20))
    one = search(tmp_path, concepts=names)
    assert len(one.others("c3")) == 16 == len(set(one.others("c3")) - {"c3"})
    assert one.others("c3")[0] == "c4" and one.others("c19")[0] == "c0"
    assert {name for own in names for name in one.others(own)} == set(names)


def test_a_stopped_search_goes_on_and_a_finished_one_draws_nothing(tmp_path):
    class Stopped(Paint):
        def draw(self, tasks, strengths, beside=()):
            if len(self.drawn) > 40:
                raise KeyboardInterrupt
            return super().draw(tasks, strengths, beside)

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, Stopped()).run(TASKS)
    kept = list(tmp_path.glob("*.safetensors"))
    assert 0 < len(kept) < 6
    second = Paint()
    search(tmp_path, second).run(TASKS)
    assert 0 < len(second.drawn) < ALL
    third = Paint()
    search(tmp_path, third).run(TASKS)
    assert not third.drawn
    other = Paint()
    Search(other, Needs(), tmp_path, "another model", 8.0, 3).run(TASKS)
    assert len(other.drawn) == ALL


def test_two_processes_share_the_work_and_the_merge_is_the_same(tmp_path, monkeypatch):
    alone = search(tmp_path / "one")
    alone.run(TASKS)
    drawn = []
    for rank in (1, 0):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        part = search(tmp_path / "two")
        part.run(TASKS)
        drawn.append(set(part.sampler.drawn))
    assert drawn[0] and drawn[1] and not drawn[0] & drawn[1]
    one, two = alone.examples(TASKS), part.examples(TASKS)
    for name in ("M_star", "agreement", "w", "picture"):
        assert torch.equal(getattr(one, name), getattr(two, name))


def test_the_process_that_fits_waits_until_the_others_have_worked_off_their_shares(tmp_path, monkeypatch, capsys):
    waiting, looked = search(tmp_path), []

    def other(seconds):
        looked.append(seconds)
        part = waiting.missing(waiting.parts(TASKS))[0]
        search(tmp_path).label(part)

    monkeypatch.setattr("lib_gi.training.search.time.sleep", other)
    waiting.wait(TASKS)
    assert len(looked) == 6 and not waiting.missing(waiting.parts(TASKS))
    assert f"waiting for other processes' labels in {tmp_path}: 100%" in capsys.readouterr().err
    waiting.wait(TASKS)
    assert len(looked) == 6 and not capsys.readouterr().err


def test_what_is_missing_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        search(tmp_path).examples(TASKS)


def test_a_pipeline_draws_each_picture_with_its_own_strength(tmp_path):
    sampler = PipelineSampler(DiffusersPipeline(sd1(write_tokenizer(tmp_path)), steps=2))
    tasks = [Task("abc", "a cat", seed, 4.0) for seed in (1, 2)]
    off, features, _ = sampler.draw(tasks, np.zeros(2))
    on, same, _ = sampler.draw(tasks, np.array([0.0, 20.0]))
    assert np.array_equal(off[0], on[0]) and not np.array_equal(off[1], on[1])
    assert features.M_star.shape[2:] == (2, 3)
    assert torch.equal(features.M_star[:, :, 0], same.M_star[:, :, 0])
