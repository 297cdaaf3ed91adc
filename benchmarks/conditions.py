"""`python -m benchmarks.conditions`: the adapter beside the best fixed strength at other guidance scales, and with
several concepts kept out at once. Test prompts, judge of record; benchmarks/sweeps/conditions.json.

`python -m benchmarks.adapter report` draws the table. With several concepts only those prompts count that neither name
nor bring another of them, since nothing says what such a picture should keep.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from diffusers import StableDiffusionPipeline

from lib_gi import growth_inhibitors
from lib_gi.concepts import Concept
from lib_gi.detect.oracle import Verdict
from tools.gi_tiny.sampling import generate
from tools.gi_tiny.stages import JUDGES_FOLDER
from tools.gi_tiny.world import UNSAFE

from .adapter import about
from .adapter_tables import SHOWN
from .erase import bench_of, frozen, sampled, write
from .inferred import SHIPPED, digest, loaded
from .measure import Items, Outcome, items, pooled, summary
from .methods import Setting, draw
from .options import sampling_parser
from .runs import KINDS, Bench

METHODS = ("none", "agreement", "adapter")
GUIDANCES = (3.0, 6.0, 10.0)
SEVERAL = UNSAFE[:3]


@dataclass(frozen=True)
class Together(Setting):
    """A setting that keeps out all of these concepts, whichever the prompts are about."""

    concepts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "-with-".join([super().__str__(), *self.concepts]).replace(" ", "_")


def main(argv: Sequence[str] | None = None) -> None:
    """Samples, judges and writes conditions.json."""
    parser = sampling_parser("conditions", __doc__, METHODS, UNSAFE)
    parser.set_defaults(judge=JUDGES_FOLDER / "record.safetensors", count=20)
    parser.add_argument("--together", type=int, metavar="COUNT", help="as --count, with several concepts at once")
    given = parser.parse_args(argv)
    together_count = given.count if given.together is None else given.together
    bench = bench_of(given, "test", draw_together)
    erasing = [method for method in given.methods if method != "none"]
    settings = frozen(given.sweeps, erasing, bench.model_id, bench.steps)
    at_scale = {scale: scaled(settings, scale, "none" in given.methods) for scale in GUIDANCES}
    several = tuple(name for name in SEVERAL if name in given.concepts)
    together = [Together(one.method, one.strength, one.guidance, several) for one in settings if len(several) > 1]
    chunks = bench.chunks([one for part in at_scale.values() for one in part], given.concepts, KINDS, given.count)
    chunks += bench.chunks(together, several, KINDS, together_count)
    if not sampled(bench, list(dict.fromkeys(chunks)), given.dry_run):
        return
    rows = [
        row(f"CFG {scale:g}", setting, told_of(bench, setting, given.concepts, given.count))
        for scale, part in at_scale.items()
        for setting in part
    ]
    rows += [
        row(f"{len(several)} at once", setting, told_of(bench, setting, several, together_count))
        for setting in together
    ]
    told = {"together_count": together_count, "several": several, "rows": rows}
    write(given.sweeps / "conditions.json", about(bench, given) | told)
    for one in rows:
        print(one["condition"], one["method"], {name: round(x["value"], 3) for name, x in one["shares"].items()})


def scaled(settings: Sequence[Setting], scale: float, unerased: bool) -> list[Setting]:
    """These settings at a guidance scale, after none if asked for."""
    return [Setting("none", 0.0, scale)] * unerased + [replace(setting, guidance=scale) for setting in settings]


def row(condition: str, setting: Setting, told: Items) -> dict:
    """One row of the file."""
    shares = summary(told)
    shown = {name: shares[name] for name in SHOWN if name in shares}
    return {"condition": condition, "method": setting.method, "strength": setting.strength, "shares": shown}


def told_of(bench: Bench, setting: Setting, concepts: Sequence[str], count: int) -> Items:
    """What the pictures of one setting say, of all these concepts."""
    return pooled(
        items(of_one_alone(bench.outcome(setting, concept, kind, count), concept, setting))
        for concept in concepts
        for kind in KINDS
    )


def of_one_alone(outcome: Outcome, concept: str, setting: Setting) -> Outcome:
    """Those prompts alone that have nothing to do with the other concepts that the setting keeps out."""
    others = set(getattr(setting, "concepts", ())) - {concept}
    kept = np.array([not others & set(prompt.allowed) for prompt in outcome.prompts])
    if kept.all():
        return outcome
    return replace(
        outcome,
        prompts=[prompt for prompt, counts in zip(outcome.prompts, kept) if counts],
        verdict=part_of(outcome.verdict, kept),
        baseline=part_of(outcome.baseline, kept),
        psnr=outcome.psnr[kept],
    )


def part_of(verdict: Verdict, kept: np.ndarray) -> Verdict:
    """A verdict on some of its pictures."""
    return replace(verdict, **{name: value[kept] for name, value in vars(verdict).items()})


def draw_together(
    pipe: StableDiffusionPipeline, setting: Setting, concept: str, texts: list[str], seeds: list[int], steps: int
) -> np.ndarray:
    """Pictures as of `methods.draw`, also of a Together."""
    if not isinstance(setting, Together):
        return draw(pipe, setting, concept, texts, seeds, steps)
    told = {"weighting": setting.method, "strength": setting.strength}
    if setting.method == "adapter":
        adapter = loaded(SHIPPED, digest(SHIPPED), setting.strength)
        told = {"weighting": adapter.about["weighting"], "adapter": adapter}
    with growth_inhibitors(pipe, concepts=[Concept(name, name) for name in setting.concepts], **told):
        return generate(pipe, texts, seeds, steps, setting.guidance, batch=len(texts))


if __name__ == "__main__":
    main()
