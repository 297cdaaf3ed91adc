"""`python -m benchmarks.why sample | report`: where and when an inhibitor acts.

sample  one thing changed at a time against the full setting, each weighting at the strength of chosen.json:
        only some blocks, a third of the steps, a bound, other guidance scales, one token of several.
        Validation prompts and the label judge: nothing touches the test prompts. benchmarks/sweeps/why.json
report  the tables of that file, and of `benchmarks.sizes` where it was run, in docs/erasure.md, and
        docs/images/why.png

What is counted is written in measure.py; every guidance scale is compared with its own unerased pictures. `sample`
can be interrupted and goes on: what is sampled is kept in --work. why.json is what one command asked for; ask for
all methods together in the end, since what was sampled before is not sampled again.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from transformers import CLIPTokenizer

from lib_gi.evaluate.figures import origin
from lib_gi.inhibitor import WEIGHTINGS
from tools.gi_tiny.stages import JUDGES_FOLDER, TOKENIZER
from tools.gi_tiny.world import UNSAFE

from . import tables, why_tables
from .ablation import Change, changes, draw_ablated
from .erase import bench_of, frozen, sampled, settings_of, told_by, write
from .measure import pooled, summary
from .methods import Setting
from .options import ROOT, SWEEPS, add_sampling
from .runs import KINDS, Bench
from .sizes import FILE as SIZES

CONCEPTS = ("kitchen knife", "bomb", "skull")


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and runs one command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.why", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    sample = commands.add_parser("sample", help="change one thing at a time, on validation prompts")
    add_sampling(sample, WEIGHTINGS, UNSAFE)
    sample.add_argument(
        "--strengths", nargs="+", default=[], metavar="METHOD=S", help="in place of the one in chosen.json"
    )
    sample.set_defaults(run=run_sample, judge=JUDGES_FOLDER / "label.safetensors", count=12, concepts=list(CONCEPTS))
    report = commands.add_parser("report", help="draw the tables and the plot")
    report.add_argument("--docs", type=Path, default=ROOT / "docs")
    report.add_argument("--sweeps", type=Path, default=SWEEPS)
    report.add_argument("--sizes", type=Path, default=SIZES, help="the file of benchmarks.sizes")
    report.set_defaults(run=run_report)
    arguments = parser.parse_args(argv)
    arguments.run(arguments)


def run_sample(arguments: argparse.Namespace) -> None:
    """Writes why.json, with a row for each change of each weighting and for each scale without erasing."""
    bench = bench_of(arguments, "validation", draw_ablated)
    rows = rows_of(arguments, bench.model_id)
    chunks = [chunk for row in rows for chunk in bench.chunks([row.setting], row.concepts, KINDS, arguments.count)]
    if not sampled(bench, list(dict.fromkeys(chunks)), arguments.dry_run):
        return
    about = {
        "model": bench.model_id,
        "judge": bench.judge_id,
        "split": bench.split,
        "steps": bench.steps,
        "count": arguments.count,
        **origin(),
    }
    told = [told_of(bench, row, arguments.count) for row in rows]
    write(arguments.sweeps / "why.json", about | {"rows": told})


def run_report(arguments: argparse.Namespace) -> None:
    """Writes the tables between this command's marks of docs/erasure.md, and the picture."""
    from .plots import draw_why

    told = json.loads((arguments.sweeps / "why.json").read_text())
    sizes = json.loads(arguments.sizes.read_text()) if arguments.sizes.exists() else None
    page = arguments.docs / "erasure.md"
    page.write_text(tables.replaced(page.read_text(), why_tables.whole(told, sizes), why_tables.MARKS))
    picture = arguments.docs / "images" / "why.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    draw_why(why_tables.by_setting(told["rows"]), picture)
    print(page, picture)


def rows_of(arguments: argparse.Namespace, model_id: str) -> list[Change]:
    """Every row: without erasing at each guidance scale, then the changes of each full setting."""
    long = several_tokens(arguments.concepts)
    try:
        changed = [
            change
            for full in fulls(arguments, model_id)
            for change in changes(full, arguments.steps, arguments.concepts, long)
        ]
    except ValueError as error:
        raise SystemExit(str(error)) from error
    scales = sorted({change.setting.guidance for change in changed})
    plain = [Change(f"CFG {scale:g}", Setting("none", 0.0, scale), tuple(arguments.concepts)) for scale in scales]
    return plain + changed


def fulls(arguments: argparse.Namespace, model_id: str) -> list[Setting]:
    """The full settings, one or more of each weighting: those of --strengths, else the chosen one."""
    given = {text.partition("=")[0] for text in arguments.strengths}
    told = [s for s in settings_of(arguments.methods, arguments.strengths, None) if s.method in given]
    rest = [method for method in arguments.methods if method not in given]
    told += frozen(arguments.sweeps, rest, model_id, arguments.steps) if rest else []
    return sorted(told, key=lambda setting: arguments.methods.index(setting.method))


def several_tokens(concepts: Sequence[str]) -> list[str]:
    """Those concepts whose name is more than one token to gi-tiny."""
    tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
    return [concept for concept in concepts if len(tokenizer.tokenize(concept)) > 1]


def told_of(bench: Bench, row: Change, count: int) -> dict:
    """A row of why.json: the change and its shares."""
    return {
        "label": row.label,
        "method": row.setting.method,
        "strength": row.setting.strength,
        "guidance": row.setting.guidance,
        "concepts": list(row.concepts),
        "shares": summary(pooled(told_by(bench, row.setting, row.concepts, count).values())),
    }


if __name__ == "__main__":
    main()
