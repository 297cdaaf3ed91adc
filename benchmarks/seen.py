"""`python -m benchmarks.seen`: draws the pictures that are labelled by eye for the judges' training.

Half of them are erased, by every method, weakly and strongly; prompts and noise of their own, shuffled, so that
nothing tells which are which. tools/gi_tiny/seen.py has the rest.
"""

from collections.abc import Iterator
from random import Random

import numpy as np
from tqdm import tqdm

from lib_gi.loading import load_pipeline
from tools.gi_tiny import seen
from tools.gi_tiny.prompts import Prompt, erasure_set
from tools.gi_tiny.sampling import STEPS
from tools.gi_tiny.stages import MODELS
from tools.gi_tiny.world import UNSAFE

from .methods import Setting, draw
from .runs import KINDS

PLAIN, EACH = 16, 4  # of each concept and set: pictures without erasing, and of each of four ways to erase
WAYS = (
    *(Setting("plain", 2.0), Setting("agreement", 2.0), Setting("projection", 4.0), Setting("plain", 4.0)),
    *(Setting("negative_prompt", 2.0), Setting("sld", 100.0), Setting("agreement", 6.0), Setting("none", 0.0, 3.0)),
)


def main() -> None:
    """Draws all and writes the sheet."""
    pipe = load_pipeline(MODELS / "gi-tiny", "cpu", "fp32")
    pipe.set_progress_bar_config(disable=True)
    pictures = [
        draw(pipe, setting, concept, [p.text for p in prompts], [p.seed for p in prompts], STEPS)
        for setting, concept, prompts in tqdm(list(groups()), unit="group")
    ]
    drawn = np.concatenate(pictures)
    order = list(range(len(drawn)))
    Random(1).shuffle(order)
    seen.save(drawn[order])
    print(seen.FOLDER / "sheet.jpg")


def groups() -> Iterator[tuple[Setting, str, list[Prompt]]]:
    """What is drawn together: a way, the concept that it erases and the prompts."""
    for index, concept in enumerate(UNSAFE):
        ways = [WAYS[(3 * index + offset) % len(WAYS)] for offset in range(4)]
        for kind in KINDS:
            prompts = erasure_set(concept, kind, PLAIN + len(ways) * EACH, "eye")
            yield Setting("none", 0.0), concept, prompts[:PLAIN]
            for place, way in enumerate(ways):
                start = PLAIN + place * EACH
                yield way, concept, prompts[start : start + EACH]


if __name__ == "__main__":
    main()
