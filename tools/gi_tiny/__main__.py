"""`python -m tools.gi_tiny train | evaluate | export | sheets | curves | tasks | tokenizer | drawings`."""

import argparse
import json
import os
from pathlib import Path

import torch

from lib_gi.evaluate.figures import RESULTS
from lib_gi.loading import load_pipeline

from . import stages
from .world import OBJECTS, STYLES, UNSAFE

MODEL = stages.MODELS / "gi-tiny"


def main() -> None:
    """Parses the command line and runs one command."""
    parser = argparse.ArgumentParser(prog="python -m tools.gi_tiny", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="every stage, resumed where it stopped")
    train.add_argument("--work", type=Path, required=True, help="working folder: checkpoints, samples, latents")
    train.add_argument("--out", type=Path, help="where the finished diffusers folder goes")
    train.add_argument("--only", choices=("autoencoder", "text", "latents", "judges", "unet"))
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--device", default="auto")
    train.add_argument("--threads", type=int, default=os.cpu_count())
    train.add_argument("--pictures", type=int, default=stages.Making.pictures_count)
    for stage in ("autoencoder", "text", "judge", "unet"):
        train.add_argument(f"--{stage}-steps", type=int, default=getattr(stages.Making, f"{stage}_steps"))
    train.add_argument("--text-width", type=int, default=stages.Making.text_width)
    train.add_argument("--unet-widths", type=int, nargs=4, default=stages.Making.unet_widths)
    train.add_argument("--autoencoder", type=Path, help="take this finished model's autoencoder; its judges serve too")
    train.add_argument("--text-encoder", type=Path, help="take this finished model's text encoder")
    train.set_defaults(run=run_train)

    evaluate = commands.add_parser("evaluate", help="every figure of a finished model, and its card")
    evaluate.add_argument("--model", type=Path, default=MODEL)
    evaluate.add_argument("--work", type=Path, required=True, help="keeps pictures, so that a stopped run goes on")
    evaluate.add_argument("--prefix", default="gi_tiny", help="the figures' first name; has its place in the card")
    evaluate.add_argument("--count", type=int, default=400, help="prompts in a set")
    evaluate.add_argument("--per-association", type=int, default=400, help="prompts of each association")
    evaluate.add_argument(
        "--only", choices=("parts", "follow", "lone", "text", "attention", "presence", "by_eye", "speed")
    )
    evaluate.set_defaults(run=run_evaluate)

    sheets = commands.add_parser("sheets", help="pictures to be labelled by eye")
    sheets.add_argument("--model", type=Path, default=MODEL)
    sheets.set_defaults(run=run_sheets)

    export = commands.add_parser("export", help="the checkpoint, yaml and text folder that the WebUI loads")
    export.add_argument("--model", type=Path, default=MODEL)
    export.add_argument("--out", type=Path, required=True)
    export.set_defaults(run=run_export)

    curves = commands.add_parser("curves", help="draw the losses of a training")
    curves.add_argument("--work", type=Path, required=True, help="the working folder of that training")
    curves.add_argument("--out", type=Path, default=MODEL / "curves.png")
    curves.set_defaults(run=run_curves)

    tasks = commands.add_parser("tasks", help="prompts that an adapter learns from, for `lib_gi train-adapter`")
    counts = {"nargs": 2, "type": int, "metavar": ("NAMED", "UNNAMED")}
    tasks.add_argument(
        "--count", **counts, default=[40, 80], help="prompts that name a concept, and of each kind that do not"
    )
    tasks.add_argument("--concepts", nargs="+", choices=OBJECTS, default=list(UNSAFE))
    tasks.add_argument("--others", **counts, default=[16, 40], help="as --count, for all other objects")
    tasks.add_argument("--styles", **counts, default=[40, 40], help="as --count, for each style")
    tasks.add_argument("--guidance", type=float, nargs="+", default=[3.0, 4.0, 6.0, 8.0])
    tasks.add_argument("--out", type=Path, required=True)
    tasks.set_defaults(run=run_tasks)

    tokenizer = commands.add_parser("tokenizer", help="make the tokenizer from CLIP's list of merges")
    tokenizer.add_argument("--source", type=Path, required=True, help="bpe_simple_vocab_16e6.txt.gz")
    tokenizer.set_defaults(run=run_tokenizer)

    drawings = commands.add_parser("drawings", help="make the drawing sheets from the emoji sets' npm packages")
    drawings.add_argument("--packages", type=Path, required=True, help="a node_modules/@iconify-json folder")
    drawings.set_defaults(run=run_drawings)

    arguments = parser.parse_args()
    arguments.run(arguments)


