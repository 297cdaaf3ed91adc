"""What the benchmarks of the WebUI's start and page share: their options, and a WebUI with gi-tiny."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tools.gi_tiny.export import export
from tools.webui_server import REPOSITORY, Server


def options(description: str, repeats: int) -> argparse.Namespace:
    """The command line's webui, python and repeats."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--webui", type=Path, required=True, help="folder of an installed WebUI")
    parser.add_argument("--python", help="its interpreter, unless it is venv/bin/python in there")
    parser.add_argument("--repeats", type=int, default=repeats)
    return parser.parse_args()


def server_of(given: argparse.Namespace, folder: Path) -> Server:
    """A WebUI that is not started yet, on a data folder of its own with gi-tiny in it."""
    checkpoint = export(REPOSITORY / "models" / "gi-tiny", folder / "models" / "Stable-diffusion")
    python = given.python or str(given.webui / "venv" / "bin" / "python")
    return Server(given.webui.resolve(), python, folder, "--ckpt", str(checkpoint))


def turn_about(measure: Callable[[bool], float], repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """What is measured without and with the extension, (repeats,) each; measure is told whether it is there.

    Which of them comes first changes from round to round; one more round goes before, uncounted.
    """
    times = np.zeros((2, repeats + 1))
    for turn in tqdm(range(repeats + 1), unit="round"):
        for extension in (False, True) if turn % 2 else (True, False):
            times[int(extension), turn] = measure(extension)
    return times[0, 1:], times[1, 1:]
