"""`python -m benchmarks.styles`: how well the adapter keeps styles out, with and without an anchor, and what is left.

Test prompts, judge of record: figures styles.METHOD.*, benchmarks/sweeps/styles.json. `python -m benchmarks.adapter
report` draws the tables.

The methods are `none`, `adapter` and `anchored`: the adapter, and the other style is the concept's anchor. Each object
is drawn without a word of style too (`unasked`): in which style the model draws it of its own accord.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
from diffusers import StableDiffusionPipeline

from lib_gi.detect.oracle import Verdict
from lib_gi.evaluate.figures import RESULTS, share
from tools.gi_tiny.captions import caption
from tools.gi_tiny.prompts import SEED_BASE, plain
from tools.gi_tiny.sampling import GUIDANCE, generate
from tools.gi_tiny.stages import JUDGES_FOLDER
from tools.gi_tiny.world import OBJECTS, STYLES

from .adapter import about
from .adapter_tables import STYLES_SHOWN
from .erase import bench_of, sampled, told_by, write
from .inferred import draw_inferred
from .measure import applied, items, pooled, summary
from .methods import Setting, draw
from .options import sampling_parser
from .runs import Bench

OTHER = dict(zip(STYLES, reversed(STYLES), strict=True))
UNASKED_SEED = 700_000  # after those of the sets


@dataclass(frozen=True)
class Anchored(Setting):
    """The adapter's setting, with the other style as the concept's anchor."""

    def __str__(self) -> str:
        return f"{super().__str__()}-anchored"


SETTINGS = {
    "none": Setting("none", 0.0),
    "adapter": Setting("adapter", 1.0),
    "anchored": Anchored("adapter", 1.0),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Samples, judges and writes the figures and styles.json."""
    parser = sampling_parser("styles", __doc__, tuple(SETTINGS), STYLES)
    parser.set_defaults(judge=JUDGES_FOLDER / "record.safetensors", count=200)
    parser.add_argument("--split", choices=("validation", "test"), default="test", help="default: %(default)s")
    parser.add_argument("--unasked", type=int, default=20, help="pictures of each object; default: %(default)s")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args(argv)
    bench = bench_of(given, given.split, draw_style)
    settings = {name: SETTINGS[name] for name in given.methods}
    chunks = bench.chunks(list(settings.values()), given.concepts, ("explicit", "benign"), given.count)
    if not sampled(bench, chunks, given.dry_run):
        return
    shares, left = {}, {}
    for name, setting in settings.items():
        told = told_by(bench, setting, given.concepts, given.count)
        together = pooled(told.values())
        for column in STYLES_SHOWN:
            figure = share(f"styles.{name}.{column.removeprefix('style_')}", applied(together[column]))
            print(figure)
            if bench.split == "test":
                figure.save(given.results)
        shares[name] = {"pooled": summary(together)} | {concept: summary(part) for concept, part in told.items()}
        left[name] = {concept: left_by_object(bench, setting, concept, given.count) for concept in given.concepts}
    if bench.split != "test":
        return
    unasked = {name: shown_unasked(bench, name, given.unasked) for name in OBJECTS} if given.unasked else {}
    told = {"methods": shares, "left_by_object": left, "unasked": unasked, "unasked_count": given.unasked}
    write(given.sweeps / "styles.json", about(bench, given) | told)


def draw_style(
    pipe: StableDiffusionPipeline, setting: Setting, concept: str, texts: list[str], seeds: list[int], steps: int
) -> np.ndarray:
    """Pictures as of `methods.draw`, also of an Anchored."""
    if isinstance(setting, Anchored):
        return draw_inferred(pipe, setting, concept, texts, seeds, steps, anchor=OTHER[concept])
    return draw(pipe, setting, concept, texts, seeds, steps)


def left_by_object(bench: Bench, setting: Setting, concept: str, count: int) -> dict[str, dict]:
    """The share in which the style is left, of the pictures whose unerased one shows an object, by that object."""
    outcome = bench.outcome(setting, concept, "explicit", count)
    left = items(outcome)["style_left"]
    shown = {name: outcome.baseline.objects[:, column] for column, name in enumerate(OBJECTS)}
    return summary({name: left[where] for name, where in shown.items() if where.any()})


def shown_unasked(bench: Bench, name: str, count: int) -> dict[str, dict]:
    """The share of each style in `count` unerased pictures of an object, whose prompts say nothing of style."""
    rng = Random(f"{name} unasked {bench.split}")
    scene = {"objects": (name,), "named": (name,)}
    texts = [caption(replace(plain(rng), **scene), rng, style=False) for _ in range(count)]
    first = SEED_BASE[bench.split] + UNASKED_SEED + OBJECTS.index(name) * count
    pictures = generate(bench.pipe, texts, list(range(first, first + count)), bench.steps, GUIDANCE, batch=count)
    return summary(styles_of(bench.judge.judge(pictures)))


def styles_of(verdict: Verdict) -> dict[str, np.ndarray]:
    """For each style whether each picture that shows an object shows it in that style (n,)."""
    drawn = verdict.objects.any(1) & ~verdict.broken
    return {style: np.where(drawn, verdict.style == index, np.nan) for index, style in enumerate(STYLES)}


if __name__ == "__main__":
    main()
