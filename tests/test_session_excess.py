"""The excess: how much more a layer's answer agrees with a concept than it would under an empty prompt."""

import pytest
import torch
from test_session_adapter import LAYERS, inferred, some_adapter
from test_session_adapter import run as run_pass
from tiny_unet import GUIDED, HEADS, UNet, concept, inputs, run

from lib_gi import inhibitor
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


def test_the_excess_is_the_agreement_less_that_of_attention_to_the_empty_prompt(unet):
    x, context = inputs(4)
    empty = inputs(1, 9)[1] * 2
    found = features_of(unet, empty, (x, context))
    layer = unet.down_blocks[0].attn2
    q, K, V = (
        inhibitor.split_heads(y, HEADS)
        for y in (layer.to_q(unet.down_blocks[0].attn1(x)), layer.to_k(empty), layer.to_v(empty))
    )
    h = (q @ K.mT / (q.shape[-1]) ** 0.5).softmax(-1) @ V
    V_star = inhibitor.split_heads(layer.to_v(concept("b", 3, 0.0, seed=6).c_star), HEADS)[:, :, 1:4]
    cosines = torch.nn.functional.cosine_similarity(h[..., None, :], V_star[:, :, None], dim=-1).clamp_min(0)
    unprompted = cosines.mean((1, 2))[2:]  # (images, tokens)
    torch.testing.assert_close(found["b"].excess[0, 0], found["b"].agreement[0, 0] - unprompted)
    assert found["a"].excess.shape == found["a"].agreement.shape == (1, 3, 2, 2)


def test_an_empty_prompt_has_no_excess_over_itself_whatever_the_concept(unet):
    x, context = inputs(4)
    empty = context[:1].expand(4, -1, -1)
    found = features_of(unet, empty[:1], (x, empty))
    for seen in found.values():
        torch.testing.assert_close(seen.excess, torch.zeros_like(seen.excess), atol=1e-6, rtol=0)
        assert float(seen.agreement.max()) > 0.01


def test_reading_it_changes_nothing_else_and_without_an_empty_prompt_there_is_none(unet):
    empty = inputs(1)[1]
    with_it, without = features_of(unet, empty), features_of(unet, None)
    assert without["a"].excess is None and list(without["a"].told()) == ["M_star", "agreement"]
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
