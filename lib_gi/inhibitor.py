"""The mathematics of growth inhibitors, as functions from tensors to tensors.

Source: Chen et al., "Growth Inhibitors for Suppressing Inappropriate Image Concepts in Diffusion
Models", ICLR 2025 (arXiv 2408.01014), and its symbols. All weightings but `plain` go beyond it.

Axes: C concepts, B rows of the call, H heads, N image positions, L tokens of c* (77), d width of a head,
T tokens of the window, the shortest range of tokens that covers [s, e) of every concept.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lib_gi.settings import WEIGHTINGS as WEIGHTINGS  # named there, where no torch is needed

EVERYWHERE = ("plain", "limited", "contrast")  # these do not ask where the concept shows
LIMITED = ("limited", "contrast")  # what these change grows no longer than it was
CONTRASTED = ("contrast",)  # these need the context of an empty prompt, and know anchors
EPS = 1e-12
ANCHORED, TOWARDS = 0.75, 0.5
"""How much of w a concept with an anchor gives, and how much of the anchor is put in its place at most. An anchor lies
further from its concept than an empty prompt does, so less of w goes about as far as all of it without one. A concept
that needs a larger w than others needs no more of its anchor: more draws objects so far towards its look that some are
no longer known. Chosen on gi-tiny's validation prompts.
"""

BLOCK = {"cpu": 2**20}  # scores that are made at a time: on a processor what its caches hold
BLOCK_ELSEWHERE = 2**26


class Joined(NamedTuple):
    """The concepts side by side, so that one product serves them all; fp32."""

    K: Tensor  # (H, d, C*L), scaled by d**-0.5
    directions: Tensor  # (H, d, C*T): V* / |V*| for agreement, V* / <V*, V*> for projection
    V_w: Tensor  # (B or 1, H, C*T, d)


class Neutral(NamedTuple):
    """What `contrast` sets concepts against: E contexts, first that of an empty prompt, then those of anchors."""

    K: Tensor  # (E, H, L, d)
    V: Tensor  # (E, H, L, d)
    anchors: Tensor  # (C, E), 1 for the context of a concept's anchor, else 0


class Growth(NamedTuple):
    """What one layer needs for a sampling pass; made by `prepare`."""

    K_star: Tensor  # (C, H, L, d)
    V_star: Tensor  # (C, H, T, d) in fp32
    K_added: Tensor | None  # the K that V_w belong to, (C, H, L, d), with those of `Neutral` last for contrast
    V_w: Tensor | None  # w * V*, (C, B or 1, H, L, d), of the same contexts, for those that act everywhere
    window: tuple[int, int]
    active: Tensor | bool  # True: all rows have a w that is not 0; False: none has; else (B, 1, 1) bool
    joined: Joined | None  # for agreement and projection


def split_heads(x: Tensor, heads: int) -> Tensor:
    """x with a head axis: (B, N, H*d) -> (B, H, N, d)."""
    B, N, width = x.shape
    return x.view(B, N, heads, width // heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """x without its head axis: (B, H, N, d) -> (B, N, H*d)."""
    B, H, N, d = x.shape
    return x.transpose(1, 2).reshape(B, N, H * d)


def window_of(spans: list[tuple[int, int]]) -> tuple[int, int]:
    """The shortest [s, e) that covers the [s, e) of every concept."""
    return min(s for s, _ in spans), max(e for _, e in spans)


def spread_w(w: list[Tensor], spans: list[tuple[int, int]], length: int) -> Tensor:
    """All scales in one tensor (C, images, L), zero outside each concept's own [s, e).

    w: one tensor (images or 1, e - s) per concept. The images are 1 where all of them have one row.
    Raises ValueError when w is positive, not finite, or has another shape than its span.
    """
    images = max((x.shape[0] for x in w), default=1)
    full = torch.zeros(len(w), images, length)
    for i, (x, (s, e)) in enumerate(zip(w, spans, strict=True)):
        if x.ndim != 2 or x.shape[0] not in (1, images) or x.shape[1] != e - s:
            raise ValueError(
                f"w of concept {i} has shape {tuple(x.shape)}; expected ({images} or 1, {e - s}):"
                " one row per image (or one for all), one column per token of the concept"
            )
        if not bool(torch.isfinite(x).all()) or bool((x > 0).any()):
            raise ValueError(
                f"w of concept {i} is positive or not finite; expected w <= 0, since a positive w would"
                " make the concept grow; pass w = -strength"
            )
        full[i, :, s:e] = x.detach().to("cpu", torch.float32)
    return full


def prepare(
    K_star: Tensor,
    V_star: Tensor,
    w: Tensor,
    spans: list[tuple[int, int]],
    weighting: str,
    neutral: Neutral | None = None,
) -> Growth:
    """The constants of a pass for one layer.

    K_star, V_star: (C, H, L, d). w: (C, B or 1, L), zero outside each concept's [s, e), never positive.
    neutral: what concepts are set against, which `contrast` needs.
    """
    s, e = window = window_of(spans)
    rows = (w != 0).any(dim=2).any(dim=0)  # (C, B, L) -> (B)
    active: Tensor | bool = bool(rows.any())
    if active and not bool(rows.all()):
        active = rows.to(K_star.device)[:, None, None]
    V, w, K_added = V_star.float(), w.to(K_star.device, torch.float32), K_star
    if weighting in CONTRASTED:
        K_added, V_added = torch.cat([K_star, neutral.K]), torch.cat([V, neutral.V])  # (C + E, H, L, d)
        w_added = contrasted_w(w, spans, neutral.anchors.to(w))  # (C + E, B or 1)
        V_w = V_added[:, None] * w_added[..., None, None, None]  # (C + E, B or 1, H, L, d)
    else:
        V_w = V[:, None] * w[:, :, None, :, None]  # (C, 1, H, L, d) * (C, B, 1, L, 1) -> (C, B, H, L, d)
    V = V[..., s:e, :].contiguous()
    if weighting in EVERYWHERE:
        return Growth(K_star, V, K_added, V_w.to(V_star.dtype), window, active, None)
    return Growth(K_star, V, None, None, window, active, _joined(K_star, V, V_w[..., s:e, :], weighting))


def contrasted_w(w: Tensor, spans: list[tuple[int, int]], anchors: Tensor) -> Tensor:
    """The scales of whole contexts, (C + E, B or 1): a concept's is the mean over its own tokens, and what it is set
    against takes back as much as the concepts give, so that what any text brings stays.

    w: (C, B or 1, L), zero outside each concept's [s, e). anchors: (C, E), see `Neutral`. A concept with an anchor
    gives ANCHORED of w; its anchor takes back TOWARDS at most, and the empty prompt the rest.
    """
    own = torch.stack([w[i, :, s:e].mean(dim=1) for i, (s, e) in enumerate(spans)])  # (C, B or 1)
    given = torch.where(anchors.any(dim=1, keepdim=True), ANCHORED * own, own)
    parts = anchors[..., None] * given.clamp_min(-TOWARDS)[:, None]  # (C, E, B or 1); no matmul: autocast rounds those
    parts[:, 0] = given - parts[:, 1:].sum(dim=1)
    return torch.cat([given, -parts.sum(dim=0)])


def _joined(K_star: Tensor, V: Tensor, V_w: Tensor, weighting: str) -> Joined:
    """K_star: (C, H, L, d), V: (C, H, T, d), V_w: (C, B or 1, H, T, d)."""
    K = K_star.float() * K_star.shape[-1] ** -0.5
    columns = [x.permute(1, 3, 0, 2).flatten(2).contiguous() for x in (K, directions_of(V, weighting))]
    return Joined(*columns, V_w.permute(1, 2, 0, 3, 4).flatten(2, 3).contiguous())


def concept_maps(q: Tensor, K_star: Tensor, window: tuple[int, int]) -> Tensor:
    """M*[..., s:e], the concepts' attention maps, in fp32 (C, B, H, N, T).

    q: (B, H, N, d). The softmax runs over all L tokens of c*, of every concept on its own.
    """
    s, e = window
    scores = q.float() * q.shape[-1] ** -0.5 @ K_star.float()[:, None].transpose(-1, -2)  # (C, B, H, N, L)
    return scores.softmax(dim=-1)[..., s:e]


def agreement(h: Tensor, V_star: Tensor) -> Tensor:
    """a = max(0, cos(h, V*)), how much of a concept is already there, in fp32 (C, B, H, N, T).

    h: (B, H, N, d), V_star: (C, H, T, d). A vector of length zero agrees with nothing.
    """
    h_unit = h.float() / h.float().norm(dim=-1, keepdim=True).clamp_min(EPS)
    V_unit = directions_of(V_star, "agreement")
    return (h_unit @ V_unit[:, None].transpose(-1, -2)).clamp_min(0)  # (B, H, N, d) @ (C, 1, H, d, T)


def projection(h: Tensor, V_star: Tensor) -> Tensor:
    """p = max(0, <h, V*> / <V*, V*>), the length of h along V* in units of V*, in fp32 (C, B, H, N, T)."""
    V_dual = directions_of(V_star, "projection")
    return (h.float() @ V_dual[:, None].transpose(-1, -2)).clamp_min(0)


def directions_of(V_star: Tensor, weighting: str) -> Tensor:
    """V* / |V*| for agreement, V* / <V*, V*> for projection, in fp32; shape of V* (..., d)."""
    V = V_star.float()
    length = V.norm(dim=-1, keepdim=True)
    return V / (length if weighting == "agreement" else length.square()).clamp_min(EPS)


def plain_contribution(q: Tensor, K_star: Tensor, V_w: Tensor) -> Tensor:
    """The sum over contexts of w * M* @ V*, (B, H, N, d), by one attention call for all of them.

    q: (B, H, N, d), K_star: (C, H, L, d), V_w: (C, B or 1, H, L, d). The contexts lie along the batch axis,
    so that each has its own softmax.
    """
    C, H, L, d = K_star.shape
    B, _, N, _ = q.shape
    K = K_star[:, None].expand(C, B, H, L, d).reshape(C * B, H, L, d)
    V = V_w.expand(C, B, H, L, d).reshape(C * B, H, L, d)
    Q = q if C == 1 else q.expand(C, B, H, N, d).reshape(C * B, H, N, d)
    out = F.scaled_dot_product_attention(Q, K.to(q.dtype), V.to(q.dtype))  # (C * B, H, N, d)
    return out if C == 1 else out.view(C, B, H, N, d).sum(dim=0)


def located_contribution(q: Tensor, h: Tensor, growth: Growth, weighting: str) -> Tensor:
    """The sum over concepts of w * M* * a @ V* (p in place of a for projection), in fp32 (B, H, N, d).

    q, h: (B, H, N, d). Each concept has its own softmax. Positions are worked off in blocks: the scores of all
    concepts at once are much larger than what comes of them, and would pass through memory several times.
    """
    (B, H, N, _), (C, _, L, _) = q.shape, growth.K_star.shape
    s, e = growth.window
    K, directions, V_w = growth.joined
    block = max(16, BLOCK.get(q.device.type, BLOCK_ELSEWHERE) // (B * H * C * L))
    parts = []
    for start in range(0, N, block):
        q_part, h_part = (x[:, :, start : start + block].float() for x in (q, h))
        M_star = (q_part @ K).unflatten(-1, (C, L)).softmax(dim=-1)[..., s:e].flatten(-2)  # (B, H, n, C*T)
        grown = ((h_part @ directions).clamp_min(0) * M_star) @ V_w  # (B, H, n, d)
        if weighting == "agreement":
            grown = grown / h_part.norm(dim=-1, keepdim=True).clamp_min(EPS)
        parts.append(grown)
    return torch.cat(parts, dim=2)


def limited(h: Tensor, Z: Tensor, heads: int) -> Tensor:
    """Z in which no head's part of a position is longer than that of h; shape of Z (B, N, H*d).

    An inhibitor that is stronger than what it meets turns the output round and makes it grow the other way, which
    breaks pictures. Where a part is longer, it is cut to the length of h's; so one that is not inhibited stays.
    A part too long for fp32 becomes NaN, not zero: nothing of it could be told any more.
    """
    parts_h, parts_Z = (x.unflatten(-1, (heads, -1)) for x in (h, Z))  # (B, N, H, d)
    length_h, length_Z = (x.float().norm(dim=-1, keepdim=True) for x in (parts_h, parts_Z))
    kept = (length_h / length_Z.clamp_min(EPS)).clamp(max=1).where(length_Z.isfinite(), torch.nan)
    return (parts_Z.float() * kept).to(Z.dtype).flatten(-2)


def bounded(h: Tensor, Z: Tensor, bound: tuple[float, float]) -> Tensor:
    """Z scaled so that R = |Z|_1 / |h|_1 of every position stays in [low, high]; shape of Z (B, N, H*d).

    A position inside the bound comes back bit for bit. So does one where Z is zero: it has no direction.
    """
    low, high = bound
    norm_h = h.abs().sum(dim=-1, keepdim=True, dtype=torch.float32)  # (B, N, 1)
    norm_Z = Z.abs().sum(dim=-1, keepdim=True, dtype=torch.float32)
    kept = norm_Z.clamp(min=low * norm_h, max=high * norm_h)
    outside = (kept != norm_Z) & (norm_Z > 0)
    scaled = Z.float() * (kept / norm_Z.clamp_min(EPS))
    return torch.where(outside, scaled.to(Z.dtype), Z)


def inhibit(
    h: Tensor,
    q: Tensor,
    growth: Growth,
    heads: int,
    weighting: str,
    bound: tuple[float, float] | None = None,
) -> Tensor:
    """Z = h plus the inhibitors of all concepts, with shape and dtype of h (B, N, H*d).

    h is what arrives at `to_out[0]`, q what leaves `to_q`, both (B, N, H*d). Rows whose scales are all zero come back
    bit for bit, whatever K* and V* hold. A bound comes last: it may lift what `limited` cut.
    """
    if growth.active is False:
        return h
    qh = split_heads(q, heads)
    if weighting in EVERYWHERE:
        grown = plain_contribution(qh, growth.K_added, growth.V_w)
    else:
        grown = located_contribution(qh, split_heads(h, heads), growth, weighting)
    Z = (h + merge_heads(grown)).to(h.dtype)
    if weighting in LIMITED:
        Z = limited(h, Z, heads)
    if bound is not None:
        Z = bounded(h, Z, bound)
    return Z if growth.active is True else torch.where(growth.active, Z, h)
