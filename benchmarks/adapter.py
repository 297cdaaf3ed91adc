"""`python -m benchmarks.adapter fit | compare | fresh | unseen | alone | frontier | report`: an adapter's worth.

fit       every variant from the same labels, which are looked for first where they lack (--labels); the shipped one
          is copied to models/adapters
compare   validation prompts, label judge: the variants beside the fixed default; benchmarks/sweeps/adapter.json
fresh     prompts in templates that no label was made of, judge of record: it beside the fixed default and none;
          erase.METHOD.fresh.*
unseen    test prompts, judge of record: each object by an adapter that never saw it; erase.adapter.unseen.*
alone     the same, each object by an adapter of a calibration with it alone; erase.adapter.alone.*
frontier  test prompts, judge of record: the area under erased against kept, of the adapter's factors less that of all
          fixed strengths, and the adapter beside each of them, in pairs; erase.adapter.frontier_gain and
          benchmarks/sweeps/frontier.json, at another --guidance than the usual both with its number in their names
report    docs/adapter.md's tables and docs/images/frontier.png from those files

The adapter beside the other methods is measured by `python -m benchmarks.erase sweep` and `test`.
"""

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from lib_gi.evaluate.figures import RESULTS, described, origin, share
from tools.gi_tiny.stages import JUDGES_FOLDER, MODELS
from tools.gi_tiny.world import UNSAFE

from . import adapter_tables, tables
from .erase import bench_of, frozen, sampled, settings_of, told_by, write
from .frontier import gain, right
from .inferred import SHIPPED
from .measure import Items, applied, pooled, summary
from .methods import GUIDANCE, Setting
from .options import ROOT, SWEEPS, add_sampling
from .paired import compare
from .runs import KINDS, Bench, Chunk
from .variants import ABLATION, ALONE, LEFT_OUT, UNSEEN, Variant, draw_variant, fit_all, setting_of

FITS = ROOT / "outputs" / "adapter"
LINES = ("plain", "limited", "contrast", "agreement", "adapter")


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and runs one command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.adapter", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("fit", help="fit every variant, and ship one")
    fit.add_argument("--tasks", type=Path, default=FITS / "tasks.json", help="of `python -m tools.gi_tiny tasks`")
    fit.add_argument("--labels", type=Path, default=FITS / "labels", help="where labels are kept")
    fit.add_argument("--model", type=Path, default=MODELS / "gi-tiny")
    fit.add_argument("--judge", type=Path, default=JUDGES_FOLDER / "label.safetensors")
    fit.add_argument("--out", type=Path, default=SHIPPED, help="where the shipped one goes")
    fit.set_defaults(run=run_fit)
    compare = commands.add_parser("compare", help="the variants on validation prompts")
    compare.set_defaults(run=run_compare, judge=JUDGES_FOLDER / "label.safetensors", count=20)
    fresh = commands.add_parser("fresh", help="in templates that no label was made of")
    fresh.set_defaults(run=run_fresh, judge=JUDGES_FOLDER / "record.safetensors", count=80)
    unseen = commands.add_parser("unseen", help="each object by an adapter that never saw it")
    alone = commands.add_parser("alone", help="each object by an adapter of its own")
    frontier = commands.add_parser("frontier", help="the adapter against every fixed strength")
    for command, variants in ((unseen, LEFT_OUT), (alone, ALONE)):
        command.set_defaults(run=run_each, variants=variants, judge=JUDGES_FOLDER / "record.safetensors", count=80)
    frontier.set_defaults(run=run_frontier, judge=JUDGES_FOLDER / "record.safetensors", count=20)
    frontier.add_argument("--guidance", type=float, default=GUIDANCE, help="CFG scale of all; default: %(default)s")
    for command in (compare, fresh, unseen, alone, frontier):
        add_sampling(command, LINES, UNSAFE)
        command.add_argument("--results", type=Path, default=RESULTS)
    for command in (fit, compare, unseen, alone):
        command.add_argument("--fits", type=Path, default=FITS / "fits", help="the variants' files")
    report = commands.add_parser("report", help="draw the tables and the plot")
    report.add_argument("--docs", type=Path, default=ROOT / "docs")
    report.add_argument("--sweeps", type=Path, default=SWEEPS)
    report.add_argument("--results", type=Path, default=RESULTS)
    report.set_defaults(run=run_report)
    arguments = parser.parse_args(argv)
    arguments.run(arguments)


