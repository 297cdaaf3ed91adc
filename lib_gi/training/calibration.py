"""A calibration: the plan by which a model's adapter is made, and what came of it; the same on every host."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from torch import Tensor

from lib_gi.adapter import READ, Adapter
from lib_gi.concepts import Catalogue
from lib_gi.detect import Detector
from lib_gi.errors import SettingsError
from lib_gi.features import Features
from lib_gi.training.fit import DOUBT, LEAST, NOISE, SHARE, SURPLUS, Examples, Fitted, fit, usual_tau
from lib_gi.training.labels import tried_strengths
from lib_gi.training.search import Sampler, Search, Task, names_sought

ALONE = (
    "it learnt from one concept alone, and such an adapter changes more of the pictures that have nothing to do with"
    " it: better calibrate with several, also harmless ones"
)
UNKNOWN = "it learnt no strength for {}: no picture showed it in which a strength removed it and kept the rest"


def phrases_of(tasks: Sequence[Task], catalogue: Catalogue) -> dict[str, str]:
    """The phrases of those concepts that are read by other words than their name, also of what is to be kept: labels
    depend on them.
    """
    known = [catalogue.lookup(name) for name in names_sought(tasks) if name in catalogue]
    return {one.name: one.phrase for one in known if one.phrase != one.name}


@dataclass(frozen=True)
class Plan:
    """What an adapter is made of.

    model: its name. fingerprint: that of its cross-attention. sampler, steps, width, height: how pictures are drawn.
    host: what else tells one host's pictures from another's. detector: the name of what finds concepts. features: an
    adapter's kind. strongest: strength that is tried, where `tried` does not end before it. chunk: pictures drawn at a
    time. phrases: what `phrases_of` tells. built: the model's `architecture`. licence: the file's. seed, tau: of the
    fit, a tau of None for its own. without: concepts that nothing is learnt of.
    SettingsError for a strongest that is no positive number.
    """

    tasks: tuple[Task, ...]
    model: str
    fingerprint: str
    sampler: str
    steps: int
    width: int
    height: int
    weighting: str
    detector: str
    features: str = "alignment"
    strongest: float = 12.0
    chunk: int = 20
    seed: int = 0
    tau: float | None = None
    host: str = ""
    phrases: Mapping[str, str] = field(default_factory=dict)
    built: Mapping[str, Sequence[int]] = field(default_factory=dict)
    licence: str = ""
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.strongest) and self.strongest > 0):
            raise SettingsError(
                f"the strongest strength to try is {self.strongest:g}; expected a positive number; change it"
            )

    def search(self, sampler: Sampler, detector: Detector, work: Path) -> Search:
        """The search for its labels, which are kept in the folder `work`."""
        phrases = "; ".join(f"{name}={phrase}" for name, phrase in self.phrases.items())
        of = self._drawn_by | ({"phrases": phrases} if phrases else {})
        told = " ".join(f"{name}={value}" for name, value in of.items())
        concepts = tuple(dict.fromkeys(task.concept for task in self.tasks))
        return Search(sampler, detector, work, told, self.strongest, self.chunk, concepts, self.tried)

    @property
    def tried(self) -> tuple[float, ...]:
        """The strengths that are tried in turn; none where each picture's is found by bisection."""
        return tried_strengths(self.weighting, self.strongest)

    @property
    def learnt(self) -> list[Task]:
        """The tasks whose pictures are learnt from."""
        return [task for task in self.tasks if task.concept not in self.without]

    @property
    def aim(self) -> dict[str, float]:
        """What `fit` aims at, by its names; the least is gi-tiny's, unless nothing as strong is tried here."""
        beyond = {"share": SHARE} if self.tried else {"surplus": SURPLUS}
        tau = usual_tau(beyond.get("share")) if self.tau is None else self.tau
        return {"tau": tau, "least": min(LEAST[self.weighting], self.strongest)} | beyond

    @property
    def _drawn_by(self) -> dict[str, Any]:
        """What tells its pictures and labels from another plan's, by name; a host where there is one to tell."""
        names = ("fingerprint", "sampler", "steps", "weighting", "detector", *(("host",) if self.host else ()))
        return {name: getattr(self, name) for name in names}

    def about(self) -> dict[str, Any]:
        """What the adapter's file says of itself."""
        optional = {"architecture": self.built, "phrases": self.phrases, "licence": self.licence}
        told = {name: value for name, value in optional.items() if value}
        return {"model": self.model} | self._drawn_by | told | {
            "guidance": sorted({task.guidance for task in self.tasks}),
            "resolution": self.width if self.width == self.height else f"{self.width}x{self.height}",
            "concepts": sorted({task.concept for task in self.learnt}),
            "pictures": len(self.learnt),
            "noise": NOISE,
            **self.aim,
            **({"doubt": DOUBT} if self.tried else {}),
            "date": date.today().isoformat(),
        }

    def result(self, search: Search, layers: Sequence[str]) -> "Result":
        """The adapter for a model with these layers, and its figures. Raises SettingsError where there is none."""
        try:
            examples = search.examples(self.learnt)
            known, erased = examples.picture[examples.own].unique().numel(), bool((examples.w < 0).any())
        except ValueError:  # none has a label
            known, erased = 0, False
        lost = len(self.learnt) - known
        if known < 2 or (lost and not erased):
            raise SettingsError(
                f"in {lost} of {len(self.learnt)} pictures the concept was found at every strength up to"
                f" {max(self.tried, default=self.strongest):g}, or what was to be kept was lost with it, and in the"
                " others it was not found at all; expected at least one that loses nothing but the concept, and two"
                " with a label; choose another weighting or a stronger strength, a detector that sees it less often, or"
                " keep less in the tasks"
            )
        if not erased:
            raise SettingsError(
                f"the concept was found in none of {known} pictures, so there is nothing to learn; expected prompts"
                " that bring it; write others, or choose a detector that knows it"
            )
        if not set(READ[self.features]) <= set(examples.told()):
            raise SettingsError(
                f"the pictures were drawn without telling what an empty prompt would show, so there is no"
                f" {self.features} to learn from; expected the context of an empty prompt; choose other features, or"
                " mend what draws"
            )
        examples = examples.sure()
        fitted = fit(examples, layers, self.features, self.about(), self.seed, **self.aim)
        return Result.of(fitted, examples, len(self.learnt))