def run_train(arguments: argparse.Namespace) -> None:
    """Trains what is missing and, with --out, writes the finished model."""
    torch.set_num_threads(arguments.threads)
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    arguments.work.mkdir(parents=True, exist_ok=True)
    making = stages.Making(
        arguments.work,
        arguments.seed,
        device,
        arguments.pictures,
        arguments.autoencoder_steps,
        arguments.text_steps,
        arguments.judge_steps,
        arguments.unet_steps,
        text_width=arguments.text_width,
        unet_widths=tuple(arguments.unet_widths),
        autoencoder_of=arguments.autoencoder,
        text_encoder_of=arguments.text_encoder,
    )
    steps = {
        "autoencoder": lambda: making.autoencoder,
        "text": lambda: making.text_encoder,
        "latents": lambda: making.scaling_factor,
        "judges": making.judges,
        "unet": lambda: making.unet,
    }
    for name, step in steps.items():
        if arguments.only == name or (arguments.only is None and not (name == "judges" and arguments.autoencoder)):
            step()
    if arguments.out:
        making.save(arguments.out)


def run_evaluate(arguments: argparse.Namespace) -> None:
    """Measures and writes the figures, then fills the model card."""
    from . import attention, card, evaluate
    from .by_eye import agreement
    from .identity import fingerprint
    from .kept import Kept

    pipe = load_pipeline(arguments.model, "cpu", "fp32")
    arguments.work.mkdir(parents=True, exist_ok=True)
    prefix = arguments.prefix
    kept = Kept(pipe, fingerprint(arguments.model), arguments.work)
    table_file = RESULTS.parent / f"{prefix}_attention.json"

    def rest() -> list:
        figures, table = attention.resting_places(pipe, prefix)
        table_file.write_text(json.dumps(table, indent=1) + "\n")
        return figures

    measures = {
        "parts": lambda: evaluate.parts(pipe, arguments.model, prefix, arguments.work),
        "text": lambda: attention.encoder_cosines(pipe, prefix),
        "speed": lambda: evaluate.speed(pipe, prefix),
        "attention": rest,
        "presence": lambda: attention.presence(pipe, prefix),
        "follow": lambda: evaluate.following(kept, arguments.count, arguments.per_association, prefix),
        "lone": lambda: evaluate.lone(kept, arguments.count, prefix),
        "by_eye": lambda: agreement(prefix) if prefix == card.MODEL else [],  # whose pictures were labelled
    }
    for name, measure in measures.items():
        if arguments.only in (None, name):
            for figure in measure():
                figure.save()
                print(figure, flush=True)
    if table_file.exists():
        card.fill(MODEL / "README.md", prefix)


def run_sheets(arguments: argparse.Namespace) -> None:
    """Draws the contact sheets for labelling by eye."""
    from . import by_eye

    by_eye.sheets(load_pipeline(arguments.model, "cpu", "fp32"))


def run_export(arguments: argparse.Namespace) -> None:
    """Writes the WebUI's form of the model."""
    from .export import export

    print(export(arguments.model, arguments.out))


def run_curves(arguments: argparse.Namespace) -> None:
    """Draws the card's curves."""
    from .curves import draw

    draw(arguments.work, arguments.out)


def run_tasks(arguments: argparse.Namespace) -> None:
    """Writes the tasks' file."""
    from lib_gi.training.tasks import write_tasks

    from .prompts import label_tasks

    others = [name for name in OBJECTS if name not in arguments.concepts]
    tasks = label_tasks(arguments.concepts, arguments.count, arguments.guidance)
    tasks += label_tasks(others, arguments.others, arguments.guidance)
    write_tasks(tasks + label_tasks(STYLES, arguments.styles, arguments.guidance), arguments.out)


def run_tokenizer(arguments: argparse.Namespace) -> None:
    """Writes the tokenizer into the model's folder."""
    from .tokenizer import make_tokenizer

    make_tokenizer(arguments.source, stages.TOKENIZER)


def run_drawings(arguments: argparse.Namespace) -> None:
    """Writes the drawing sheets."""
    from .drawings import make_sheets

    make_sheets(arguments.packages)


if __name__ == "__main__":
    main()
