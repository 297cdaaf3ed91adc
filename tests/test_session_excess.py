"""What is read beside an empty prompt: how much more a layer's answer agrees with a concept, and with all of it."""

import pytest
import torch
from test_session_adapter import LAYERS, inferred, some_adapter
from test_session_adapter import run as run_pass
from tiny_unet import GUIDED, HEADS, UNet, concept, inputs, run

from lib_gi import inhibitor, layer_features
from lib_gi.adapter import Adapter, new_network
from lib_gi.errors import AdapterError
from lib_gi.session import Session


@pytest.fixture
def unet():
    return UNet()


def features_of(unet, empty, x=None, rows=GUIDED):
    """What the layers see of two concepts in one call without inhibitors."""
    two = [concept("a", 2, 0.0), concept("b", 3, 0.0, seed=6)]
    with Session(unet, two, record_features=True, empty=empty) as session:
        run(unet, session, rows, *(x or inputs(len(rows))))
        return session.features()


def test_excess_and_spread_are_what_their_symbols_say(unet):
    x, context = inputs(4)
    empty = inputs(1, 9)[1] * 2
    found = features_of(unet, empty, (x, context))
    layer, c_star = unet.down_blocks[0].attn2, concept("b", 3, 0.0, seed=6).c_star

    def split(y):
        return inhibitor.split_heads(y, HEADS)

    q = split(layer.to_q(unet.down_blocks[0].attn1(x)))
    V_star = split(layer.to_v(c_star))[:, :, 1:4]  # of its three tokens

    def attention(keys):
        return (q @ split(layer.to_k(keys)).mT / q.shape[-1] ** 0.5).softmax(-1)

    def cosines(of):
        h = attention(of) @ split(layer.to_v(of))
        return torch.nn.functional.cosine_similarity(h[..., None, :], V_star[:, :, None], dim=-1).clamp_min(0)

    excess = (cosines(context) - cosines(empty))[2:]  # (images, heads, positions, tokens)
    both = attention(c_star)[2:, ..., 1:4] * excess
    torch.testing.assert_close(found["b"].excess[0, 0], excess.mean((1, 2)))
    torch.testing.assert_close(found["b"].spread[0, 0], both.mean(1).std(1, correction=0))
    for values in (found["a"].excess, found["a"].spread, found["a"].alignment, found["a"].alignment_spread):
        assert values.shape == found["a"].agreement.shape == (1, 3, 2, 2)


def test_alignment_is_of_what_the_whole_concept_and_what_the_prompt_add_to_an_empty_one(unet):
    x, context = inputs(4)
    empty = inputs(1, 9)[1] * 2
    found = features_of(unet, empty, (x, context))
    layer = unet.down_blocks[0].attn2
    q = layer.to_q(unet.down_blocks[0].attn1(x))

    def output(of):
        q_, k, v = (inhibitor.split_heads(y, HEADS) for y in (q, layer.to_k(of), layer.to_v(of)))
        return inhibitor.merge_heads((q_ @ k.mT / q_.shape[-1] ** 0.5).softmax(-1) @ v)

    for name, c_star in (("a", concept("a", 2, 0.0).c_star), ("b", concept("b", 3, 0.0, seed=6).c_star)):
        added = output(context) - output(empty), output(c_star) - output(empty)
        cosines = torch.nn.functional.cosine_similarity(*added, dim=-1)[2:]  # (images, positions)
        for token in range(found[name].alignment.shape[3]):
            torch.testing.assert_close(found[name].alignment[0, 0, :, token], cosines.mean(1))
            torch.testing.assert_close(found[name].alignment_spread[0, 0, :, token], cosines.std(1, correction=0))


def test_a_prompt_that_is_the_concept_aligns_with_it_wholly_and_everywhere(unet):
    x, _ = inputs(4)
    c_star = concept("a", 2, 0.0).c_star
    found = features_of(unet, inputs(1, 9)[1] * 2, (x, c_star.expand(4, -1, -1)))["a"]
    torch.testing.assert_close(found.alignment, torch.ones_like(found.alignment))
    torch.testing.assert_close(found.alignment_spread, torch.zeros_like(found.alignment), atol=1e-5, rtol=0)


def test_what_grows_everywhere_alike_has_no_spread():
    even = torch.rand(2, 1, 3, 1, 4).expand(2, 1, 3, 5, 4)
    torch.testing.assert_close(layer_features.spread(even), torch.zeros(2, 1, 4))
    one = torch.zeros(1, 1, 1, 4, 1)
    one[..., 0, :] = 4.0
    torch.testing.assert_close(layer_features.spread(one), torch.full((1, 1, 1), 3.0**0.5))


def test_an_empty_prompt_has_no_excess_over_itself_whatever_the_concept(unet):
    x, context = inputs(4)
    empty = context[:1].expand(4, -1, -1)
    found = features_of(unet, empty[:1], (x, empty))
    for seen in found.values():
        for none in (seen.excess, seen.spread, seen.alignment, seen.alignment_spread):
            torch.testing.assert_close(none, torch.zeros_like(none), atol=1e-6, rtol=0)
        assert float(seen.agreement.max()) > 0.01


def test_reading_it_changes_nothing_else_and_without_an_empty_prompt_there_is_none(unet):
    empty = inputs(1)[1]
    with_it, without = features_of(unet, empty), features_of(unet, None)
    assert list(without["a"].told()) == ["M_star", "agreement"] and len(with_it["a"].told()) == 6
    for name in ("M_star", "agreement"):
        assert torch.equal(getattr(with_it["a"], name), getattr(without["a"], name))
    results = []
    for context in (None, empty):
        with Session(unet, [concept()], record_features=True, empty=context) as session:
            results.append(run(unet, session, GUIDED))
    assert torch.equal(*results)


def test_a_change_of_the_layers_between_passes_is_seen(unet):
    empty = inputs(1)[1] * 2
    with Session(unet, [concept(strength=0.0)], record_features=True, empty=empty) as session:
        run_pass(unet, session, 1)
        before = session.features()["a"].excess
        with torch.no_grad():
            unet.mid_block.attn2.to_k.weight.mul_(3)  # as a LoRA does
        run_pass(unet, session, 1)
        after = session.features()["a"].excess
    assert torch.equal(before[:, 0], after[:, 0]) and not torch.equal(before[:, 1], after[:, 1])


def test_an_adapter_infers_by_it_and_refuses_a_host_that_tells_of_no_empty_prompt(unet):
    torch.manual_seed(4)
    network = new_network(len(LAYERS))
    network[-1].bias.data.fill_(-1.0)
    adapter = Adapter(LAYERS, "excess", network, torch.zeros(3), torch.full((3,), 0.3), -9.0, 0.0)
    empty = inputs(1)[1] * 2
    with Session(unet, [inferred()], adapter=adapter, empty=empty) as session:
        run_pass(unet, session)
    with Session(unet, [concept(strength=0.0)], record_features=True, empty=empty) as reading:
        run_pass(unet, reading, 1)
    expected = adapter.w(reading.features()["a"])
    torch.testing.assert_close(session.inferred["a"], expected)
    assert len(set(expected.flatten().tolist())) == 4
    with pytest.raises(AdapterError, match="empty one"), Session(unet, [inferred()], adapter=adapter) as session:
        run_pass(unet, session)
    with Session(unet, [inferred()], adapter=some_adapter()) as session:  # which does not need it
        run_pass(unet, session)
