"""Markdown tables of docs/erasure.md, and a brief one for other pages, drawn from the committed files of a test."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from .validation import whole as whole_rows

BEGIN, END = "<!-- begin: measured -->", "<!-- end: measured -->"
BRIEF_MARKS = ("<!-- begin: compared -->", "<!-- end: compared -->")
BRIEF = ("none", "negative_prompt", "sld", "plain", "limited", "contrast", "agreement", "adapter", "late_agreement")
MAIN = {
    "explicit_left": "explicit left",
    "implicit_left": "implicit left",
    "other_kept": "other objects kept",
    "own_kept": "own object kept",
    "style_kept": "style kept",
    "background_kept": "background kept",
    "benign_same": "benign within 25 dB",
    "broken": "broken",
}
OTHERS = {
    "benign_equal": "benign: exactly the same objects",
    "benign_kept": "benign: objects kept",
    "implicit_left_of_shown": "implicit left of shown",
    "kept": "wanted objects kept",
    "all_kept": "all wanted objects kept",
}
OF_STYLES = {
    "style_left": "style left",
    "style_objects_kept": "objects kept",
    "style_background_kept": "background kept",
    "style_benign_same": "benign within 25 dB",
    "style_benign_equal": "benign: exactly the same objects",
    "style_benign_kept": "benign: objects kept",
    "style_broken": "broken",
}
TIME = {"seconds_ratio": "time"}
COLUMNS = MAIN | OTHERS | OF_STYLES | TIME
NAMES = {
    "none": "none",
    "plain": "GIE, plain",
    "limited": "GIE, limited",
    "contrast": "GIE, contrast",
    "agreement": "GIE, agreement",
    "projection": "GIE, projection",
    "late_plain": "GIE, plain, late",
    "late_agreement": "GIE, agreement, late",
    "negative_prompt": "negative prompt",
    "sld": "SLD",
    "adapter": "GIE, adapter",
    "late_adapter": "GIE, adapter, late",
}
NONE_AT = "none_cfg"  # and the guidance scale: unerased pictures of an unusual one
PAIRED = {  # one value a picture, as the test wants it
    "explicit_left": "explicit left",
    "implicit_left": "implicit left",
    "all_kept": "all wanted objects kept",
    "benign_same": "benign within 25 dB",
    "style_left": "style left",
}


def replaced(page: str, content: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """The page with `content` between two marks."""
    begin, end = page.index(marks[0]) + len(marks[0]), page.index(marks[1])
    return f"{page[:begin]}\n\n{content}\n\n{page[end:]}"


def between(page: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """What stands between two marks of a page."""
    return page[page.index(marks[0]) + len(marks[0]) : page.index(marks[1])].strip()


def whole(results: Path, sweeps: Path) -> str:
    """All tables of a test whose files are in these two folders."""
    by_concept = json.loads((sweeps / "test_by_concept.json").read_text())
    pairs = json.loads((sweeps / "test_pairs.json").read_text())["pairs"]
    rows = json.loads((sweeps / "validation.json").read_text())["rows"]
    methods = by_concept["methods"]
    parts = [
        f"Objects: shares with 95 % intervals, concepts pooled; {counts(methods)}.",
        figure_table(results, methods, MAIN | TIME),
        "Benign prompts and others, of the same pictures:",
        figure_table(results, methods, OTHERS),
        "Styles, pooled, at the same strengths:",
        figure_table(results, methods, OF_STYLES),
        "By concept: left on explicit / implicit prompts, then wanted objects kept.",
        concept_table(methods),
        "Differences on the same prompts and seeds, per picture, first less second: the difference, its 95 %"
        " interval, and McNemar's exact p (Holm) where it is below .05. Only methods of the same guidance scale.",
        pair_table(pairs),
        plot(whole_rows(rows)),
    ]
    return "\n\n".join(parts)


def counts(methods: dict) -> str:
    """How many prompts a concept and set has, where methods were tested apart for each number of them."""
    by_count: dict[int, list[str]] = {}
    for method, told in methods.items():
        by_count.setdefault(told["count"], []).append(name_of(method))
    most, *others = sorted(by_count.items(), key=lambda item: -len(item[1]))
    rest = "".join(f"; {count} of {' and of '.join(names)}" for count, names in others)
    return f"{most[0]} prompts per concept and set{rest}"


def brief(results: Path, sweeps: Path) -> str:
    """A table of a few methods and figures, for readers who want to know what a method is worth to them."""
    methods = json.loads((sweeps / "test_by_concept.json").read_text())["methods"]
    shown = {method: methods[method] for method in BRIEF if method in methods}
    columns = {name: COLUMNS[name] for name in ("explicit_left", "implicit_left", "kept", "benign_same")}
    return figure_table(results, shown, columns)


def figure_table(results: Path, methods: dict, columns: Mapping[str, str]) -> str:
    """A row for each method with these of its figures."""
    head = ["method", "strength", "CFG", *columns.values()]
    rows = []
    for method, told in methods.items():
        row = [name_of(method), f"{told['strength']:g}", f"{told['guidance']:g}"]
        for column in columns:
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
    return table(["concept", *(name_of(method) for method in methods)], rows)


def pair_table(pairs: list[dict]) -> str:
    """A row for each two methods, without those that compare with no erasing at all."""
    by_pair: dict[tuple[str, str], dict[str, dict]] = {}
    for pair in pairs:
        if not any(name == "none" or name.startswith(NONE_AT) for name in (pair["first"], pair["second"])):
            by_pair.setdefault((pair["first"], pair["second"]), {})[pair["item"]] = pair
    rows = []
    for (first, second), told in by_pair.items():
        row = [f"{name_of(first)} - {name_of(second)}"]
        for item in PAIRED:
            row.append(difference(told[item]) if item in told else "")
        rows.append(row)
    return table(["pair", *PAIRED.values()], rows)


def plot(rows: Sequence[dict]) -> str:
    """The plot of a sweep with its caption, which says of how many prompts and objects a point is."""
    explicit, implicit, kept, benign = (
        sizes(rows, name) for name in ("explicit_left", "implicit_left", "kept", "benign_same")
    )
    return (
        "![Erased against kept over the strength, one line a method](images/erased-against-kept.png)\n\n"
        "Validation prompts, judged by the labelling judge: how the strengths were chosen; the tables above are the"
        f" measurement. One point a strength (the numbers): across of {explicit} explicit (left) and {implicit}"
        f" implicit (right) prompts, up of {kept} wanted objects (above) and {benign} benign prompts (below)."
        " Bars are 95 % intervals."
    )


def sizes(rows: Sequence[dict], name: str) -> str:
    """Of how many a share is in these rows, as text: a number, or the smallest and largest."""
    found = [row["shares"][name]["n"] for row in rows if name in row["shares"]]
    if not found:
        return "no"
    return f"{min(found)}" if min(found) == max(found) else f"{min(found)} to {max(found)}"


def name_of(method: str) -> str:
    """How a table calls a method."""
    if method.startswith(NONE_AT):
        return f"none, CFG {method.removeprefix(NONE_AT)}"
    return NAMES.get(method, method)


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
