"""`python -m benchmarks.cost sd15 | gi_tiny`: what growth inhibitors cost in time, as ratios.

sd15      a UNet and text encoder of SD1.5's full width with random weights, 512 x 512, through diffusers:
          cost.diffusers_sd15.disabled, .one and .twenty (concepts), and cost.reference_sd15.one, the way of
          the authors' code: a second, unedited picture beside the first, and explicit attention maps everywhere
gi_tiny   gi-tiny itself: cost.gi_tiny.one

With --device cuda (or mps) the models are in half precision, as users have them there, and the figures are named after
the device: cost.diffusers_sd15_cuda.one, of which at most 1.02 is asked.

A ratio is of the seconds per step after the first. What a picture needs once, its texts' encoding and what the first
step makes for all of them, is told beside it: `..._once_s`, in seconds more than without. Times do not depend on what
the weights are. Each round samples without and then in each way, in one warm process.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from tqdm import tqdm
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from lib_gi import growth_inhibitors
from lib_gi.concepts import load_catalogue
from lib_gi.evaluate.figures import RESULTS, machine
from lib_gi.loading import load_pipeline
from tools.gi_tiny.sampling import assemble
from tools.gi_tiny.stages import MODELS

from .timing import TimesFigure, median, ratio

PROMPT = "a photograph of an old man on a horse in front of a red barn"
CONCEPTS = {"one": 1, "twenty": 20}  # by way
WAYS = {"sd15": ("disabled", "one", "twenty", "reference"), "gi_tiny": ("one",)}


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, measures and writes the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", choices=WAYS)
    parser.add_argument("--ways", nargs="+", metavar="WAY", help="default: all of this model")
    parser.add_argument("--repeats", type=int, default=9, help="rounds; default: %(default)s")
    parser.add_argument("--steps", type=int, help="of each sampling; default: 3 for sd15 on a processor, 20 otherwise")
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), default="cpu", help="default: %(default)s")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args(argv)
    ways = arguments.ways or WAYS[arguments.model]
    unknown = set(ways) - set(WAYS[arguments.model])
    if unknown:
        parser.error(
            f"{arguments.model} has no way {', '.join(sorted(unknown))}; expected some of {WAYS[arguments.model]}"
        )
    device = arguments.device
    if not getattr(torch, device).is_available():
        parser.error(f"there is no device {device} here; expected one that PyTorch can use; leave --device out")
    tiny, on_cpu = arguments.model == "gi_tiny", device == "cpu"
    pipe = load_pipeline(MODELS / "gi-tiny", "cpu", "fp32") if tiny else random_pipeline()
    pipe.to(device, torch.float32 if on_cpu else torch.float16)
    if arguments.steps is not None and arguments.steps < 2:
        parser.error("--steps is less than 2; expected a step after the first, which is measured; raise it")
    steps = arguments.steps or (3 if on_cpu and not tiny else 20)
    for figure in measured(pipe, arguments.model, ways, steps, arguments.repeats):
        figure.save(arguments.results)
        print(figure, flush=True)


def measured(
    pipe: StableDiffusionPipeline, model: str, ways: Sequence[str], steps: int, repeats: int
) -> list[TimesFigure]:
    """A ratio of times for each way, against sampling without growth inhibitors."""
    pipe.set_progress_bar_config(disable=True)
    times = np.zeros((1 + len(ways), 2, repeats + 1))
    for turn in tqdm(range(repeats + 1), desc=model, unit="round"):
        for row, way in enumerate(("absent", *ways)):
            times[row, :, turn] = seconds(pipe, way, steps)
    (step, once), *others = times[..., 1:]  # the first round warms up
    figures = []
    for way, (own_step, own_once) in zip(ways, others):
        name = name_of(model, way, pipe.device.type)
        figures += [ratio(name, step, own_step), median(f"{name}_once_s", own_once - once, "s a picture")]
    return [replace(figure, machine=machine(part_of(pipe.device))) for figure in figures]


def seconds(
    pipe: StableDiffusionPipeline, way: str, steps: int, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Seconds for a step after the first of one picture's latents in this way, and for all that is no such step.

    The second number is what the whole picture takes, less `steps` times the first one: the encoding of texts, and what
    the first step makes for all of them.
    """
    wait = getattr(torch, pipe.device.type).synchronize
    prompts = [PROMPT] * (2 if way == "reference" else 1)
    generators = [torch.Generator().manual_seed(0) for _ in prompts]
    ends: list[float] = []

    def end_step(pipe: StableDiffusionPipeline, step: int, timestep: object, tensors: dict) -> dict:
        wait()
        ends.append(clock())
        return tensors

    wait()
    begun = clock()
    told = {"generator": generators, "output_type": "latent", "callback_on_step_end": end_step}
    with around(pipe, way):
        pipe(prompts, num_inference_steps=steps, **told)
    wait()
    step = (ends[-1] - ends[0]) / (steps - 1)
    return step, clock() - begun - steps * step


def around(pipe: StableDiffusionPipeline, way: str) -> AbstractContextManager:
    """What is in place while a picture is sampled in this way."""
    if way == "absent":
        return nullcontext()
    if way == "reference":
        return explicit_maps(pipe.unet)
    if way == "disabled":
        return growth_inhibitors(pipe, enabled=False)
    names = [concept.name for concept in load_catalogue()]
    return growth_inhibitors(pipe, names[: CONCEPTS[way]])


@contextmanager
def explicit_maps(unet: UNet2DConditionModel):
    """Every attention layer computes its map as such."""
    before = unet.attn_processors
    unet.set_attn_processor(AttnProcessor())
    try:
        yield
    finally:
        unet.set_attn_processor(before)


def name_of(model: str, way: str, device: str) -> str:
    """A figure's name; a device that is no processor is part of it."""
    host, way = ("reference_", "one") if way == "reference" else ("diffusers_" if model == "sd15" else "", way)
    return f"cost.{host}{model}{'' if device == 'cpu' else f'_{device}'}.{way}"


def part_of(device: torch.device) -> str:
    """What the figures say of the part of the machine that samples."""
    if device.type == "cpu":
        return "CPU"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return f"{name} in half precision"


def random_unet(
    widths: tuple[int, ...] = (320, 640, 1280, 1280), context: int = 768, side: int = 64
) -> UNet2DConditionModel:
    """Stable Diffusion 1.5's UNet with random weights, in 32 bits."""
    return UNet2DConditionModel(
        sample_size=side, block_out_channels=widths, cross_attention_dim=context, attention_head_dim=8
    )


def random_pipeline(*sizes) -> StableDiffusionPipeline:
    """Stable Diffusion 1.5 with random weights, its autoencoder apart; `sizes` are those of `random_unet`."""
    torch.manual_seed(0)
    unet = random_unet(*sizes)
    context = unet.config.cross_attention_dim
    tokenizer = CLIPTokenizer.from_pretrained(MODELS / "gi-tiny" / "tokenizer")
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=context,
        intermediate_size=4 * context,
        num_hidden_layers=12,
        num_attention_heads=12,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    levels = len(unet.config.block_out_channels)
    vae = AutoencoderKL(  # tiny: only its number of levels counts, from which the pipeline takes the size of latents
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=(32,) * levels,
        latent_channels=4,
    )
    return assemble(vae.eval(), CLIPTextModel(text).eval(), tokenizer, unet.eval().requires_grad_(False))


if __name__ == "__main__":
    main()
