"""How long an output may become (limited, bounds), and what contrast takes away, on the cases of `test_inhibitor`."""

from functools import partial

import torch
from test_inhibitor import HEADS, WIDTH, L, case, empty_of, run

from lib_gi import inhibitor as gi


def lengths(x):
    """Of each head's part at each position, (B, N, H)."""
    return x.unflatten(-1, (HEADS, WIDTH)).norm(dim=-1)


def test_limited_lets_no_part_grow_and_is_plain_where_none_would():
    h, q, K_star, V_star, spans, w = case(1, positions=50)
    for factor in (1, 200):
        scaled = [x * factor for x in w]
        plain, held = (run(h, q, K_star, V_star, spans, scaled, weighting) for weighting in ("plain", "limited"))
        longer = lengths(plain) > lengths(h)
        assert longer.any() and (factor == 200 or not longer.all())
        torch.testing.assert_close(lengths(held)[longer], lengths(h)[longer])
        plain, held = (x.unflatten(-1, (HEADS, WIDTH)) for x in (plain, held))
        assert torch.equal(held[~longer], plain[~longer])
        cosine = torch.nn.functional.cosine_similarity(plain, held, dim=-1)
        torch.testing.assert_close(cosine, torch.ones_like(cosine))  # only the length changes


def test_limited_leaves_a_part_of_length_zero_at_zero():
    h, q, K_star, V_star, spans, w = case(1)
    h[0, 0, :WIDTH] = 0
    Z = run(h, q, K_star, V_star, spans, w, "limited")
    assert not Z[0, 0, :WIDTH].any() and Z[0, 0, WIDTH:].any() and torch.isfinite(Z).all()


def test_limited_does_not_hide_what_is_too_long_to_be_told():
    h, q, K_star, V_star, spans, w = case(1)
    for dtype, factor in ((torch.float32, 1e25), (torch.float16, 1e5)):
        V = (V_star * factor).to(dtype)
        Z = run(h.to(dtype), q.to(dtype), K_star.to(dtype), V, spans, w, "limited")
        assert Z.isnan().any()  # which the layer refuses


def test_a_bound_comes_after_the_limit_and_may_lift_what_that_cut():
    h, q, K_star, V_star, spans, w = case(1, positions=50)
    strong = [x * 20 for x in w]
    held = run(h, q, K_star, V_star, spans, strong, "limited")
    assert ratio(h, held).min() < 0.9
    bound = run(h, q, K_star, V_star, spans, strong, "limited", (0.9, 3.0))
    torch.testing.assert_close(bound, gi.bounded(h, held, (0.9, 3.0)))
    assert ratio(h, bound).min() > 0.8999


def test_contrast_takes_nothing_where_the_concept_s_text_says_no_more_than_an_empty_one():
    h, q, K_star, V_star, spans, w = case(1)
    K_star, V_star = (x.clone() for x in empty_of(K_star))
    torch.testing.assert_close(run(h, q, K_star, V_star, spans, w, "contrast"), h, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(run(h, q, K_star, V_star, spans, w, "limited"), h, atol=0.01)


def test_contrast_of_an_output_that_is_the_concept_s_own_leaves_the_empty_prompt_s():
    h, q, K_star, V_star, spans, w = case(1)
    K_empty, V_empty = empty_of(K_star)
    growth_of = partial(gi.prepare, K_star, V_star, gi.spread_w([-torch.ones(1, 1)], spans, L), spans, "contrast")

    def attention(K, V):
        Q = gi.split_heads(q, HEADS)
        K, V = (x.expand(len(h), -1, -1, -1) for x in (K, V))
        return gi.merge_heads(gi.F.scaled_dot_product_attention(Q, K, V))

    for factor in (0.3, 4.0):  # shorter than the concept's own, and longer, where it is cut
        own, bare = attention(K_star, V_star), attention(K_empty, factor * V_empty)
        Z = gi.inhibit(own, q, growth_of(gi.Neutral(K_empty, factor * V_empty, torch.zeros(1, 1))), HEADS, "contrast")
        torch.testing.assert_close(Z, gi.limited(own, bare, HEADS), atol=1e-5, rtol=1e-4)


def ratio(h, Z):
    return Z.abs().sum(-1) / h.abs().sum(-1)


def test_bound_holds_every_position_between_low_and_high():
    h, q, K_star, V_star, spans, w = case(1, positions=50)
    wild = run(h, q, K_star, V_star, spans, [x * 200 for x in w], "plain")
    assert ratio(h, wild).max() > 3
    held = run(h, q, K_star, V_star, spans, [x * 200 for x in w], "plain", (0.5, 1.5))
    assert ratio(h, held).max() < 1.5001 and ratio(h, held).min() > 0.4999
    cosine = torch.nn.functional.cosine_similarity(held, wild, dim=-1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))  # only the length changes


def test_bound_lifts_what_is_too_small_and_leaves_zero_and_what_fits_alone():
    h = torch.ones(1, 4, 2)
    Z = torch.stack([h[0, 0] * x for x in (0.1, 0.0, 0.9, 3.0)])[None]
    held = gi.bounded(h, Z, (0.5, 2.0))
    torch.testing.assert_close(held[0, :, 0], torch.tensor([0.5, 0.0, 0.9, 2.0]))
    assert torch.equal(held[0, 2], Z[0, 2])
