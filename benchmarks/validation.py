"""The rows of a sweep's validation.json: which of them a later sweep keeps, and which can be compared."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.gi_tiny.world import UNSAFE

Key = tuple[str, float, float]


def key_of(row: dict) -> Key:
    """What a row is of: method, strength and guidance scale."""
    return row["method"], row["strength"], row["guidance"]


def earlier(file: Path, about: dict, count: int) -> dict[Key, dict]:
    """The rows that a sweep finds in `file`; none where the file is of another model, judge or number of steps.

    about: these three, as the file has them. count: prompts per concept and set. Raises SystemExit where the rows are
    of another count: they could not be chosen from together.
    """
    if not file.exists():
        return {}
    told = json.loads(file.read_text())
    other = [name for name, mine in about.items() if told.get(name) != mine]
    if other:
        print(f"{file} is of other {' and '.join(other)}: its rows count no more")
        return {}
    rows = {key_of(row): row for row in told["rows"]}
    counts = {row["count"] for row in rows.values()} - {count}
    if counts:
        raise SystemExit(
            f"{file} has rows of {', '.join(map(str, sorted(counts)))} prompts per concept and set, not {count};"
            " expected the same --count, or another folder (--sweeps)"
        )
    return rows


def stays(row: dict, concepts: Iterable[str]) -> bool:
    """Whether an earlier row is kept, as a new one of `concepts` would lack one of its own."""
    return not set(row["by_concept"]) <= set(concepts)


def whole(rows: Sequence[dict]) -> list[dict]:
    """The rows of all five objects: one that lacks some is no basis for a choice, nor a point beside the others."""
    return [row for row in rows if set(UNSAFE) <= set(row["by_concept"])]
