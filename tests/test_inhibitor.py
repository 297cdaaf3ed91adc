"""The tensor functions against the formulas written out with loops over single numbers."""

import itertools
import math

import pytest
import torch

from lib_gi import inhibitor as gi
from lib_gi import layer_features

L, HEADS, WIDTH = 77, 2, 4


def case(concepts=1, rows=2, positions=3, seed=0, spans=None, dtype=torch.float32):
    """h, q, K*, V*, spans and one w per image and token, all random."""
    torch.manual_seed(seed)
    spans = spans or [(1, 2 + i) for i in range(concepts)]
    h, q = torch.randn(2, rows, positions, HEADS * WIDTH)
    K_star, V_star = torch.randn(2, concepts, HEADS, L, WIDTH)
    w = [-3 * torch.rand(rows, e - s) for s, e in spans]
    return h.to(dtype), q.to(dtype), K_star.to(dtype), V_star.to(dtype), spans, w


def empty_of(K_star):
    """K and V of an empty prompt, random, each (1, H, L, d)."""
    K, V = torch.randn(2, 1, HEADS, L, WIDTH, generator=torch.Generator().manual_seed(99)).to(K_star.dtype)
    return K, V


def run(h, q, K_star, V_star, spans, w, weighting, bound=None):
    full = gi.spread_w(w, spans, L)
    neutral = gi.Neutral(*empty_of(K_star), torch.zeros(len(spans), 1))
    growth = gi.prepare(K_star, V_star, full, spans, weighting, neutral)
    return gi.inhibit(h, q, growth, HEADS, weighting, bound)


def dot(a, b):
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def attended(query, K, V):
    """What one query finds among the keys K, from V; lists of numbers."""
    grown = [math.exp(dot(query, key) / math.sqrt(WIDTH)) for key in K]
    return [sum(g * value[x] for g, value in zip(grown, V)) / sum(grown) for x in range(WIDTH)]


def written_out(h, q, K_star, V_star, spans, w, weighting):
    """Z, by loops over concepts, rows, heads, positions and tokens."""
    Z = h.clone().double()
    K_empty, V_empty = (x[0].tolist() for x in empty_of(K_star))
    for c, (s, e) in enumerate(spans):
        for b in range(h.shape[0]):
            for head in range(HEADS):
                part = slice(head * WIDTH, (head + 1) * WIDTH)
                K, V = K_star[c, head].tolist(), V_star[c, head].tolist()
                for n in range(h.shape[1]):
                    query, here = q[b, n, part].tolist(), h[b, n, part].tolist()
                    scale = w[c][b if len(w[c]) > 1 else 0]
                    if weighting == "contrast":
                        concept, empty = attended(query, K, V), attended(query, K_empty[head], V_empty[head])
                        for x in range(WIDTH):
                            Z[b, n, head * WIDTH + x] += float(scale.mean()) * (concept[x] - empty[x])
                        continue
                    grown = [math.exp(dot(query, key) / math.sqrt(WIDTH)) for key in K]
                    for i in range(s, e):
                        growth = float(scale[i - s]) * grown[i] / sum(grown)
                        if weighting == "agreement":
                            growth *= max(0.0, dot(here, V[i]) / math.sqrt(dot(here, here) * dot(V[i], V[i])))
                        if weighting == "projection":
                            growth *= max(0.0, dot(here, V[i]) / dot(V[i], V[i]))
                        for x in range(WIDTH):
                            Z[b, n, head * WIDTH + x] += growth * V[i][x]
    if weighting in ("limited", "contrast"):
        for b, n, head in itertools.product(range(h.shape[0]), range(h.shape[1]), range(HEADS)):
            part = slice(head * WIDTH, (head + 1) * WIDTH)
            length, most = (math.sqrt(dot(x[b, n, part], x[b, n, part])) for x in (Z, h))
            Z[b, n, part] *= min(1, most / length)
    return Z.float()


