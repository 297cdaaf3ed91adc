"""The benchmark of sizes: its ratios are those of the formula written out."""

from collections import defaultdict

import pytest
import torch

pytest.importorskip("diffusers")
import tiny_pipelines as tiny  # noqa: E402

from benchmarks.sizes import MEASURED, THIRDS, watched  # noqa: E402
from lib_gi.concepts import Concept  # noqa: E402
from lib_gi.hosts.diffusers import encode  # noqa: E402
from lib_gi.layers import find_cross_attention  # noqa: E402


def written_out(h, q, K, V, s, e, weighting):
    """The mean over heads and positions of |I . V*| / |M . V| for one row; h, q (H, N, d), K, V (H, L, d)."""
    ratios = []
    for head in range(h.shape[0]):
        for position in range(h.shape[1]):
            here, asks = h[head, position], q[head, position]
            M_star = torch.softmax(K[head] @ asks / len(asks) ** 0.5, dim=0)
            total = torch.zeros_like(here)
            for token in range(s, e):
                own = V[head, token]
                gate = {
                    "plain": 1.0,
                    "agreement": max(0.0, float(here @ own / (here.norm() * own.norm()))),
                    "projection": max(0.0, float(here @ own / (own @ own))),
                }[weighting]
                total += gate * M_star[token] * own
            ratios.append(float(total.norm() / here.norm()))
    return sum(ratios) / len(ratios)


@pytest.mark.parametrize("weighting", MEASURED)
def test_a_ratio_is_that_of_the_formula_written_out(tmp_path, weighting):
    pipe = tiny.sd1(tiny.write_tokenizer(tmp_path))
    concept = encode(pipe, Concept("knife", "knife"), None)
    layer = find_cross_attention(pipe.unet)[0]
    seen, ratios = {}, defaultdict(list)
    handles = [
        layer.to_q.register_forward_hook(lambda module, args, output: seen.update(q=output)),
        layer.to_out.register_forward_pre_hook(lambda module, args: seen.update(h=args[0])),
    ]
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(4, 4, 8, 8, generator=generator)
    context = torch.randn(4, 77, tiny.WIDTH, generator=generator)
    with torch.no_grad(), watched(pipe, concept, ratios):
        pipe.unet(sample, 10, context)
    for handle in handles:
        handle.remove()
    [told] = ratios[layer.name, weighting]
    K_star, V_star = layer.make_stars(concept.c_star)
    h, q = (x.view(4, x.shape[1], layer.heads, -1).transpose(1, 2) for x in (seen["h"], seen["q"]))
    for image, row in enumerate((2, 3)):  # the conditional rows
        expected = written_out(h[row], q[row], K_star[0], V_star[0], concept.s, concept.e, weighting)
        assert told[image].item() == pytest.approx(expected, rel=1e-4)


def test_nothing_is_left_in_the_layers_and_the_steps_are_in_three_parts(tmp_path):
    pipe = tiny.sd1(tiny.write_tokenizer(tmp_path))
    with watched(pipe, encode(pipe, Concept("knife", "knife"), None), {}):
        pass
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in pipe.unet.modules()) and len(THIRDS) == 3
