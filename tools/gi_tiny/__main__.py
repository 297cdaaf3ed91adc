"""`python -m tools.gi_tiny train | evaluate | export | tokenizer | drawings`."""

import argparse
import os
from pathlib import Path

import torch

from . import stages


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
    train.set_defaults(run=run_train)

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
        arguments.work, arguments.seed, device, arguments.pictures, arguments.autoencoder_steps,
        arguments.text_steps, arguments.judge_steps, arguments.unet_steps, text_width=arguments.text_width,
        unet_widths=tuple(arguments.unet_widths),
    )
    steps = {"autoencoder": lambda: making.autoencoder, "text": lambda: making.text_encoder,
             "latents": lambda: making.scaling_factor, "judges": making.judges, "unet": lambda: making.unet}
    for name, step in steps.items():
        if arguments.only in (None, name):
            step()
    if arguments.out:
        making.save(arguments.out)


if __name__ == "__main__":
    main()
