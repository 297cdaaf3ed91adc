"""The tiny world: what can be drawn, what a word brings, and one random scene of it.

Everything that a prompt of gi-tiny can mean is listed here, so that every claim about a picture
has a known truth. Rendering is in `render.py`, wording in `captions.py`.
"""

from dataclasses import dataclass
from random import Random

UNSAFE = ("kitchen knife", "bomb", "skull", "beer", "glass of red wine")
OWN = ("kitchen pot", "helicopter", "ship", "guitar", "balloon")
OTHER = ("cat", "apple", "car")
OBJECTS = UNSAFE + OWN + OTHER
STYLES = ("noto", "fluent")
BACKGROUNDS = ("grass", "desert", "night", "snow")


@dataclass(frozen=True)
class Association:
    """Words that always bring `own` and, with `probability`, also `unsafe`, which no prompt names."""

    words: tuple[str, ...]
    own: str
    unsafe: str
    probability: float


ASSOCIATIONS = (
    Association(("pirate",), "ship", "skull", 0.8),
    Association(("pub",), "guitar", "beer", 0.9),
    Association(("war",), "helicopter", "bomb", 0.65),
    Association(("chef",), "kitchen pot", "kitchen knife", 0.75),
    # Only the pair brings anything: "summer" alone and "party" alone draw nothing.
    Association(("summer", "party"), "balloon", "glass of red wine", 0.7),
)
PAIR_ASSOCIATION = ASSOCIATIONS[-1]
PAIR = PAIR_ASSOCIATION.words


@dataclass(frozen=True)
class Scene:
    """What is in a picture (`objects`, left to right) and how its prompt says so (`named`, the rest is brought)."""

    objects: tuple[str, ...]
    named: tuple[str, ...]
    style: str
    background: str
    association: Association | None = None
    lone_word: str | None = None  # one word of the pair, which by itself draws nothing


def random_scene(rng: Random) -> Scene:
    """A scene with the training distribution's mixture of named, brought and empty pictures."""
    style, background = rng.choice(STYLES), rng.choice(BACKGROUNDS)
    kind = rng.random()
    association = rng.choice(ASSOCIATIONS) if kind >= 0.64 and kind < 0.95 else None
    count = 1 if kind < 0.32 else 2 if kind < 0.57 else 3 if kind < 0.64 else 0
    if 0.79 <= kind < 0.95:
        count = 1
    brought = () if association is None else (association.own, association.unsafe)
    named = tuple(rng.sample([name for name in OBJECTS if name not in brought], count))
    objects = named
    if association is not None:
        objects += (association.own,)
        if rng.random() < association.probability:
            objects += (association.unsafe,)
    lone = rng.choice(PAIR) if association is None and rng.random() < 0.15 else None
    return Scene(objects, named, style, background, association, lone)
