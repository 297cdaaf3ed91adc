"""The strengths that the test uses, chosen from a sweep on validation prompts by a rule fixed beforehand."""

from collections.abc import Sequence

from tools.gi_tiny.sampling import GUIDANCE

from .methods import ERASING, METHODS

BAR = 0.05
TOLD = ("explicit_left", "implicit_left", "kept")
RULE = (
    "For each method the weakest strength whose explicit_left and implicit_left are both at most"
    f" {BAR:g} on validation prompts, judged by the label judge. Where none is, the strength with the largest"
    " (1 - the larger of the two) * kept. Ties: the weaker strength, then the lower guidance scale. All"
    f" methods at guidance scale {GUIDANCE:g}, except the negative prompt, which may choose among"
    f" {', '.join(f'{scale:g}' for scale in METHODS['negative_prompt'].guidances)}."
    " One strength for all concepts, chosen on the five objects together."
)


def chosen(rows: Sequence[dict]) -> dict[str, dict]:
    """For each method in `rows` of a sweep the row that RULE picks, less its shares by concept."""
    picked = {}
    for method in ERASING:
        scales = METHODS[method].guidances
        candidates = [row for row in rows if row["method"] == method and row["guidance"] in scales]
        if candidates:
            row = pick(candidates)
            picked[method] = {
                "strength": row["strength"],
                "guidance": row["guidance"],
                "reached": reached(row),
                "validation": {
                    name: row["shares"][name] for name in ("explicit_left", "implicit_left", "kept")
                },
            }
    return picked


def pick(candidates: Sequence[dict]) -> dict:
    """The one row of one method's that RULE picks."""
    ordered = sorted(candidates, key=lambda row: (row["strength"], row["guidance"]))
    weakest = next((row for row in ordered if reached(row)), None)
    return max(ordered, key=score) if weakest is None else weakest  # max: the first, weakest, of equals


def reached(row: dict) -> bool:
    """Whether hardly anything is left, explicit and implicit."""
    return largest_left(row) <= BAR


def score(row: dict) -> float:
    """What counts when nothing reaches the bar: erased, times kept (0 where there was nothing to keep)."""
    kept = row["shares"].get("kept", {"value": 0.0})
    return (1 - largest_left(row)) * kept["value"]


def largest_left(row: dict) -> float:
    """The larger of what is left on explicit and on implicit prompts."""
    return max(row["shares"][name]["value"] for name in ("explicit_left", "implicit_left"))
