"""Fits an adapter's network to examples.

A label is the strength at which a concept was only just gone in one picture, so the network aims beyond it: at
SURPLUS times the label; or, where few strengths are tried (`labels.TRIED`), at the one that was enough for the SHARE of
the concept's pictures; and at LEAST where less was enough. The loss is not symmetric either: too weak leaves the
concept, too strong only costs a little quality, so a strength under the aim costs more than one over it (the pinball
loss of the quantile TAU). Where nothing grows the aim is MARGIN beyond zero, so that the answer, cut at zero, is
exactly zero and the picture stays as it was.

Where something grows is told by the prompt too, where that is known to bring it (`Task.brings`): whether it comes to
show in one picture cannot be read in the first step, and pictures of the same kind of prompt as absence and presence
taught the network to tell apart what cannot be told.

Examples are few, so the network sees each with NOISE added to its inputs, anew each time, and what is kept is a
running mean of its weights: without them it misses more of what is brought, above all of concepts that it never saw.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from lib_gi.adapter import KINDS, READ, Adapter, new_network
from lib_gi.features import Features

TAU, MARGIN, SURPLUS = 0.96, 1.0, 1.5
TAU_SHARED, DOUBT = 0.8, 0.8
"""Where all pictures of a concept are aimed at with one strength: TAU, as there the loss weighs only whether any acts;
and how far above zero, of MARGIN, the answer must lie for a concept that was not learnt from to pass for absent. Where
such a one begins to grow can only be guessed from others, and a picture changed for nothing is better than a concept
left. Both were chosen on gi-tiny's validation prompts.
"""
NOISE, KEPT = 0.6, 0.999
"""The deviation of the noise, of standardised inputs; how much of the mean of the weights a step leaves at most, which
is after some 9000 steps."""
EPOCHS, BATCH, LEAST_STEPS = 200, 256, 2000
BESIDE = 1 / 3  # how much an example of absence counts beside a label: with more, too little is read as growing
LEAST = {"plain": 1.0, "limited": 1.0, "contrast": 1.1, "agreement": 3.0, "projection": 3.0}
"""By weighting the strength that is aimed at where less was enough, chosen on gi-tiny's validation prompts; that of
contrast after test prompts had shown that less leaves some (docs/adapter.md).
"""
SHARE = 0.9
"""Nine in ten sufficed on gi-tiny's validation prompts: .95 asked 2 of a style for the sake of two pictures."""
LEAST_DEVIATION = 1e-3
"""What hardly varies is not blown up: one number of gi-tiny's varies by 2e-4, and a few times by a hundred of these."""
VALIDATION_SHARE = 0.2


