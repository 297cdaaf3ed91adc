"""Markdown tables of what an adapter is worth, for docs/adapter.md."""

import json
from pathlib import Path

from .tables import COLUMNS, NAMES, cell, counts, table

MARKS = ("<!-- begin: adapter -->", "<!-- end: adapter -->")
SHOWN = ("explicit_left", "implicit_left", "kept", "own_kept", "benign_same", "broken")
BESIDE = ("none", "plain", "agreement", "adapter")


def whole(results: Path, sweeps: Path) -> str:
    """Everything that the files of a comparison, of unseen concepts and, where it was measured, of a frontier say."""
    compared = json.loads((sweeps / "adapter.json").read_text())
    unseen = json.loads((sweeps / "unseen.json").read_text())
    tested = json.loads((sweeps / "test_by_concept.json").read_text())["methods"]
    parts = [
        f"On test prompts, by the judge of record, each object erased alone; {counts(tested)}, {unseen['count']} of"
        " objects never seen; shares with 95 % intervals:",
        beside_table(results),
        "Objects that the adapter never saw, by concept, each by one that was trained on the four others:",
        share_table("concept", unseen["by_concept"]),
    ]
    if (sweeps / "frontier.json").exists():
        frontier = json.loads((sweeps / "frontier.json").read_text())
        gain = json.loads((results / "erase.adapter.frontier_gain.json").read_text())
        parts += [
            f"The area under erased against kept is larger by {gain['value']:.3f} ({gain['low']:.3f} to"
            f" {gain['high']:.3f}) of 1 with the adapter than with all fixed strengths together;"
            f" {frontier['count']} test prompts per concept and set.",
            "![Benign pictures kept against erased, one line for each way](images/frontier.png)",
        ]
    if (sweeps / "conditions.json").exists():
        parts += conditions(json.loads((sweeps / "conditions.json").read_text()))
    parts += [
        f"Fitted in other ways to the same labels: {compared['count']} validation prompts per concept and set, by"
        " the labelling judge:",
        share_table("way", {row["label"]: row["shares"] for row in compared["rows"]}),
    ]
    return "\n\n".join(parts)


def conditions(told: dict) -> list[str]:
    """Other guidance scales, and several concepts at once."""
    rows = {f"{row['condition']}: {NAMES[row['method']]}": row["shares"] for row in told["rows"]}
    return [
        "At other guidance scales, compared with unerased pictures of the same scale, and with"
        f" {', '.join(told['several'])} kept out at once; {told['count']} test prompts per concept and set, with"
        " several concepts those of them that have nothing to do with the others:",
        share_table("condition", rows),
    ]


def beside_table(results: Path) -> str:
    """A row for each of a few methods, and for concepts that the adapter never saw."""
    rows = []
    for method in (*BESIDE, "adapter.unseen"):
        name = "GIE, adapter, objects never seen" if method == "adapter.unseen" else NAMES[method]
        files = [results / f"erase.{method}.{column}.json" for column in SHOWN]
        figures = [json.loads(file.read_text()) for file in files if file.exists()]
        if len(figures) == len(SHOWN):
            rows.append([name, *map(cell, figures)])
    return table(["way", *(COLUMNS[name] for name in SHOWN)], rows)


def share_table(first: str, rows: dict[str, dict]) -> str:
    """A row for each name, with its shares; `first`: what the names are of."""
    cells = [[name, *(cell(shares[column]) for column in SHOWN)] for name, shares in rows.items()]
    return table([first, *(COLUMNS[column] for column in SHOWN)], cells)
