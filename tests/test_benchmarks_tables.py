"""The tables and the caption of docs/erasure.md show what the files hold, each figure in one table."""

import json

from benchmarks import erase, tables

METHODS = {
    "none": {"strength": 0.0, "guidance": 4.0},
    "none_cfg7.5": {"strength": 0.0, "guidance": 7.5},
    "plain": {"strength": 2.0, "guidance": 4.0},
}


def test_a_row_shows_each_method_s_figures_and_leaves_out_what_is_not_measured(tmp_path):
    figure = {"value": 0.5, "low": 0.25, "high": 0.75}
    (tmp_path / "erase.none_cfg7.5.all_kept.json").write_text(json.dumps(figure))
    lines = tables.figure_table(tmp_path, METHODS, {"all_kept": "all", "kept": "some"}).splitlines()
    assert lines[0] == "| method | strength | CFG | all | some |"
    assert lines[2:] == [
        "| none | 0 | 4 |  |  |",
        "| none, CFG 7.5 | 0 | 7.5 | 0.50 (0.25 to 0.75) |  |",
        "| GIE, plain | 2 | 4 |  |  |",
    ]


def test_each_figure_stands_in_one_table():
    assert len(erase.FIGURES) == len(set(erase.FIGURES))
    assert set(tables.PAIRED) <= set(erase.FIGURES)


def test_pairs_with_unerased_pictures_of_any_scale_have_no_row():
    pair = {"item": "all_kept", "difference": 0.5, "low": 0.25, "high": 0.75, "p_holm": 0.0001}
    names = [("none", "plain"), ("none_cfg8", "negative_prompt"), ("plain", "sld")]
    lines = tables.pair_table([pair | {"first": a, "second": b} for a, b in names]).splitlines()
    assert "all wanted objects kept" in lines[0] and len(lines) == 3
    assert lines[2] == "| GIE, plain - SLD |  |  | +0.50 (+0.25 to +0.75), p < .001 |  |  |"


def test_the_caption_says_of_how_many_a_point_is_and_that_it_is_no_measurement():
    sizes = {"explicit_left": 40, "implicit_left": 30, "kept": 55, "benign_same": 20}
    rows = [{"shares": {name: {"n": n} for name, n in (sizes | {"kept": kept}).items()}} for kept in (55, 51)]
    text = tables.plot(rows)
    assert (
        "Validation prompts, judged by the labelling judge" in text and "the tables above are the measurement" in text
    )
    assert "40 explicit (left) and 30 implicit (right) prompts, up of 51 to 55 wanted objects" in text
    assert "20 benign prompts" in text
