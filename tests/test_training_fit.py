"""Fitting an adapter: it learns what the features tell, errs to the strong side, and is zero where nothing grows."""

from dataclasses import replace

import pytest
import torch

from lib_gi.features import Features
from lib_gi.training.fit import (
    KEPT,
    MARGIN,
    NOISE,
    Examples,
    aims,
    concepts_aims,
    fit,
    held_out_rows,
    pinball,
    running_mean,
)

LAYERS = tuple(f"layer {index}" for index in range(6))


def some_examples(pictures=300, tokens=2, seed=0, noise=0.0) -> Examples:
    """A third shows nothing; in the rest the agreement of two layers tells the strength that is needed."""
    generator = torch.Generator().manual_seed(seed)
    rows = pictures * tokens
    M_star, agreement = torch.rand(2, rows, len(LAYERS), generator=generator)
    shown = (torch.arange(rows) // tokens) % 3 > 0
    agreement[~shown] *= 0.1
    agreement[shown, 2] += 0.5
    w = -(1 + 2 * agreement[:, 2] + agreement[:, 4]) * (1 + noise * torch.randn(rows, generator=generator))
    w = torch.where(shown, w.clamp_max(-0.1), torch.zeros(rows))
    return Examples(M_star, agreement, w, torch.arange(rows) // tokens, agreement - 0.3, M_star / 2, -agreement, M_star)


AIMS = {"share": {"share": 0.9}, "least": {"least": 2.0}}


def told(adapter, examples):
    """The adapter's answers to each row, (rows,)."""
    features = Features(**{name: x.T[None, :, :, None] for name, x in examples.told().items()})
    return adapter.w(features)[:, 0]


@pytest.mark.parametrize("kind", ["agreement", "both", "excess", "spread", "alignment"])
def test_the_strength_is_learnt_for_examples_never_seen(kind):
    """Without noise: one layer alone tells it here, of which noise hides much."""
    fitted = fit(some_examples(), LAYERS, kind, {"concepts": ["a"]}, surplus=1.0, noise=0.0)
    unseen = some_examples(seed=1)
    shown = unseen.w < 0
    answers = told(fitted.adapter, unseen)
    assert float((answers - unseen.w)[shown].abs().mean()) < 0.35
    assert float((answers[~shown] == 0).float().mean()) > 0.95 and bool((answers <= 0).all())
    assert fitted.losses[-1] < fitted.losses[0] / 2
    assert fitted.adapter.about == {"concepts": ["a"]} and fitted.adapter.layers == LAYERS


def test_features_that_tell_nothing_are_no_help():
    unseen = some_examples(seed=1)
    errors = {}
    for kind in ("M_star", "agreement"):
        adapter = fit(some_examples(), LAYERS, kind, surplus=1.0, noise=0.0).adapter
        errors[kind] = float((told(adapter, unseen) - unseen.w).abs().mean())
    assert errors["M_star"] > 3 * errors["agreement"]


def test_of_noisy_labels_most_are_reached():
    fitted = fit(some_examples(noise=0.3), LAYERS, "agreement", tau=0.85, surplus=1.0, noise=0.0)
    unseen = some_examples(seed=1, noise=0.3)
    shown = unseen.w < 0
    reached = (told(fitted.adapter, unseen) <= unseen.w)[shown].float().mean()
    assert 0.75 < float(reached) < 0.97


def test_noise_helps_where_many_layers_tell_the_same_by_few_pictures():
    """Thirty layers, each of which sees the strength dimly: without noise the network learns the pictures by heart."""

    def dim(pictures: int, seed: int) -> Examples:
        generator = torch.Generator().manual_seed(seed)
        w = -1 - 2 * torch.rand(pictures, generator=generator)
        agreement = -w[:, None] / 3 + 0.6 * torch.randn(pictures, 30, generator=generator)
        return Examples(torch.zeros_like(agreement), agreement, w, torch.arange(pictures))

    layers, unseen = tuple(f"layer {index}" for index in range(30)), dim(400, 1)
    errors = {}
    for noise in (0.0, 0.6):
        fitted = fit(dim(60, 0), layers, "agreement", tau=0.5, surplus=1.0, noise=noise)
        errors[noise] = float((told(fitted.adapter, unseen) - unseen.w).abs().mean())
    assert errors[0.6] < 0.9 * errors[0.0]


def test_the_range_is_that_of_the_labels():
    examples = some_examples()
    adapter = fit(examples, LAYERS, epochs=3).adapter
    assert adapter.lowest == float(examples.w.min()) and adapter.highest == 0
    far = Features(*(torch.full((1, len(LAYERS), 1, 1), size) for size in (1e6, -1e6)))
    assert adapter.lowest <= float(adapter.w(far)) <= 0


def test_the_same_seed_fits_the_same_adapter_and_leaves_torch_s_own_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one = fit(some_examples(30), LAYERS, epochs=3)
    assert torch.equal(torch.rand(1), expected)
    two, other = fit(some_examples(30), LAYERS, epochs=3), fit(some_examples(30), LAYERS, epochs=3, seed=1)
    assert one.losses == two.losses != other.losses
    weights = [fitted.adapter.network.state_dict() for fitted in (one, two)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_a_mean_of_few_weights_forgets_soon_and_one_of_many_keeps_most():
    old, new = torch.tensor(0.0), torch.tensor(1.0)
    assert float(running_mean(old, new, 1)) == pytest.approx(1 - 2 / 11)
    assert float(running_mean(old, new, 10**6)) == pytest.approx(1 - KEPT, rel=1e-3)


def test_few_examples_are_seen_more_often(monkeypatch):
    monkeypatch.setattr("lib_gi.training.fit.LEAST_STEPS", 500)
    assert len(fit(some_examples(30), LAYERS).losses) == 500  # one batch
    assert len(fit(some_examples(600), LAYERS).losses) == 200  # four
    assert len(fit(some_examples(30), LAYERS, epochs=3).losses) == 3


def test_a_feature_that_hardly_varies_is_not_lost_in_the_noise():
    examples = some_examples()
    small = replace(examples, agreement=examples.agreement * 1e-6)
    fitted = fit(small, LAYERS, "agreement", surplus=1.0)
    assert min(fitted.losses) < fitted.losses[0] / 2


def test_too_weak_costs_more_than_too_strong():
    target = torch.tensor([-2.0])
    once = torch.ones_like(target)
    assert float(pinball(target + 1, target, 0.8, once)) == pytest.approx(0.8)
    assert float(pinball(target - 1, target, 0.8, once)) == pytest.approx(0.2)
    uneven = torch.tensor([1 / 3, 1.0])  # the first of two rows counts a third, and only it errs
    assert float(pinball(torch.tensor([-1.0, -1.0]), torch.tensor([-2.0, -1.0]), 0.8, uneven)) == pytest.approx(0.2)


def test_the_aim_is_beyond_the_label_within_what_was_tried():
    w = torch.tensor([-1.0, -3.0, -5.0, 0.0])
    assert aims(w, least=2.0, surplus=1.5).tolist() == [-2.0, -4.5, -5.0, -2.0]
    assert aims(w, least=8.0).tolist() == [-8.0] * 4


def test_a_concept_s_aim_is_what_was_enough_for_most_of_its_pictures():
    w = torch.tensor([-1.0] * 9 + [-2.0, 0.0, -0.8, -0.8, 0.0])
    concept = torch.tensor([0] * 11 + [1] * 3)
    assert concepts_aims(w, concept, 0.9).tolist() == [-1.0] * 11 + w[11:13].tolist() + [float(w[11])]
    assert concepts_aims(w, concept, 0.95)[:11].tolist() == [-2.0] * 11
    assert concepts_aims(w * 0, concept, 0.9).tolist() == [0.0] * 14
    assert concepts_aims(w, concept, 0.9, least=0.9).tolist() == pytest.approx([-1.0] * 11 + [-0.9] * 3)
    assert concepts_aims(w * 0, concept, 0.9, least=0.9).tolist() == [0.0] * 14


def test_what_a_prompt_is_known_to_bring_is_aimed_at_where_it_was_not_found_too():
    w = torch.tensor([-1.0, 0.0, 0.0, 0.0, 0.0, -0.5])
    concept, brings = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([True, True, False, True, False, False])
    zeros = torch.zeros(6, len(LAYERS))
    examples = Examples(zeros, zeros, w, torch.arange(6), concept=concept, brings=brings)
    assert examples.grows.tolist() == [True, True, False, False, False, True]  # of concept 1 nothing was ever found
    assert replace(examples, brings=None).grows.tolist() == [True, False, False, False, False, True]
    assert replace(examples, concept=None).grows.tolist() == [True, True, False, True, False, True]
    sure = examples.sure()  # without the one that should bring what was found nowhere
    assert sure.picture.tolist() == [0, 1, 2, 4, 5] and sure.excess is None and sure.concept.tolist() == [0, 0, 0, 1, 2]
    assert replace(examples, brings=None).sure().picture.tolist() == list(range(6))
    told = {name: fit(sure, LAYERS, "both", epochs=1, **kind).target.tolist() for name, kind in AIMS.items()}
    assert told["share"] == [-1.0, -1.0, MARGIN, MARGIN, -0.5]
    assert told["least"] == [-2.0, -2.0, MARGIN, MARGIN, -2.0]


def test_a_share_needs_labels_and_their_concepts():
    examples = some_examples(3)
    concept = torch.zeros(len(examples.w))
    for lacking in (examples, replace(examples, concept=concept, w=examples.w * 0)):
        with pytest.raises(ValueError, match="tell their concept"):
            fit(lacking, LAYERS, share=0.9)
    with pytest.raises(ValueError, match="concept has 5 rows for 6 labels"):
        replace(examples, concept=concept[:5])


def test_concepts_that_read_differently_get_strengths_of_their_own():
    examples = some_examples()
    concept = (examples.agreement[:, 2] > 1).long()  # what the second layer tells stands for the concept
    examples = replace(examples, concept=concept, w=-(1.0 + concept) * (examples.w < 0))
    adapter = fit(examples, LAYERS, "agreement", share=0.95, tau=0.5, noise=0.0).adapter
    assert (adapter.lowest, adapter.highest) == (-2.0, -1.0)
    answers = told(adapter, examples)
    right = (answers - examples.w).abs() < 0.3
    assert float(right.float().mean()) > 0.9


@pytest.mark.parametrize("noise", [0.0, NOISE])
def test_where_anything_grows_the_answer_is_at_least_the_fixed_strength(noise):
    unseen = some_examples(seed=1)
    answers = told(fit(some_examples(), LAYERS, "agreement", least=3.0, noise=noise).adapter, unseen)
    shown = unseen.w < 0
    assert float((answers[shown] <= -2.5).float().mean()) > 0.95
    assert float((answers[~shown] == 0).float().mean()) > 0.95


def test_no_picture_is_in_both_parts():
    picture = torch.arange(40) // 4
    held = held_out_rows(picture, torch.Generator().manual_seed(0))
    assert 0 < int(held.sum()) == 8
    assert not set(picture[held].tolist()) & set(picture[~held].tolist())


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"w": torch.ones(4)}, "positive"),
        ({"w": torch.full((4,), float("nan"))}, "finite"),
        ({"M_star": torch.zeros(3, 6)}, "one row each"),
        ({"picture": torch.zeros(4)}, "of one picture"),
    ],
)
def test_bad_examples_are_refused(change, problem):
    values = {
        "M_star": torch.zeros(4, 6),
        "agreement": torch.zeros(4, 6),
        "w": torch.zeros(4),
        "picture": torch.arange(4),
    } | change
    with pytest.raises(ValueError, match=problem):
        fit(Examples(**values), LAYERS)
    with pytest.raises(ValueError, match="kind"):
        fit(some_examples(3), LAYERS, "pickle")
    for lacking, kind in (("excess", "excess"), ("excess", "spread"), ("spread", "spread")):
        with pytest.raises(ValueError, match=f"no {lacking}"):
            fit(replace(some_examples(3), **{lacking: None}), LAYERS, kind)
