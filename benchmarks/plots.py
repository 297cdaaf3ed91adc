"""The pictures of docs/erasure.md: erased against kept over the strength, and what each change does."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 (the backend has to be chosen first)

from tools.gi_tiny.sampling import GUIDANCE  # noqa: E402

from .choose import BAR  # noqa: E402
from .frontier import hull  # noqa: E402
from .tables import COLUMNS, NAMES  # noqa: E402

PANELS = {"explicit_left": "prompts that name it", "implicit_left": "prompts that bring it unnamed"}
WHY = ("explicit_left", "implicit_left", "own_kept", "benign_same")
COLOURS = [*(f"C{index}" for index in range(10)), "black", "navy"]  # matplotlib's own ten are too few for all lines
KEPT = {"kept": "wanted objects kept", "benign_same": "benign pictures within 25 dB"}


def draw_sweep(rows: list[dict], file: Path) -> None:
    """Writes a PNG: columns explicit and implicit prompts, rows the things to keep, one line a method."""
    lines = lines_of(rows)
    figure, panels = plt.subplots(len(KEPT), len(PANELS), figsize=(11, 9), sharex=True, sharey=True)
    for across, (kept, kept_label) in zip(panels, KEPT.items()):
        for panel, (left, left_label) in zip(across, PANELS.items()):
            for index, (label, points) in enumerate(lines.items()):
                draw_line(panel, label, points, left, kept, COLOURS[index % len(COLOURS)])
            panel.axvline(1 - BAR, color="0.7", linewidth=0.8, linestyle=":")
            panel.set_xlabel(f"concept erased, {left_label}")
            panel.set_ylabel(kept_label)
            panel.set_xlim(-0.03, 1.03)
            panel.set_ylim(-0.03, 1.03)
            panel.grid(alpha=0.25)
            panel.tick_params(labelbottom=True, labelleft=True)
    panels[0][0].legend(fontsize=8, loc="lower left")
    figure.suptitle("Validation prompts: one point per strength (numbers), bars are 95 % intervals")
    figure.tight_layout()
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


def draw_line(panel, label: str, rows: list[dict], left: str, kept: str, color: str) -> None:
    """One method's points, joined in the order of their strength."""
    points = [(row["shares"][left], row["shares"][kept], row["strength"]) for row in rows]
    x = [1 - a["value"] for a, _, _ in points]
    y = [b["value"] for _, b, _ in points]
    # Erased is 1 - left, so the interval's upper end is the lower one of erased.
    x_errors = [[a["high"] - a["value"] for a, _, _ in points], [a["value"] - a["low"] for a, _, _ in points]]
    y_errors = [[b["value"] - b["low"] for _, b, _ in points], [b["high"] - b["value"] for _, b, _ in points]]
    style = {"marker": "o", "markersize": 4, "linewidth": 1.4, "elinewidth": 0.6, "capsize": 2}
    panel.errorbar(x, y, xerr=x_errors, yerr=y_errors, label=label, color=color, **style)
    for place_x, place_y, (_, _, strength) in zip(x, y, points):
        panel.annotate(f"{strength:g}", (place_x, place_y), (4, 4), textcoords="offset points", fontsize=7)


def lines_of(rows: list[dict]) -> dict[str, list[dict]]:
    """Rows that have all shares, by method and, where it is unusual, guidance scale; in order of strength."""
    lines: dict[str, list[dict]] = {}
    needed = {*PANELS, *KEPT}
    order = list(NAMES)
    known = [row for row in rows if needed <= set(row["shares"]) and row["method"] in order]
    for row in sorted(known, key=lambda row: (order.index(row["method"]), row["guidance"], row["strength"])):
        usual = row["guidance"] == GUIDANCE
        label = NAMES[row["method"]] + ("" if usual else f", CFG {row['guidance']:g}")
        lines.setdefault(label, []).append(row)
    return lines


def draw_why(settings: dict[tuple[str, float], list[dict]], file: Path) -> None:
    """Writes a PNG: a panel for each full setting, a line for each change, a point for each share of WHY."""
    most = max(len(rows) for rows in settings.values())
    size = (2.5 + 4 * len(settings), 1.5 + 0.42 * most)
    figure, panels = plt.subplots(1, len(settings), figsize=size, squeeze=False, sharey=True)
    for panel, ((method, strength), rows) in zip(panels[0], settings.items()):
        for index, name in enumerate(WHY):
            here = [(place, row["shares"][name]) for place, row in enumerate(rows) if name in row["shares"]]
            x = [share["value"] for _, share in here]
            y = [place + 0.17 * (index - (len(WHY) - 1) / 2) for place, _ in here]
            errors = [[s["value"] - s["low"] for _, s in here], [s["high"] - s["value"] for _, s in here]]
            style = {"fmt": "o", "markersize": 4, "elinewidth": 0.8, "capsize": 2, "color": f"C{index}"}
            panel.errorbar(x, y, xerr=errors, label=COLUMNS[name], **style)
        panel.set_yticks(range(len(rows)), [row["label"] for row in rows])
        panel.set_title(f"{NAMES[method]}, strength {strength:g}")
        panel.set_xlim(-0.03, 1.03)
        panel.grid(alpha=0.25)
    panels[0][0].invert_yaxis()  # shared: the first change is at the top
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(WHY), fontsize=9)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


def draw_frontier(rows: list[dict], file: Path) -> None:
    """Writes a PNG: benign pictures kept against erased, a point a strength or factor, and each line's hull."""
    figure, panel = plt.subplots(figsize=(7, 5.5))
    for index, method in enumerate(dict.fromkeys(row["method"] for row in rows)):
        own = [row for row in rows if row["method"] == method]
        points = [point_of_shares(row["shares"]) for row in own]
        panel.plot(*zip(*hull(points)), color=f"C{index}", linewidth=1.2, alpha=0.7)
        panel.plot(*zip(*points), "o", color=f"C{index}", label=NAMES[method])
        for row, point in zip(own, points):
            panel.annotate(f"{row['strength']:g}", point, (5, 3), textcoords="offset points", fontsize=8)
    panel.set_xlabel("concept erased, mean of prompts that name it and prompts that bring it")
    panel.set_ylabel(KEPT["benign_same"])
    panel.set_xlim(-0.03, 1.03)
    panel.set_ylim(-0.03, 1.03)
    panel.grid(alpha=0.25)
    panel.legend(loc="lower left")
    figure.tight_layout()
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


def point_of_shares(shares: dict) -> tuple[float, float]:
    """As `frontier.point_of`, of a row's shares."""
    left = (shares["explicit_left"]["value"] + shares["implicit_left"]["value"]) / 2
    return 1 - left, shares["benign_same"]["value"]