def run_fit(arguments: argparse.Namespace) -> None:
    """Writes the variants' files and the shipped one."""
    files = arguments.tasks, arguments.model, arguments.judge, arguments.labels
    fit_all((*ABLATION, *LEFT_OUT.values(), *ALONE.values()), arguments.fits, *files)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Variant().file(arguments.fits), arguments.out)
    print(arguments.out)


def run_compare(arguments: argparse.Namespace) -> None:
    """Writes adapter.json, with a row for the fixed default and each variant, and for all those left out together."""
    bench = bench_of(arguments, "validation", draw_variant)
    [fixed] = frozen(arguments.sweeps, ["agreement"], bench.model_id, bench.steps)
    settings = {variant.label: setting_of(variant, arguments.fits) for variant in ABLATION}
    settings = {"none": Setting("none", 0.0), f"fixed strength {fixed.strength:g}": fixed, **settings}
    left_out = chunks_of_each(bench, arguments, LEFT_OUT)
    chunks = [*bench.chunks(list(settings.values()), arguments.concepts, KINDS, arguments.count), *left_out]
    if not sampled(bench, list(dict.fromkeys(chunks)), arguments.dry_run):
        return
    shares = {
        name: summary(pooled(told_by(bench, setting, arguments.concepts, arguments.count).values()))
        for name, setting in settings.items()
    }
    shares[UNSEEN] = summary(pooled(told_of_each(bench, arguments, LEFT_OUT).values()))
    rows = [{"label": name, "shares": {key: own[key] for key in adapter_tables.SHOWN}} for name, own in shares.items()]
    write(arguments.sweeps / "adapter.json", about(bench, arguments) | {"rows": rows})


def run_fresh(arguments: argparse.Namespace) -> None:
    """Writes the figures of prompts in templates of their own, for none, the fixed default and what ships."""
    bench = bench_of(arguments, "fresh", draw_variant)
    [fixed] = frozen(arguments.sweeps, ["agreement"], bench.model_id, bench.steps)
    settings = [fixed.baseline, fixed, Setting("adapter", 1.0)]
    if not sampled(bench, bench.chunks(settings, arguments.concepts, KINDS, arguments.count), arguments.dry_run):
        return
    shares = {}
    for setting in settings:
        everything = pooled(told_by(bench, setting, arguments.concepts, arguments.count).values())
        shares[setting.method] = summary(everything)
        save_shares(f"erase.{setting.method}.fresh", everything, arguments.results)
    write(arguments.sweeps / "fresh.json", about(bench, arguments) | {"by_method": shares})


def run_each(arguments: argparse.Namespace) -> None:
    """Writes the figures of adapters of which each object has another."""
    bench = bench_of(arguments, "test", draw_variant)
    if not sampled(bench, chunks_of_each(bench, arguments, arguments.variants), arguments.dry_run):
        return
    by_concept = told_of_each(bench, arguments, arguments.variants)
    everything = pooled(by_concept.values())
    save_shares(f"erase.adapter.{arguments.command}", everything, arguments.results)
    rows = {concept: summary(told) for concept, told in by_concept.items()}
    write(arguments.sweeps / f"{arguments.command}.json", about(bench, arguments) | {"by_concept": rows})


