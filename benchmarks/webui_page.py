"""How many milliseconds the extension adds to the first load of the WebUI's page, and what it asks for while it rests.

    python -m benchmarks.webui_page --webui FOLDER [--python INTERPRETER] [--repeats 30]

Two servers run at once, one with the extension and one without. Headless Chromium opens the page of each, turn about
and with a new profile each time, so that nothing is cached. A load is timed from the request to the moment when the
host's scripts have set the page up and the browser has drawn it. Needs playwright and Chromium (GI_CHROMIUM names one).
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from tools.chromium import FLAGS, chromium

from .timing import median
from .webui_host import options, server_of, turn_about

NAME = "ui.first_load_added_ms"
READY = "() => window.executedOnLoaded === true"  # the host's own mark, set before its scripts set the page up
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
REST = 5.0  # seconds


def main() -> None:
    """Measure, write the figure and print it."""
    given = options(__doc__.splitlines()[0], repeats=30)
    with tempfile.TemporaryDirectory() as folder:
        servers = []
        try:
            for extension, name in enumerate(("without", "with")):
                servers.append(server_of(given, Path(folder) / name).start(extension=bool(extension)))
            without, with_it, asked = loads([f"http://127.0.0.1:{server.port}" for server in servers], given.repeats)
        finally:
            for server in servers:
                server.stop()
    figure = median(NAME, with_it - without, f"ms, of {np.median(without):.0f}", 0)
    figure.save()
    print(figure)
    print(f"requests in {REST:g} s of rest, without and with the extension: {asked[0]} and {asked[1]}")


def loads(addresses: list[str], repeats: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Milliseconds of a load of the page without and with the extension, (repeats,) each; both's requests at rest."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))

        def load(extension: bool) -> float:
            page = browser.new_context().new_page()
            taken = milliseconds(page, addresses[int(extension)])
            page.context.close()
            return taken

        times = turn_about(load, repeats)
        asked = [requests_at_rest(browser, address) for address in addresses]
        browser.close()
    return *times, asked


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
