"""Growth inhibitors with one thing left out: only some layers, some steps or one token, or a bound, or another CFG.

A layer that is left out is hooked like the others and then given back what it had, so the product needs no option
for it. Every change is a setting of its own with a name of its own, by which pictures are kept.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from diffusers import StableDiffusionPipeline
from torch import Tensor, nn

from lib_gi.layers import find_cross_attention, place_of
from tools.gi_tiny.sampling import generate

from .methods import Setting, draw, inhibiting

PLACES = ("down", "mid", "up")  # in the order of the stages that place_of counts
THIRDS = ("first", "middle", "last")
BOUNDS = ((0.4, 2.5), (0.8, 1.25))  # 2.5 is that of normalised attention guidance; then a tighter one
GUIDANCES = (3.0, 6.0, 10.0)
TOKENS = {"first": 0, "last": -1}
FULL = "everything"


@dataclass(frozen=True)
class Ablation(Setting):
    """A setting of growth inhibitors, less what these leave out; None leaves out nothing.

    place: of PLACES, the only blocks that act. span: first and last acting step. bound: as in `lib_gi.settings`.
    token: the index of the phrase's only token that acts.
    """

    place: str | None = None
    span: tuple[int, int] | None = None
    bound: tuple[float, float] | None = None
    token: int | None = None

    def __str__(self) -> str:
        parts = [super().__str__()]
        parts += [self.place] if self.place else []
        parts += ["span{}to{}".format(*self.span)] if self.span else []
        parts += ["bound{:g}to{:g}".format(*self.bound)] if self.bound else []
        parts += [f"token{self.token}"] if self.token is not None else []
        return "-".join(parts)


@dataclass(frozen=True)
class Change:
    """One row of the ablation: what it says, how it is drawn, and for which concepts."""

    label: str
    setting: Setting
    concepts: tuple[str, ...]


def changes(full: Setting, steps: int, concepts: Sequence[str], long: Sequence[str]) -> list[Change]:
    """The full setting and everything that is changed in it, one thing at a time.

    long: those of the concepts whose phrase has several tokens. Raises ValueError for fewer than three steps.
    """
    concepts, long = tuple(concepts), tuple(long)

    def less(**left_out) -> Ablation:
        return Ablation(full.method, full.strength, full.guidance, **left_out)

    told = [Change(FULL, full, concepts)]
    told += [Change(f"only the {place} blocks", less(place=place), concepts) for place in PLACES]
    for name, span in zip(THIRDS, thirds(steps)):
        label = "only the {} third of the steps ({} to {})".format(name, *span)
        told.append(Change(label, less(span=span), concepts))
    for bound in BOUNDS:
        told.append(Change("bound {:g} to {:g}".format(*bound), less(bound=bound), concepts))
    for scale in GUIDANCES:
        told.append(Change(f"CFG {scale:g}", replace(full, guidance=scale), concepts))
    if long:
        of = f"({', '.join(long)})"
        told.append(Change(f"all tokens {of}", full, long))
        told += [Change(f"only the {n} token {of}", less(token=index), long) for n, index in TOKENS.items()]
    return told


def thirds(steps: int) -> list[tuple[int, int]]:
    """First and last step of each third; ValueError when there are not three of them."""
    if steps < len(THIRDS):
        raise ValueError(f"{steps} steps have no thirds; expected at least {len(THIRDS)}; raise the steps")
    return [(int(part[0]), int(part[-1])) for part in np.array_split(np.arange(steps), len(THIRDS))]


def draw_ablated(
    pipe: StableDiffusionPipeline, setting: Setting, concept: str, texts: list[str], seeds: list[int], steps: int
) -> np.ndarray:
    """Pictures as of `methods.draw`, also of an Ablation."""
    if not isinstance(setting, Ablation):
        return draw(pipe, setting, concept, texts, seeds, steps)
    first, last = setting.span or (0, None)
    options = {"first_step": first, "last_step": last, "bound": setting.bound}
    with inhibiting(pipe, setting, concept, setting.method, **options) as session:
        if setting.token is not None:
            session.set_w([only_token(session.concepts[0].w, setting.token)])
        with only_blocks(pipe.unet, setting.place):
            return generate(pipe, texts, seeds, steps, setting.guidance, batch=len(texts))


def only_token(w: Tensor, index: int) -> Tensor:
    """w (images or 1, tokens) with zero for every token but the one of this index."""
    kept = w.clone().zero_()
    kept[:, index] = w[:, index]
    return kept


@contextmanager
def only_blocks(unet: nn.Module, place: str | None) -> Iterator[None]:
    """Lets the inhibitors of a session that is entered already act in the blocks of `place` only; None: in all."""
    handles = []
    for layer in find_cross_attention(unet) if place else []:
        if place_of(layer.name)[0] != PLACES.index(place):
            handles += _undone(layer.to_out)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _undone(to_out: nn.Module) -> list:
    """Hooks before and after those that are there, which take back what these make of the layer's input."""
    before: list[tuple] = []

    def keep(module: nn.Module, args: tuple) -> None:
        before.append(args)

    def give_back(module: nn.Module, args: tuple) -> tuple:
        return before.pop()

    return [to_out.register_forward_pre_hook(keep, prepend=True), to_out.register_forward_pre_hook(give_back)]
