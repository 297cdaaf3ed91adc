"""What became of each cell of the matrix and of each check of the page: docs/tested-hosts.md, and two figures.

Written after a run of the whole folder with GI_WEBUI_REPORT=1, and never by hand. A run of the test_browser*.py
alone writes the page's figure.
"""

import datetime
import os
import re

from lib_gi.evaluate.figures import described
from tools.webui_server import FLAGS, REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "tested-hosts.md"
NAME = "webui.matrix.failed"
PAGE = "ui.browser.failed"

cells: dict[str, str] = {}
checks: list[tuple[str, str, bool]] = []  # of the page: test, promise, whether it held
versions: dict[str, str] = {}


def wanted() -> bool:
    """Whether this run is to be written down."""
    return os.environ.get("GI_WEBUI_REPORT") == "1"


def note(report) -> None:
    """Keep a test's outcome: one that fails anywhere has failed, also while it is set up or taken down.

    What is tried in a browser is no cell: its checks are noted one by one. A test that ends early is one that failed.
    """
    if "/webui/" not in report.nodeid:
        return
    if "browser" in report.nodeid:
        if report.failed and all(held for test, _, held in checks if test == report.nodeid):
            note_check(report.nodeid, "it comes to its end", False)
    elif report.failed:
        cells[report.nodeid] = "failed"
    elif report.when == "call" and report.passed:
        cells.setdefault(report.nodeid, "passed")
    elif report.skipped:
        cells.setdefault(report.nodeid, "skipped")


def note_check(test: str, promise: str, held: bool) -> None:
    """Keep whether something held in the page."""
    checks.append((test, promise, held))


def write() -> None:
    """Write what there is, if the host was there at all."""
    if not versions:
        return
    if checks:
        broken = sum(not held for _, _, held in checks)
        described(PAGE, broken, broken, broken, len(checks), "checks").save()
    ran = [outcome for outcome in cells.values() if outcome != "skipped"]
    if not ran:
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
        "Written by `GI_WEBUI_REPORT=1 GI_WEBUI_DIR=FOLDER python -m pytest tests/webui`, FOLDER being the WebUI's,",
        "after `pip install '.[webui]'` and `python -m playwright install chromium`.",
        "",
        f"AUTOMATIC1111, on a CPU, {datetime.date.today().isoformat()}: {made_of}.",
        f"{ran} cells, {failed} failed. The model is gi-tiny; SDXL's and SD2's topology have random weights,",
        "which proves the wiring and says nothing about pictures.",
        "",
        f"The WebUI ran with `{' '.join(FLAGS)}`. So not run here: half precision, any GPU, and the attention",
        "optimisations that need one, such as xformers. Other hosts (Forge and its kin, SD.Next) were not run either.",
        "",
    ]
    groups: dict[str, list[str]] = {}
    for cell, outcome in cells.items():
        file, _, name = cell.partition("::")
        groups.setdefault(file.rpartition("/")[2], []).append(f"| {readable(name)} | {outcome} |")
    for file, rows in groups.items():
        heading = file.removesuffix(".py").removeprefix("test_").capitalize()
        lines += [f"## {heading}", "", "| cell | outcome |", "|---|---|", *rows, ""]
    if checks:
        rows = [f"| {plain(promise)} | {'held' if held else 'failed'} |" for _, promise, held in checks]
        lines += ["## The page, in Chromium", "", "| check | outcome |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def readable(name: str) -> str:
    """A test's name in words, and its parameter."""
    name, _, cell = name.partition("[")
    words = name.removeprefix("test_").replace("_", " ")
    return plain(f"{words}: {cell.removesuffix(']')}" if cell else words)


def plain(text: str) -> str:
    """The text without the signs that would end a table's cell or begin HTML."""
    return re.sub(r"[|<>]", "/", text)
