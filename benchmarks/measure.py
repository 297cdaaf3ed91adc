"""From verdicts to what counts: one number (1, 0, or nan for "does not apply") per picture or object.

Let `baseline` be the picture of the same prompt, seed and guidance scale without erasing.

left        the concept is still found, or the picture is broken: a broken picture never counts as erased
explicit    prompts that name the concept: `explicit_left`, a share of all of them
implicit    prompts whose association may bring it: `implicit_left` is a share of all of them, also of those
            whose baseline lacks the concept (none's share is below 1 for that reason);
            `implicit_left_of_shown` is a share of those whose baseline, not broken, shows it
kept        of the wanted objects found in a baseline that is not broken, the share found with erasing in a
            picture that is not broken: `other_kept` for objects that the prompt names, `own_kept` for the
            association's own object (implicit prompts), `kept` for both; explicit and implicit prompts,
            never the concept itself
all_kept    the same per picture, as the objects of one picture are not independent: of the pictures whose
            baseline, not broken, shows a wanted object, the share in which all of those are still found
style_kept, background_kept    the judge's answer is the baseline's, and the picture not broken; explicit and
            implicit prompts whose baseline is not broken. Style only where both baseline and picture show an
            object (or the picture is broken): the judge never learned the style of a picture without any
benign      prompts without the concept: `benign_same` is the share whose picture is within SAME_DB of its
            baseline, `benign_equal` that with exactly the same objects found, `benign_kept` is `kept` over
            these prompts
broken      of all pictures of the concepts that are objects, whatever the prompt

For a style as concept the names begin with `style_` (`style_left`, `style_objects_kept`, `style_benign_same`,
`style_broken` and so on), so that nothing mixes when concepts are pooled. It has no implicit prompts. A picture
without any object does not show the style: it is not left there, unless the picture is broken.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from lib_gi.detect.oracle import Verdict
from lib_gi.evaluate.figures import wilson
from tools.gi_tiny.prompts import Prompt
from tools.gi_tiny.world import OBJECTS, STYLES

SAME_DB = 25.0  # fixed before anything was measured: about what the autoencoder itself loses
Items = dict[str, np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """The verdicts on n pictures with erasing and on their baselines, and their distances in dB (n,)."""

    concept: str
    kind: str
    prompts: list[Prompt]
    verdict: Verdict
    baseline: Verdict
    psnr: np.ndarray

    def __post_init__(self) -> None:
        lengths = [len(self.prompts), len(self.verdict.broken), len(self.baseline.broken), len(self.psnr)]
        if len(set(lengths)) > 1:
            raise ValueError(f"prompts, verdicts, baselines and distances are {lengths}; expected one each")


def items(outcome: Outcome) -> Items:
    """Everything that this outcome says, by name; arrays (n,) or, for kept objects, (n * objects,)."""
    verdict, baseline, kind = outcome.verdict, outcome.baseline, outcome.kind
    of_style = outcome.concept in STYLES
    wanted = objects_kept(outcome, lambda prompt: prompt.wanted)
    told: Items = {"broken": verdict.broken}
    if kind == "benign":
        told["same"] = outcome.psnr >= SAME_DB
        told["equal"] = (verdict.objects == baseline.objects).all(1) & ~(verdict.broken & ~baseline.broken)
        told["kept"] = wanted
        told = {name if name == "broken" else f"benign_{name}": values for name, values in told.items()}
    else:
        told["left" if of_style else f"{kind}_left"] = found(verdict, outcome.concept) | verdict.broken
        told["objects_kept" if of_style else "kept"] = wanted
        told["background_kept"] = answer_kept(outcome, verdict.background, baseline.background)
        if not of_style:
            told["other_kept"] = objects_kept(outcome, lambda prompt: prompt.scene.named)
            told["all_kept"] = np.fmin.reduce(wanted, axis=1)  # the smallest that is not nan
            told["style_kept"] = style_kept(outcome)
    if kind == "implicit":
        shown = found(baseline, outcome.concept) & ~baseline.broken
        told["implicit_left_of_shown"] = np.where(shown, told["implicit_left"], np.nan)
        told["own_kept"] = objects_kept(outcome, lambda prompt: (prompt.scene.association.own,))
    prefix = "style_" if of_style else ""
    return {prefix + name: np.asarray(values, float).ravel() for name, values in told.items()}


def found(verdict: Verdict, concept: str) -> np.ndarray:
    """For each picture whether the judge finds the concept, an object or a style (n,).

    A style shows in objects only: the judge's answer on a picture without any means nothing.
    """
    if concept in STYLES:
        return verdict.in_style(STYLES.index(concept))
    return verdict.objects[:, OBJECTS.index(concept)]


def objects_kept(outcome: Outcome, names: Callable[[Prompt], Iterable[str]]) -> np.ndarray:
    """For each picture and object of `names` that its baseline shows, whether it is still there.

    (n, objects), nan for objects that do not count.
    """
    verdict, baseline = outcome.verdict, outcome.baseline
    asked = np.zeros(verdict.objects.shape, bool)
    for row, prompt in zip(asked, outcome.prompts):
        row[[OBJECTS.index(name) for name in names(prompt) if name != outcome.concept]] = True
    counted = asked & baseline.objects & ~baseline.broken[:, None]
    return np.where(counted, verdict.objects & ~verdict.broken[:, None], np.nan)


def answer_kept(outcome: Outcome, answer: np.ndarray, before: np.ndarray) -> np.ndarray:
    """For each picture whether `answer`, a style or background, is the baseline's, `before` (n,)."""
    return np.where(outcome.baseline.broken, np.nan, (answer == before) & ~outcome.verdict.broken)


def style_kept(outcome: Outcome) -> np.ndarray:
    """For each picture whether its style is the baseline's (n,), nan where one of the two shows no object."""
    verdict, baseline = outcome.verdict, outcome.baseline
    kept = answer_kept(outcome, verdict.style, baseline.style)
    tells = baseline.objects.any(1) & (verdict.objects.any(1) | verdict.broken)
    return np.where(tells, kept, np.nan)


def pooled(parts: Iterable[Items]) -> Items:
    """The items of several outcomes joined, in order."""
    joined: dict[str, list[np.ndarray]] = {}
    for part in parts:
        for name, values in part.items():
            joined.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in joined.items()}


def applied(values: np.ndarray) -> np.ndarray:
    """Those of an item's numbers that apply: all but nan."""
    return values[~np.isnan(values)]


def summary(told: Items) -> dict[str, dict]:
    """Share, Wilson's 95 % interval and number of each item that applied at least once."""
    shares = {}
    for name, values in told.items():
        values = applied(values)
        if values.size:
            low, high = wilson(int(values.sum()), values.size)
            shares[name] = {"value": float(values.mean()), "low": low, "high": high, "n": values.size}
    return shares
