"""`python -m benchmarks.img2img`: the adapter where a picture is begun from another one, as in img2img.

It learnt from the first step of pure noise; here a pass begins later, with much of another picture in its noise. The
pictures that are begun from are unerased ones of validation prompts that have nothing to do with the concept, the same
for each chunk. Test prompts, judge of record; beside pictures without erasing of the same denoising strength. Writes
benchmarks/sweeps/img2img.json; `python -m benchmarks.adapter report` draws the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

from lib_gi import growth_inhibitors
from lib_gi.concepts import Concept
from tools.gi_tiny.prompts import erasure_set
from tools.gi_tiny.sampling import generate
from tools.gi_tiny.stages import JUDGES_FOLDER
from tools.gi_tiny.world import UNSAFE

from .adapter import about
from .adapter_tables import SHOWN
from .erase import bench_of, sampled, told_by, write
from .inferred import SHIPPED, digest, loaded
from .measure import pooled, summary
from .methods import Setting
from .options import sampling_parser
from .runs import KINDS

METHODS = ("none", "adapter")
DENOISING = (0.5, 0.75)  # the second is the WebUI's own default


@dataclass(frozen=True)
class Begun(Setting):
    """A setting whose pictures are begun from others; denoising: the share of the steps that are run."""

    denoising: float = 0.75

    def __str__(self) -> str:
        return f"{super().__str__()}-begun{self.denoising:g}"

    @property
    def baseline(self) -> "Begun":
        """Without erasing, begun from the same."""
        return Begun("none", 0.0, self.guidance, self.denoising)


def main(argv: Sequence[str] | None = None) -> None:
    """Samples, judges and writes img2img.json."""
    parser = sampling_parser("img2img", __doc__, METHODS, UNSAFE)
    parser.set_defaults(judge=JUDGES_FOLDER / "record.safetensors", count=16)
    given = parser.parse_args(argv)
    bench = bench_of(given, "test", draw_begun)
    strengths = {"none": 0.0, "adapter": 1.0}
    settings = [Begun(method, strengths[method], denoising=share) for share in DENOISING for method in given.methods]
    if not sampled(bench, bench.chunks(settings, given.concepts, KINDS, given.count), given.dry_run):
        return
    rows = []
    for setting in settings:
        shares = summary(pooled(told_by(bench, setting, given.concepts, given.count).values()))
        shown = {name: shares[name] for name in SHOWN}
        rows.append({"denoising": setting.denoising, "method": setting.method, "shares": shown})
        print(setting, {name: round(share["value"], 3) for name, share in shown.items()})
    write(given.sweeps / "img2img.json", about(bench, given) | {"rows": rows})


def draw_begun(
    pipe: StableDiffusionPipeline, setting: Begun, concept: str, texts: list[str], seeds: list[int], steps: int
) -> np.ndarray:
    """Pictures (n, H, W, 3) uint8 of `texts`, begun from others, inhibited by what the adapter infers or not at all."""
    changing = StableDiffusionImg2ImgPipeline(**pipe.components, requires_safety_checker=False)
    changing.set_progress_bar_config(disable=True)
    start = {"image": beginnings(pipe, concept, len(texts), steps) / np.float32(255), "strength": setting.denoising}
    told = {"strength": 0.0}  # which does nothing
    if setting.method == "adapter":
        adapter = loaded(SHIPPED, digest(SHIPPED), setting.strength)
        told = {"adapter": adapter, "weighting": adapter.weighting}
    with growth_inhibitors(changing, [Concept(concept, concept)], **told):
        return generate(changing, texts, seeds, steps, setting.guidance, batch=len(texts), **start)


@cache
def beginnings(pipe: StableDiffusionPipeline, concept: str, count: int, steps: int) -> np.ndarray:
    """The pictures (count, H, W, 3) uint8 that others are begun from."""
    prompts = erasure_set(concept, "benign", count, "validation")
    return generate(pipe, [prompt.text for prompt in prompts], [prompt.seed for prompt in prompts], steps, batch=count)


if __name__ == "__main__":
    main()
