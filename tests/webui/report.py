"""What became of each cell of the matrix: docs/tested-hosts.md and the figure webui.matrix.failed.

Written after a run of the whole folder with GI_WEBUI_REPORT=1, and never by hand.
"""

import datetime
import os
import re

from lib_gi.evaluate.figures import described
from tools.webui_server import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "tested-hosts.md"
NAME = "webui.matrix.failed"

cells: dict[str, str] = {}
versions: dict[str, str] = {}


def wanted() -> bool:
    """Whether this run is to be written down."""
    return os.environ.get("GI_WEBUI_REPORT") == "1"


def note(report) -> None:
    """Keep a test's outcome: one that fails anywhere has failed, also while it is set up or taken down.

    What is tried in a browser is no cell here: it has a figure of its own.
    """
    if "/webui/" not in report.nodeid or "browser" in report.nodeid:
        return
    if report.failed:
        cells[report.nodeid] = "failed"
    elif report.when == "call" and report.passed:
        cells.setdefault(report.nodeid, "passed")
    elif report.skipped:
        cells.setdefault(report.nodeid, "skipped")


def write() -> None:
    """Write both, if the host was there at all."""
    ran = [outcome for outcome in cells.values() if outcome != "skipped"]
    if not ran or not versions:
        return
    failed = ran.count("failed")
    described(NAME, failed, failed, failed, len(ran), "cells").save()
    DOCUMENT.write_text(document(len(ran), failed), encoding="utf-8")


def document(ran: int, failed: int) -> str:
    """The page's text."""
    made_of = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        "# Tested hosts",
        "",
        "Written by `GI_WEBUI_REPORT=1 GI_WEBUI_DIR=FOLDER python -m pytest tests/webui`, FOLDER being the WebUI's.",
        "",
        f"AUTOMATIC1111, on a CPU, {datetime.date.today().isoformat()}: {made_of}.",
        f"{ran} cells, {failed} failed. The model is gi-tiny; SDXL's and SD2's topology have random weights,",
        "which proves the wiring and says nothing about pictures.",
        "",
    ]
    groups: dict[str, list[str]] = {}
    for cell, outcome in cells.items():
        file, _, name = cell.partition("::")
        groups.setdefault(file.rpartition("/")[2], []).append(f"| {readable(name)} | {outcome} |")
    for file, rows in groups.items():
        heading = file.removesuffix(".py").removeprefix("test_").capitalize()
        lines += [f"## {heading}", "", "| cell | outcome |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def readable(name: str) -> str:
    """A test's name in words, and its parameter."""
    name, _, cell = name.partition("[")
    words = name.removeprefix("test_").replace("_", " ")
    return re.sub(r"[|<>]", "/", f"{words}: {cell.removesuffix(']')}" if cell else words)
