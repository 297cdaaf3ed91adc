"""The model card's figures and tables, written from the committed figures between two marker lines."""

import json
from pathlib import Path

from lib_gi.evaluate.figures import RESULTS

BARS = {
    "follow.named": ">= .90",
    "follow.two": ">= .80",
    "follow.own": ">= .85",
    "follow.no_extra": ">= .90",
    "follow.style": ">= .90",
    "follow.held_out": ">= .85",
    "follow.association_gap": "<= .10",
    "broken": "<= .03",
    "judge.exact": ">= .99",
    "judge.exact_decoded": ">= .99",
    "judge.exact_label": ">= .99",
    "judge.exact_label_decoded": ">= .99",
    "judge.by_eye": ">= .95",
    "autoencoder.psnr_db": ">= 25",
    "size_mb": "<= 32",
}
MODEL = "gi_tiny"  # whose bars they are; another model's figures are told


def figures_table(prefix: str, folder: Path = RESULTS) -> str:
    """A Markdown table of every committed figure of the model `prefix`, with its bar where it has one."""
    rows = ["| figure | value | 95 % interval | n | bar |", "|---|---|---|---|---|"]
    for file in sorted(folder.glob(f"{prefix}.*.json")):
        record = json.loads(file.read_text())
        name = record["name"].removeprefix(f"{prefix}.")
        bar = BARS.get(name, "told") if prefix == MODEL else "told"
        rows.append(
            f"| {name} ({record['unit']}) | {record['value']:.3f} | {record['low']:.3f} to {record['high']:.3f} "
            f"| {record['n']} | {bar} |"
        )
    return "\n".join(rows)


def attention_table(table: dict) -> str:
    """A Markdown table of attention shares by layer, for prompts (M) and for concepts (M*)."""
    kinds = table["kinds"]
    head = "| layer | " + " | ".join(f"{side} {kind}" for side in ("M", "M*") for kind in kinds) + " |"
    rows = [head, "|---" * (1 + 2 * len(kinds)) + "|"]
    for layer, shares in table["M"].items():
        name = layer.replace(".transformer_blocks.0.attn2", "").replace("attentions.", "")
        values = " | ".join(f"{value:.2f}" for value in (*shares, *table["M*"][layer]))
        rows.append(f"| {name} | {values} |")
    return "\n".join(rows)


def whole(prefix: str, folder: Path = RESULTS) -> str:
    """All that a card tells of the model `prefix` in figures: those of `folder`, and attention by layer."""
    table = attention_table(json.loads((folder.parent / f"{prefix}_attention.json").read_text()))
    return f"{figures_table(prefix, folder)}\n\nShares of attention by layer:\n\n{table}"


def part(card: str, prefix: str) -> tuple[str, str, str]:
    """A card's text before, between and after the marker lines of the model `prefix`."""
    start, stop = (f"<!-- figures of {prefix}: {end} -->\n" for end in ("start", "stop"))
    before, rest = card.split(start)
    inside, after = rest.split(stop)
    return before + start, inside, stop + after


def fill(card: Path, prefix: str) -> None:
    """Writes the model's figures between its marker lines."""
    before, _, after = part(card.read_text(), prefix)
    card.write_text(f"{before}{whole(prefix)}\n{after}")
