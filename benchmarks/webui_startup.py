"""How many seconds the extension adds to the start of an AUTOMATIC1111 WebUI.

    python -m benchmarks.webui_startup --webui FOLDER [--python INTERPRETER] [--repeats 10]

The WebUI is started with and without the extension, turn about, on a data folder of its own with gi-tiny in it. A start
is timed from the process to the log's line "Startup time", when the page is there.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from tools.webui_server import Server

from .timing import TimesFigure, median
from .webui_host import options, server_of, turn_about

NAME = "webui.startup_added_s"


def main() -> None:
    """Measure, write the figure and print it."""
    given = options(__doc__.splitlines()[0], repeats=10)
    with tempfile.TemporaryDirectory() as folder:
        figure = added(*seconds(server_of(given, Path(folder)), given.repeats))
    figure.save()
    print(figure)


def seconds(server: Server, repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of a start without and with the extension, (repeats,) each.

    In the uncounted round both interpreters compile and cache what is new to them.
    """

    def start(extension: bool) -> float:
        begun = time.perf_counter()
        server.start(extension=extension)
        taken = time.perf_counter() - begun
        server.stop()
        return taken

    return turn_about(start, repeats)


def added(without: np.ndarray, with_it: np.ndarray, seed: int = 0) -> TimesFigure:
    """The median over rounds of what was added, with a bootstrap interval of the median."""
    return median(NAME, with_it - without, f"s, of {np.median(without):.1f}", seed)


if __name__ == "__main__":
    main()
