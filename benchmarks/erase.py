"""`python -m benchmarks.erase sweep | test | report`: how well concepts are erased, by every method.

sweep   validation prompts, label judge: every method over its strengths; benchmarks/sweeps/validation.json
        and, by the rules of choose.py, chosen.json
test    test prompts, judge of record, at the strengths of chosen.json: the figures erase.METHOD.* in
        benchmarks/results, and by concept and pair of methods in benchmarks/sweeps; what an earlier test of
        the same model and judge found of other methods stays
report  docs/erasure.md's tables, the brief one of README.md and docs/guide.md, and
        docs/images/erased-against-kept.png from those files

What is counted, and how, is written in measure.py. sweep and test can be interrupted and go on: what is
sampled is kept in --work (outputs/erase).
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from lib_gi.detect.oracle import Oracle
from lib_gi.evaluate.figures import RESULTS, share
from lib_gi.loading import load_pipeline
from tools.gi_tiny.identity import fingerprint
from tools.gi_tiny.sampling import GUIDANCE
from tools.gi_tiny.stages import JUDGES_FOLDER
from tools.gi_tiny.world import STYLES, UNSAFE

from . import merging, tables
from .choose import RULE, WINNER_RULE, chosen, winner
from .measure import Items, applied, items, pooled, summary
from .methods import METHODS, Setting
from .options import ROOT, SWEEPS, add_sampling
from .paired import compare
from .runs import KINDS, Bench, Chunk, kinds_of
from .timing import ratio, seconds
from .validation import earlier, key_of, stays, whole

CONCEPTS = (*UNSAFE, *STYLES)
FIGURES = (*tables.MAIN, *tables.OTHERS, *tables.OF_STYLES)


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and runs one command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.erase",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    sweep = commands.add_parser("sweep", help="choose each method's strength on validation prompts")
    sweep.set_defaults(run=run_sweep, judge=JUDGES_FOLDER / "label.safetensors", count=8)
    sweep.add_argument(
        "--strengths", nargs="+", default=[], metavar="METHOD=S,S", help="in place of a method's own"
    )
    sweep.add_argument("--guidance", type=float, nargs="+", help="in place of each method's own scales")
    test = commands.add_parser("test", help="measure the chosen strengths on test prompts, once")
    test.set_defaults(run=run_test, judge=JUDGES_FOLDER / "record.safetensors", count=60)
    test.add_argument("--repeats", type=int, default=15, help="rounds of timing; default: %(default)s")
    test.add_argument("--results", type=Path, default=RESULTS)
    for command in (sweep, test):
        add_sampling(command, tuple(METHODS), CONCEPTS)
    sweep.set_defaults(concepts=list(UNSAFE))  # strengths are chosen on the objects alone
    report = commands.add_parser("report", help="draw the tables and the plot")
    report.add_argument("--docs", type=Path, default=ROOT / "docs")
    report.add_argument("--readme", type=Path, default=ROOT / "README.md")
    report.add_argument("--results", type=Path, default=RESULTS)
    report.add_argument("--sweeps", type=Path, default=SWEEPS)
    report.set_defaults(run=run_report)
    arguments = parser.parse_args(argv)
    arguments.run(arguments)


def run_sweep(arguments: argparse.Namespace) -> None:
    """Writes validation.json, with a row for each setting, and chosen.json."""
    settings = settings_of(arguments.methods, arguments.strengths, arguments.guidance)
    bench = bench_of(arguments, "validation")
    about = {"model": bench.model_id, "judge": bench.judge_id, "steps": bench.steps}
    file = arguments.sweeps / "validation.json"
    rows = earlier(file, about, arguments.count)
    if not sampled(bench, chunks_of(bench, settings, arguments), arguments.dry_run):
        return
    for setting in settings:
        key = key_of(asdict(setting))
        if key in rows and stays(rows[key], arguments.concepts):
            print(f"{setting}: the row in {file} stays, as it has concepts that this sweep lacks")
            continue
        told = told_by(bench, setting, arguments.concepts, arguments.count)
        rows[key] = {
            **asdict(setting),
            "count": arguments.count,
            "shares": summary(pooled(told.values())),
            "by_concept": {concept: summary(part) for concept, part in told.items()},
        }
    ordered = [rows[key] for key in sorted(rows)]
    write(file, about | {"split": "validation", "rows": ordered})
    picked = chosen(whole(ordered))
    best = winner(picked)
    rules = {"rule": RULE, "winner_rule": WINNER_RULE}
    write(
        arguments.sweeps / "chosen.json",
        about | {"count": arguments.count} | rules | {"settings": picked, "winner": best},
    )
    for method, row in picked.items():
        left = ", ".join(f"{name} {value['value']:.3f}" for name, value in row["validation"].items())
        reached = "reaches the bar" if row["reached"] else "misses the bar"
        edge = ", at an edge of the strengths tried" if row["edge"] else ""
        print(f"{method}: strength {row['strength']:g}, CFG {row['guidance']:g}, {reached}{edge} ({left})")
    if best:
        print(f"the default among the weightings: {best['weighting']}, strength {best['strength']:g}")


def run_test(arguments: argparse.Namespace) -> None:
    """Writes the figures, and the shares by concept and the comparisons that they do not hold."""
    bench = bench_of(arguments, "test")
    erasing = [method for method in arguments.methods if method != "none"]
    picked = frozen(arguments.sweeps, erasing, bench.model_id, bench.steps)
    settings = with_baselines(picked, "none" in arguments.methods)
    if not sampled(bench, chunks_of(bench, settings, arguments), arguments.dry_run):
        return
    told = {label(setting): told_by(bench, setting, arguments.concepts, arguments.count) for setting in settings}
    together = {method: pooled(parts.values()) for method, parts in told.items()}
    for method, everything in together.items():
        for name in FIGURES:
            values = applied(everything.get(name, np.empty(0)))
            if values.size:
                figure = share(f"erase.{method}.{name}", values)
                figure.save(arguments.results)
                print(figure)
    about = {"model": bench.model_id, "judge": bench.judge_id, "steps": bench.steps}
    about |= {"split": "test"}
    by_method = {
        label(setting): {
            "strength": setting.strength,
            "guidance": setting.guidance,
            "count": arguments.count,
            "pooled": summary(together[label(setting)]),
            "by_concept": {concept: summary(part) for concept, part in told[label(setting)].items()},
        }
        for setting in settings
    }
    files = [arguments.sweeps / name for name in ("test_by_concept.json", "test_pairs.json")]
    stay = merging.unchanged(files[0], about, by_method)
    by_method = merging.methods(files[0], about, by_method)
    write(files[0], about | {"methods": by_method})
    scales = {label(setting): setting.guidance for setting in settings}
    pairs = compare(together, tuple(tables.PAIRED), scales)
    write(files[1], about | {"pairs": merging.pairs(files[1], about, pairs, stay & set(by_method))})
    concept = arguments.concepts[0]
    prompt = bench.prompts(concept, "explicit", 1)[0]
    base, taken = seconds(bench.pipe, settings, concept, prompt, arguments.steps, arguments.repeats)
    for setting, times in zip(settings, taken):
        figure = ratio(f"erase.{label(setting)}.seconds_ratio", base, times)
        figure.save(arguments.results)
        print(figure)


def run_report(arguments: argparse.Namespace) -> None:
    """Writes the tables between the marks of docs/erasure.md, the brief one of other pages, and the plot."""
    from .plots import draw_sweep

    files = arguments.results, arguments.sweeps
    page = arguments.docs / "erasure.md"
    page.write_text(tables.replaced(page.read_text(), tables.whole(*files)))
    for other in (arguments.docs / "guide.md", arguments.readme):
        other.write_text(tables.replaced(other.read_text(), tables.brief(*files), tables.BRIEF_MARKS))
    picture = arguments.docs / "images" / "erased-against-kept.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    draw_sweep(whole(json.loads((arguments.sweeps / "validation.json").read_text())["rows"]), picture)
    print(page, picture)


def settings_of(
    methods: Sequence[str], given: Sequence[str], guidances: Sequence[float] | None
) -> list[Setting]:
    """The settings that a sweep tries; `given` are texts such as "plain=1,2.5"."""
    strengths = {name: METHODS[name].strengths for name in methods}
    for text in given:
        name, _, numbers = text.partition("=")
        if name not in strengths:
            raise SystemExit(f"--strengths {text}: expected METHOD=S,S with one of {', '.join(strengths)}")
        strengths[name] = tuple(float(number) for number in numbers.split(","))
    scales = {name: guidances or METHODS[name].guidances for name in methods}
    return [Setting(m, strength, scale) for m in methods for scale in scales[m] for strength in strengths[m]]


def frozen(sweeps: Path, methods: Sequence[str], model_id: str, steps: int) -> list[Setting]:
    """The settings of chosen.json in the folder `sweeps` for these methods."""
    file = sweeps / "chosen.json"
    if not file.exists():
        raise SystemExit(f"there is no {file}; expected what a sweep chose; run the sweep first")
    told = json.loads(file.read_text())
    if told["model"] != model_id:
        raise SystemExit(f"{file} was chosen on model {told['model']}, not {model_id}; run the sweep again")
    if told.get("steps") != steps:
        raise SystemExit(f"{file} was chosen at {told.get('steps')} steps, not {steps}; run the sweep again")
    lacking = [method for method in methods if method not in told["settings"]]
    if lacking:
        raise SystemExit(f"{file} has no strength of {', '.join(lacking)}; run the sweep for them")
    rows = {method: told["settings"][method] for method in methods}
    return [Setting(method, row["strength"], row["guidance"]) for method, row in rows.items()]


def with_baselines(settings: Sequence[Setting], unerased: bool) -> list[Setting]:
    """The settings, after unerased pictures: of each unusual guidance scale among them, of the usual if `unerased`."""
    usual = [Setting("none", 0.0)] if unerased else []
    unusual = [setting.baseline for setting in settings if setting.guidance != GUIDANCE]
    return list(dict.fromkeys([*usual, *unusual, *settings]))


def label(setting: Setting) -> str:
    """A setting's name in figures: its method, and for unerased pictures of an unusual guidance scale that too."""
    if setting.method == "none" and setting.guidance != GUIDANCE:
        return f"{tables.NONE_AT}{setting.guidance:g}"
    return setting.method