@dataclass(frozen=True)
class Examples:
    """Examples by row, one for each token of a concept in a picture.

    M_star to alignment_spread: the first step's features (rows, layers), those after the second where they were read.
    w: the label, never positive, (rows,). picture: the number of the row's picture (rows,), by which rows are split
    into training and validation. beside: whether a row is not of the concept that its picture was drawn for, but of
    another that is not in it (rows,); None where there is no such row. concept: the number of the row's concept among
    all that are learnt, by their names in order (rows,); None where that is of no use. brings: whether the row's prompt
    is known to bring the row's concept, whatever its picture shows (rows,); None where no prompt is.
    """

    M_star: Tensor
    agreement: Tensor
    w: Tensor
    picture: Tensor
    excess: Tensor | None = None
    spread: Tensor | None = None
    alignment: Tensor | None = None
    alignment_spread: Tensor | None = None
    beside: Tensor | None = None
    concept: Tensor | None = None
    brings: Tensor | None = None

    def __post_init__(self) -> None:
        n = len(self.w)
        if self.M_star.shape != self.agreement.shape or len(self.M_star) != n or len(self.picture) != n or not n:
            raise ValueError(
                f"features {tuple(self.M_star.shape)} and {tuple(self.agreement.shape)} for {n} labels of"
                f" {len(self.picture)} pictures; expected one row each, and at least one"
            )
        for name in ("concept", "brings"):
            told = getattr(self, name)
            if told is not None and len(told) != n:
                raise ValueError(f"{name} has {len(told)} rows for {n} labels; expected one each")
        for name, values in self.told().items():
            if values.shape != self.M_star.shape:
                raise ValueError(f"{name} is {tuple(values.shape)}; expected {tuple(self.M_star.shape)}, as M_star is")
        read = (*self.told().values(), self.w)
        if bool((self.w > 0).any()) or not all(bool(torch.isfinite(x).all()) for x in read):
            raise ValueError("a label is positive, or a label or feature is not finite; expected w <= 0")

    def inputs(self, kind: str) -> Tensor:
        """What an adapter of this kind reads, (rows, F)."""
        told = self.told()
        lacking = [name for name in READ[kind] if name not in told]
        if lacking:
            raise ValueError(
                f"the examples have no {lacking[0]}; expected the host to tell the context of an empty prompt"
            )
        return torch.cat([told[name] for name in READ[kind]], 1)

    @property
    def own(self) -> Tensor:
        """Whether a row is of the concept that its picture was drawn for (rows,)."""
        return torch.ones(len(self.w), dtype=torch.bool) if self.beside is None else ~self.beside

    @property
    def grows(self) -> Tensor:
        """Whether a row is of something that grows (rows,): it has a label, or the prompt brings it and others do."""
        return (self.w < 0) | (self.brought & self._of_labelled)

    @property
    def brought(self) -> Tensor:
        """Whether a row's prompt is known to bring its concept, which was not found in the picture (rows,)."""
        return torch.zeros_like(self.own) if self.brings is None else self.brings & (self.w == 0)

    @property
    def _of_labelled(self) -> Tensor:
        """Whether a row is of a concept that has a label below zero anywhere (rows,)."""
        if self.concept is None:
            return (self.w < 0).any().expand(len(self.w))
        return torch.isin(self.concept, self.concept[self.w < 0])

    def sure(self) -> "Examples":
        """Those rows of which it is known whether something grows.

        It is not where a prompt should bring a concept that the model or the detector does not know: that is found
        nowhere, or never erased.
        """
        kept = ~self.brought | self._of_labelled
        return Examples(**{name: None if value is None else value[kept] for name, value in vars(self).items()})

    def told(self) -> dict[str, Tensor]:
        """The features that are there, by name, in the order of `Features`."""
        named = {field.name: getattr(self, field.name) for field in fields(Features)}
        return {name: values for name, values in named.items() if values is not None}


@dataclass(frozen=True)
class Fitted:
    """A fitted adapter, the loss on validation rows after each epoch, which rows those are, and what each aims at.

    held_out, target: (rows,).
    """

    adapter: Adapter
    losses: tuple[float, ...]
    held_out: Tensor
    target: Tensor


