"""What a sweep leaves and the test uses: the choice of strengths, of the default, and the rows that it rests on."""

import inspect
import json
from pathlib import Path

import pytest

from benchmarks import choose, erase, validation
from benchmarks.methods import Setting
from lib_gi import growth_inhibitors
from lib_gi.settings import WEIGHTINGS, Settings
from tools.gi_tiny.world import UNSAFE


def row(strength, explicit_left, implicit_left, kept, method="plain", guidance=4.0, benign_same=1.0) -> dict:
    told = {"explicit_left": explicit_left, "implicit_left": implicit_left, "kept": kept, "benign_same": benign_same}
    shares = {name: {"value": share} for name, share in told.items()}
    return {"method": method, "strength": strength, "guidance": guidance, "shares": shares}


def test_the_weakest_strength_under_the_bar_is_chosen_whatever_it_keeps():
    rows = [row(4, 0, 0, 0.9), row(2, 0.05, 0.04, 0.5), row(1, 0.0, 0.06, 1.0)]
    picked = choose.chosen(rows)["plain"]
    assert picked["strength"] == 2 and picked["reached"]


def test_without_one_under_the_bar_erased_times_kept_decides():
    rows = [row(1, 0.5, 0.6, 1.0), row(2, 0.2, 0.1, 0.8), row(3, 0.1, 0.1, 0.5)]
    picked = choose.chosen(rows)["plain"]
    assert picked["strength"] == 2 and not picked["reached"]


def test_only_the_negative_prompt_may_choose_its_guidance_scale():
    rows = [row(1, 1, 1, 1, method, 4.0) for method in ("plain", "negative_prompt")]
    rows += [row(1, 0, 0, 1, method, 8.0) for method in ("plain", "negative_prompt")]
    picked = choose.chosen(rows)
    assert picked["plain"]["guidance"] == 4.0 and picked["negative_prompt"]["guidance"] == 8.0


@pytest.mark.parametrize("reaching, edge", [(1, True), (2, False), (3, True)])
def test_a_choice_says_when_it_lies_at_an_edge_of_what_was_tried(reaching, edge):
    rows = [row(strength, *([0.0] if strength >= reaching else [1.0]) * 2, 1.0) for strength in (1, 2, 3)]
    rows += [row(strength, 1, 1, 1, "sld") for strength in (0, 9)]  # other methods' strengths do not count
    picked = choose.chosen(rows)["plain"]
    assert picked["strength"] == reaching and picked["edge"] is edge


def test_an_edge_is_that_of_the_strengths_at_the_chosen_guidance_scale():
    rows = [row(s, 1, 1, 1, "negative_prompt", 4.0) for s in (1, 2, 3)]
    rows += [row(s, 0, 0, 1, "negative_prompt", 8.0) for s in (2, 3)]
    picked = choose.chosen(rows)["negative_prompt"]
    assert (picked["strength"], picked["guidance"], picked["edge"]) == (2, 8.0, True)


def test_the_winner_is_the_weighting_that_erases_keeps_and_spares_benign_pictures_most():
    rows = [
        row(1, 0.0, 0.04, 0.9, "plain", benign_same=0.5),  # .96 * .9 * .5 = .432
        row(2, 0.0, 0.0, 1.0, "limited", benign_same=0.3),  # .3
        row(1, 0.0, 0.0, 1.0, "contrast", benign_same=0.2),  # .2
        row(2, 0.4, 0.2, 0.8, "agreement", benign_same=1.0),  # .6 * .8 * 1 = .48
        row(3, 0.0, 0.0, 0.5, "projection", benign_same=0.9),  # 1 * .5 * .9 = .45
        row(9, 0.0, 0.0, 1.0, "sld", benign_same=1.0),  # no weighting
    ]
    best = choose.winner(choose.chosen(rows))
    assert (best["weighting"], best["strength"]) == ("agreement", 2)
    scores = {"plain": 0.432, "limited": 0.3, "contrast": 0.2, "agreement": 0.48, "projection": 0.45}
    assert best["scores"] == pytest.approx(scores)


def test_of_equal_weightings_the_first_wins_and_without_all_of_them_none_does():
    rows = [row(1, 0, 0, 1, method) for method in reversed(WEIGHTINGS)]
    assert choose.winner(choose.chosen(rows))["weighting"] == WEIGHTINGS[0]
    assert choose.winner(choose.chosen(rows[1:])) is None


