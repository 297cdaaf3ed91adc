"""`python -m lib_gi train-adapter`: an adapter for a diffusers model, from the model itself and a detector.

On several GPUs `accelerate launch --module lib_gi train-adapter ...` shares the pictures out.
"""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_gi import concept_options
from lib_gi.concepts import Catalogue
from lib_gi.detect.own import try_out
from lib_gi.detect.registry import FORMS, detector_of, without_folders
from lib_gi.errors import SettingsError
from lib_gi.loading import DEVICES, DTYPES, check_model, chosen_device, load_pipeline, require_diffusers
from lib_gi.settings import INFERRED_WEIGHTING, WEIGHTINGS
from lib_gi.terminal import say

if TYPE_CHECKING:  # what numpy and torch are needed for is imported when it runs: `--help` waits for neither
    from lib_gi.detect import Detector


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command and its options."""
    command = commands.add_parser("train-adapter", help="learn the scale that suits each picture, for one model")
    command.add_argument("--model", type=Path, required=True, help="a diffusers folder or a .safetensors file")
    command.add_argument("--model-config", type=Path, help="for a single file: a diffusers folder of its layout")
    command.add_argument("--concepts", nargs="+", metavar="NAME", help="of the catalogue, or free words")
    command.add_argument(
        "--tasks",
        type=Path,
        help="in place of --concepts: a JSON list of concept, prompt, seed, guidance, perhaps brings and keeps",
    )
    command.add_argument(
        "--without", nargs="+", default=[], metavar="NAME", help="label these concepts too, and learn nothing of them"
    )
    concept_options.add_to(command)
    command.add_argument("--count", type=int, default=40, help="prompts that name a concept, and as many that do not")
    command.add_argument("--detector", required=True, help=f"{', '.join(FORMS.values())}, or an installed one's name")
    command.add_argument("--weighting", default=INFERRED_WEIGHTING, choices=WEIGHTINGS)
    command.add_argument(
        "--features",
        default="alignment",
        help="M_star, agreement, both, excess, spread, or alignment; default: %(default)s",
    )
    command.add_argument(
        "--strongest",
        type=float,
        default=12.0,
        help="strength that is tried; in contrast none above 2 is; default: %(default)s",
    )
    command.add_argument("--steps", type=int, default=20)
    command.add_argument("--chunk", type=int, default=20, help="pictures sampled and kept at a time")
    command.add_argument("--seed", type=int, default=0, help="of the fit; default: %(default)s")
    command.add_argument("--tau", type=float, help="0 to 1, higher is stronger; default: .8 in contrast, else .96")
    command.add_argument("--licence", default="", help="the file's, such as MIT; default: not told in it")
    command.add_argument("--device", default="auto", choices=DEVICES)
    command.add_argument("--dtype", default="auto", choices=("auto", *DTYPES))
    command.add_argument(
        "--work", type=Path, required=True, help="keeps labels, so that a stopped run goes on; shared by processes"
    )
    command.add_argument("--out", type=Path, required=True, help="the adapter, a .safetensors file")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Looks for labels, fits the network and writes the file; with several processes the first one fits."""
    from lib_gi.adapter import KINDS
    from lib_gi.training.search import names_sought
    from lib_gi.training.tasks import made_tasks, read_tasks

    if bool(arguments.concepts) == bool(arguments.tasks):
        raise SettingsError("expected either --concepts or --tasks; give one of them")
    if arguments.features not in KINDS:
        raise SettingsError(f"--features is {arguments.features!r}; expected one of {', '.join(KINDS)}; change it")
    if arguments.tau is not None and not 0 < arguments.tau < 1:
        raise SettingsError(f"--tau is {arguments.tau:g}; expected more than 0 and less than 1; change it")
    if arguments.out.suffix != ".safetensors" or not arguments.out.parent.is_dir():
        raise SettingsError(
            f"--out is {arguments.out}; expected a .safetensors file in a folder that exists; change it"
        )
    catalogue = concept_options.catalogue_of(arguments.concept_files)
    check_model(arguments.model)
    require_diffusers()
    if arguments.tasks:
        tasks = read_tasks(arguments.tasks)
    else:
        tasks = made_tasks(catalogue.resolve(arguments.concepts, True), arguments.count)
    concepts = {task.concept for task in tasks}
    if not set(arguments.without) < concepts:
        raise SettingsError(
            f"--without is {', '.join(arguments.without)}; expected some of the concepts, and not all; change it"
        )
    detector = detector_of(arguments.detector, catalogue)
    try_out(detector, names_sought(tasks))
    train(arguments, tasks, detector, catalogue)


def own_device(device: str) -> str:
    """The device of this process: where a launcher started several, each has a GPU of its own."""
    local = os.environ.get("LOCAL_RANK")
    chosen = chosen_device(device)
    return chosen_device(f"{chosen}:{local}") if local and chosen == "cuda" else chosen


def other_dtype(pipe: Any) -> str:
    """The number format that pictures are drawn in, where it is not the usual one: their labels are kept apart."""
    told = str(pipe.unet.dtype).removeprefix("torch.")
    return "" if told == "float32" else f"diffusers {told}"


def train(arguments: argparse.Namespace, tasks: list, detector: "Detector", catalogue: Catalogue) -> None:
    """Everything after the arguments are known to be good."""
    from lib_gi.fingerprint import architecture, fingerprint
    from lib_gi.layers import find_cross_attention
    from lib_gi.training.calibration import Plan, phrases_of
    from lib_gi.training.diffusers import DiffusersPipeline
    from lib_gi.training.sampling import PipelineSampler

    pipe = load_pipeline(arguments.model, own_device(arguments.device), arguments.dtype, arguments.model_config)
    layers = find_cross_attention(pipe.unet)
    size = pipe.unet.config.sample_size * pipe.vae_scale_factor
    plan = Plan(
        tasks=tuple(tasks),
        model=arguments.model.name.removesuffix(".safetensors"),
        fingerprint=fingerprint(pipe.unet),
        sampler=type(pipe.scheduler).__name__,
        steps=arguments.steps,
        width=size,
        height=size,
        weighting=arguments.weighting,
        detector=without_folders(arguments.detector),
        features=arguments.features,
        strongest=arguments.strongest,
        chunk=arguments.chunk,
        seed=arguments.seed,
        phrases=phrases_of(tasks, catalogue),
        without=tuple(arguments.without),
        tau=arguments.tau,
        built=architecture(layers),
        licence=arguments.licence,
        host=other_dtype(pipe),
    )
    sampler = PipelineSampler(DiffusersPipeline(pipe, arguments.steps), arguments.weighting, catalogue)
    search = plan.search(sampler, detector, arguments.work)
    search.run(tasks)
    if int(os.environ.get("RANK", 0)):
        return
    search.wait(tasks)
    result = plan.result(search, [layer.name for layer in layers])
    result.fitted.adapter.save(arguments.out)
    for sentence in (*result.told(), f"adapter: {arguments.out}"):
        say(sentence)
