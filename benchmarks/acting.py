"""`python -m benchmarks.acting`: when the scales that the adapter infers can begin to act, and what each way costs.

extra call       the first call of the UNet is run once more beforehand and only read; they act from the first step on
second step      the first step is read and not acted in, with no call more
layer by layer   no call more either: in the first step each layer gets the scales of what the layers before it showed;
                 a layer that has not been seen counts as the mean of the adapter's training inputs

The bundled adapter, validation prompts, judge that labels; seconds in turns with unerased pictures, one at a time.
Writes benchmarks/sweeps/acting.json; `python -m benchmarks.adapter report` draws the table.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import nn

from lib_gi import growth_inhibitors
from lib_gi.adapter import READ, Adapter
from lib_gi.concepts import Concept
from lib_gi.features import Features
from lib_gi.layers import find_cross_attention
from tools.gi_tiny.sampling import generate
from tools.gi_tiny.stages import JUDGES_FOLDER
from tools.gi_tiny.world import UNSAFE

from . import timing
from .adapter import about
from .adapter_tables import SHOWN
from .erase import bench_of, sampled, told_by, write
from .inferred import SHIPPED, digest, loaded
from .measure import pooled, summary
from .methods import Setting, draw
from .options import sampling_parser
from .runs import KINDS

WAYS = ("extra call", "second step", "layer by layer")


@dataclass(frozen=True)
class Along(Setting):
    """The bundled adapter, which reads along in the first step: layer by layer, or for the second step."""

    by_layer: bool = False

    def __str__(self) -> str:
        how = "layer" if self.by_layer else "second"
        return f"adapter-{digest(SHIPPED)}-along-{how}-g{self.guidance:g}"


SETTINGS = dict(zip(WAYS, (Setting("adapter", 1.0), Along("adapter", 1.0), Along("adapter", 1.0, by_layer=True))))


def main(argv: Sequence[str] | None = None) -> None:
    """Samples, judges, takes the time and writes acting.json."""
    parser = sampling_parser("acting", __doc__, WAYS, UNSAFE)
    parser.add_argument("--repeats", type=int, default=20, help="rounds in which the time is taken")
    parser.set_defaults(judge=JUDGES_FOLDER / "label.safetensors", count=16)
    given = parser.parse_args(argv)
    bench = bench_of(given, "validation", draw_along)
    settings = {way: SETTINGS[way] for way in given.methods}
    if not sampled(bench, bench.chunks(list(settings.values()), given.concepts, KINDS, given.count), given.dry_run):
        return
    shares = {
        way: summary(pooled(told_by(bench, setting, given.concepts, given.count).values()))
        for way, setting in settings.items()
    }
    [prompt] = bench.prompts(given.concepts[0], "explicit", 1)
    base, taken = timing.seconds(
        bench.pipe, list(settings.values()), given.concepts[0], prompt, bench.steps, given.repeats, draw=draw_along
    )
    rows = [
        {
            "way": way,
            "shares": {name: shares[way][name] for name in SHOWN},
            "seconds_ratio": vars(timing.ratio(f"acting.{way}.seconds_ratio", base, own)),
        }
        for way, own in zip(settings, taken)
    ]
    write(given.sweeps / "acting.json", about(bench, given) | {"rows": rows})
    for row in rows:
        print(row["way"], {name: round(one["value"], 3) for name, one in row["shares"].items()}, row["seconds_ratio"])


def draw_along(
    pipe: StableDiffusionPipeline, setting: Setting, concept: str, texts: list[str], seeds: list[int], steps: int
) -> np.ndarray:
    """Pictures as of `methods.draw`, also of an Along."""
    if not isinstance(setting, Along):
        return draw(pipe, setting, concept, texts, seeds, steps)
    with reading_along(pipe, concept, loaded(SHIPPED, digest(SHIPPED), setting.strength), setting.by_layer):
        return generate(pipe, texts, seeds, steps, setting.guidance, batch=len(texts))


@contextmanager
def reading_along(pipe: StableDiffusionPipeline, concept: str, adapter: Adapter, by_layer: bool) -> Iterator[None]:
    """One batch of pictures with the scales that the adapter infers while the first step runs."""
    told = {"strength": 0.0, "weighting": adapter.about["weighting"], "record_features": True}
    layers = find_cross_attention(pipe.unet)
    with growth_inhibitors(pipe, [Concept(concept, concept)], **told) as session:

        def infer(module: nn.Module, args: tuple) -> None:
            if session.calls == 1 and (by_layer or module is layers[-1].to_out):
                session.set_w([adapter.w(filled(session.features()[concept], adapter))])
                session.record_features = module is not layers[-1].to_out

        handles = [layer.to_out.register_forward_pre_hook(infer) for layer in layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def filled(features: Features, adapter: Adapter) -> Features:
    """The features, with the mean of the adapter's training inputs for layers that were not reached yet."""
    known = {}
    for name, mean in zip(READ[adapter.kind], adapter.mean.split(len(adapter.layers)), strict=True):
        values = getattr(features, name)
        known[name] = torch.where(values.isnan(), mean[:, None, None], values)
    return replace(features, **known)


if __name__ == "__main__":
    main()