def test_the_product_s_default_is_the_winner():
    best = json.loads((erase.SWEEPS / "chosen.json").read_text())["winner"]
    defaults = Settings.disabled()
    assert (defaults.weighting_with(), defaults.strength) == (best["weighting"], best["strength"])
    assert inspect.signature(growth_inhibitors).parameters["strength"].default == best["strength"]


# -- the rows that a choice rests on -----------------------------------------------------------------------

ABOUT = {"model": "m", "judge": "j", "steps": 20}


def kept(folder: Path, count=8, concepts=("skull",), **about) -> Path:
    """A validation.json with one row."""
    told = {**row(1, 0, 0, 1), "count": count, "by_concept": dict.fromkeys(concepts, {})}
    file = folder / "validation.json"
    file.write_text(json.dumps(ABOUT | about | {"rows": [told]}))
    return file


def test_rows_of_the_same_model_judge_steps_and_count_are_found_by_their_setting(tmp_path):
    assert list(validation.earlier(kept(tmp_path), ABOUT, 8)) == [("plain", 1, 4.0)]
    assert validation.earlier(tmp_path / "absent.json", ABOUT, 8) == {}


@pytest.mark.parametrize("name, other", [("model", "x"), ("judge", "x"), ("steps", 2), ("steps", None)])
def test_rows_of_another_model_judge_or_number_of_steps_count_no_more(tmp_path, capsys, name, other):
    assert validation.earlier(kept(tmp_path, **{name: other}), ABOUT, 8) == {}
    assert f"other {name}" in capsys.readouterr().out


@pytest.mark.parametrize("count", [7, 9])
def test_rows_of_another_count_are_neither_replaced_nor_chosen_from(tmp_path, count):
    with pytest.raises(SystemExit, match=f"rows of 8 prompts per concept and set, not {count}"):
        validation.earlier(kept(tmp_path), ABOUT, count)


@pytest.mark.parametrize(
    "concepts, stays",
    [(["skull"], True), (["skull", "beer"], False), (["beer", "skull", "noto"], False), (["noto", "anime"], True)],
)
def test_a_row_is_replaced_only_by_one_that_has_all_its_concepts(concepts, stays):
    assert validation.stays({"by_concept": {"skull": {}, "beer": {}}}, concepts) is stays


def test_only_rows_of_all_objects_can_be_compared():
    rows = [{"by_concept": dict.fromkeys(names)} for names in (UNSAFE, UNSAFE[1:], (*UNSAFE, "noto"))]
    assert validation.whole(rows) == [rows[0], rows[2]]


# -- the settings of a test --------------------------------------------------------------------------------


def keep_chosen(folder: Path) -> None:
    """A chosen.json with a strength of one method."""
    settings = {"plain": {"strength": 2.0, "guidance": 4.0}}
    (folder / "chosen.json").write_text(json.dumps(ABOUT | {"settings": settings}))


def test_a_test_takes_the_chosen_strengths_of_its_own_model_and_steps_only(tmp_path):
    keep_chosen(tmp_path)
    assert erase.frozen(tmp_path, ["plain"], "m", 20) == [Setting("plain", 2.0)]
    for wrong in ((["plain"], "m", 10), (["plain"], "x", 20), (["sld"], "m", 20)):
        with pytest.raises(SystemExit, match="run the sweep"):
            erase.frozen(tmp_path, *wrong)
    told = json.loads((tmp_path / "chosen.json").read_text())
    del told["steps"]
    (tmp_path / "chosen.json").write_text(json.dumps(told))
    with pytest.raises(SystemExit, match="None steps, not 20"):
        erase.frozen(tmp_path, ["plain"], "m", 20)


def test_unerased_pictures_of_an_unusual_guidance_scale_have_a_row_and_a_name_of_their_own():
    settings = [Setting("plain", 2.0), Setting("negative_prompt", 1.0, 8.0)]
    all_ = erase.with_baselines(settings, unerased=True)
    assert all_ == [Setting("none", 0.0), Setting("none", 0.0, 8.0), *settings]
    assert [erase.label(setting) for setting in all_] == ["none", "none_cfg8", "plain", "negative_prompt"]
    assert erase.with_baselines(settings[:1], unerased=False) == settings[:1]
