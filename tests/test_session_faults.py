"""What a session must notice, so that no picture comes out as if a concept were suppressed."""

import pytest
import torch
from tiny_unet import GUIDED, UNet, concept, hooks, inputs, plainly, run
from torch import nn

from lib_gi.errors import (
    ContextWidthError,
    GrowthInhibitorError,
    LayerMissedError,
    NeverHitError,
    NonFiniteError,
    RowCountError,
    SettingsError,
    StepRangeError,
    UnsupportedModelError,
)
from lib_gi.rows import RowMap
from lib_gi.session import Session


@pytest.fixture()
def unet():
    return UNet()


def test_leaving_without_a_single_hit_is_an_error_unless_another_is_under_way(unet):
    with pytest.raises(NeverHitError, match="none was ever called"):
        with Session(unet, [concept()]):
            pass
    assert hooks(unet) == 0
    with pytest.raises(KeyError):
        with Session(unet, [concept()]):
            raise KeyError


@pytest.mark.parametrize("skipped", ["down", "mid", "up"])
def test_a_layer_left_out_of_a_later_call_stops_the_generation_from_within_the_forward(unet, skipped):
    with Session(unet, [concept()]) as session:
        session.begin_step(0, RowMap.all_conditional(4))
        with torch.no_grad():
            unet(*(x[:1] for x in inputs()))
            unet.skipped = (skipped,)
            with pytest.raises(LayerMissedError, match=skipped):
                for _ in range(3):
                    unet(*(x[:1] for x in inputs()))


def test_a_layer_left_out_is_noticed_by_end_call_at_once_and_by_the_hooks_if_that_is_swallowed(unet):
    unet.skipped = ("mid",)
    with Session(unet, [concept()]) as session:
        run(unet, session, GUIDED)
        with pytest.raises(LayerMissedError, match="mid_block"):
            session.end_call()
        with pytest.raises(LayerMissedError):
            unet(*inputs())


def test_a_fault_that_a_callback_swallowed_is_raised_on_leaving(unet):
    with pytest.raises(LayerMissedError):
        with Session(unet, [concept()]) as session:
            unet.skipped = ("up",)
            run(unet, session, GUIDED)
            with pytest.raises(LayerMissedError):
                session.end_call()


def test_a_new_pass_forgets_a_call_that_was_broken_off(unet):
    with Session(unet, [concept()]) as session:
        good = run(unet, session, GUIDED)
        boom = unet.mid_block.attn2.to_k.register_forward_pre_hook(lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(unet, session, GUIDED)
        boom.remove()
        session.begin_pass(1)
        assert torch.equal(run(unet, session, GUIDED), good)


def test_rows_that_do_not_add_up_are_refused_from_within_the_forward(unet):
    with pytest.raises(RowCountError, match="begin_step"):
        with Session(unet, [concept()]):
            unet(*inputs())
    with pytest.raises(RowCountError, match="announced"):
        with Session(unet, [concept()]) as session:
            run(unet, session, GUIDED, *inputs(5))
    with pytest.raises(RowCountError, match="3 images"):
        with Session(unet, [concept(images=2)]) as session:
            run(unet, session, RowMap.all_conditional(3))


def test_a_first_step_beyond_the_pass_is_refused_and_the_unet_stops_even_if_that_is_swallowed(unet):
    with Session(unet, [concept()], first_step=5) as session:
        with pytest.raises(StepRangeError, match="lower first_step"):
            session.begin_pass(5)
        with pytest.raises(StepRangeError):
            run(unet, session, GUIDED)


def test_a_last_step_beyond_the_pass_is_refused_unless_the_host_says_that_it_stands_for_the_end(unet):
    before = plainly(unet)
    with Session(unet, [concept()], last_step=5) as session:
        with pytest.raises(StepRangeError, match="leave last_step out"):
            session.begin_pass(5)
        with pytest.raises(StepRangeError):
            run(unet, session, GUIDED)
        session.begin_pass(5, open_end=True)
        assert not torch.equal(run(unet, session, GUIDED, step=4), before)
        for total in (6, None):
            session.begin_pass(total)


def test_numbers_that_are_not_finite_stop_the_generation(unet):
    with torch.no_grad():
        unet.mid_block.attn2.to_v.weight.mul_(1e38)
    with pytest.raises(NonFiniteError, match="mid_block.attn2"):
        with Session(unet, [concept(strength=1e6)], weighting="plain") as session:
            run(unet, session, GUIDED)


@pytest.mark.parametrize("spoilt", [lambda out: out / 0, lambda out: (out * float("nan"), out)])
def test_an_output_that_is_not_finite_stops_the_generation_once_something_has_acted(unet, spoilt):
    for last in (1, 2):
        with pytest.raises(NonFiniteError, match=f"in step {last}"):
            with Session(unet, [concept()], first_step=1, last_step=1) as session:
                for step in range(last + 1):
                    out = run(unet, session, GUIDED, step=step)
                    session.end_call(out)
                session.end_call(spoilt(out))


def test_an_output_that_is_not_finite_before_anything_has_acted_in_the_pass_is_left_alone(unet):
    with Session(unet, [concept()], first_step=1) as session:
        run(unet, session, GUIDED, step=1)
        session.begin_pass()
        session.end_call(run(unet, session, GUIDED, step=0) / 0)


def test_where_no_strength_acts_the_models_own_output_is_left_alone(unet):
    with Session(unet, [concept(strength=0.0)], record_features=True) as session:
        session.end_call(run(unet, session, GUIDED) / 0)


def test_a_positive_w_a_wrong_width_and_an_empty_span_are_refused_before_sampling(unet):
    with pytest.raises(SettingsError, match="expected w <= 0"):
        Session(unet, [concept(strength=-1.0)])
    with pytest.raises(ContextWidthError, match="7 numbers per token"):
        Session(unet, [concept(width=7)])
    with pytest.raises(ContextWidthError, match="span"):
        concept(tokens=0)
    with pytest.raises(SettingsError, match="weighting"):
        Session(unet, [concept()], weighting="gate")


def test_a_model_without_cross_attention_is_refused_before_sampling():
    with pytest.raises(UnsupportedModelError, match="SD3 and Flux"):
        Session(nn.Sequential(nn.Linear(2, 2)), [concept()])


def test_a_compiled_model_is_refused_by_name(unet):
    in_part = UNet()
    in_part.mid_block.compile()
    for compiled in (torch.compile(unet), in_part):
        with pytest.raises(UnsupportedModelError, match="torch.compile"):
            Session(compiled, [concept()])


def test_a_part_replaced_while_armed_stops_the_generation(unet):
    class Wrapper(nn.Module):
        def __init__(self, base):
            super().__init__()
            self.base = base

        def forward(self, x):
            return self.base(x)

    with pytest.raises(UnsupportedModelError, match="replaced while"):
        with Session(unet, [concept()]) as session:
            unet.mid_block.attn2.to_q = Wrapper(unet.mid_block.attn2.to_q)
            run(unet, session, GUIDED)


def test_every_error_of_ours_has_one_base():
    for kind in (LayerMissedError, NeverHitError, NonFiniteError, RowCountError, StepRangeError):
        assert issubclass(kind, GrowthInhibitorError)
