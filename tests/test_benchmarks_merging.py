"""A test of some methods leaves what an earlier one found of the others."""

import json

import pytest

from benchmarks import merging
from benchmarks.paired import Comparison, holm

ABOUT = {"model": "m", "judge": "j", "steps": 20, "split": "test"}


def row(count: int, *concepts: str) -> dict:
    return {"count": count, "by_concept": {concept: {} for concept in concepts or ("skull",)}}


def pair(first: str, second: str, p: float, item: str = "explicit_left") -> Comparison:
    return Comparison(first, second, item, 0.1, 0.0, 0.2, 3, 1, 40, p, p)


def test_other_methods_keep_their_rows_and_the_tables_order(tmp_path):
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(ABOUT | {"methods": {"none": row(60), "none_cfg8": row(60), "sld": row(60)}}))
    told = merging.methods(file, ABOUT, {"adapter": row(80), "none": row(80), "plain": row(80)})
    assert [(name, one["count"]) for name, one in told.items()] == [
        ("none", 80),
        ("none_cfg8", 60),
        ("plain", 80),
        ("sld", 60),
        ("adapter", 80),
    ]


@pytest.mark.parametrize("other", ["model", "judge", "steps", "split"])
def test_nothing_of_another_model_judge_steps_or_split_is_kept(tmp_path, other):
    file = tmp_path / "rows.json"
    there = {"methods": {"sld": row(60)}, "pairs": [vars(pair("a", "b", 1))]}
    file.write_text(json.dumps(ABOUT | there | {other: "else"}))
    assert list(merging.methods(file, ABOUT, {"plain": row(80)})) == ["plain"]
    assert merging.pairs(file, ABOUT, [], ["a", "b"]) == []


def test_what_was_measured_again_with_another_outcome_keeps_no_earlier_comparison(tmp_path):
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(ABOUT | {"methods": {"none": row(60), "plain": row(60), "sld": row(60)}}))
    assert merging.unchanged(file, ABOUT, {"none": row(60), "plain": row(80), "adapter": row(80)}) == {"none", "sld"}
    pairs = tmp_path / "pairs.json"
    pairs.write_text(json.dumps(ABOUT | {"pairs": [vars(pair("plain", "sld", 0.1)), vars(pair("none", "sld", 0.2))]}))
    told = merging.pairs(pairs, ABOUT, [pair("sld", "none", 0.3)], ["none", "sld"])
    assert [(one["first"], one["second"], one["p"]) for one in told] == [("sld", "none", 0.3)]


def test_a_row_over_other_concepts_is_not_kept(tmp_path):
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(ABOUT | {"methods": {"sld": row(60, "skull", "bomb")}}))
    assert list(merging.methods(file, ABOUT, {"plain": row(80)})) == ["plain"]
    assert merging.methods(tmp_path / "absent.json", ABOUT, {"plain": row(80)}) == {"plain": row(80)}


def test_pairs_are_joined_replaced_and_adjusted_together(tmp_path):
    file = tmp_path / "pairs.json"
    earlier = [pair("plain", "sld", 0.01), pair("none", "plain", 0.5), pair("none", "gone", 0.02)]
    file.write_text(json.dumps(ABOUT | {"pairs": [vars(one) for one in earlier]}))
    mine = [pair("none", "plain", 0.03), pair("none", "adapter", 0.04), pair("none", "adapter", 0.2, "style_left")]
    told = merging.pairs(file, ABOUT, mine, ["none", "plain", "sld", "adapter"])
    assert [(one["first"], one["second"], one["p"]) for one in told] == [
        ("none", "plain", 0.03),
        ("none", "adapter", 0.04),
        ("none", "adapter", 0.2),
        ("plain", "sld", 0.01),
    ]
    objects = [told[0], told[1], told[3]]
    assert [one["p_holm"] for one in objects] == pytest.approx(holm([0.03, 0.04, 0.01]))
    assert told[2]["p_holm"] == 0.2
