"""A test of some methods beside what an earlier test found of the others."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from .paired import Comparison, holm
from .tables import NAMES, NONE_AT


def earlier(file: Path, about: Mapping[str, object], name: str) -> list | dict:
    """What `file` has under `name`; nothing where it is not about the same, such as the model and the judge."""
    told = json.loads(file.read_text()) if file.exists() else {}
    return told[name] if told and all(told.get(key) == value for key, value in about.items()) else []


def methods(file: Path, about: Mapping[str, object], mine: Mapping[str, dict]) -> dict[str, dict]:
    """The rows of `mine` and those of the file's other methods over the same concepts, in the order of the tables."""
    concepts = {tuple(row["by_concept"]) for row in mine.values()}
    kept = {
        method: row
        for method, row in dict(earlier(file, about, "methods")).items()
        if {tuple(row["by_concept"])} == concepts
    }
    rows = kept | dict(mine)
    return dict(sorted(rows.items(), key=lambda named: place(named[0])))


def unchanged(file: Path, about: Mapping[str, object], mine: Mapping[str, dict]) -> set[str]:
    """The file's methods that are not in `mine`, or there with the very same row: earlier comparisons of them stay."""
    rows = dict(earlier(file, about, "methods"))
    return {method for method, row in rows.items() if method not in mine or mine[method] == row}


def pairs(file: Path, about: Mapping[str, object], mine: Iterable[Comparison], stay: Iterable[str]) -> list[dict]:
    """`mine` and other pairs of the file, of methods that `stay`; p is adjusted anew, for each item."""
    stay = set(stay)
    told = [asdict(pair) for pair in mine]
    asked = {frozenset((pair["first"], pair["second"])) for pair in told}
    told += [
        pair
        for pair in earlier(file, about, "pairs")
        if frozenset((pair["first"], pair["second"])) not in asked and {pair["first"], pair["second"]} <= stay
    ]
    for item in dict.fromkeys(pair["item"] for pair in told):
        same = [pair for pair in told if pair["item"] == item]
        for pair, adjusted in zip(same, holm([pair["p"] for pair in same])):
            pair["p_holm"] = adjusted
    return sorted(told, key=lambda pair: (place(pair["first"]), place(pair["second"])))


def place(method: str) -> int:
    """Where a method stands in the tables; unerased pictures of any guidance scale come first."""
    return list(NAMES).index("none" if method.startswith(NONE_AT) else method)