@dataclass(frozen=True)
class Result:
    """A fitted adapter beside what it was fitted to.

    pictures: that were asked for. labels: of them with a label, of the detector or by what their prompts bring. benign:
    of these, that need no strength. By row, one for each token of the concept that a picture was drawn for, where the
    detector told its label: labelled, aimed at and predicted (by that token alone), strengths (rows,); held_out,
    whether it only validated (rows,). strengths: that each concept needs, where one for each is aimed at.
    """

    fitted: Fitted
    pictures: int
    labels: int
    benign: int
    labelled: Tensor
    aimed: Tensor
    predicted: Tensor
    held_out: Tensor
    strengths: Mapping[str, float] | None = None

    @classmethod
    def of(cls, fitted: Fitted, examples: Examples, pictures: int) -> "Result":
        """The result of a fit to examples; its figures are in the adapter's `about` too."""
        own = examples.own
        labels = examples.picture[own].unique().numel()
        benign = examples.picture[own & ~examples.grows].unique().numel()
        shown = own & ~examples.brought
        strengths = (0.0 - w[shown] for w in (examples.w, fitted.target.clamp_max(0), w_of(fitted.adapter, examples)))
        adapter = fitted.adapter
        by_concept = strength_of_each(fitted, examples) if "share" in adapter.about else None
        result = cls(fitted, pictures, labels, benign, *strengths, fitted.held_out[shown], by_concept)
        about = adapter.about | {"known": list(known_concepts(fitted, examples)), "figures": result.figures()}
        return replace(result, fitted=replace(fitted, adapter=replace(adapter, about=about)))

    def figures(self) -> dict[str, Any]:
        """Its numbers, as JSON can hold them: loss at first and at its best is that on held-out pictures."""
        return {
            "labels": self.labels,
            "benign": self.benign,
            "left_out": round((self.pictures - self.labels) / self.pictures, 4),
            **({} if self.strengths is None else {"strengths": dict(self.strengths)}),
            "loss_at_first": round(self.fitted.losses[0], 4),
            "loss": round(min(self.fitted.losses), 4),
        }

    def told(self) -> list[str]:
        """Its numbers in sentences."""
        figures, each, about = self.figures(), self.strengths or {}, self.fitted.adapter.about
        told = ", ".join(f"{name} {strength:g}" for name, strength in each.items())
        unknown = [name for name in about["concepts"] if name not in about["known"]]
        return [
            f"{self.labels} of {self.pictures} pictures have a label; it infers strengths from 0 to"
            f" {-self.fitted.adapter.lowest:g}" + (f", aimed at by concept: {told}" if told else ""),
            f"{self.benign} of them need none; {figures['left_out']:.0%} of all are left out: their concept was never"
            " erased, or not without what was to be kept, or is found nowhere",
            f"loss on held-out pictures: {figures['loss_at_first']:.3f} at first, {figures['loss']:.3f} at its best",
            *([UNKNOWN.format(", ".join(unknown))] if unknown else []),
            *([ALONE] if len(about["concepts"]) == 1 else []),
        ]


def known_concepts(fitted: Fitted, examples: Examples) -> dict[str, int]:
    """The concepts that were found and erased in some picture, with their numbers among the examples."""
    names = fitted.adapter.about["concepts"]
    return {names[n]: n for n in examples.concept[fitted.target < 0].unique().tolist()}


def strength_of_each(fitted: Fitted, examples: Examples) -> dict[str, float]:
    """The strength that is aimed at for each concept that was found in any picture."""
    known, aimed = known_concepts(fitted, examples), fitted.target < 0
    return {name: round(-float(fitted.target[aimed & (examples.concept == n)][0]), 4) for name, n in known.items()}


def w_of(adapter: Adapter, examples: Examples) -> Tensor:
    """What the adapter infers for each row of the examples by itself, (rows,)."""
    seen = {name: values.T[None, :, :, None] for name, values in examples.told().items()}  # rows as images
    return adapter.w(Features(**seen))[:, 0]
