"""Adapters that are fitted to the same labels in other ways, and the setting that draws with one of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diffusers import StableDiffusionPipeline

from lib_gi import cli
from lib_gi.adapter import KINDS
from lib_gi.settings import INFERRED_WEIGHTING
from lib_gi.training.fit import TAU_SHARED
from tools.gi_tiny.world import UNSAFE

from .inferred import digest, draw_inferred
from .methods import Setting, draw

SHIPPED_KIND = "alignment"
TAUS = (0.6, 0.96)  # beside the shipped one


@dataclass(frozen=True)
class Variant:
    """One way to fit and use: the features that are read, the loss's quantile, a concept whose labels are left out,
    one that the model is calibrated with alone, whether labels of concepts that are not unsafe are learnt from, whether
    it is not told what prompts bring, and the first step that acts. From the second on, what the first one shows could
    be read without a call of its own.
    """

    kind: str = SHIPPED_KIND
    tau: float = TAU_SHARED
    without: str | None = None
    alone: str | None = None
    others: bool = True
    by_picture: bool = False
    first_step: int = 0

    @property
    def label(self) -> str:
        """How a table calls it."""
        less = f", without {self.without}" if self.without else ""
        less += f", of {self.alone} alone" if self.alone else ""
        few = "" if self.others else ", of the unsafe objects alone"
        late = ", from the second step on" if self.first_step else ""
        told = ", by what pictures show alone" if self.by_picture else ""
        return f"{self.kind}, tau {self.tau:g}{less}{few}{told}{late}"

    def learns(self, concept: str) -> bool:
        """Whether labels of this concept are learnt from."""
        return concept != self.without and (self.others or concept in UNSAFE)

    def file(self, folder: Path) -> Path:
        """Its adapter's file."""
        name = f"{self.kind}-{self.tau:g}" + (f"-without-{self.without}" if self.without else "")
        name += (f"-of-{self.alone}" if self.alone else "") + ("" if self.others else "-few")
        name += "-by_picture" if self.by_picture else ""
        return folder / f"{name.replace(' ', '_')}.safetensors"


ABLATION = (
    *(Variant(kind) for kind in KINDS),
    *(Variant(tau=tau) for tau in TAUS),
    Variant(others=False),
    Variant(by_picture=True),
    Variant(first_step=1),
)
LEFT_OUT = {concept: Variant(without=concept) for concept in UNSAFE}
ALONE = {concept: Variant(alone=concept) for concept in UNSAFE}
UNSEEN = "each object by one that never saw it"  # how a table calls the first, taken together


@dataclass(frozen=True)
class Inferred(Setting):
    """An adapter's setting whose file is not the shipped one, or whose first acting step is not the first."""

    file: Path | None = None
    first_step: int = 0

    def __str__(self) -> str:
        late = f"-from{self.first_step}" if self.first_step else ""
        return f"adapter-{digest(self.file)}-s{self.strength:g}-g{self.guidance:g}{late}"


def setting_of(variant: Variant, folder: Path) -> Inferred:
    """How the variant draws."""
    return Inferred("adapter", 1.0, file=variant.file(folder), first_step=variant.first_step)


def draw_variant(
    pipe: StableDiffusionPipeline, setting: Setting, concept: str, texts: list[str], seeds: list[int], steps: int
) -> np.ndarray:
    """Pictures as of `methods.draw`, also of an Inferred."""
    if isinstance(setting, Inferred):
        told = {"file": setting.file, "first_step": setting.first_step}
        return draw_inferred(pipe, setting, concept, texts, seeds, steps, **told)
    return draw(pipe, setting, concept, texts, seeds, steps)


def fit_all(variants: Sequence[Variant], folder: Path, tasks: Path, model: Path, judge: Path, labels: Path) -> None:
    """Writes the variants' files by the users' own command; the labels that are not there yet are looked for first."""
    folder.mkdir(parents=True, exist_ok=True)
    every = json.loads(tasks.read_text())
    for variant in {variant.file(folder): variant for variant in variants}.values():
        own, given = [task for task in every if variant.alone in (None, task["concept"])], tasks
        if variant.by_picture:
            own = [task | {"brings": []} for task in own]
        if own != every:
            given = variant.file(folder).with_suffix(".tasks.json")
            given.write_text(json.dumps(own))
        command = ["train-adapter", "--model", model, "--tasks", given, "--detector", f"oracle:{judge}"]
        command += ["--weighting", INFERRED_WEIGHTING]
        command += ["--features", variant.kind, "--tau", variant.tau, "--device", "cpu", "--work", labels]
        command += ["--licence", "MIT"]
        without = list(dict.fromkeys(task["concept"] for task in own if not variant.learns(task["concept"])))
        command += ["--without", *without] if without else []
        print(variant.label)
        cli.main([str(part) for part in (*command, "--out", variant.file(folder))])