def run_frontier(arguments: argparse.Namespace) -> None:
    """Writes the figure of the adapter's gain, the points of every line, and what the pairs say."""
    if "adapter" not in arguments.methods or len(arguments.methods) < 2:
        raise SystemExit("--methods has not both the adapter and a fixed strength; expected both; add what lacks")
    bench = bench_of(arguments, "test", draw_variant)
    scale = arguments.guidance
    at_scale = "" if scale == GUIDANCE else f"{adapter_tables.AT_SCALE}{scale:g}"
    settings = settings_of(arguments.methods, [], [scale])
    if not sampled(bench, bench.chunks(settings, arguments.concepts, KINDS, arguments.count), arguments.dry_run):
        return
    concepts, count = arguments.concepts, arguments.count
    told = {setting: pooled(told_by(bench, setting, concepts, count).values()) for setting in settings}
    mine = [items for setting, items in told.items() if setting.method == "adapter"]
    value, low, high = gain(mine, [items for setting, items in told.items() if setting.method != "adapter"])
    n = len(mine[0]["benign_same"])
    figure = described(f"erase.adapter.frontier_gain{at_scale}", value, low, high, n, "area, of 1")
    figure.save(arguments.results)
    print(figure)
    rows = [asdict(setting) | {"shares": summary(items)} for setting, items in told.items()]
    measured = about(bench, arguments) | {"guidance": scale, "rows": rows, "pairs": pairs_of(told)}
    write(arguments.sweeps / f"frontier{at_scale}.json", measured)


def pairs_of(told: dict[Setting, Items]) -> list[dict]:
    """What ships beside each fixed strength: in which share of all prompts more it does right."""
    fixed = {
        f"{tables.NAMES[setting.method]}, {setting.strength:g}": {"right": right(items)}
        for setting, items in told.items()
        if setting.method != "adapter"
    }
    ships = next(items for setting, items in told.items() if (setting.method, setting.strength) == ("adapter", 1.0))
    mine = tables.NAMES["adapter"]
    return [vars(pair) for pair in compare({mine: {"right": right(ships)}} | fixed, ["right"], mine=mine)]


def run_report(arguments: argparse.Namespace) -> None:
    """Writes the tables between the marks of docs/adapter.md, and the plot."""
    from .plots import draw_frontier

    page = arguments.docs / "adapter.md"
    content = adapter_tables.whole(arguments.results, arguments.sweeps)
    page.write_text(tables.replaced(page.read_text(), content, adapter_tables.MARKS))
    print(page)
    frontier = arguments.sweeps / "frontier.json"
    if not frontier.exists():
        return
    picture = arguments.docs / "images" / "frontier.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    draw_frontier(json.loads(frontier.read_text())["rows"], picture)
    print(picture)


def save_shares(start: str, told: Items, folder: Path) -> None:
    """Writes and tells a figure of each share that the tables show; start: of their names."""
    for name in adapter_tables.SHOWN:
        figure = share(f"{start}.{name}", applied(told[name]))
        figure.save(folder)
        print(figure)


def chunks_of_each(bench: Bench, arguments: argparse.Namespace, variants: Mapping[str, Variant]) -> list[Chunk]:
    """The chunks of each concept by the variant that belongs to it."""
    return [
        chunk
        for concept in arguments.concepts
        for chunk in bench.chunks([setting_of(variants[concept], arguments.fits)], [concept], KINDS, arguments.count)
    ]


def told_of_each(bench: Bench, arguments: argparse.Namespace, variants: Mapping[str, Variant]) -> dict[str, Items]:
    """What those pictures say, by concept."""
    told: dict[str, Items] = {}
    for concept in arguments.concepts:
        told |= told_by(bench, setting_of(variants[concept], arguments.fits), [concept], arguments.count)
    return told


def about(bench: Bench, arguments: argparse.Namespace) -> dict:
    """What a file of this run tells of itself."""
    told = {"model": bench.model_id, "judge": bench.judge_id, "split": bench.split, "steps": bench.steps}
    return told | {"count": arguments.count, **origin()}


if __name__ == "__main__":
    main()
