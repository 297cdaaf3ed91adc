"""Markdown tables of an ablation and of the inhibitors' sizes, for docs/erasure.md."""

from .ablation import THIRDS
from .tables import COLUMNS, NAMES, cell, table

MARKS = ("<!-- begin: why -->", "<!-- end: why -->")
SHOWN = ("explicit_left", "implicit_left", "own_kept", "benign_same", "broken")


def whole(told: dict, sizes: dict | None) -> str:
    """Everything that why.json says, and the file of benchmarks.sizes where there is one."""
    rows = told["rows"]
    parts = [
        f"One thing changed at a time; {', '.join(rows[0]['concepts'])}; {told['count']} validation prompts per concept"
        f" and set, {told['steps']} steps, the label judge (`{told['judge']}`) on model `{told['model']}`; shares with"
        f" 95 % intervals. Measured by `{told['command']}`.",
        "Without erasing:",
        change_table([row for row in rows if row["method"] == "none"]),
    ]
    for (method, strength), own in by_setting(rows).items():
        parts += [f"{NAMES[method]}, strength {strength:g}:", change_table(own)]
    parts.append("![The same shares as points with intervals](images/why.png)")
    if sizes is not None:
        parts += size_parts(sizes)
    return "\n\n".join(parts)


def by_setting(rows: list[dict]) -> dict[tuple[str, float], list[dict]]:
    """The rows with erasing by method and strength, in order."""
    settings: dict[tuple[str, float], list[dict]] = {}
    for row in rows:
        if row["method"] != "none":
            settings.setdefault((row["method"], row["strength"]), []).append(row)
    return settings


def change_table(rows: list[dict]) -> str:
    """A line for each row."""
    lines = []
    for row in rows:
        shares = row["shares"]
        lines.append([row["label"], *(cell(shares[name]) if name in shares else "" for name in SHOWN)])
    return table(["changed", *(COLUMNS[name] for name in SHOWN)], lines)


def size_parts(sizes: dict) -> list[str]:
    """The ratios of `benchmarks.sizes`: by layer over all steps, and by third of the steps over all layers."""
    layers = sizes["layers"]
    weightings = list(next(iter(layers.values())))
    head = [NAMES[weighting] for weighting in weightings]
    by_layer = [
        [short(name), *(ratios([of[weighting]], THIRDS) for weighting in weightings)] for name, of in layers.items()
    ]
    by_third = [
        [third, *(ratios([of[weighting] for of in layers.values()], [third]) for weighting in weightings)]
        for third in THIRDS
    ]
    pictures = sizes["pictures"]
    return [
        "Size of what is added at strength 1 beside the layer's own output, the mean of norms' ratios in"
        f" {pictures['explicit']} pictures with the concept / {pictures['benign']} without it. By layer:",
        table(["layer", *head], by_layer),
        "By third of the steps:",
        table(["third", *head], by_third),
    ]


def ratios(parts: list[dict], over: list[str] | tuple[str, ...]) -> str:
    """The mean ratio with and without the concept, over these thirds of the steps."""
    means = []
    for kind in ("explicit", "benign"):
        values = [part[kind][third] for part in parts for third in over]
        means.append(sum(values) / len(values))
    return " / ".join(f"{value:.3f}" for value in means)


def short(name: str) -> str:
    """A layer's name without the parts that all have in common."""
    return name.replace(".attentions.", ".").partition(".transformer_blocks")[0]
