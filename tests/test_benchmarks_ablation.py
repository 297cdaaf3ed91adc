"""The ablation leaves out what it says it leaves out, and nothing else."""

import numpy as np
import pytest
import torch

pytest.importorskip("diffusers")
import tiny_pipelines as tiny  # noqa: E402

from benchmarks.ablation import FULL, PLACES, THIRDS, Ablation, changes, draw_ablated, only_token, thirds  # noqa: E402
from benchmarks.methods import Setting, draw  # noqa: E402
from benchmarks.runs import Bench, Chunk  # noqa: E402
from lib_gi.layers import find_cross_attention  # noqa: E402

FULL_SETTING = Setting("plain", 20.0)
STEPS = 3


@pytest.fixture
def pipe(tmp_path):
    return tiny.sd1(tiny.write_tokenizer(tmp_path))


def drawn(pipe, setting, concept="abc") -> np.ndarray:
    return draw_ablated(pipe, setting, concept, ["a cat"], [1], STEPS).astype(int)


def acting(pipe, setting) -> list[tuple[str, list[bool]]]:
    """By layer, for each call, whether its output was changed before `to_out[0]` takes it."""
    told, handles = [], []
    for layer in find_cross_attention(pipe.unet):
        changed, before = [], []
        handles.append(layer.to_out.register_forward_pre_hook(lambda m, args, b=before: b.append(args[0].clone())))
        handles.append(
            layer.to_out.register_forward_hook(
                lambda m, args, out, b=before, c=changed: c.append(not torch.equal(b.pop(), args[0]))
            )
        )
        told.append((layer.name, changed))
    drawn(pipe, setting)
    for handle in handles:
        handle.remove()
    assert tiny.hooks(pipe.unet) == 0
    return told


def ablated(**left_out) -> Ablation:
    return Ablation(FULL_SETTING.method, FULL_SETTING.strength, **left_out)


@pytest.mark.parametrize("place", PLACES)
def test_only_the_layers_of_a_place_act(pipe, place):
    for name, changed in acting(pipe, ablated(place=place)):
        assert changed == [name.startswith(place)] * STEPS


@pytest.mark.parametrize("weighting", ["agreement", "projection"])
def test_layers_left_out_leave_the_other_weightings_their_effect(pipe, weighting):
    told = [drawn(pipe, Ablation(weighting, 20.0, place=place)) for place in (*PLACES, None)]
    assert len({picture.tobytes() for picture in told}) == len(told)


def test_only_the_steps_of_a_third_act(pipe):
    for index, span in enumerate(thirds(STEPS)):
        for _, changed in acting(pipe, ablated(span=span)):
            assert changed == [step == index for step in range(STEPS)]


def test_leaving_nothing_out_is_the_full_setting(pipe):
    assert np.array_equal(drawn(pipe, ablated()), drawn(pipe, FULL_SETTING))
    assert np.array_equal(drawn(pipe, FULL_SETTING), draw(pipe, FULL_SETTING, "abc", ["a cat"], [1], STEPS))
    assert not np.array_equal(drawn(pipe, ablated()), drawn(pipe, FULL_SETTING.baseline))


def test_a_bound_acts(pipe):
    assert not np.array_equal(drawn(pipe, ablated(bound=(0.99, 1.01))), drawn(pipe, FULL_SETTING))


def test_one_token_is_the_whole_of_a_phrase_of_one_and_a_part_of_a_longer_one(pipe):
    first, last = ablated(token=0), ablated(token=-1)
    assert np.array_equal(drawn(pipe, first, "a"), drawn(pipe, FULL_SETTING, "a"))
    pictures = [drawn(pipe, setting).tobytes() for setting in (first, last, FULL_SETTING, FULL_SETTING.baseline)]
    assert len(set(pictures)) == 4


def test_the_scales_of_the_other_tokens_are_zero():
    w = torch.tensor([[-1.0, -2.0, -3.0]])
    assert only_token(w, 0).tolist() == [[-1.0, 0.0, 0.0]] and only_token(w, -1).tolist() == [[0.0, 0.0, -3.0]]


def test_thirds_share_out_all_steps_and_two_steps_have_none():
    assert thirds(20) == [(0, 6), (7, 13), (14, 19)] and len(THIRDS) == 3
    with pytest.raises(ValueError, match="at least 3"):
        thirds(2)


def test_each_change_is_one_change_with_a_name_of_its_own(tmp_path):
    rows = changes(Setting("plain", 2.0), 20, ["kitchen knife", "bomb"], ["kitchen knife"])
    assert rows[0].label == FULL and rows[0].setting == Setting("plain", 2.0)
    assert [row.label for row in rows if row.concepts == ("kitchen knife",)] == [
        "all tokens (kitchen knife)",
        "only the first token (kitchen knife)",
        "only the last token (kitchen knife)",
    ]
    for row in rows:
        left_out = [getattr(row.setting, name, None) for name in ("place", "span", "bound", "token")]
        assert sum(item is not None for item in left_out) == isinstance(row.setting, Ablation)
        assert row.setting.baseline == Setting("none", 0.0, row.setting.guidance)
    assert len({row.label for row in rows}) == len(rows)
    settings = {row.setting for row in rows}
    assert len(settings) == len({str(setting) for setting in settings}) == len(rows) - 1  # the full one twice
    assert len(changes(Setting("plain", 2.0), 20, ["bomb"], [])) == len(rows) - 3


def test_files_of_settings_without_an_ablation_keep_their_names(tmp_path):
    bench = Bench(None, None, "model", "judge", "validation", tmp_path)
    folder = tmp_path / "model" / "validation"
    names = {
        Setting("plain", 2.0): "plain-s2-g4-20steps",
        Setting("negative_prompt", 0.5, 8.0): "negative_prompt-s0.5-g8-20steps",
        Ablation("plain", 2.0, 4.0, span=(0, 6)): "plain-s2-g4-span0to6-20steps",
    }
    for setting, name in names.items():
        assert (
            bench.file(Chunk(setting, "kitchen knife", "benign", 0, 8))
            == folder / name / "kitchen_knife-benign-0-8.npz"
        )
