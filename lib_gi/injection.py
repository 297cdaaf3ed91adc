"""What is added in each layer: the concepts' contexts and scales, and what a pass keeps of both."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lib_gi import inhibitor, layer_features
from lib_gi.encoded import EncodedConcept
from lib_gi.errors import ContextWidthError, SettingsError
from lib_gi.layers import Layer, check_width
from lib_gi.rows import RowMap


class Injection:
    """Concepts with their scales, ready for any of `layers`. Symbols as in `inhibitor.py`.

    empty: the context of an empty prompt (1, L, D), for `contrast`, and for all features but M* and agreement.
    Raises SettingsError for scales that cannot be, ContextWidthError for contexts that do not fit.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        concepts: Sequence[EncodedConcept],
        weighting: str,
        bound: tuple[float, float] | None,
        empty: Tensor | None = None,
    ) -> None:
        if weighting not in inhibitor.WEIGHTINGS:
            allowed = ", ".join(inhibitor.WEIGHTINGS)
            raise SettingsError(f"weighting is {weighting!r}; expected one of {allowed}; choose one of them")
        self.weighting, self.bound = weighting, bound
        self.spans = [(c.s, c.e) for c in concepts]
        self._layers = layers
        self._indices: dict[tuple, Tensor] = {}
        self._c_star = self._joined_contexts(concepts)
        self._empty = self._checked_empty(empty)
        if weighting in inhibitor.CONTRASTED:
            self._set_against(concepts)
        self.set_w([c.first_w for c in concepts])

    def set_w(self, w: Sequence[Tensor]) -> None:
        """Use these scales from the next layer on: (images or 1, e - s) per concept, never positive."""
        if len(w) != len(self.spans):
            raise SettingsError(f"{len(w)} scales for {len(self.spans)} concepts; expected one each; add w")
        try:
            self._w = inhibitor.spread_w(list(w), self.spans, self._c_star.shape[1])
        except ValueError as error:
            raise SettingsError(str(error)) from error
        self.idle = not bool((self._w != 0).any())
        for layer in self._layers:
            layer.growths.clear()

    @property
    def images(self) -> int:
        """For how many images there are scales of their own; 1 where all have the same."""
        return self._w.shape[1]

    def mean_w(self) -> Tensor:
        """The mean scale of each concept's own tokens, (C, images or 1)."""
        return torch.stack([self._w[i, :, s:e].mean(dim=1) for i, (s, e) in enumerate(self.spans)])

    def forget(self) -> None:
        """Drop what belongs to a sampling pass."""
        self._indices.clear()
        for layer in self._layers:
            layer.forget()

    def changed(
        self, layer: Layer, h: Tensor, q: Tensor, rows: RowMap, act: bool, read: bool
    ) -> tuple[Tensor | None, tuple[Tensor, Tensor] | None]:
        """h with the inhibitors in its conditional rows, and the maps M* and a, each (C, B, H, N, T).

        h, q: (rows, N, H*d). The first is None without `act` or where nothing is to change, the second
        without `read`.
        """
        act = act and not self.idle
        if not rows.conditional or not (act or read):
            return None, None
        picked = self._picked(rows.conditional, h.device)
        growth = self._growth(layer, q, rows.image_of_conditional)
        h_picked, q_picked = h[picked], q[picked]  # (B, N, H*d), conditional rows only
        maps = layer_features.feature_maps(h_picked, q_picked, growth, layer.heads) if read else None
        if not act:
            return None, maps
        Z_picked = inhibitor.inhibit(h_picked, q_picked, growth, layer.heads, self.weighting, self.bound)
        layer.check_finite(h_picked, Z_picked)
        if len(rows.conditional) == len(rows):
            return Z_picked, maps
        Z = h.clone()
        Z[picked] = Z_picked
        return Z, maps

    @torch.no_grad()
    def means(
        self, layer: Layer, h: Tensor, q: Tensor, rows: RowMap, maps: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, ...]:
        """What `Features` has of the conditional rows, each (C, B, T); without an empty prompt the first two alone.

        h and q as for `changed`, which gave the maps.
        """
        M_star, agreement = (one.detach() for one in maps)
        seen = layer_features.mean(M_star), layer_features.mean(agreement)
        if self._empty is None:
            return seen
        picked = self._picked(rows.conditional, q.device)
        h, q = h[picked], q[picked]
        unprompted = layer_features.output_for(q, *self._empty_stars(layer, q), layer.heads)
        excess = layer_features.excess(agreement, unprompted, self._growth(layer, q, rows.image_of_conditional))
        aligned = layer_features.alignment(h, q, unprompted, layer.stars, layer.heads)  # (C, B, N)
        whole = aligned.mean(dim=2), aligned.std(dim=2, correction=0)
        of_tokens = (one[..., None].expand(*seen[0].shape) for one in whole)
        return *seen, layer_features.mean(excess), layer_features.spread(M_star * excess), *of_tokens

    def _growth(self, layer: Layer, q: Tensor, images: tuple[int, ...]) -> inhibitor.Growth:
        """The layer's constants of this pass, for rows of these images."""
        if layer.stars is None:
            layer.stars = layer.make_stars(self._c_star.to(q.device, q.dtype))
        if self._w.shape[1] == 1:
            images = ()
        if images not in layer.growths:
            w = self._w[:, list(images)] if images else self._w  # (C, B or 1, L)
            neutral = self._neutral(layer, q) if self.weighting in inhibitor.CONTRASTED else None
            layer.growths[images] = inhibitor.prepare(*layer.stars, w, self.spans, self.weighting, neutral)
        return layer.growths[images]

    def _neutral(self, layer: Layer, q: Tensor) -> inhibitor.Neutral:
        """What the concepts are set against, its K and V kept for the pass."""
        if layer.neutral is None:
            stars = [
                self._empty_stars(layer, q) if one is self._empty else layer.make_stars(one.to(q.device, q.dtype))
                for one in self._neutral_contexts
            ]
            K, V = (torch.cat(part) for part in zip(*stars, strict=True))
            layer.neutral = K, V
        return inhibitor.Neutral(*layer.neutral, self._anchors)

    def _empty_stars(self, layer: Layer, q: Tensor) -> tuple[Tensor, Tensor]:
        """K and V of the empty prompt, each (1, H, L, d), kept for the pass."""
        if layer.empty is None:
            layer.empty = layer.make_stars(self._empty.to(q.device, q.dtype))
        return layer.empty

    def _picked(self, rows: tuple[int, ...], device: torch.device) -> slice | Tensor:
        """These rows: a slice where they lie together, else an index that is kept on the device."""
        if rows[-1] - rows[0] + 1 == len(rows):
            return slice(rows[0], rows[-1] + 1)
        if (rows, device) not in self._indices:
            self._indices[rows, device] = torch.tensor(rows, device=device)
        return self._indices[rows, device]

    def _set_against(self, concepts: Sequence[EncodedConcept]) -> None:
        """Sort the concepts by what they are set against beside the empty prompt; equal anchors are one context.

        SettingsError for an anchor that is to be kept out itself: it would bring back what another concept takes away.
        """
        self._neutral_contexts = [self._empty]
        anchors = torch.zeros(len(concepts), 1 + len(concepts))
        for row, concept in enumerate(concepts):
            if concept.anchor is None:
                continue
            kept_out = [c.name for c in concepts if torch.equal(concept.anchor, c.c_star)]
            if kept_out:
                raise SettingsError(
                    f"the anchor of {concept.name} is {kept_out[0]}, which is to be kept out itself; expected something"
                    " that may be in the picture; choose another anchor, or leave one out"
                )
            known = [torch.equal(concept.anchor, one) for one in self._neutral_contexts]
            if not any(known):
                self._neutral_contexts.append(concept.anchor)
            anchors[row, [*known, True].index(True)] = 1  # the same one, else the new one
        self._anchors = anchors[:, : len(self._neutral_contexts)]

    def _checked_empty(self, empty: Tensor | None) -> Tensor | None:
        """The empty prompt's context, where it is there if it is needed and fits beside the concepts'."""
        if self.weighting not in inhibitor.CONTRASTED or not self.spans:
            return empty
        if empty is None:
            raise SettingsError(
                f"the weighting is {self.weighting}, which sets a concept against an empty prompt, and there is none;"
                " expected the context of an empty prompt; pass it as `empty`, or choose another weighting"
            )
        if empty.shape != (1, *self._c_star.shape[1:]):
            raise ContextWidthError(
                f"the empty prompt's context is {tuple(empty.shape)}, and a concept's {(1, *self._c_star.shape[1:])};"
                " expected the same shape; encode both by the same text encoder"
            )
        return empty

    def _joined_contexts(self, concepts: Sequence[EncodedConcept]) -> Tensor:
        """c* of all concepts, (C, L, D)."""
        if not concepts:
            return torch.zeros(0, 0, 0)
        if len({c.c_star.shape for c in concepts}) > 1:
            raise ContextWidthError(
                "the concepts' contexts differ in shape; expected all from one encoder; encode them again"
            )
        check_width(self._layers, concepts[0].c_star.shape[2])
        return torch.cat([c.c_star.detach() for c in concepts])
