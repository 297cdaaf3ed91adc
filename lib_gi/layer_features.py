"""What a layer shows of a concept, as functions from tensors to tensors: what an adapter reads.

Symbols and axes are those of `inhibitor.py`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from lib_gi.inhibitor import EPS, Growth, agreement, concept_maps, merge_heads, split_heads


def feature_maps(h: Tensor, q: Tensor, growth: Growth, heads: int) -> tuple[Tensor, Tensor]:
    """M* and a over the window, each (C, B, H, N, T) in fp32; h and q as for `inhibitor.inhibit`."""
    M_star = concept_maps(split_heads(q, heads), growth.K_star, growth.window)
    return M_star, agreement(split_heads(h, heads), growth.V_star)


def output_for(q: Tensor, K: Tensor, V: Tensor, heads: int) -> Tensor:
    """A(q; c), what the layer would give to these queries for one context c alone, (B, H, N, d).

    q: (B, N, H*d); K, V: (1, H, L, d).
    """
    Q = split_heads(q, heads)
    K, V = (part.to(Q.dtype).expand(Q.shape[0], -1, -1, -1) for part in (K, V))
    return F.scaled_dot_product_attention(Q, K, V)


def excess(a: Tensor, unprompted: Tensor, growth: Growth) -> Tensor:
    """The agreement a, (C, B, H, N, T), less that which the same queries would have under an empty prompt.

    unprompted: A(q; empty prompt). What a concept's V* has in common with any picture shows in it as it does in a, so
    that the difference tells what the prompt makes of it.
    """
    return a - agreement(unprompted, growth.V_star)


def alignment(h: Tensor, q: Tensor, unprompted: Tensor, stars: tuple[Tensor, Tensor], heads: int) -> Tensor:
    """The cosine between what a concept's text and what the prompt adds to an empty prompt, in fp32 (C, B, N).

    A(q; c*) - A(q; empty prompt) beside h - A(q; empty prompt), each over all heads: the concept as a whole, where
    `excess` tells of each of its words. stars: K*, V*, each (C, H, L, d); other arguments as above.
    """
    added = (h - merge_heads(unprompted)).float()  # (B, N, H*d)
    told = []
    for K, V in zip(*stars, strict=True):  # one by one: all at once are much larger than what comes of them
        of_concept = (merge_heads(output_for(q, K[None], V[None], heads) - unprompted)).float()
        lengths = added.norm(dim=-1) * of_concept.norm(dim=-1)
        told.append((added * of_concept).sum(dim=-1) / lengths.clamp_min(EPS))  # (B, N)
    return torch.stack(told)


def mean(maps: Tensor) -> Tensor:
    """The mean over heads and positions: (C, B, H, N, T) -> (C, B, T), one number per token."""
    return maps.mean(dim=(2, 3))


def spread(maps: Tensor) -> Tensor:
    """The deviation over positions of the mean over heads: (C, B, H, N, T) -> (C, B, T)."""
    return maps.mean(dim=2).std(dim=2, correction=0)
