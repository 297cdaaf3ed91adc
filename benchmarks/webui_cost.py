"""`python -m benchmarks.webui_cost --webui FOLDER`: what growth inhibitors cost in time in an AUTOMATIC1111 WebUI.

cost.webui_sd15.one        seconds per step with one concept, of those of a WebUI without growth inhibitors
cost.webui_sd15.twenty     the same with twenty
cost.webui_sd15.disabled   the same, with the extension there and its accordion off

A model of SD1.5's full width with random weights draws at 512 x 512 on a processor; times do not depend on what the
weights are. Its autoencoder is narrow, as it is no part of a step. A ratio is of the seconds per step after the first;
what a picture needs once, such as the concepts' encoding, is told beside it: `..._once_s`, in seconds more than
without.

Without growth inhibitors means: in the same process, with the extension's script and callbacks out of the lists of what
the host runs (`webui_switch`), so that nothing of it runs. A second server that lacks the extension would be nearer to
what is meant in words, but two processes lay out their memory differently, for good: their speeds may well differ by
the one percent that is asked about here, and no number of rounds would tell that from the extension. All that is left
of the extension here is that its modules were imported.

Each round draws a picture in each way, in an order that is turned round from one to the next; a first one warms up.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lib_gi.concepts import load_catalogue
from lib_gi.evaluate.figures import RESULTS
from tools.webui_server import REPOSITORY, TITLE, Server

from .cost import CONCEPTS, PROMPT
from .timing import TimesFigure, median

WAYS = ("disabled", *CONCEPTS)  # beside "absent", which they are compared with
MODEL = "sd15"
TOPOLOGIES = REPOSITORY / "tests" / "webui" / "topologies.py"
SWITCH = Path(__file__).parent / "webui_switch"
OPTIONS = {"live_previews_enable": False}  # a preview would be drawn in some of the steps


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, measures and writes the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.webui_cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--webui", type=Path, required=True, help="folder of an installed WebUI")
    parser.add_argument("--python", help="its interpreter, unless it is venv/bin/python in there")
    parser.add_argument("--work", type=Path, help="folder for the model, kept and used again; default: a temporary one")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, metavar="WAY", help="default: all")
    parser.add_argument("--repeats", type=int, default=9, help="rounds; default: %(default)s")
    parser.add_argument("--steps", type=int, default=3, help="of each picture; default: %(default)s")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args(argv)
    if given.steps < 2:
        parser.error("--steps is less than 2; expected a step after the first, which is measured; raise it")
    webui = given.webui.resolve()
    python = given.python or str(webui / "venv" / "bin" / "python")
    with work_folder(given.work) as folder:
        server = Server(webui, python, Path(folder), "--ckpt", str(filled(Path(folder), webui, python)))
        try:
            figures = measured(server.start(), given.ways, given.steps, given.repeats)
        finally:
            server.stop()
    for figure in figures:
        figure.save(given.results)
        print(figure)


def work_folder(given: Path | None) -> AbstractContextManager[str | Path]:
    """The given folder, or one that is gone afterwards."""
    if given is None:
        return tempfile.TemporaryDirectory()
    given.mkdir(parents=True, exist_ok=True)
    return nullcontext(given.resolve())


def filled(data: Path, webui: Path, python: str) -> Path:
    """The checkpoint in the data folder `data`, made unless it is there; the switch and options are put there too."""
    models = data / "models" / "Stable-diffusion"
    models.mkdir(parents=True, exist_ok=True)
    checkpoint = models / f"{MODEL}.safetensors"
    if not checkpoint.exists():
        subprocess.run([python, TOPOLOGIES, models, MODEL], cwd=webui, check=True, env=os.environ)
    switch = data / "extensions" / SWITCH.name
    switch.parent.mkdir(exist_ok=True)
    switch.unlink(missing_ok=True)
    switch.symlink_to(SWITCH)
    (data / "config.json").write_text(json.dumps(OPTIONS))
    return checkpoint


def measured(server: Server, ways: Sequence[str], steps: int, repeats: int) -> list[TimesFigure]:
    """The ratio of the times in each way to those without the extension, told per step."""
    order = ("absent", *ways)
    times = np.zeros((len(order), 2, repeats + 1))
    for turn in tqdm(range(repeats + 1), unit="round"):
        for row in range(len(order))[:: -1 if turn % 2 else 1]:
            times[row, :, turn] = seconds(server, order[row], steps)
    (step, once), *others = times[..., 1:]  # the first round warms up
    unit = f"ratio of times, of {np.median(step):.2f} s per step"
    figures = []
    for way, (own_step, own_once) in zip(ways, others):
        name = f"cost.webui_{MODEL}.{way}"
        figures += [median(name, own_step / step, unit), median(f"{name}_once_s", own_once - once, "s a picture")]
    return figures


def seconds(
    server: Server, way: str, steps: int, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Seconds for a step after the first of one picture in this way, and for all that is no such step.

    RuntimeError where the WebUI did not draw it in that way.
    """
    names = [concept.name for concept in load_catalogue()][: CONCEPTS.get(way, 0)]
    running = server.ask("/switch", {"on": way != "absent"})["running"]
    begun = clock()
    drawn = server.draw(
        {"concepts": names} if names else None,
        prompt=PROMPT,
        **{"width": 512, "height": 512, "steps": steps, "cfg_scale": 7, "sampler_name": "Euler"},
    )
    taken = clock() - begun
    acted, ends = TITLE in drawn.infotexts[0], server.ask("/step_ends")
    if (running > 0, acted, len(ends)) != (way != "absent", bool(names), steps):
        raise RuntimeError(
            f"a picture was drawn in {len(ends)} steps with {running} entries of the extension in the host's lists, and"
            f" its infotext {'tells' if acted else 'does not tell'} of growth inhibitors; expected {steps} steps in the"
            f" way {way!r}; see {server.log}"
        )
    step = (ends[-1] - ends[0]) / (steps - 1)
    return step, taken - steps * step


if __name__ == "__main__":
    main()
