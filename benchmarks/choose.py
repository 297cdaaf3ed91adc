"""The strengths that the test uses, and the weighting that becomes the product's default, by rules fixed beforehand.

Both are chosen from a sweep on validation prompts.
"""

from collections.abc import Mapping, Sequence

from lib_gi.settings import WEIGHTINGS
from tools.gi_tiny.sampling import GUIDANCE

from .methods import ERASING, METHODS

BAR = 0.05
TOLD = ("explicit_left", "implicit_left", "kept", "benign_same")
RULE = (
    "For each method the weakest strength whose explicit_left and implicit_left are both at most"
    f" {BAR:g} on validation prompts, judged by the label judge. Where none is, the strength with the largest"
    " (1 - the larger of the two) * kept. Ties: the weaker strength, then the lower guidance scale. All"
    f" methods at guidance scale {GUIDANCE:g}, except the negative prompt, which may choose among"
    f" {', '.join(f'{scale:g}' for scale in METHODS['negative_prompt'].guidances)}."
    " One strength for all concepts, chosen on the five objects together."
)
WINNER_RULE = (
    "The product's default among the growth inhibitors' weightings, each at the strength chosen by the rule above,"
    " is the one whose validation row has the largest (1 - the larger of explicit_left and implicit_left) * kept *"
    f" benign_same. Ties: the first of {', '.join(WEIGHTINGS)}."
)


def chosen(rows: Sequence[dict]) -> dict[str, dict]:
    """For each method in `rows` of a sweep the row that RULE picks, less its shares by concept.

    `edge` says that its strength is the smallest or largest tried: a better one may lie beyond.
    """
    picked = {}
    for method in ERASING:
        scales = METHODS[method].guidances
        candidates = [row for row in rows if row["method"] == method and row["guidance"] in scales]
        if candidates:
            row = pick(candidates)
            tried = [other["strength"] for other in candidates if other["guidance"] == row["guidance"]]
            picked[method] = {
                "strength": row["strength"],
                "guidance": row["guidance"],
                "reached": reached(row),
                "edge": row["strength"] in (min(tried), max(tried)),
                "validation": {name: row["shares"][name] for name in TOLD if name in row["shares"]},
            }
    return picked


def winner(settings: Mapping[str, dict]) -> dict | None:
    """The weighting and strength that WINNER_RULE picks of what `chosen` told, and the score of each weighting.

    None where a weighting is missing.
    """
    if not set(WEIGHTINGS) <= set(settings):
        return None
    shares = {weighting: settings[weighting]["validation"] for weighting in WEIGHTINGS}
    scores = {weighting: score(told) * value(told, "benign_same") for weighting, told in shares.items()}
    best = max(WEIGHTINGS, key=lambda weighting: scores[weighting])  # max: the first of equals
    return {"weighting": best, "strength": settings[best]["strength"], "scores": scores}


def pick(candidates: Sequence[dict]) -> dict:
    """The one row of one method's that RULE picks."""
    ordered = sorted(candidates, key=lambda row: (row["strength"], row["guidance"]))
    weakest = next((row for row in ordered if reached(row)), None)
    # max: the first, weakest, of equals
    return max(ordered, key=lambda row: score(row["shares"])) if weakest is None else weakest


def reached(row: dict) -> bool:
    """Whether hardly anything is left, explicit and implicit."""
    return largest_left(row["shares"]) <= BAR


def score(shares: Mapping[str, dict]) -> float:
    """Erased, times kept."""
    return (1 - largest_left(shares)) * value(shares, "kept")


def largest_left(shares: Mapping[str, dict]) -> float:
    """The larger of what is left on explicit and on implicit prompts."""
    return max(shares[name]["value"] for name in ("explicit_left", "implicit_left"))


def value(shares: Mapping[str, dict], name: str) -> float:
    """A share of what there was to keep; 0 where there was nothing."""
    return shares.get(name, {"value": 0.0})["value"]
