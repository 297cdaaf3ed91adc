"""Markdown tables of what an adapter is worth, for docs/adapter.md."""

import json
from collections.abc import Callable
from pathlib import Path

from .tables import COLUMNS, NAMES, cell, counts, difference, table

MARKS = ("<!-- begin: adapter -->", "<!-- end: adapter -->")
SHOWN = ("explicit_left", "implicit_left", "kept", "own_kept", "benign_same", "broken")
STYLES_SHOWN = (
    "style_left",
    "style_objects_kept",
    "style_background_kept",
    "style_benign_same",
    "style_broken",
)
AT_SCALE = "_cfg_"  # before the number, in the names of what was measured at another guidance scale than the usual
BESIDE = ("none", "plain", "limited", "contrast", "agreement", "adapter")
OF_EACH = {"unseen": "objects never seen", "alone": "each object by one of a calibration with it alone"}


def whole(results: Path, sweeps: Path) -> str:
    """Everything that the files of a comparison, of unseen concepts and, where it was measured, of a frontier say."""
    compared = json.loads((sweeps / "adapter.json").read_text())
    files = {name: sweeps / f"{name}.json" for name in OF_EACH}
    of_each = {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}
    tested = json.loads((sweeps / "test_by_concept.json").read_text())["methods"]
    parts = [
        f"On test prompts, by the judge of record, each object erased by itself; {counts(tested)}"
        + "".join(f", {told['count']} of {OF_EACH[name]}" for name, told in of_each.items())
        + "; shares with 95 % intervals:",
        beside_table(results),
        *measured(sweeps / "fresh.json", fresh),
        "Objects that the adapter never saw, by concept, each by one that was trained on all the others:",
        share_table("concept", of_each["unseen"]["by_concept"]),
    ]
    if (sweeps / "frontier.json").exists():
        parts += frontiers(results, sweeps)
    others = {"conditions": conditions, "img2img": begun, "styles": styles, "transfer": transferred, "acting": acting}
    for name, told_by in others.items():
        parts += measured(sweeps / f"{name}.json", told_by)
    parts += [
        f"Fitted in other ways to the same labels: {compared['count']} validation prompts per concept and set, by"
        " the labelling judge:",
        share_table("way", {row["label"]: row["shares"] for row in compared["rows"]}),
    ]
    parts += measured(sweeps / "passed.json", passed)
    parts += measured(sweeps / "readings.json", readings)
    return "\n\n".join(parts)


def fresh(told: dict) -> list[str]:
    """Prompts in templates that neither the model nor a label was made of."""
    return [
        "The same in sentences of other forms, of which neither the model nor a label was made;"
        f" {told['count']} prompts per concept and set, by the judge of record:",
        share_table("way", {NAMES[method]: shares for method, shares in told["by_method"].items()}),
    ]


def frontiers(results: Path, sweeps: Path) -> list[str]:
    """The gain over all fixed strengths, at the usual guidance scale and at those that were measured beside it."""
    others = sweeps.glob(f"frontier{AT_SCALE}*.json")
    files = {file: json.loads(file.read_text()) for file in (sweeps / "frontier.json", *others)}
    rows = []
    for file, measured_at in sorted(files.items(), key=lambda item: item[1]["guidance"]):
        at_scale = file.stem.removeprefix("frontier")
        gain = json.loads((results / f"erase.adapter.frontier_gain{at_scale}.json").read_text())
        told = f"{measured_at['guidance']:g}", str(measured_at["count"])
        area = f"{gain['value']:.3f} ({gain['low']:.3f} to {gain['high']:.3f})"
        rows.append([*told, area, *beside_fixed(measured_at["pairs"])])
    return [
        "The adapter beside all fixed strengths of four weightings: the area under erased against kept, of 1, less that"
        " of all of them together; and the share of all prompts in which it does right (the concept is gone from what"
        " named or brought it, a benign picture is as it was), less that of the best of them, with the p of McNemar's"
        " exact test, adjusted for all. The picture is of CFG"
        f" {files[sweeps / 'frontier.json']['guidance']:g}.",
        table(["CFG", "prompts per concept and set", "area more", "right more often than", "than the best"], rows),
        "![Benign pictures kept against erased, one line for each way](images/frontier.png)",
    ]