def fit(
    examples: Examples,
    layers: Sequence[str],
    kind: str = "both",
    about: dict[str, Any] | None = None,
    seed: int = 0,
    epochs: int | None = None,
    tau: float | None = None,
    least: float = 0.0,
    surplus: float = SURPLUS,
    share: float | None = None,
    noise: float = NOISE,
) -> Fitted:
    """An adapter whose weights are the running mean at the end of one epoch: of that with the smallest loss on pictures
    held out of training.

    tau: None for that of `usual_tau`. least, surplus, share, noise: see above; `least` is a strength, and `surplus`
    tells nothing where a share is given. epochs: None for EPOCHS, and more where these are fewer than LEAST_STEPS
    steps. A share is of all examples: what is held out takes part in what is aimed at, and in nothing else.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; expected one of {', '.join(KINDS)}")
    tau = usual_tau(share) if tau is None else tau
    generator = torch.Generator().manual_seed(seed)
    if share is not None and (examples.concept is None or not bool((examples.w < 0).any())):
        raise ValueError("a share is of each concept's labels; expected examples that tell their concept, and a label")
    x = examples.inputs(kind)
    if share is None:
        aimed = aims(examples.w, least, surplus)
    else:
        aimed = concepts_aims(examples.w, examples.concept, share, least)
    target = torch.where(examples.grows, aimed, MARGIN)
    weight = torch.where(examples.own, 1.0, BESIDE)
    held_out = held_out_rows(examples.picture, generator)
    mean, own_deviation = x[~held_out].mean(0), x[~held_out].std(0, correction=0)
    deviation = own_deviation.clamp_min(LEAST_DEVIATION)
    x, blur = (x - mean) / deviation, noise * own_deviation / deviation
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = new_network(x.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-2)
    mean_network = AveragedModel(network, avg_fn=running_mean)
    best, losses = None, []
    rows = torch.nonzero(~held_out)[:, 0]
    batches = -(-len(rows) // BATCH)
    for _ in range(max(EPOCHS, -(-LEAST_STEPS // batches)) if epochs is None else epochs):
        rows = rows[torch.randperm(len(rows), generator=generator)]
        for batch in rows.split(BATCH):
            noisy = x[batch] + blur * torch.randn(len(batch), x.shape[1], generator=generator)
            loss = pinball(network(noisy)[:, 0], target[batch], tau, weight[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mean_network.update_parameters(network)
        with torch.no_grad():
            losses.append(pinball(mean_network(x[held_out])[:, 0], target[held_out], tau, weight[held_out]).item())
        if losses[-1] == min(losses):
            best = {name: value.clone() for name, value in mean_network.module.state_dict().items()}
    network.load_state_dict(best)
    acting = float(target.min()), 0.0 - least if share is None else float(target[target < 0].max())
    adapter = Adapter(tuple(layers), kind, network, mean, deviation, *acting, dict(about or {}))
    return Fitted(adapter, tuple(losses), held_out, target)


def usual_tau(share: float | None) -> float:
    """The quantile that a fit aims at unless told otherwise."""
    return TAU if share is None else TAU_SHARED


def running_mean(mean: Tensor, value: Tensor, steps: Tensor | int) -> Tensor:
    """The mean of a weight after one more of `steps` steps: young means forget sooner, or short trainings would lag."""
    return torch.lerp(mean, value, 1 - min(KEPT, (1 + float(steps)) / (10 + float(steps))))


def aims(w: Tensor, least: float = 0.0, surplus: float = 1.0) -> Tensor:
    """What the network should answer for labels w (rows,) where something grows: `surplus` times w.

    Never weaker than the strength `least`, and never stronger than `least` and every label: nothing beyond was tried.
    """
    strongest = max(least, -float(w.min()))
    return (surplus * w).clamp(-strongest, -least)


def concepts_aims(w: Tensor, concept: Tensor, share: float, least: float = 0.0) -> Tensor:
    """As `aims`, where every picture of a concept (rows,) is aimed at with one strength; 0 for one that none needs.

    It is the weakest label by which at least this share of those that need any, and have a label, were erased, and not
    below the strength `least`: what one picture needs more than another of its concept cannot be read, while concepts
    differ in what they read as.
    """
    target = torch.zeros_like(w)
    for one in concept[w < 0].unique():
        own = concept == one
        strongest_last = w[own & (w < 0)].sort(descending=True).values
        target[own] = strongest_last[math.ceil(share * len(strongest_last)) - 1].clamp_max(-least)
    return target


def pinball(told: Tensor, target: Tensor, tau: float, weight: Tensor) -> Tensor:
    """The mean loss: tau for each unit that `told` is too weak (above the target), 1 - tau for each too strong.

    weight: of each row, as the others (rows,).
    """
    weaker = told - target
    return (weight * torch.where(weaker > 0, tau * weaker, (tau - 1) * weaker)).sum() / weight.sum()


def held_out_rows(picture: Tensor, generator: torch.Generator) -> Tensor:
    """True for the rows of the pictures, a fifth of all and at least one, on which the fit is validated (rows,)."""
    pictures = picture.unique()
    if len(pictures) < 2:
        raise ValueError("all examples are of one picture; expected at least two")
    count = max(1, round(VALIDATION_SHARE * len(pictures)))
    chosen = pictures[torch.randperm(len(pictures), generator=generator)[:count]]
    return torch.isin(picture, chosen)
