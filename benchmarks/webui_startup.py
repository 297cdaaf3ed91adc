"""How many seconds the extension adds to the start of an AUTOMATIC1111 WebUI.

    python -m benchmarks.webui_startup --webui FOLDER [--python INTERPRETER] [--repeats 10]

The WebUI is started with and without the extension, turn about, on a data folder of its own with gi-tiny in it. A start
is timed from the process to the log's line "Startup time", when the page is there.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tools.gi_tiny.export import export
from tools.webui_server import REPOSITORY, Server

from .timing import TimesFigure, median

NAME = "webui.startup_added_s"


def main() -> None:
    """Measure, write the figure and print it."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--webui", type=Path, required=True, help="folder of an installed WebUI")
    options.add_argument("--python", help="its interpreter, unless it is venv/bin/python in there")
    options.add_argument("--repeats", type=int, default=10)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = export(REPOSITORY / "models" / "gi-tiny", Path(folder) / "models" / "Stable-diffusion")
        python = given.python or str(given.webui / "venv" / "bin" / "python")
        server = Server(given.webui.resolve(), python, Path(folder), "--ckpt", str(checkpoint))
        figure = added(*seconds(server, given.repeats))
    figure.save()
    print(figure)


def seconds(server: Server, repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of a start without and with the extension, (repeats,) each.

    Which of them comes first changes from round to round. One more round goes before, uncounted: both interpreters
    compile and cache what is new to them in it.
    """
    times = np.zeros((2, repeats + 1))
    for turn in tqdm(range(repeats + 1), unit="round"):
        for extension in (False, True) if turn % 2 else (True, False):
            begun = time.perf_counter()
            server.start(extension=extension)
            times[int(extension), turn] = time.perf_counter() - begun
            server.stop()
    return times[0, 1:], times[1, 1:]


def added(without: np.ndarray, with_it: np.ndarray, seed: int = 0) -> TimesFigure:
    """The median over rounds of what was added, with a bootstrap interval of the median."""
    return median(NAME, with_it - without, f"s, of {np.median(without):.1f}", seed)


if __name__ == "__main__":
    main()
