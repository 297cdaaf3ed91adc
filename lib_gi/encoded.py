"""A concept once the model's own text encoder has read it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lib_gi.errors import ContextWidthError


def unused_anchor(name: str, weighting: str) -> str:
    """What there is to say where a concept of this name has an anchor, and the weighting knows none."""
    return f"the anchor of {name} takes no part in {weighting}: contrast alone sets a concept against one"


@dataclass(frozen=True)
class EncodedConcept:
    """What a session needs to know of a concept.

    c_star: (1, L, D), of the phrase on its own; the phrase's tokens are [s, e). w: (images or 1, e - s),
    never positive; None where an adapter infers it. anchor: (1, L, D), the context of what is to take its place; None
    for nothing. phrase: the words that c_star is of; empty where they are the name.
    """

    name: str
    c_star: Tensor
    s: int
    e: int
    w: Tensor | None
    anchor: Tensor | None = None
    phrase: str = ""

    @classmethod
    def even(
        cls,
        name: str,
        c_star: Tensor,
        s: int,
        e: int,
        w: float | None,
        anchor: Tensor | None = None,
        phrase: str = "",
    ) -> "EncodedConcept":
        """One with the same scale w (<= 0) for each of its tokens, or None as above."""
        return cls(name, c_star, s, e, None if w is None else torch.full((1, e - s), w), anchor, phrase)

    @property
    def strength(self) -> float | None:
        """The user's number, >= 0: that of the token and image that are suppressed most; None where it is inferred."""
        return None if self.w is None else 0.0 - float(self.w.min())

    @property
    def first_w(self) -> Tensor:
        """w, and zeros where it is still to be inferred."""
        return torch.zeros(1, self.e - self.s) if self.w is None else self.w

    def __post_init__(self) -> None:
        shape = tuple(self.c_star.shape)
        if len(shape) != 3 or shape[0] != 1 or not 0 <= self.s < self.e <= shape[1]:
            raise ContextWidthError(
                f"the context of {self.name!r} has shape {shape} and tokens [{self.s}, {self.e}); expected"
                " (1, tokens, width) and a span inside it that is not empty; encode one phrase at a time"
            )
        if self.anchor is not None and self.anchor.shape != self.c_star.shape:
            raise ContextWidthError(
                f"the anchor of {self.name!r} has a context of shape {tuple(self.anchor.shape)}, and its phrase one of"
                f" {shape}; expected the same; encode both by the same text encoder, each as one context"
            )