def beside_fixed(pairs: list[dict]) -> list[str]:
    """Than how many fixed strengths the adapter does right more often, and by how much than the best of them."""
    best = min(pairs, key=lambda pair: pair["difference"])
    fewer = sum(pair["difference"] > 0 for pair in pairs)
    return [f"{fewer} of {len(pairs)}", f"{best['second']}: {difference(best)}"]


def measured(file: Path, told_by: Callable[[dict], list[str]]) -> list[str]:
    """What a file of a sweep says; nothing where it was not measured."""
    return told_by(json.loads(file.read_text())) if file.exists() else []


def passed(told: dict) -> list[str]:
    """What passes for harmless, by fit."""
    kinds = list(told["rows"][0]["shares"])
    rows = [[row["label"], *(cell(row["shares"][kind]) for kind in kinds)] for row in told["rows"]]
    return [
        "The same fits, on more prompts: in what share no inhibitor acts at all, by the reading alone. None should pass"
        f" of those that name or bring the object, and every benign one; {told['count']} validation prompts per concept"
        " and set:",
        table(["way", *(f"{kind} passed" for kind in kinds)], rows),
    ]


def readings(told: dict) -> list[str]:
    """What tells presence, by map, pool and step."""
    cells: dict[tuple[str, str], dict[int, str]] = {}
    for row in told["rows"]:
        text = f"{row['all']['value']:.2f} / {row['implicit']['value']:.2f}"
        cells.setdefault((row["map"], row["pool"]), {})[row["step"]] = text
    steps = sorted({row["step"] for row in told["rows"]})
    widths = [row[kind]["high"] - row[kind]["low"] for row in told["rows"] for kind in ("all", "implicit")]
    return [
        "What tells whether an unerased picture will show an object that the reading never saw: area under the curve of"
        " a linear reading of all layers, mean of the objects, over all pictures / over those of implicit prompts;"
        f" {told['count']} validation prompts per concept and set; 95 % intervals are at most {max(widths):.2f} wide:",
        table(
            ["map", "over positions", *(f"step {step}" for step in steps)],
            [[*names, *(by_step[step] for step in steps)] for names, by_step in cells.items()],
        ),
    ]


def conditions(told: dict) -> list[str]:
    """Other guidance scales, and several concepts at once."""
    rows = {f"{row['condition']}: {NAMES[row['method']]}": row["shares"] for row in told["rows"]}
    return [
        "At other guidance scales, compared with unerased pictures of the same scale, and with"
        f" {', '.join(told['several'])} kept out at once; {told['count']} test prompts per concept and set, and with"
        f" several concepts {told['together_count']}, of which those count that have nothing to do with the others:",
        share_table("condition", rows),
    ]


def begun(told: dict) -> list[str]:
    """Pictures that are begun from others."""
    rows = {f"denoising {row['denoising']:g}: {NAMES[row['method']]}": row["shares"] for row in told["rows"]}
    return [
        "Begun from another picture, as in img2img, one that has nothing to do with the concept;"
        f" {told['count']} test prompts per concept and set, by the judge of record, compared with unerased pictures"
        " that are begun from the same:",
        share_table("way", rows),
    ]


