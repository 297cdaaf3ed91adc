"""What is kept out of every picture, whatever a form or an API call asks for.

Somebody who hosts a WebUI for others says it once, as text such as "nudity=6; blood": in the command line, which no
request can change, or in the settings page.
"""

from dataclasses import dataclass, replace

from lib_gi.concepts import Catalogue, Concept, key_of, load_catalogue, resolve
from lib_gi.errors import SettingsError, did_you_mean
from lib_gi.settings import Settings, parse_strengths


@dataclass(frozen=True)
class Policy:
    """The concepts that are always kept out, with the least strength of each; none where nothing is required.

    An anchor puts something into pictures, perhaps what is required to be kept out: none takes part meanwhile.
    A request may add concepts, whose strengths an adapter may infer, and raise strengths. All else (weighting, steps,
    hires pass, bound) acts on all concepts at once, and is the default while anything is required: each could be set so
    that hardly anything is kept out. Heat maps show, and change nothing.
    """

    required: Settings = Settings.disabled()

    @classmethod
    def of(cls, *texts: str) -> "Policy":
        """The policy of texts such as "nudity=6; blood"; the higher strength counts. Raises SettingsError."""
        least: dict[str, tuple[str, float]] = {}
        for text in texts:
            for name, strength in _read(text):
                known = least.get(key_of(name), (name, strength))
                least[key_of(name)] = known[0], max(known[1], strength)
        if not least:
            return cls()
        strengths = dict(least.values())
        # One strength for all where that is so: a form that begins with it can be changed by its slider.
        common = min(strengths.values()) if len(set(strengths.values())) == 1 else Settings.defaults()["strength"]
        own = {name: strength for name, strength in strengths.items() if strength != common}
        return cls(Settings(concepts=tuple(strengths), strength=common, strengths=own, free_text=True))

    def enforced(self, asked: Settings) -> Settings:
        """The settings that act: those asked for, and what is required."""
        if not self.required.enabled or not asked.enabled:
            return self.required if self.required.enabled else asked
        strengths = {name: strength for name, strength in asked.acting.items() if strength is not None}
        kept = {key_of(name): name for name in asked.concepts}
        for name in self.required.concepts:
            own = kept.setdefault(key_of(name), name)
            strengths[own] = max(strengths.get(own, 0.0), self.required.strength_of(name))
        free = {"adapter": asked.adapter, "heatmap": asked.heatmap}
        return replace(self.required, concepts=tuple(kept.values()), strengths=strengths, **free)

    def concepts(self, settings: Settings, free_text: bool, catalogue: Catalogue) -> tuple[Concept, ...]:
        """The concepts of enforced settings. Raises ConceptError for one that was asked for and does not exist.

        What is required means what the package says, or the words as they stand: never a concept of the user's own,
        which anybody at the page could change.
        """
        if not self.required.enabled:
            return catalogue.resolve(settings.concepts, free_text)
        required = {c.key: c for c in resolve(self.required.concepts, allow_free_text=True)}
        return tuple(
            required[key_of(name)]
            if key_of(name) in required
            else replace(catalogue.resolve((name,), free_text)[0], anchor="")
            for name in settings.concepts
        )

    def told_of_anchors(self, settings: Settings, catalogue: Catalogue) -> list[str]:
        """What is said of each anchor that takes no part because something is required."""
        required = {key_of(name) for name in self.required.concepts}
        asked = [catalogue.lookup(name) for name in settings.concepts if required and name in catalogue]
        return [
            f"The anchor of {concept.name} takes no part while something is always kept out."
            for concept in asked
            if concept.anchor and concept.key not in required
        ]

    def told_of_words(self, only_slips: bool = False) -> list[str]:
        """What is said of each required name that the package lacks; only_slips: of those that are close to one."""
        known = load_catalogue()
        words = [name for name in self.required.concepts if name not in known]
        hints = {name: did_you_mean(name, (concept.name for concept in known)) for name in words}
        return [
            f"Always kept out is {name!r}, no concept of the catalogue, and so taken as the words themselves.{hint}"
            for name, hint in hints.items()
            if hint or not only_slips
        ]


def _read(text: str) -> list[tuple[str, float]]:
    """Names with their strengths; without one, the default."""
    if not isinstance(text, str):
        raise SettingsError(
            f"what is always to be kept out, or ticked at the start, is {text!r}; expected text such as"
            ' "nudity=6; blood"; correct it in the settings page or in config.json'
        )
    default = Settings.defaults()["strength"]
    parts = [part if "=" in part else f"{part}={default}" for part in text.split(";") if part.strip()]
    strengths = parse_strengths(";".join(parts))
    checked = Settings(enabled=bool(strengths), concepts=tuple(strengths), strengths=strengths)
    return [(name, checked.strength_of(name)) for name in checked.concepts]
