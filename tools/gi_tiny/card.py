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
    "judge.by_eye": ">= .95",
    "autoencoder.psnr_db": ">= 25",
    "size_mb": "<= 32",
}
START, STOP = "<!-- figures: start -->", "<!-- figures: stop -->"


def figures_table(prefix: str, folder: Path = RESULTS) -> str:
    """A Markdown table of every committed figure of the model `prefix`, with its bar where it has one."""
    rows = ["| figure | value | 95 % interval | n | bar |", "|---|---|---|---|---|"]
    for file in sorted(folder.glob(f"{prefix}.*.json")):
        record = json.loads(file.read_text())
        name = record["name"].removeprefix(f"{prefix}.")
        bar = BARS.get(name, "told")
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


def fill(card: Path, text: str) -> None:
    """Puts `text` between the card's marker lines."""
    before, rest = card.read_text().split(START)
    after = rest.split(STOP)[1]
    card.write_text(f"{before}{START}\n{text}\n{STOP}{after}")
