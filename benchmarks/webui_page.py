"""How many milliseconds the extension adds to the first load of the WebUI's page, and what it asks for while it rests.

    python -m benchmarks.webui_page --webui FOLDER [--python INTERPRETER] [--repeats 30]

Two servers run at once, one with the extension and one without. Headless Chromium opens the page of each, turn about
and with a new profile each time, so that nothing is cached. A load is timed from the request to the moment when the
host's scripts have set the page up and the browser has drawn it. Needs playwright and Chromium (GI_CHROMIUM names one).
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tools.gi_tiny.export import export
from tools.webui_server import REPOSITORY, Server

from .timing import median

NAME = "ui.first_load_added_ms"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
ELSEWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # the page asks for fonts and scripts
READY = "() => window.executedOnLoaded === true"  # the host's own mark, set before its scripts set the page up
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
REST = 5.0  # seconds


def main() -> None:
    """Measure, write the figure and print it."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--webui", type=Path, required=True, help="folder of an installed WebUI")
    options.add_argument("--python", help="its interpreter, unless it is venv/bin/python in there")
    options.add_argument("--repeats", type=int, default=30)
    given = options.parse_args()
    python = given.python or str(given.webui / "venv" / "bin" / "python")
    with tempfile.TemporaryDirectory() as folder:
        servers = []
        try:
            for extension in (False, True):
                data = Path(folder) / ("with" if extension else "without")
                checkpoint = export(REPOSITORY / "models" / "gi-tiny", data / "models" / "Stable-diffusion")
                server = Server(given.webui.resolve(), python, data, "--ckpt", str(checkpoint))
                servers.append(server.start(extension=extension))
            without, with_it, asked = loads([f"http://127.0.0.1:{server.port}" for server in servers], given.repeats)
        finally:
            for server in servers:
                server.stop()
    figure = median(NAME, with_it - without, f"ms, of {np.median(without):.0f}", 0)
    figure.save()
    print(figure)
    print(f"requests in {REST:g} s of rest, without and with the extension: {asked[0]} and {asked[1]}")


def loads(addresses: list[str], repeats: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Milliseconds of a load of each of the two pages, (repeats,) each, and their requests while they rest.

    Which of them comes first changes from round to round; one more round goes before, uncounted.
    """
    from playwright.sync_api import sync_playwright

    path = os.environ.get("GI_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    times = np.zeros((2, repeats + 1))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, ELSEWHERE])
        for turn in tqdm(range(repeats + 1), unit="round"):
            for which in (0, 1) if turn % 2 else (1, 0):
                page = browser.new_context().new_page()
                times[which, turn] = milliseconds(page, addresses[which])
                page.context.close()
        asked = [requests_at_rest(browser, address) for address in addresses]
        browser.close()
    return times[0, 1:], times[1, 1:], asked


def milliseconds(page, address: str) -> float:
    """How long a page takes to load and to be drawn."""
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(READY, timeout=120_000)
    page.evaluate(DRAWN)
    return 1000 * (time.perf_counter() - begun)


def requests_at_rest(browser, address: str) -> int:
    """How many requests a loaded page makes in REST seconds in which nobody touches it."""
    page = browser.new_context().new_page()
    milliseconds(page, address)
    page.wait_for_timeout(1000 * REST)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1000 * REST)
    page.context.close()
    return len(asked)


if __name__ == "__main__":
    main()