def styles(told: dict) -> list[str]:
    """Styles with and without an anchor, and what the last one is left in, by object."""
    names = {"none": "none", "adapter": NAMES["adapter"], "anchored": f"{NAMES['adapter']}, the other style as anchor"}
    rows = []
    for method, by_concept in told["methods"].items():
        for concept, shares in by_concept.items():
            name = names[method] + ("" if concept == "pooled" else f": {concept}")
            rows.append([name, *(cell(shares[column]) for column in STYLES_SHOWN)])
    parts = [
        f"Styles, on {told['count']} test prompts per style and set, by the judge of record:",
        table(["way", *(COLUMNS[column] for column in STYLES_SHOWN)], rows),
    ]
    if told["unasked"]:
        unasked, left = told["unasked"], told["left_by_object"]
        style = list(next(iter(left.values())))[-1]
        shares = {f"left: {names[method]}": by_style[style] for method, by_style in left.items() if method != "none"}
        shares = {"unasked": {name: shown[style] for name, shown in unasked.items() if style in shown}} | shares
        often = {name: shares["unasked"][name]["value"] if name in shares["unasked"] else 0.0 for name in unasked}
        rows = [
            [name, *(cell(of_objects[name]) if name in of_objects else "" for of_objects in shares.values())]
            for name in sorted(unasked, key=lambda name: -often[name])
        ]
        parts += [
            f"By object, how often a prompt that says nothing of style is drawn in `{style}`"
            f" ({told['unasked_count']} unerased pictures each), and how often `{style}` is left where it was named:",
            table(["object", *shares], rows),
        ]
    return parts


def transferred(told: dict) -> list[str]:
    """The default strength and the adapter on a model that neither is of."""
    names = {
        "none": "none",
        "default": "gi-tiny's strength, {:g}",
        "scaled": "as large inhibitors as on gi-tiny: strength {:g}",
        "contrast": "contrast, strength {:g}",
        "adapter": "gi-tiny's adapter",
    }
    rows = {names.get(row["way"], "strength {:g}").format(row["strength"]): row["shares"] for row in told["rows"]}
    home, here = told["sizes"]["home"], told["sizes"]["here"]
    lines = [
        f"On gi-tiny-b, which neither adapter nor default strength is of; {told['count']} test prompts per concept and"
        f" set. Inhibitors of strength 1 are {home:.3f} of a layer's output on gi-tiny and {here:.3f} on gi-tiny-b:",
        share_table("way", rows),
    ]
    if told["lost"]:
        at_home, away = cell(told["lost"]["home"]), cell(told["lost"]["transfer"])
        lines.append(
            "The product refuses the adapter there, as that model is built otherwise: its row is of pictures that were"
            " drawn all the same. On another model that is built alike generation stops where nothing seems to grow and"
            f" what is read lies too far from what was learnt from: so it would in {away} of these prompts. On gi-tiny"
            f" inhibitors act in such a picture instead: in {at_home}."
        )
    return lines


def acting(told: dict) -> list[str]:
    """When the inferred scales begin to act."""
    rows = [
        [row["way"], *(cell(row["shares"][column]) for column in SHOWN), cell(row["seconds_ratio"])]
        for row in told["rows"]
    ]
    return [
        "From when on the inferred scales act: from the first step, which a call of its own has read; from the second,"
        " which costs none; or in the first one already, each layer by what the layers before it showed;"
        f" {told['count']} validation prompts per concept and set, by the labelling judge; time against none:",
        table(["way", *(COLUMNS[column] for column in SHOWN), "time"], rows),
    ]


def beside_table(results: Path) -> str:
    """A row for each of a few methods, and for other adapters of each object."""
    names = {method: NAMES[method] for method in BESIDE}
    names |= {f"adapter.{name}": f"{NAMES['adapter']}, {told}" for name, told in OF_EACH.items()}
    rows = []
    for method, name in names.items():
        files = [results / f"erase.{method}.{column}.json" for column in SHOWN]
        figures = [json.loads(file.read_text()) for file in files if file.exists()]
        if len(figures) == len(SHOWN):
            rows.append([name, *map(cell, figures)])
    return table(["way", *(COLUMNS[name] for name in SHOWN)], rows)


def share_table(first: str, rows: dict[str, dict]) -> str:
    """A row for each name, with its shares; `first`: what the names are of."""
    cells = [[name, *(cell(shares[column]) for column in SHOWN)] for name, shares in rows.items()]
    return table([first, *(COLUMNS[column] for column in SHOWN)], cells)
