"""Markdown tables of docs/erasure.md, drawn from the committed files of a test."""

import json
from pathlib import Path

BEGIN, END = "<!-- begin: measured -->", "<!-- end: measured -->"
COLUMNS = {
    "explicit_left": "explicit left",
    "implicit_left": "implicit left",
    "other_kept": "other objects kept",
    "own_kept": "own object kept",
    "style_kept": "style kept",
    "background_kept": "background kept",
    "benign_same": "benign within 25 dB",
    "broken": "broken",
    "style_left": "style left",
    "seconds_ratio": "time",
}
NAMES = {
    "none": "none",
    "plain": "GIE, plain",
    "agreement": "GIE, agreement",
    "projection": "GIE, projection",
    "negative_prompt": "negative prompt",
    "sld": "SLD",
}
PAIR_COLUMNS = ("explicit_left", "implicit_left", "kept", "benign_same", "style_left")


def replaced(page: str, content: str) -> str:
    """The page with `content` between its two marks."""
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return f"{page[:begin]}\n\n{content}\n\n{page[end:]}"


def between(page: str) -> str:
    """What stands between the two marks of a page."""
    return page[page.index(BEGIN) + len(BEGIN) : page.index(END)].strip()


def whole(results: Path, sweeps: Path) -> str:
    """All tables of a test whose files are in these two folders."""
    by_concept = json.loads((sweeps / "test_by_concept.json").read_text())
    pairs = json.loads((sweeps / "test_pairs.json").read_text())["pairs"]
    methods = by_concept["methods"]
    parts = [
        f"Shares with 95 % intervals, concepts pooled; {by_concept['count']} prompts per concept and set.",
        main_table(results, methods),
        "By concept: left on explicit / implicit prompts, then wanted objects kept.",
        concept_table(methods),
        "Differences on the same prompts and seeds, first less second: the difference, its 95 % interval, and"
        " McNemar's exact p (Holm) where it is below .05.",
        pair_table(pairs),
    ]
    return "\n\n".join(parts)


def main_table(results: Path, methods: dict) -> str:
    """A row for each method with its figures."""
    head = ["method", "strength", "CFG", *COLUMNS.values()]
    rows = []
    for method, told in methods.items():
        row = [NAMES.get(method, method), f"{told['strength']:g}", f"{told['guidance']:g}"]
        for column in COLUMNS:
            file = results / f"erase.{method}.{column}.json"
            row.append(cell(json.loads(file.read_text())) if file.exists() else "")
        rows.append(row)
    return table(head, rows)


def concept_table(methods: dict) -> str:
    """A row for each concept, a column for each method."""
    concepts = next(iter(methods.values()))["by_concept"]
    rows = []
    for concept in concepts:
        row = [concept]
        for told in methods.values():
            shares = told["by_concept"][concept]
            left = [
                f"{shares[name]['value']:.2f}"
                for name in ("explicit_left", "implicit_left", "style_left")
                if name in shares
            ]
            kept = shares.get("kept") or shares.get("style_objects_kept")
            row.append(f"{' / '.join(left)}, {kept['value']:.2f}" if kept else " / ".join(left))
        rows.append(row)
    return table(["concept", *(NAMES.get(method, method) for method in methods)], rows)


def pair_table(pairs: list[dict]) -> str:
    """A row for each two methods, without those that compare with no erasing at all."""
    by_pair: dict[tuple[str, str], dict[str, dict]] = {}
    for pair in pairs:
        if "none" not in (pair["first"], pair["second"]):
            by_pair.setdefault((pair["first"], pair["second"]), {})[pair["item"]] = pair
    rows = []
    for (first, second), told in by_pair.items():
        row = [f"{NAMES.get(first, first)} - {NAMES.get(second, second)}"]
        for item in PAIR_COLUMNS:
            row.append(difference(told[item]) if item in told else "")
        rows.append(row)
    return table(["pair", *(item.replace("_", " ") for item in PAIR_COLUMNS)], rows)


def cell(figure: dict) -> str:
    """A value with its interval."""
    return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"


def difference(pair: dict) -> str:
    """A signed difference with its interval, and p where it tells something."""
    text = f"{pair['difference']:+.2f} ({pair['low']:+.2f} to {pair['high']:+.2f})"
    if pair["p_holm"] >= 0.05:
        return text
    return f"{text}, p < .001" if pair["p_holm"] < 0.001 else f"{text}, p = {pair['p_holm']:.3f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