@pytest.mark.parametrize("weighting", gi.WEIGHTINGS)
@pytest.mark.parametrize("concepts", [1, 3])
def test_inhibit_is_the_formula_written_out(weighting, concepts):
    inputs = case(concepts)
    expected = written_out(*inputs, weighting)
    assert (expected - inputs[0]).abs().max() > 0.01  # otherwise nothing is compared
    torch.testing.assert_close(run(*inputs, weighting), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("weighting", gi.WEIGHTINGS)
def test_one_w_for_all_images_is_the_same_w_for_each(weighting):
    h, q, K_star, V_star, spans, w = case(2)
    shared = [x[:1] for x in w]
    each = [x[:1].expand(len(h), -1) for x in w]
    torch.testing.assert_close(
        run(h, q, K_star, V_star, spans, shared, weighting), run(h, q, K_star, V_star, spans, each, weighting)
    )


@pytest.mark.parametrize("weighting", ["agreement", "projection"])
def test_positions_in_blocks_are_those_all_at_once(weighting, monkeypatch):
    *args, spans, w = case(concepts=3, positions=50)
    sizes = []
    cat = torch.cat
    monkeypatch.setattr(gi.torch, "cat", lambda parts, dim: sizes.append(len(parts)) or cat(parts, dim))
    results = []
    for scores in (1, 2**40):
        monkeypatch.setattr(gi, "BLOCK", {"cpu": scores})
        results.append(run(*args, spans, w, weighting))
    assert sizes == [4, 1]  # sixteen positions at least
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(results[0], written_out(*args, spans, w, weighting), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weighting", gi.WEIGHTINGS)
@pytest.mark.parametrize("tokens", range(1, 21))
def test_phrases_of_1_to_20_tokens_follow_the_formula(weighting, tokens):
    inputs = case(1, rows=1, positions=2, seed=tokens, spans=[(1, 1 + tokens)])
    torch.testing.assert_close(run(*inputs, weighting), written_out(*inputs, weighting), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("weighting", ["plain", "agreement", "projection"])  # the others cut their sum
def test_concepts_add_up_and_do_not_share_a_softmax(weighting):
    h, q, K_star, V_star, spans, w = case(2, spans=[(1, 3), (1, 5)])
    alone = [
        run(h, q, K_star[i : i + 1], V_star[i : i + 1], spans[i : i + 1], w[i : i + 1], weighting) - h
        for i in range(2)
    ]
    both = run(h, q, K_star, V_star, spans, w, weighting) - h
    torch.testing.assert_close(both, alone[0] + alone[1], atol=1e-5, rtol=1e-4)


def test_plain_makes_one_attention_call_for_any_number_of_concepts(monkeypatch):
    calls = []
    original = gi.F.scaled_dot_product_attention
    monkeypatch.setattr(
        gi.F, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or original(*a, **k)
    )
    for concepts in (1, 5):
        calls.clear()
        run(*case(concepts), "plain")
        assert len(calls) == 1


def test_tokens_outside_the_span_count_in_the_softmax_and_add_nothing():
    h, q, K_star, V_star, spans, w = case(1)
    before = run(h, q, K_star, V_star, spans, w, "plain")
    V_other = V_star.clone()
    V_other[:, :, 2:] += 100
    assert torch.equal(run(h, q, K_star, V_other, spans, w, "plain"), before)
    K_other = K_star.clone()
    K_other[:, :, 40:] *= 2
    assert not torch.allclose(run(h, q, K_other, V_star, spans, w, "plain"), before, atol=1e-4)


@pytest.mark.parametrize("weighting", gi.WEIGHTINGS)
def test_w_of_zero_gives_h_back_bit_for_bit(weighting):
    h, q, K_star, V_star, spans, w = case(2)
    K_star[0, 0, 0, 0] = math.nan
    Z = run(h, q, K_star, V_star, spans, [0 * x for x in w], weighting, (0.5, 1.5))
    assert torch.equal(Z, h)


@pytest.mark.parametrize("weighting", gi.WEIGHTINGS)
def test_an_image_with_w_zero_stays_bit_for_bit_beside_one_that_changes(weighting):
    h, q, K_star, V_star, spans, w = case(2, rows=3)
    for x in w:
        x[1] = 0
    V_star[0, 0, 1, 0] = math.inf  # times w = 0 is NaN, which must not reach that image
    Z = run(h, q, K_star, V_star, spans, w, weighting, (0.5, 1.5))
    assert torch.equal(Z[1], h[1])
    assert not torch.equal(Z[0], h[0]) and not torch.equal(Z[2], h[2])


@pytest.mark.parametrize("weighting", gi.WEIGHTINGS)
def test_a_small_w_makes_a_small_change(weighting):
    h, q, K_star, V_star, spans, w = case()
    tiny, small = (run(h, q, K_star, V_star, spans, [x * by for x in w], weighting) - h for by in (1e-3, 4e-3))
    assert small.abs().max() > 1e-4
    torch.testing.assert_close(tiny * 4, small, atol=1e-5, rtol=2e-2)


def test_agreement_leaves_alone_what_points_away_from_the_concept():
    h, q, K_star, V_star, spans, w = case(1)
    V_star[0, :, 1] = -h[0, 0].view(HEADS, WIDTH)
    for weighting in ("agreement", "projection"):
        assert torch.equal(run(h, q, K_star, V_star, spans, w, weighting)[0, 0], h[0, 0])


@pytest.mark.parametrize("weighting", ["agreement", "projection"])
def test_vectors_of_length_zero_give_finite_numbers(weighting):
    h, q, K_star, V_star, spans, w = case(1)
    h[0, 0] = 0
    V_star[0, 0, 1] = 0
    assert torch.isfinite(run(h, q, K_star, V_star, spans, w, weighting)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("weighting", gi.WEIGHTINGS)
def test_half_precision_keeps_its_type_and_comes_close_to_fp32(dtype, weighting):
    half = case(2, dtype=dtype)
    Z = run(*half, weighting)
    whole = run(*[x.float() if torch.is_tensor(x) else x for x in half], weighting)
    assert Z.dtype == dtype
    torch.testing.assert_close(Z.float(), whole, atol=5e-2, rtol=5e-2)


def test_features_are_means_over_heads_and_positions_for_each_image_and_token():
    h, q, K_star, V_star, spans, w = case(2, rows=3, spans=[(1, 2), (1, 4)])
    growth = gi.prepare(K_star, V_star, gi.spread_w(w, spans, L), spans, "plain")
    M_star, a = layer_features.feature_maps(h, q, growth, HEADS)
    assert layer_features.mean(M_star).shape == layer_features.mean(a).shape == (2, 3, 3)
    scores = torch.einsum("bnhd,hld->bhnl", q.view(3, 3, HEADS, WIDTH), K_star[1]) / WIDTH**0.5
    torch.testing.assert_close(layer_features.mean(M_star)[1], scores.softmax(-1)[..., 1:4].mean((1, 2)))
    here = h.view(3, 3, HEADS, WIDTH).transpose(1, 2)[:, :, :, None]  # (B, H, N, 1, d)
    cosine = torch.nn.functional.cosine_similarity(here, V_star[1][None, :, None, 1:4], dim=-1)
    torch.testing.assert_close(layer_features.mean(a)[1], cosine.clamp_min(0).mean((1, 2)))


@pytest.mark.parametrize("bad", [[[0.1]], [[math.nan]], [[-math.inf]], [[-1.0, -1.0]], [-1.0]])
def test_a_w_that_is_positive_or_not_finite_or_misshapen_is_refused(bad):
    with pytest.raises(ValueError, match="expected"):
        gi.spread_w([torch.tensor(bad)], [(1, 2)], L)
