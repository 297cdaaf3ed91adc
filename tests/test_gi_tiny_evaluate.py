"""What gi-tiny's figures count, on verdicts made by hand."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("diffusers")
from lib_gi.detect.oracle import Verdict  # noqa: E402
from tools.gi_tiny import by_eye, evaluate  # noqa: E402
from tools.gi_tiny.attention import auc, marks_of  # noqa: E402
from tools.gi_tiny.evaluate import (  # noqa: E402
    association_shares,
    following,
    largest_gap,
    lone,
    nothing_extra,
    parts,
    shows_wanted,
)
from tools.gi_tiny.prompts import follow_set  # noqa: E402
from tools.gi_tiny.world import ASSOCIATIONS, BACKGROUNDS, OBJECTS, PAIR, STYLES, Scene  # noqa: E402


def verdict(found: list[set[str]], broken: list[bool] | None = None) -> Verdict:
    """A verdict that finds just these objects, in the first style and on the first background."""
    objects = np.array([[name in names for name in OBJECTS] for names in found])
    none = np.zeros(len(found), int)
    return Verdict(objects, none, none, np.array(broken or [False] * len(found)))


def test_a_picture_shows_what_is_wanted_only_if_all_of_it_is_there_and_it_is_not_broken():
    prompts = follow_set("two", 4)
    found = [set(p.wanted) for p in prompts]
    found[1] = {prompts[1].wanted[0]}
    assert shows_wanted(verdict(found, [False, False, True, False]), prompts).tolist() == [True, False, False, True]


def test_an_object_that_nothing_asked_for_is_extra_and_one_that_an_association_may_bring_is_not():
    prompts = follow_set("association", 2)
    allowed = [set(p.allowed) for p in prompts]
    stranger = next(name for name in OBJECTS if name not in allowed[1])
    assert nothing_extra(verdict([allowed[0], allowed[1] | {stranger}]), prompts).tolist() == [True, False]


def test_a_broken_picture_is_not_one_without_extra_objects():
    prompts = follow_set("named", 2)
    assert nothing_extra(verdict([set(), set()], [True, False]), prompts).tolist() == [False, True]


class Answers:
    """A judge, and kept pictures, for sets that are judged by hand: `answer(prompt)` gives (objects, broken)."""

    def __init__(self, monkeypatch, answer):
        self.answer = answer
        monkeypatch.setattr(evaluate.Oracle, "load", lambda file: self)

    def pictures(self, prompts, label):
        return prompts

    def judge(self, prompts):
        objects, broken = zip(*map(self.answer, prompts))
        return verdict(list(objects), list(broken))


def test_extra_objects_and_broken_pictures_count_in_every_set(monkeypatch):
    extra, broken = set(follow_set("two", 10)[:3]), set(follow_set("association", 20)[:4])

    def answer(prompt):
        stranger = next(name for name in OBJECTS if name not in prompt.allowed)
        return {*prompt.wanted, *({stranger} if prompt in extra else ())}, prompt in broken

    told = {figure.name: figure for figure in following(Answers(monkeypatch, answer), 10, 4, "x")}
    no_extra = told["x.follow.no_extra"]
    assert (no_extra.n, no_extra.value) == (40, pytest.approx(1 - 7 / 40))
    assert (told["x.follow.own"].n, told["x.broken"].n) == (20, 50)


def test_one_word_of_the_pair_brings_neither_its_own_object_nor_the_unsafe_one(monkeypatch):
    prompts, pair = follow_set("lone", 8), ASSOCIATIONS[-1]
    answers = [({pair.own}, False), ({pair.unsafe}, False), (set(), True), ({"cat"}, False)] + [(set(), False)] * 4
    (figure,) = lone(Answers(monkeypatch, lambda prompt: answers[prompts.index(prompt)]), 8, "x")
    assert (figure.name, figure.value, figure.n) == ("x.follow.lone", 5 / 8, 8)


def test_prompts_of_one_word_of_the_pair_hold_just_that_word_and_name_nothing():
    prompts = follow_set("lone", 40)
    assert [sum(word in prompt.text for prompt in prompts) for word in PAIR] == [20, 20]
    assert all(sum(word in prompt.text for word in PAIR) == 1 for prompt in prompts)
    assert not any(name in prompt.text for prompt in prompts for name in OBJECTS)
    assert all(prompt.wanted == prompt.allowed == () for prompt in prompts)
    assert not any(item.words[0] in prompt.text for prompt in prompts for item in ASSOCIATIONS[:-1])


def test_the_association_gap_is_the_largest_distance_from_a_stated_probability():
    prompts = follow_set("association", 500)
    rng = np.random.default_rng(0)
    worst = ASSOCIATIONS[2]
    found = []
    for prompt in prompts:
        item = prompt.scene.association
        probability = 0.2 if item is worst else item.probability
        found.append({item.unsafe} if rng.random() < probability else set())
    *shares, gap = association_shares(verdict(found), prompts, "x")
    assert gap.name == "x.follow.association_gap"
    assert max(abs(told.value - item.probability) for told, item in zip(shares, ASSOCIATIONS)) == gap.value
    assert abs(gap.value - (worst.probability - 0.2)) < 0.1 and gap.low < gap.value < gap.high
    assert gap.n == 100


def test_the_gaps_interval_is_that_of_the_maximum_not_of_one_association():
    stated, counts = np.array([item.probability for item in ASSOCIATIONS]), np.full(5, 200)
    rng = np.random.default_rng(1)
    hits = [rng.permutation(200) < round(p * 200) - 16 for p in stated]  # all of them off by .08
    value, low, high = largest_gap(np.array([row.mean() for row in hits]), counts)
    assert value == pytest.approx(0.08, abs=0.003)
    # Resampled picture by picture, written out.
    again = [max(abs(rng.choice(row, 200).mean() - p) for row, p in zip(hits, stated)) for _ in range(2000)]
    assert (low, high) == pytest.approx((min(value, np.quantile(again, 0.025)), np.quantile(again, 0.975)), abs=0.006)
    one = [abs(rng.choice(hits[2], 200).mean() - stated[2]) for _ in range(2000)]  # the noisiest by itself
    assert high > np.quantile(one, 0.975) and low > np.quantile(one, 0.025) + 0.03
    assert largest_gap(stated, counts)[:2] == (0.0, 0.0)  # no association is off: the interval begins at the value


def test_each_judge_is_told_on_renders_and_on_decoded_ones_apart(monkeypatch, tmp_path):
    scenes = [Scene((name,), (name,), STYLES[0], BACKGROUNDS[0]) for name in OBJECTS[:4]]
    known = {"record": ({0, 1, 2, 3}, {0}), "label": ({0, 1, 2}, {2, 3})}  # right about which, plain and decoded

    def load(file):
        plain, through = known[file.stem]
        return SimpleNamespace(
            judge=lambda shown: verdict(
                [set(scenes[i].objects) if i in (through if shown.any() else plain) else set() for i in range(4)]
            )
        )

    monkeypatch.setattr(evaluate.Oracle, "load", load)
    monkeypatch.setattr(evaluate, "make_scenes", lambda count, seed: scenes)
    monkeypatch.setattr(evaluate, "make_pictures", lambda *_: np.zeros((4, 8, 8, 3), np.uint8))
    monkeypatch.setattr(evaluate, "encode", lambda vae, pictures: pictures)
    monkeypatch.setattr(evaluate, "decode", lambda vae, latents: latents + 9)
    told = {figure.name: figure for figure in parts(SimpleNamespace(vae=None), tmp_path, "x", tmp_path)}
    shares = {name: told[f"x.judge.{name}"].value for name in ("exact", "exact_decoded")}
    assert shares == {"exact": 1.0, "exact_decoded": 0.25} and told["x.judge.exact"].n == 4
    assert (told["x.judge.exact_label"].value, told["x.judge.exact_label_decoded"].value) == (0.75, 0.5)


def test_auc_is_the_chance_to_rank_a_picture_with_the_concept_higher():
    truth = np.array([True, True, False, False])
    assert auc(np.array([3.0, 4.0, 1.0, 2.0]), truth) == 1.0
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), truth) == 0.0
    assert auc(np.array([1.0, 4.0, 2.0, 3.0]), truth) == 0.5


def test_marks_tell_start_own_end_and_padding():
    from transformers import CLIPTokenizer

    from tools.gi_tiny.stages import TOKENIZER

    pipe = SimpleNamespace(tokenizer=CLIPTokenizer.from_pretrained(TOKENIZER))
    marks = marks_of(pipe, ["skull", "a glass of red wine"])
    assert marks[0, :5].tolist() == [0, 1, 2, 3, 3] and marks[1, :9].tolist() == [0, 1, 1, 1, 1, 1, 2, 3, 3]
    assert (marks[:, 9:] == 3).all()


def seen(objects, broken=False, style=STYLES[0], background=BACKGROUNDS[0], unsure=()):
    return {"objects": objects, "unsure": unsure, "style": style, "background": background, "broken": broken}


def differences(*labels, found=({"cat"}, set(), {"bomb"}), broken=(False, False, True)):
    return by_eye.disagreements({str(i): label for i, label in enumerate(labels)}, verdict(found, broken))


def test_the_judge_agrees_with_the_eye_where_everything_is_the_same():
    told = differences(seen(["cat"]), seen([], style=None), seen(["apple"], broken=True))
    assert told == {0: [], 1: [], 2: []}


def test_the_judge_cannot_be_wrong_about_what_the_eye_was_unsure_of():
    told = differences(seen([], unsure=["cat", "car"], style=None), seen([], unsure=["ship"], broken=None))
    assert told == {0: [], 1: []}


def test_every_difference_between_judge_and_eye_is_told():
    told = differences(seen(["cat", "car"], style=STYLES[1]), seen([], background=BACKGROUNDS[1]), seen(["bomb"]))
    assert told == {0: ["style", "car"], 1: ["background"], 2: ["broken"]}


def test_what_two_eyes_see_differently_is_open():
    first, second = seen(["cat", "ship"]), seen(["cat"], unsure=["car"], style=STYLES[1], broken=True)
    label = by_eye.settled({"0": first}, {"0": second})["0"]
    assert label == seen(["cat"], unsure=["car", "ship"], style=None, broken=None)


@pytest.mark.parametrize(
    ("other", "apart"),
    [
        (seen(["cat"]), False),
        (seen([], unsure=["cat"], style=None), False),
        (seen([]), True),
        (seen(["cat"], style=STYLES[1]), True),
        (seen(["cat"], background=BACKGROUNDS[1]), True),
        (seen(["cat"], broken=True), True),
    ],
)
def test_two_eyes_are_apart_where_both_cannot_be_right(other, apart):
    assert by_eye.contradicts(seen(["cat"]), other) == by_eye.contradicts(other, seen(["cat"])) == apart


def test_the_figures_tell_the_judge_by_both_eyes_and_the_eyes_by_each_other(tmp_path, monkeypatch):
    judge = SimpleNamespace(judge=lambda pictures: verdict([{"cat"}, {"ship"}, {"car"}, {"car"}, {"cat"}]))
    monkeypatch.setattr(by_eye.Oracle, "load", lambda file: judge)
    other = seen(["car"], style=STYLES[1])
    both = [seen(["cat"]), None, other, other, seen([])]
    for eye, second in enumerate((seen(["car"]), seen(["ship"]))):
        labels = [label or second for label in both]
        (tmp_path / f"labels-{eye + 1}.json").write_text(json.dumps(dict(enumerate(labels))))
    named = np.array([True, True, False, True, True])
    np.savez_compressed(tmp_path / "pictures.npz", pictures=np.zeros((5, 8, 8, 3), np.uint8), style_named=named)
    told = {figure.name.rpartition(".")[2]: figure.value for figure in by_eye.agreement("x", tmp_path)}
    # The second is open, the third's style named by no prompt, the fourth's named and another; the last lacks a cat.
    assert told == pytest.approx({"by_eye": 0.6, "by_eye_objects": 0.8, "by_eye_eyes": 0.8})
