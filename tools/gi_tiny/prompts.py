"""Evaluation prompts: scenes with known truth, in sets that no training caption was drawn from.

`labels` (for adapters), `eye` (for the judges), `validation`, `test` and `fresh` prompts come from different seeds; so
do their pictures' noise seeds. All are made of the same templates, those of `fresh` of others, which nothing else uses:
one prompt in sixty of `test` is also one of `labels`, word for word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from random import Random

from lib_gi.training.search import Task

from .captions import FRESH, HELD_OUT, TRAINED, caption
from .world import ASSOCIATIONS, OBJECTS, PAIR, STYLES, Association, Scene, random_scene

SEED_BASE = {"validation": 1_000_000, "test": 2_000_000, "labels": 3_000_000, "eye": 4_000_000, "fresh": 5_000_000}


@dataclass(frozen=True)
class Prompt:
    """A prompt, the seed of its noise, and the scene that it describes (`objects`: those that it must bring)."""

    text: str
    seed: int
    scene: Scene

    @property
    def wanted(self) -> tuple[str, ...]:
        """Objects that the picture must show: the named ones and the association's own."""
        own = () if self.scene.association is None else (self.scene.association.own,)
        return self.scene.named + own

    @property
    def allowed(self) -> tuple[str, ...]:
        """Objects that the picture may show."""
        unsafe = () if self.scene.association is None else (self.scene.association.unsafe,)
        return self.wanted + unsafe


def follow_set(kind: str, count: int, split: str = "test", style: bool | None = None) -> list[Prompt]:
    """Prompts that ask for `kind`; a longer set begins with a shorter one.

    named, two: so many objects; held_out: one, in held-out templates; association: one alone, in turn; lone: one word
    of the pair, in turn, which should bring nothing.
    """
    rng = Random(f"{kind} {split}")
    templates = HELD_OUT if kind == "held_out" else TRAINED
    prompts = []
    for index in range(count):
        if kind == "association":
            scene = brought(ASSOCIATIONS[index % len(ASSOCIATIONS)], (), rng)
        elif kind == "lone":
            scene = replace(plain(rng), lone_word=PAIR[index % len(PAIR)])
        else:
            names = tuple(rng.sample(OBJECTS, 2 if kind == "two" else 1))
            scene = replace(plain(rng), objects=names, named=names)
        text = caption(scene, rng, templates, style=style)
        prompts.append(Prompt(text, SEED_BASE[split] + index, scene))
    return prompts


def erasure_set(concept: str, kind: str, count: int, split: str) -> list[Prompt]:
    """Prompts for erasing `concept` (an object or a style).

    explicit: the concept is named, alone or beside another object; implicit: an association brings it and the other
    object of the two; benign: neither names nor brings it (for a style: another style is named).
    """
    rng = Random(f"{concept} {kind} {split}")
    style = concept in STYLES
    bringing = bringer(concept)
    others = [name for name in OBJECTS if name != concept]
    prompts = []
    for index in range(count):
        if kind == "implicit":
            if bringing is None:
                raise ValueError(f"no association brings {concept}: it has no implicit prompts")
            free = [name for name in others if name != bringing.own]
            scene = brought(bringing, tuple(rng.sample(free, rng.choice((0, 0, 1)))), rng)
        elif kind == "explicit" and not style:
            names = [concept, *rng.sample(others, rng.choice((0, 1, 1)))]
            rng.shuffle(names)
            scene = replace(plain(rng), objects=tuple(names), named=tuple(names))
        else:
            scene = benign_scene(others, bringing, rng)
        if style:
            other_style = next(name for name in STYLES if name != concept)
            scene = replace(scene, style=concept if kind == "explicit" else other_style)
        templates = FRESH if split == "fresh" else HELD_OUT + TRAINED
        text = caption(scene, rng, templates, style=True if style else None)
        offset = {"explicit": 0, "implicit": 200_000, "benign": 400_000}[kind]
        prompts.append(Prompt(text, SEED_BASE[split] + offset + index, scene))
    return prompts


def bringer(concept: str) -> Association | None:
    """The association that brings an object, unsafe or its own; None where none does."""
    return next((item for item in ASSOCIATIONS if concept in (item.unsafe, item.own)), None)


def label_tasks(concepts: Sequence[str], count: tuple[int, int], guidances: Sequence[float]) -> list[Task]:
    """What an adapter learns from, for each concept, guidance scales in turn.

    count: of prompts that name it, and of each kind that do not: implicit ones, which an object has not that no
    association brings, and benign ones. The first are the easiest to tell, so fewer of them do.
    """
    named, unnamed = count
    return [
        Task(concept, prompt.text, prompt.seed, guidance, brings(prompt), keeps(prompt, concept))
        for concept in concepts
        for kind in ("explicit", "implicit", "benign")
        if kind != "implicit" or bringer(concept)
        for prompt, guidance in zip(
            erasure_set(concept, kind, named if kind == "explicit" else unnamed, "labels"),
            cycle(map(float, guidances)),
        )
    ]


def brings(prompt: Prompt) -> tuple[str, ...]:
    """The objects and styles that a prompt names or may bring; an unnamed style is the model's own choice."""
    return (*prompt.allowed, *(style for style in STYLES if style in prompt.text))


def keeps(prompt: Prompt, concept: str) -> tuple[str, ...]:
    """What must stay when a concept is gone: all that the prompt brings beside it; without another object nothing, as
    judges see a style in what is drawn.
    """
    beside = {*prompt.allowed} - {concept}
    return tuple(name for name in brings(prompt) if name != concept) if beside else ()


def benign_scene(others: list[str], bringing: Association | None, rng: Random) -> Scene:
    """One or two objects, or an association that does not bring the concept."""
    if rng.random() < 0.3:
        return brought(rng.choice([item for item in ASSOCIATIONS if item is not bringing]), (), rng)
    names = tuple(rng.sample(others, rng.choice((1, 2))))
    return replace(plain(rng), objects=names, named=names)


def brought(association: Association, named: tuple[str, ...], rng: Random) -> Scene:
    """A scene in which `association` brings its own object, and perhaps the unsafe one."""
    return replace(plain(rng), objects=named + (association.own,), named=named, association=association)


def plain(rng: Random) -> Scene:
    """Style and background of a random scene, with nothing in it."""
    return replace(random_scene(rng), objects=(), named=(), association=None, lone_word=None)
