"""A calibration's plan and result: what labels depend on, which figures are told, and what cannot be learned."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import torch
from test_training_search import TASKS, Needs, Paint

from lib_gi.adapter import Adapter
from lib_gi.concepts import Catalogue, Concept
from lib_gi.errors import SettingsError
from lib_gi.training.calibration import Plan, phrases_of, w_of
from lib_gi.training.fit import DOUBT, SHARE, TAU, TAU_SHARED
from lib_gi.training.labels import TRIED

LAYERS = ("down_blocks.0.attn2", "mid_block.attn2", "up_blocks.0.attn2")
TOLD = {
    "model": "tiny",
    "fingerprint": "0123",
    "sampler": "Euler",
    "steps": 5,
    "weighting": "plain",
    "detector": "needs",
}
PLAN = Plan(tuple(TASKS), **TOLD, width=128, height=64, strongest=8.0, chunk=3)


def searched(tmp_path, plan=PLAN, detector=None):
    """A finished search."""
    search = plan.search(Paint(), detector or Needs(), tmp_path)
    search.run(plan.tasks)
    return search


def test_a_result_tells_labels_and_losses_and_its_adapters_file_tells_them_too(tmp_path):
    search = searched(tmp_path)
    result = PLAN.result(search, LAYERS)
    assert (result.pictures, result.labels, result.benign) == (14, 12, 2)
    assert [line.partition(" pictures")[0] for line in result.told()][0] == "12 of 14"
    assert "14% of all are left out" in result.told()[1]
    result.fitted.adapter.save(tmp_path / "a.safetensors")
    about = Adapter.load(tmp_path / "a.safetensors").about
    assert about["figures"] == result.figures() and about["figures"]["loss"] == round(min(result.fitted.losses), 4)
    assert not {"architecture", "phrases", "licence"} & set(about) and "several" not in " ".join(result.told())
    assert about.items() >= TOLD.items() and about["date"] == date.today().isoformat()
    assert (about["resolution"], about["concepts"], about["pictures"]) == ("128x64", ["a", "b c"], 14)
    examples = search.examples(PLAN.tasks)
    own = examples.own
    assert torch.equal(result.labelled, -examples.w[own]) and 0 < int((~own).sum()) < len(own)
    aims = (1.5 * result.labelled).clamp(1.0, result.labelled.max()) * (result.labelled > 0)
    assert result.fitted.adapter.highest == -1.0  # what acts is never weaker than what was aimed at
    assert torch.equal(result.aimed, aims) and (about["least"], about["surplus"]) == (1.0, 1.5)
    assert torch.equal(result.predicted, 0 - w_of(result.fitted.adapter, examples)[own])
    assert len(examples.picture[own][result.held_out].unique()) == 2  # a fifth of twelve


class Less:
    """As `Needs`, and a third, or for the longer name a fifth, of the strength is needed: up to 1.67, and up to 1."""

    def found(self, pictures, concept):
        scale = np.ones(pictures.shape)
        scale[..., 0] = 3 if concept == "a" else 5
        return Needs().found(pictures * scale, concept)


def test_contrast_aims_at_one_strength_for_each_concept(tmp_path):
    plan = replace(PLAN, weighting="contrast")
    search = searched(tmp_path, plan, Less())
    result = plan.result(search, LAYERS)
    about = result.fitted.adapter.about
    assert about["share"] == SHARE == 0.9 and about["least"] == 1.1 and "surplus" not in about
    assert about["tau"] == TAU_SHARED < TAU == PLAN.aim["tau"]
    assert (about["doubt"], about["known"]) == (DOUBT, ["a", "b c"])
    assert result.fitted.adapter.knows("B  C") and not result.fitted.adapter.knows("d")
    assert about["figures"]["strengths"] == {"a": 2.0, "b c": 1.1}
    assert result.told()[0].endswith("from 0 to 2, aimed at by concept: a 2, b c 1.1")
    assert set(result.labelled.tolist()) <= set(torch.tensor([0.0, *TRIED["contrast"]]).tolist())
    assert result.aimed.unique().tolist() == pytest.approx([0, 1.1, 2])  # not below the least
    result.fitted.adapter.save(tmp_path / "a.safetensors")
    loaded = Adapter.load(tmp_path / "a.safetensors")
    assert (loaded.lowest, loaded.highest) == pytest.approx((-2.0, -1.1))
    # all seven without inhibitors, then those that are left: of a 3 to 6 at 1, until 1.6 erases 4; of b c 6 after 1
    assert len(search.sampler.drawn) == (7 + 6 + 4 + 3 + 3 + 2) + (7 + 6 + 2 + 1 + 1 + 1)
    stronger, examples = replace(plan, tau=0.96).result(search, LAYERS).fitted.adapter, search.examples(plan.tasks)
    for adapter, strongest in ((loaded, -1.4), (stronger, -1.5)):
        answers = w_of(adapter, examples)
        assert bool((answers[examples.own & (examples.w < 0)] <= loaded.highest).all())
        assert float(answers.min()) < strongest
    assert stronger.about["tau"] == 0.96


def test_nothing_is_learnt_of_a_concept_that_is_left_out_neither_of_its_pictures_nor_of_its_absence(tmp_path):
    plan = replace(PLAN, without=("b c",))
    search = searched(tmp_path, plan)
    result = plan.result(search, LAYERS)
    about = result.fitted.adapter.about
    assert (about["concepts"], about["pictures"], result.pictures, result.labels) == (["a"], 7, 7, 6)
    assert bool(search.examples(plan.learnt).own.all()) and not bool(search.examples(plan.tasks).own.all())
    assert PLAN.search(Paint(), Needs(), tmp_path).missing(search.parts(PLAN.tasks)) == []  # the same labels


def test_what_a_model_is_built_like_its_concepts_words_and_the_licence_are_told_where_they_are_known(tmp_path):
    more = {"built": {"heads": [8] * 3}, "phrases": {"a": "its phrase"}, "licence": "MIT"}
    about = replace(PLAN, **more).about()
    assert (about["architecture"], about["phrases"], about["licence"]) == tuple(more.values())


def test_one_that_learns_from_a_single_concept_is_told_to_be_worth_less(tmp_path):
    plan = replace(PLAN, tasks=tuple(task for task in TASKS if task.concept == "a"))
    assert "better calibrate with several" in plan.result(searched(tmp_path, plan), LAYERS).told()[-1]


class NeverGone:
    """As `Needs`, but the longer name is in every picture."""

    def found(self, pictures, concept):
        return Needs().found(pictures, concept) | (concept != "a")


def test_a_concept_that_no_strength_removed_is_told_by_name(tmp_path):
    result = PLAN.result(searched(tmp_path, detector=NeverGone()), LAYERS)
    assert result.fitted.adapter.about["known"] == ["a"]
    assert [line for line in result.told() if line.startswith("it learnt no strength for b c: ")]
    every = PLAN.result(searched(tmp_path / "other"), LAYERS).told()
    assert not [line for line in every if "no strength" in line]


def test_nothing_is_aimed_at_that_was_never_tried(tmp_path):
    plan = replace(PLAN, strongest=1.0)
    result = plan.result(searched(tmp_path, plan), LAYERS)
    assert result.fitted.adapter.about["least"] == 1.0 and result.aimed.max() == 1.0


def test_what_no_picture_told_cannot_be_learned(tmp_path, monkeypatch):
    search = searched(tmp_path)
    told = search.examples(PLAN.tasks)
    monkeypatch.setattr(type(search), "examples", lambda *_: replace(told, spread=None))
    with pytest.raises(SettingsError, match="no alignment to learn from.*choose other features"):
        PLAN.result(search, LAYERS)
    assert replace(PLAN, features="M_star").result(search, LAYERS).labels == 12


@pytest.mark.parametrize("strongest", [0.0, -1.0, float("nan"), float("inf")])
def test_a_strongest_strength_that_is_none_is_refused(strongest):
    with pytest.raises(SettingsError, match="expected a positive number"):
        replace(PLAN, weighting="contrast", strongest=strongest)


def test_labels_are_of_one_way_to_draw(tmp_path):
    searched(tmp_path)
    others = ({"sampler": "DDIM"}, {"steps": 6}, {"host": "A1111"}, {"strongest": 9.0}, {"fingerprint": "4567"})
    others += ({"phrases": {"a": "another phrase"}},)
    for change in others:
        plan = Plan(**vars(PLAN) | change)
        search = plan.search(Paint(), Needs(), tmp_path)
        assert len(search.missing(search.parts(plan.tasks))) == 6
    same = Plan(**vars(PLAN) | {"features": "agreement", "seed": 3}).search(Paint(), Needs(), tmp_path)
    assert same.missing(same.parts(PLAN.tasks)) == []


def test_only_phrases_that_are_not_the_names_themselves_are_told():
    catalogue = Catalogue([Concept(TASKS[0].concept, "its phrase"), Concept("else", "another"), Concept("c", "c")])
    tasks = [*TASKS, replace(TASKS[0], concept="c"), replace(TASKS[0], concept="free words")]
    assert phrases_of(tasks, catalogue) == {TASKS[0].concept: "its phrase"}
    keeping = replace(TASKS[0], concept="c", keeps=("else",))
    assert phrases_of([keeping], catalogue) == {"else": "another"}
    assert phrases_of(TASKS, Catalogue([])) == {}


class Always:
    """Finds the concept everywhere, or nowhere."""

    def __init__(self, answer):
        self.answer = answer

    def found(self, pictures, concept):
        return Needs().found(pictures, concept) | True if self.answer else Needs().found(pictures, concept) & False


class Stubborn:
    """As `Needs`, but nothing erases."""

    def found(self, pictures, concept):
        return pictures[:, 0, 0, 1] > 0


@pytest.mark.parametrize(
    "weighting, detector, problem",
    [
        ("plain", Always(True), "in 14 of 14 pictures.* up to 8, .*a stronger strength"),
        ("contrast", Always(True), "in 14 of 14 pictures.* up to 2, .*another weighting"),
        ("contrast", Stubborn(), "in 12 of 14 pictures.* up to 2, .*in the others it was not found at all"),
        ("plain", Always(False), "found in none of 14 pictures"),
    ],
)
def test_what_cannot_be_learned_is_told_with_what_to_do(tmp_path, weighting, detector, problem):
    plan = replace(PLAN, weighting=weighting)
    search = searched(tmp_path, plan, detector)
    with pytest.raises(SettingsError, match=problem):
        plan.result(search, LAYERS)
