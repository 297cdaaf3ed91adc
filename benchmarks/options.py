"""The options that the benchmarks share which sample and judge, and the folders that they begin with."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tools.gi_tiny.sampling import STEPS
from tools.gi_tiny.stages import MODELS

from .runs import CHUNK

ROOT = Path(__file__).parents[1]
SWEEPS = ROOT / "benchmarks" / "sweeps"
WORK = ROOT / "outputs" / "erase"


def sampling_parser(
    module: str, description: str, methods: Sequence[str], concepts: Sequence[str]
) -> argparse.ArgumentParser:
    """The parser of a benchmark with one command, which samples and judges: `python -m benchmarks.MODULE`."""
    parser = argparse.ArgumentParser(f"python -m benchmarks.{module}", description=description)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_sampling(parser, methods, concepts)
    return parser


def add_sampling(command: argparse.ArgumentParser, methods: Sequence[str], concepts: Sequence[str]) -> None:
    """Adds the options of a command that samples and judges; by default all of these methods and concepts."""
    command.add_argument("--work", type=Path, default=WORK, help="where sampled pictures are kept")
    command.add_argument("--count", type=int, help="prompts per concept and set; default: %(default)s")
    command.add_argument("--methods", nargs="+", choices=methods, default=list(methods), metavar="METHOD")
    command.add_argument("--concepts", nargs="+", choices=concepts, default=list(concepts), metavar="CONCEPT")
    command.add_argument("--model", type=Path, default=MODELS / "gi-tiny")
    command.add_argument("--judge", type=Path, help="default: %(default)s")
    command.add_argument("--steps", type=int, default=STEPS)
    command.add_argument("--chunk", type=int, default=CHUNK, help="pictures sampled and kept at a time")
    command.add_argument("--threads", type=int, help="of torch; default: its own choice")
    command.add_argument("--sweeps", type=Path, default=SWEEPS, help="where the files of a sweep are")
    command.add_argument("--dry-run", action="store_true", help="only tell how many pictures it takes")
