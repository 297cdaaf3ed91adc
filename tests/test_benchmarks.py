"""The erasure benchmark counts what it says it counts, and its rival methods are what their papers say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import erase, measure, paired, runs, timing
from benchmarks.measure import Outcome, items, pooled, summary
from lib_gi.detect.oracle import Verdict
from tools.gi_tiny.prompts import Prompt
from tools.gi_tiny.world import ASSOCIATIONS, OBJECTS, Scene

ROOT = Path(__file__).parents[1]
TEXTS, SEEDS = ["a skull and a cat", "a car in the snow", "pirate"], [11, 12, 13]


def verdict(*found, broken=None, style=None, background=None) -> Verdict:
    """A verdict on pictures that show these objects."""
    rows = np.array([[name in names for name in OBJECTS] for names in found])
    n = len(found)
    zeros = np.zeros(n, int)
    return Verdict(
        rows,
        zeros if style is None else np.array(style),
        zeros if background is None else np.array(background),
        np.zeros(n, bool) if broken is None else np.array(broken),
    )


def prompt(*named, association=None) -> Prompt:
    own = () if association is None else (association.own,)
    return Prompt("", 0, Scene(named + own, named, "noto", "grass", association))


def value(outcome: Outcome, name: str) -> tuple[float, int]:
    """A share and of how many."""
    told = summary(items(outcome))[name]
    return told["value"], told["n"]


# -- what is counted -------------------------------------------------------------------------------------


def explicit(**changes) -> Outcome:
    """Four pictures: erased, left, erased and the cat lost, broken; the last baseline lacks its apple."""
    prompts = [
        prompt("skull", "cat"),
        prompt("skull", "car"),
        prompt("cat", "skull"),
        prompt("skull", "apple"),
    ]
    broken = [False, False, False, True]
    told = {
        "verdict": verdict(("cat",), ("skull", "car"), (), (), broken=broken, style=[0, 0, 1, 0]),
        "baseline": verdict(("skull", "cat"), ("skull", "car"), ("skull", "cat"), ("skull",)),
        "psnr": np.zeros(4),
    }
    return Outcome("skull", "explicit", prompts, **{**told, **changes})


def test_a_broken_picture_counts_as_left_and_keeps_nothing():
    outcome = explicit()
    assert value(outcome, "explicit_left") == (0.5, 4)
    assert value(outcome, "broken") == (0.25, 4)
    all_broken = explicit(verdict=verdict((), (), (), (), broken=[True] * 4))
    assert value(all_broken, "explicit_left") == (1.0, 4)
    for name in ("kept", "other_kept", "style_kept", "background_kept"):
        assert value(all_broken, name)[0] == 0.0


def test_objects_count_as_kept_only_where_the_baseline_shows_them_and_the_concept_never():
    assert value(explicit(), "other_kept") == (pytest.approx(2 / 3), 3)
    assert value(explicit(), "kept") == (pytest.approx(2 / 3), 3)


def test_all_kept_is_one_value_a_picture_and_one_lost_object_loses_it():
    outcome = Outcome(
        "skull",
        "explicit",
        [prompt("cat", "car", "skull")] * 6,
        verdict(
            ("cat", "car"),
            ("cat",),
            ("cat",),
            ("cat", "car"),
            (),
            ("cat", "car"),
            broken=[False] * 3 + [True] + [False] * 2,
        ),
        verdict(
            *[("cat", "car", "skull")] * 2, ("cat",), ("cat",), ("skull",), ("cat", "car"), broken=[False] * 5 + [True]
        ),
        np.zeros(6),
    )
    told = items(outcome)
    assert told["all_kept"].tolist() == pytest.approx([1, 0, 1, 0, np.nan, np.nan], nan_ok=True)
    assert told["kept"].size == 6 * len(OBJECTS) and summary(told)["kept"] == pytest.approx(
        summary({"x": np.array([1, 1, 1, 0, 1, 0])})["x"]
    )


def test_style_and_background_are_compared_with_the_baseline():
    assert value(explicit(), "style_kept") == (pytest.approx(2 / 3), 3)  # the third picture shows nothing
    assert value(explicit(), "background_kept") == (0.75, 4)


def test_style_is_compared_only_where_both_pictures_show_an_object_and_a_broken_one_keeps_none():
    n = 5
    told = {
        "verdict": verdict(
            ("cat",), ("cat",), (), (), ("cat",), broken=[False] * 3 + [True, False], style=[1, 0] * 2 + [0]
        ),
        "baseline": verdict(("cat",), ("cat",), ("cat",), ("cat",), ()),
    }
    outcome = Outcome("skull", "explicit", [prompt("cat")] * n, **told, psnr=np.zeros(n))
    assert items(outcome)["style_kept"].tolist() == pytest.approx([0, 1, np.nan, 0, np.nan], nan_ok=True)
    assert items(outcome)["background_kept"].tolist() == [1, 1, 1, 0, 1]


def test_a_broken_baseline_is_no_measure_of_what_is_kept():
    before = verdict(("skull", "cat"), ("skull", "car"), ("skull", "cat"), (), broken=[True, False, False, False])
    assert value(explicit(baseline=before), "other_kept") == (0.5, 2)
    assert value(explicit(baseline=before), "background_kept")[1] == 3
    assert value(explicit(baseline=before), "style_kept")[1] == 1  # nor is one that shows no object, for the style


def test_implicit_left_is_of_all_prompts_and_of_shown_only_of_those_that_showed_it():
    pirate = ASSOCIATIONS[0]
    outcome = Outcome(
        "skull",
        "implicit",
        [prompt(association=pirate), prompt("cat", association=pirate), prompt(association=pirate)],
        verdict(("ship",), ("skull", "cat"), ()),
        verdict(("ship", "skull"), ("ship", "skull", "cat"), ("ship",)),
        np.zeros(3),
    )
    assert value(outcome, "implicit_left") == (pytest.approx(1 / 3), 3)
    assert value(outcome, "implicit_left_of_shown") == (0.5, 2)
    assert value(outcome, "own_kept") == (pytest.approx(1 / 3), 3)
    assert value(outcome, "other_kept") == (1.0, 1)
    assert value(outcome, "kept") == (0.5, 4)


def test_benign_pictures_are_compared_by_distance_and_by_what_they_show():
    outcome = Outcome(
        "skull",
        "benign",
        [prompt("cat")] * 3,
        verdict(("cat",), ("cat", "car"), ("cat",), broken=[False, False, True]),
        verdict(("cat",), ("cat",), ("cat",)),
        np.array([measure.SAME_DB, measure.SAME_DB - 0.01, 40.0]),
    )
    assert value(outcome, "benign_same") == (pytest.approx(2 / 3), 3)
    assert value(outcome, "benign_equal") == (pytest.approx(1 / 3), 3)
    assert value(outcome, "benign_kept") == (pytest.approx(2 / 3), 3)


def test_a_style_is_left_where_the_judge_says_so_and_its_items_do_not_mix_with_those_of_objects():
    told = {"verdict": verdict(("cat",), (), style=[0, 1]), "baseline": verdict(("cat",), ("cat",))}
    outcome = Outcome("noto", "explicit", [prompt("cat")] * 2, **told, psnr=np.zeros(2))
    assert value(outcome, "style_left") == (0.5, 2)
    assert value(outcome, "style_objects_kept") == (0.5, 2)
    assert not {"kept", "style_kept", "explicit_left", "broken"} & set(items(outcome))


def test_a_picture_without_any_object_does_not_show_the_style_unless_it_is_broken():
    told = {"verdict": verdict((), ("cat",), (), broken=[False, False, True]), "baseline": verdict(*[("cat",)] * 3)}
    outcome = Outcome("noto", "explicit", [prompt("cat")] * 3, **told, psnr=np.zeros(3))
    assert items(outcome)["style_left"].tolist() == [0, 1, 1]


def test_everything_that_is_counted_becomes_a_figure():
    told = {"verdict": verdict(("cat",)), "baseline": verdict(("cat",)), "psnr": np.zeros(1)}
    outcomes = [
        Outcome(concept, kind, [prompt(association=ASSOCIATIONS[0])], **told)
        for concept in ("skull", "noto")
        for kind in runs.kinds_of(concept)
    ]
    assert set(pooled(map(items, outcomes))) == set(erase.FIGURES)


def test_pooling_leaves_out_what_does_not_apply():
    both = pooled([{"a": np.array([1.0, np.nan])}, {"a": np.array([0.0]), "b": np.array([np.nan])}])
    assert summary(both)["a"]["value"] == 0.5 and summary(both)["a"]["n"] == 2
    assert "b" not in summary(both)


# -- comparisons and the choice --------------------------------------------------------------------------


def test_mcnemar_is_the_binomial_test_of_the_pairs_that_differ():
    a, b = np.array([1] * 8 + [0] * 2 + [1] * 20), np.array([0] * 8 + [1] * 2 + [1] * 20)
    only_a, only_b, p = paired.mcnemar(a, b)
    assert (only_a, only_b) == (8, 2)
    assert p == pytest.approx(2 * (1 + 10 + 45) / 2**10)  # 0.109375, both tails of ten throws
    assert paired.mcnemar(a, a) == (0, 0, 1.0)


def test_holm_multiplies_the_smallest_most_and_never_lets_the_order_turn():
    assert paired.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert paired.holm([0.9, 0.8]) == [1.0, 1.0]


def test_comparison_uses_only_items_that_apply_to_both():
    told = {"x": {"kept": np.array([1, 1, np.nan, 0.0])}, "y": {"kept": np.array([0, 1, 1, np.nan])}}
    [pair] = paired.compare(told, ["kept", "absent"])
    assert (pair.first, pair.second, pair.n, pair.only_first, pair.only_second) == ("x", "y", 2, 1, 0)
    assert pair.difference == 0.5 and pair.low <= 0.5 <= pair.high


def test_every_compared_item_has_one_value_a_picture():
    told = pooled(
        [items(explicit()), items(replace(explicit(), kind="benign")), items(replace(explicit(), concept="noto"))]
    )
    sizes = {name: told[name].size for name in erase.tables.PAIRED if name in told}
    assert set(sizes.values()) == {4} and len(sizes) == len(erase.tables.PAIRED) - 1  # no implicit prompts here


def test_methods_of_different_guidance_scales_are_not_compared():
    told = {name: {"broken": np.array([0.0, 1.0])} for name in ("x", "y", "z")}
    pairs = paired.compare(told, ["broken"], {"x": 4.0, "y": 8.0, "z": 4.0})
    assert [(pair.first, pair.second) for pair in pairs] == [("x", "z")]
    assert len(paired.compare(told, ["broken"])) == 3


def test_one_method_may_be_compared_with_each_other_alone():
    told = {name: {"broken": np.ones(20) * (name == "y")} for name in ("x", "y", "z")}
    pairs = paired.compare(told, ["broken"], mine="y")
    assert [(pair.first, pair.second, pair.difference) for pair in pairs] == [("y", "x", 1.0), ("y", "z", 1.0)]
    assert pairs[0].p == pytest.approx(2 * 0.5**20) and pairs[0].p_holm == pytest.approx(2 * pairs[0].p)


def test_a_ratio_of_times_is_the_median_of_rounds_and_says_how_many():
    figure = timing.ratio("erase.x.seconds_ratio", np.array([1.0, 1, 2, 1, 1]), np.array([2.0, 2, 4, 9, 2]))
    assert figure.value == 2.0 and figure.repeats == figure.n == 5 and figure.low == 2.0