def bench_of(
    arguments: argparse.Namespace, split: str, draw: Callable[..., np.ndarray] | None = None
) -> Bench:
    """The bench of a command line, which draws by `draw`; without model and judge for a dry run."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    lacking = [path for path in (arguments.model, arguments.judge) if not path.exists()]
    if lacking and not arguments.dry_run:
        raise SystemExit(f"there is no {lacking[0]}; expected a model and its judge; get the whole clone")
    where = split, arguments.work, arguments.steps, arguments.chunk, draw
    if lacking:
        return Bench(None, None, "absent", "absent", *where)
    identities = fingerprint(arguments.model), fingerprint(arguments.judge)
    if arguments.dry_run:
        return Bench(None, None, *identities, *where)
    return Bench(load_pipeline(arguments.model, "cpu", "fp32"), Oracle.load(arguments.judge), *identities, *where)


def chunks_of(bench: Bench, settings: Sequence[Setting], arguments: argparse.Namespace) -> list[Chunk]:
    """All chunks of these settings for the concepts of a command line."""
    return bench.chunks(settings, arguments.concepts, KINDS, arguments.count)


def sampled(bench: Bench, chunks: Sequence[Chunk], dry_run: bool) -> bool:
    """Whether all pictures are there in the end; tells their number first, and that is all in a dry run."""
    missing = bench.missing(chunks)
    sizes = [sum(chunk.stop - chunk.start for chunk in part) for part in (chunks, missing)]
    settings = len({chunk.setting for chunk in chunks})
    print(f"{sizes[0]} pictures for {settings} settings with their baselines, {sizes[1]} of them still to be sampled")
    if dry_run:
        return False
    bench.run(missing)
    return True


def told_by(bench: Bench, setting: Setting, concepts: Sequence[str], count: int) -> dict[str, Items]:
    """What the pictures of one setting say, by concept."""
    return {
        concept: pooled(items(bench.outcome(setting, concept, kind, count)) for kind in kinds_of(concept))
        for concept in concepts
    }


def write(file: Path, content: dict) -> None:
    """Writes JSON; parent folders are made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
