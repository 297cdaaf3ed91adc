"""A session on a small UNet: what it adds, and what it leaves behind."""

import pytest
import torch
from tiny_unet import CONTEXT, EMPTY, GUIDED, HEADS, WIDTH, UNet, concept, hooks, inputs, plainly, run

from lib_gi import inhibitor
from lib_gi.errors import ContextWidthError, SettingsError
from lib_gi.rows import RowMap
from lib_gi.session import Session

WEIGHTINGS = inhibitor.WEIGHTINGS


@pytest.fixture()
def unet():
    return UNet()


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("length", [77, 154])
def test_a_layer_gives_the_formula_on_what_reaches_it(unet, weighting, length):
    layer = unet.mid_block.attn2
    x, context = inputs(4, length)
    one = concept(tokens=3)
    seen = {}
    handles = [
        layer.to_q.register_forward_hook(lambda m, a, out: seen.update(q=out)),
        layer.to_out[0].register_forward_pre_hook(lambda m, a: seen.update(h=a[0])),
    ]
    with Session(unet, [one], weighting=weighting, empty=EMPTY) as session:
        handles.append(layer.to_out[0].register_forward_pre_hook(lambda m, a: seen.update(Z=a[0])))
        run(unet, session, GUIDED, x, context)
    for handle in handles:
        handle.remove()
    q, h = (inhibitor.split_heads(seen[key], HEADS)[2:] for key in "qh")
    K, V = (inhibitor.split_heads(to(one.c_star), HEADS) for to in (layer.to_k, layer.to_v))
    M_star = (q @ K.mT / (WIDTH // HEADS) ** 0.5).softmax(-1)
    K_empty, V_empty = (inhibitor.split_heads(to(EMPTY), HEADS) for to in (layer.to_k, layer.to_v))
    contrast = M_star @ V - (q @ K_empty.mT / (WIDTH // HEADS) ** 0.5).softmax(-1) @ V_empty
    growth, V = M_star[..., 1:4] * -4.0, V[:, :, 1:4]
    if weighting in ("agreement", "projection"):
        scale = (V**2).sum(-1)[:, :, None]
        if weighting == "agreement":
            scale = ((h**2).sum(-1, keepdim=True) * scale) ** 0.5
        growth = growth * ((h @ V.mT) / scale).clamp_min(0)
    Z = h + (-4.0 * contrast if weighting == "contrast" else growth @ V)
    if weighting in ("limited", "contrast"):
        Z = Z * (h.norm(dim=-1, keepdim=True) / Z.norm(dim=-1, keepdim=True)).clamp(max=1)
    expected = torch.cat([seen["h"][:2], inhibitor.merge_heads(Z)])
    assert (expected - seen["h"]).abs().max() > 0.01
    torch.testing.assert_close(seen["Z"], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize(
    "rows",
    [
        RowMap.guided(4),
        RowMap.guided(4, cond_first=True),
        RowMap.all_conditional(4),
        RowMap.edit(6),
        RowMap.grouped([2, 1], 2),
        RowMap((0, None, 1, None)),
    ],
)
def test_only_conditional_rows_change_and_the_others_stay_bit_for_bit(unet, rows, weighting):
    before = plainly(unet, len(rows))
    with Session(unet, [concept()], weighting=weighting, empty=EMPTY) as session:
        after = run(unet, session, rows)
    for row, image in enumerate(rows.images):
        assert torch.equal(before[row], after[row]) == (image is None), row


def test_a_call_without_conditional_rows_changes_nothing(unet):
    with Session(unet, [concept()]) as session:
        after = run(unet, session, RowMap((None, None)))
    assert torch.equal(after, plainly(unet, 2))


def test_each_image_has_its_own_scales_in_whatever_order_its_rows_come(unet):
    one = concept(images=2)
    one.w[1] = 0
    before = plainly(unet)
    with Session(unet, [one]) as session:
        after = run(unet, session, RowMap((1, 0, None, 1)))
    assert [torch.equal(before[r], after[r]) for r in range(4)] == [True, False, True, True]


def test_calls_that_split_a_step_get_the_same_as_one_joint_call(unet):
    one = concept(images=2)
    one.w[1] *= 0.5
    x, context = inputs()
    rows = RowMap.grouped([1, 1], 2)
    with Session(unet, [one]) as session:
        joint = run(unet, session, rows, x, context)
        session.begin_step(1, rows)
        with torch.no_grad():
            parts = [unet(x[part], context[part]) for part in (slice(0, 1), slice(1, 2), slice(2, 4))]
    torch.testing.assert_close(torch.cat(parts), joint)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_two_concepts_in_one_session_differ_from_either_alone(unet, weighting):
    results = []
    for chosen in ([concept()], [concept("b", 4, 2.0, seed=6)], [concept(), concept("b", 4, 2.0, seed=6)]):
        with Session(unet, chosen, weighting=weighting, empty=EMPTY) as session:
            results.append(run(unet, session, GUIDED))
    assert not torch.allclose(results[0], results[2]) and not torch.allclose(results[1], results[2])


def test_contrast_asks_for_an_empty_prompt_of_the_same_encoder(unet):
    with pytest.raises(SettingsError, match="expected the context of an empty prompt"):
        Session(unet, [concept()], weighting="contrast")
    with pytest.raises(ContextWidthError, match="expected the same shape"):
        Session(unet, [concept()], weighting="contrast", empty=EMPTY[:, :9])
    assert not Session(unet, [], weighting="contrast").armed


def test_nothing_is_hooked_without_a_concept_or_with_strength_zero(unet):
    for concepts in ([], [concept(strength=0.0)]):
        with Session(unet, concepts) as session:
            assert not session.armed and hooks(unet) == 0


def test_only_to_q_and_the_first_of_to_out_are_hooked_and_forward_is_never_assigned(unet):
    with Session(unet, [concept()]) as session:
        run(unet, session, GUIDED)
        for name, module in unet.named_modules():
            assert bool(module._forward_hooks) == name.endswith("attn2.to_q"), name
            assert bool(module._forward_pre_hooks) == name.endswith("attn2.to_out.0"), name
            assert "forward" not in vars(module)


def test_the_model_is_as_before_after_a_run_and_after_an_exception(unet):
    before = plainly(unet)
    with Session(unet, [concept()]) as session:
        assert not torch.equal(run(unet, session, GUIDED), before)
    assert hooks(unet) == 0 and torch.equal(plainly(unet), before)
    boom = unet.mid_block.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        with Session(unet, [concept()]) as session:
            run(unet, session, GUIDED)
    boom.remove()
    assert hooks(unet) == 0 and torch.equal(plainly(unet), before)


def test_a_session_entered_twice_acts_once_and_leaves_with_the_outer_one(unet):
    with Session(unet, [concept()]) as session:
        once = run(unet, session, GUIDED)
        with session:
            assert torch.equal(run(unet, session, GUIDED), once)
        assert hooks(unet) == 6 and torch.equal(run(unet, session, GUIDED), once)
    assert hooks(unet) == 0
    with session:
        assert torch.equal(run(unet, session, GUIDED), once) and session.calls == 1


def test_nested_sessions_both_act_and_each_keeps_its_own_state(unet):
    with Session(unet, [concept()], weighting="plain") as outer:
        alone = run(unet, outer, GUIDED)
        with Session(unet, [concept("b", seed=6)], weighting="plain") as inner:
            inner.begin_step(0, GUIDED)
            both = run(unet, outer, GUIDED)
            assert (outer.calls, inner.calls) == (2, 1)
        assert torch.equal(run(unet, outer, GUIDED), alone)
    with Session(unet, [concept(), concept("b", seed=6)], weighting="plain") as joint:
        torch.testing.assert_close(run(unet, joint, GUIDED), both)


def test_K_star_and_V_star_are_made_once_per_pass_by_calling_the_layers(unet):
    calls = []
    to_k = unet.mid_block.attn2.to_k
    counting = to_k.register_forward_hook(lambda m, args, out: calls.append(args[0].shape))
    star = torch.Size([1, 77, CONTEXT])
    with Session(unet, [concept()]) as session:
        assert star not in calls
        for passes in (1, 2):
            session.begin_pass(3)
            for step in range(3):
                run(unet, session, GUIDED, step=step)
            assert calls.count(star) == passes
        first = run(unet, session, GUIDED)
        with torch.no_grad():
            to_k.weight.mul_(-1)
        session.begin_pass(1)
        assert not torch.equal(run(unet, session, GUIDED), first)
    counting.remove()


def test_steps_before_the_first_and_after_the_last_stay_bit_for_bit(unet):
    before = plainly(unet)
    with Session(unet, [concept()], first_step=1, last_step=2) as session:
        session.begin_pass(5)
        same = [torch.equal(run(unet, session, GUIDED, step=step), before) for step in range(5)]
    assert same == [True, False, False, True, True]


def test_features_have_a_number_for_each_step_layer_image_and_token(unet):
    two = [concept("a", 2, 0.0), concept("b", 3, 0.0, seed=6)]
    before = plainly(unet, 5)
    with Session(unet, two, record_features=True) as session:
        session.begin_pass(2)
        for step in range(2):
            assert torch.equal(run(unet, session, RowMap.grouped([2, 1], 2), step=step), before)
        found = session.features()
    assert session.layer_names == ("down_blocks.0.attn2", "mid_block.attn2", "up_blocks.0.attn2")
    assert found["a"].M_star.shape == found["a"].agreement.shape == (2, 3, 2, 2)
    assert found["b"].M_star.shape == (2, 3, 2, 3)
    layer, x = unet.down_blocks[0].attn2, unet.down_blocks[0].attn1(inputs(5)[0])
    q = inhibitor.split_heads(layer.to_q(x), HEADS)
    K = inhibitor.split_heads(layer.to_k(two[1].c_star), HEADS)
    means = (q @ K.mT / 2).softmax(-1)[..., 1:4].mean((1, 2))  # (rows, tokens)
    expected = torch.stack([means[:2].mean(0), means[2]])
    torch.testing.assert_close(found["b"].M_star[1, 0], expected)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_recording_features_does_not_change_what_is_added(unet, weighting):
    results = []
    for record in (False, True):
        with Session(unet, [concept()], weighting=weighting, empty=EMPTY, record_features=record) as session:
            results.append(run(unet, session, GUIDED))
    assert torch.equal(*results) and list(session.features()) == ["a"]


def test_scales_can_be_set_between_steps(unet):
    before = plainly(unet)
    with Session(unet, [concept(strength=0.0)], record_features=True) as session:
        assert torch.equal(run(unet, session, GUIDED), before)
        session.set_w([torch.full((2, 2), -3.0)])
        changed = run(unet, session, GUIDED)
        assert not torch.equal(changed, before)
        with pytest.raises(SettingsError, match="expected w <= 0"):
            session.set_w([torch.full((1, 2), 3.0)])
    with Session(unet, [concept(strength=3.0)]) as session:
        torch.testing.assert_close(run(unet, session, GUIDED), changed)
    with Session(unet, [concept(strength=0.0)]) as session:
        with pytest.raises(SettingsError, match="record_features"):
            session.set_w([torch.full((1, 2), -3.0)])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_every_gradient_mode_gives_the_same(unet, mode):
    with Session(unet, [concept()]) as session, mode():
        session.begin_step(0, GUIDED)
        result = unet(*inputs())
    with Session(unet, [concept()]) as session:
        torch.testing.assert_close(run(unet, session, GUIDED), result.detach())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_half_precision_models_stay_in_their_type(unet, dtype, weighting):
    x, context = (y.to(dtype) for y in inputs())
    unet = unet.to(dtype)
    with Session(unet, [concept()], weighting=weighting, empty=EMPTY, bound=(0.2, 3.0)) as session:
        result = run(unet, session, GUIDED, x, context)
    assert result.dtype == dtype and torch.isfinite(result).all()
