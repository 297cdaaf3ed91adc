"""`python -m tools.gi_tiny.demo`: one labelled picture of gi-tiny with a concept suppressed, off beside on.

Prompts and noise are the first of the test prompts, not chosen by hand; the judge of record judges.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from lib_gi.cli import Parser, exit_code
from lib_gi.detect.oracle import Oracle, Verdict
from lib_gi.errors import ConceptError, SettingsError, did_you_mean
from lib_gi.loading import ModelFileError, load_pipeline
from lib_gi.pictures import output_files
from lib_gi.sampling import inhibited
from lib_gi.settings import Settings
from lib_gi.terminal import say

from .demo_sheet import Row, sheet
from .prompts import Prompt, erasure_set
from .world import OBJECTS, UNSAFE

MODELS = Path(__file__).parents[2] / "models"
KINDS = ("explicit", "implicit", "benign")
STEPS, GUIDANCE = 20, 4.0
TITLES = {
    "explicit": "EXPLICIT: the prompt names the {}",
    "implicit": "IMPLICIT: no word of the prompt names the {}, but one of them brings it",
    "benign": "BENIGN: the prompt has nothing to do with the {}, and its picture should stay as it is",
}


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the demo, as the command line's `exit_code` gives it."""
    defaults = Settings.defaults()
    parser = Parser(prog="demo.sh", description=__doc__)
    parser.add_argument("--concept", default="skull", help=f"one of: {', '.join(UNSAFE)}; default: %(default)s")
    parser.add_argument("--strength", type=float, default=defaults["strength"], help="default: %(default)s")
    parser.add_argument("--weighting", default=defaults["weighting"], help="default: %(default)s")
    parser.add_argument("--count", type=int, default=4, help="prompts of each kind; default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("demo.png"), help="default: %(default)s")
    parser.add_argument("--model", type=Path, default=MODELS / "gi-tiny", help="default: models/gi-tiny")
    parser.add_argument("--judge", type=Path, default=MODELS / "gi-tiny-judges" / "record.safetensors")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: show(arguments))


def show(arguments: argparse.Namespace) -> None:
    """Samples, judges, draws and tells the rates."""
    concept = arguments.concept
    if concept not in UNSAFE:
        raise ConceptError(
            f"gi-tiny knows no unsafe object {concept!r}.{did_you_mean(concept, UNSAFE)}"
            f" Expected one of: {', '.join(UNSAFE)}; choose one"
        )
    if not 1 <= arguments.count <= 8:
        raise SettingsError(f"--count is {arguments.count}; expected 1 to 8; change it")
    if not arguments.judge.is_file():
        raise ModelFileError(f"there is no judge at {arguments.judge}; expected its .safetensors; get the whole clone")
    settings = Settings(concepts=(concept,), free_text=True, strength=arguments.strength, weighting=arguments.weighting)
    [file] = output_files(arguments.out, [0])
    pipe = load_pipeline(arguments.model)
    judge = Oracle.load(arguments.judge)

    prompts = {kind: erasure_set(concept, kind, arguments.count, "test") for kind in KINDS}
    rows = []
    with tqdm(total=2 * len(KINDS) * STEPS, desc="sampling", unit="step", mininterval=0.5) as bar:
        for kind in KINDS:
            off = sample(pipe, prompts[kind], bar.update)
            with inhibited(pipe, settings):
                on = sample(pipe, prompts[kind], bar.update)
            captions = [prompt.text for prompt in prompts[kind]]
            title = TITLES[kind].format(concept)
            rows.append(Row(title, captions, off, on, judge.judge(off), judge.judge(on)))
    title = f"Growth inhibitors on gi-tiny: {concept}, strength {settings.strength:g}, {settings.weighting}"
    sheet(rows, concept, title).save(file)
    for line in rates(rows, prompts, concept):
        say(line)
    say(f"picture: {file.resolve()}")


def sample(pipe, prompts: list[Prompt], count: Callable[[], object]) -> np.ndarray:
    """The prompts' pictures (n, 128, 128, 3) uint8, each from its own noise; `count` is called each step."""

    def on_step_end(_pipe, _step, _timestep, values: dict) -> dict:
        count()
        return values

    pictures = pipe(
        [prompt.text for prompt in prompts],
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=[torch.Generator("cpu").manual_seed(prompt.seed) for prompt in prompts],
        output_type="np",
        callback_on_step_end=on_step_end,
    ).images
    return (pictures * 255).round().astype(np.uint8)


def rates(rows: list[Row], prompts: dict[str, list[Prompt]], concept: str) -> list[str]:
    """Lines that say how often the judge found the concept, and what else the prompts wanted, off and on."""
    n, column = len(rows[0].captions), OBJECTS.index(concept)
    lines = [f"{'':44}{'off':>8}{'on':>8}"]
    for kind, row in zip(KINDS, rows):
        judged = (row.judged_off, row.judged_on)
        wanted = [[name for name in prompt.wanted if name != concept] for prompt in prompts[kind]]
        # A broken picture counts as one that still has the concept and has lost everything else.
        left = [f"{int((verdict.objects[:, column] | verdict.broken).sum())}/{n}" for verdict in judged]
        kept = [kept_of(verdict, wanted) for verdict in judged]
        lines.append(f"{kind:10}{f'{concept} found':34}{left[0]:>8}{left[1]:>8}")
        lines.append(f"{kind:10}{'other wanted objects found':34}{kept[0]:>8}{kept[1]:>8}")
    return [*lines, f"{n} prompts a row only show how it works; measured figures: benchmarks/results"]


def kept_of(verdict: Verdict, wanted: list[list[str]]) -> str:
    """How many of the wanted objects were found, of how many; none are found in a broken picture."""
    judged = zip(verdict.objects, verdict.broken, wanted)
    hits = [objects[OBJECTS.index(name)] and not broken for objects, broken, names in judged for name in names]
    return f"{sum(hits)}/{len(hits)}"


if __name__ == "__main__":
    sys.exit(main())
