"""The command line: `python -m lib_gi generate | train-adapter | concepts`.

Bad input ends in one line on stderr and exit code 2, before anything is sampled.
"""

import argparse
import logging
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path
from typing import NoReturn

from lib_gi import concept_options
from lib_gi.concepts import Catalogue
from lib_gi.errors import GrowthInhibitorError, SettingsError
from lib_gi.loading import DEVICES, DTYPES, check_model, chosen_device, load_pipeline, require_diffusers
from lib_gi.settings import AUTO, MAPS, MOST_SEED, NONE, Settings, format_strengths
from lib_gi.steps import check_steps
from lib_gi.terminal import complain, note, say
from lib_gi.training import command

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
# Fields that this command has no use for: it is there to inhibit, and it has no second pass.
UNUSED = ("enabled", "hires")


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of one command, as `exit_code` gives it."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
    arguments = parser().parse_args(argv)
    return exit_code(lambda: arguments.run(arguments))


def exit_code(work: Callable[[], None]) -> int:
    """0 when `work` has run, 2 for bad input, 1 when a file cannot be written, 130 when interrupted."""
    try:
        work()
        sys.stdout.flush()
    except GrowthInhibitorError as error:
        complain(str(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a full disk, for example
        complain(str(error))
        return FAILED
    return 0


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        complain(f"{message}; see {self.prog} --help")
        raise SystemExit(BAD_INPUT)


def parser() -> Parser:
    """The parser of the whole command line; options of the method follow from the fields of `Settings`."""
    top = Parser(prog="python -m lib_gi", description="Keep unwanted concepts out of pictures (growth inhibitors).")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    generate = commands.add_parser("generate", help="pictures in which concepts are suppressed")
    generate.add_argument("--model", type=Path, required=True, help="a diffusers folder or a .safetensors file")
    generate.add_argument("--model-config", type=Path, help="for a single file: a diffusers folder of its layout")
    generate.add_argument("--prompt", required=True)
    generate.add_argument("--negative", default="", help="negative prompt")
    method = generate.add_argument_group("growth inhibitors")
    for field in fields(Settings):
        if field.name not in (*UNUSED, "heatmap"):  # which is added below, in a form of its own
            add_setting(method, field)
    concept_options.add_to(method)
    generate.add_argument("--seed", type=int, default=0, help="of the first picture; the next ones count up")
    generate.add_argument("--steps", type=int, default=20)
    generate.add_argument("--guidance", type=float, default=7.5, help="classifier-free guidance scale")
    generate.add_argument("--width", type=int, help="pixels, a multiple of 8; default: the model's own")
    generate.add_argument("--height", type=int, help="pixels, a multiple of 8; default: the model's own")
    generate.add_argument("--count", type=int, default=1, help="how many pictures")
    generate.add_argument("--out", type=Path, default=Path("outputs"), help="a .png file or a folder")
    generate.add_argument("--side-by-side", action="store_true", help="also without inhibitors, off beside on")
    generate.add_argument(
        "--heatmap",
        nargs="?",
        default=argparse.SUPPRESS,
        const=MAPS[0],
        choices=MAPS,
        help="also where each concept grows, over the picture and over the steps, in files beside it;"
        f" of {' or '.join(MAPS)}, {MAPS[0]} unless told",
    )
    generate.add_argument(
        "--heatmap-scale", type=float, metavar="TOP", help="the value of the hottest colour; default: the run's largest"
    )
    generate.add_argument("--device", default="auto", choices=DEVICES)
    generate.add_argument("--dtype", default="auto", choices=("auto", *DTYPES))
    generate.set_defaults(run=run_generate)

    command.add_to(commands)
    concepts = commands.add_parser("concepts", help="the catalogue of concepts")
    concept_options.add_to(concepts)
    concepts.set_defaults(run=run_concepts)
    return top


def add_setting(group: argparse._ArgumentGroup, field: Field) -> None:
    """Adds the option of one field of `Settings`; where it is not given it is absent from the arguments."""
    default = field.default_factory() if field.default is MISSING else field.default
    text = field.metadata["help"] + ("" if default in (None, False, (), {}) else f" Default: {default}")
    options: dict[str, object] = {
        "dest": field.name,
        "default": argparse.SUPPRESS,
        "help": text.replace("%", "%%"),
    }
    if field.name == "concepts":
        group.add_argument("--concept", action="append", metavar="NAME", **options)
        return
    if field.name == "adapter":
        options["metavar"] = "{none,auto,NAME,FILE}"
    if field.type is bool:
        options["action"] = "store_true"
    elif field.type is float:
        options["type"] = float
    elif field.type in (int, int | None):
        options["type"] = int
    elif field.type == (tuple[float, float] | None):
        options |= {"type": float, "nargs": 2, "metavar": ("LOW", "HIGH")}
    elif "choices" in field.metadata:
        options["metavar"] = "{" + ",".join(field.metadata["choices"]) + "}"  # Settings refuses others, with a hint
    group.add_argument("--" + field.name.replace("_", "-"), **options)


def settings_of(arguments: argparse.Namespace, catalogue: Catalogue) -> Settings:
    """The settings that the options give, with every concept known."""
    given = {field.name: getattr(arguments, field.name) for field in fields(Settings) if field.name in arguments}
    if not given.get("concepts"):
        raise SettingsError(
            "no concept is given; expected at least one; add --concept NAME (names: the command concepts)"
        )
    settings = Settings.from_dict(given)
    catalogue.resolve(settings.concepts, settings.free_text)
    return settings


def run_generate(arguments: argparse.Namespace) -> None:
    """Writes pictures; everything that can be wrong is looked at before the first is sampled."""
    catalogue = concept_options.catalogue_of(arguments.concept_files)
    settings = settings_of(arguments, catalogue)
    check_numbers(arguments, settings)
    check_model(arguments.model)
    require_diffusers()
    chosen_device(arguments.device)
    from lib_gi.adapters import Adapters, given
    from lib_gi.calibrated import fixed
    from lib_gi.pictures import output_files
    from lib_gi.sampling import GROWTH, Job, pictures_of

    adapters = Adapters()
    name, adapter = given(settings.adapter)
    settings = replace(settings, adapter=name)
    if adapter is None and name not in (NONE, AUTO):
        adapters.named(name)
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    files = output_files(arguments.out, seeds, GROWTH if settings.heatmap else ())
    pipe = load_pipeline(arguments.model, arguments.device, arguments.dtype, arguments.model_config)
    if settings.infers and adapter is None:
        picked = adapters.choose(settings, pipe.unet)
        settings, adapter = replace(settings, adapter=picked.name), picked.adapter
    job = Job(
        model=arguments.model.stem,
        prompt=arguments.prompt,
        negative=arguments.negative,
        settings=settings,
        steps=arguments.steps,
        guidance=arguments.guidance,
        width=arguments.width,
        height=arguments.height,
        side_by_side=arguments.side_by_side,
        heatmap_scale=arguments.heatmap_scale,
        adapter=adapter,
        catalogue=catalogue,
    )
    given_acts = not settings.infers and any(settings.acting.values())
    comes_by = fixed(settings, adapters.made_for(pipe.unet)) if given_acts else ""
    for file in pictures_of(pipe, job, dict(zip(seeds, files))):
        say(str(file))
    if comes_by:
        note(f"{format_strengths(settings.acting)}: {comes_by}")


def check_numbers(arguments: argparse.Namespace, settings: Settings) -> None:
    """Nothing, where the numbers can be used; else SettingsError."""
    for name in ("steps", "count"):
        if not 1 <= getattr(arguments, name) <= 1000:
            raise SettingsError(f"--{name} is {getattr(arguments, name)}; expected 1 to 1000; change it")
    for name in ("width", "height"):
        value = getattr(arguments, name)
        if value is not None and (value % 8 or not 8 <= value <= 8192):
            raise SettingsError(f"--{name} is {value}; expected a multiple of 8 from 8 to 8192; change it")
    if not math.isfinite(arguments.guidance) or arguments.guidance < 0:
        raise SettingsError(f"--guidance is {arguments.guidance}; expected a finite number from 0; change it")
    if not 0 <= arguments.seed <= MOST_SEED - arguments.count + 1:
        raise SettingsError(f"--seed is {arguments.seed}; expected 0 to {MOST_SEED} for every picture; change it")
    if arguments.heatmap_scale is not None:
        from lib_gi.recording import checked_scale

        checked_scale(arguments.heatmap_scale, "--heatmap-scale")
        if not settings.heatmap:
            raise SettingsError("--heatmap-scale is given without a heat map; expected both; add --heatmap")
    names = "--first-step", "--last-step"
    check_steps(settings.first_step, settings.last_step, arguments.steps, names=names)


def run_concepts(arguments: argparse.Namespace) -> None:
    """Lists the catalogue, a category at a time: names, what the text encoder reads where it differs, and anchors."""
    for category, concepts in concept_options.catalogue_of(arguments.concept_files).categories().items():
        say(f"{category}:")
        for concept in concepts:
            anchor = f"  -> {concept.anchor}" if concept.anchor else ""
            say(f"  {concept.name}" + ("" if concept.phrase == concept.name else f"  ({concept.phrase})") + anchor)
