"""`python -m benchmarks.transfer --model FOLDER`: gi-tiny's default strength and adapter on another model.

The other model is gi-tiny-b (models/gi-tiny/README.md has the command that makes it). Five ways, on test prompts and by
the judge of record: none; the default strength as it is; that strength scaled so that the inhibitors are as large
beside the layers' outputs as on gi-tiny; `contrast` at 1, which is a measure of the concept's own text; and gi-tiny's
adapter, which never saw the model. Beside them other strengths of the default weighting, which tell whether the model
wants one of its own. The adapter's pictures are drawn although the product refuses it there; in how many prompts it
would be lost on a model of its own build is measured too, and on gi-tiny itself. Writes benchmarks/sweeps/transfer.json
and the figures WAY.transfer.* and adapter.home.lost; `python -m benchmarks.adapter report` draws the table.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor, nn

from lib_gi import growth_inhibitors
from lib_gi.concepts import Concept
from lib_gi.evaluate.figures import RESULTS, share
from lib_gi.layers import find_cross_attention
from lib_gi.loading import load_pipeline
from lib_gi.settings import Settings
from tools.gi_tiny.prompts import erasure_set
from tools.gi_tiny.sampling import generate
from tools.gi_tiny.stages import JUDGES_FOLDER, MODELS
from tools.gi_tiny.world import UNSAFE

from .adapter import about
from .adapter_tables import SHOWN
from .erase import bench_of, sampled, told_by, write
from .inferred import SHIPPED, digest, draw_inferred, loaded
from .measure import pooled, summary
from .methods import Setting, draw
from .options import sampling_parser
from .passed import read_first
from .runs import KINDS, Bench

DEFAULT = Setting(Settings.disabled().weighting_with(), Settings.disabled().strength)
WAYS = ("none", "default", "scaled", "contrast", "adapter")
TRIED = (1.5, 2.0, 4.5, 6.0)
MEASURED = 8  # prompts per concept from which the size of inhibitors is taken


def main(argv: Sequence[str] | None = None) -> None:
    """Measures sizes, samples, judges and writes."""
    parser = sampling_parser("transfer", __doc__, WAYS, UNSAFE)
    parser.add_argument("--tried", nargs="*", type=float, default=list(TRIED), help="further fixed strengths")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.set_defaults(judge=JUDGES_FOLDER / "record.safetensors", count=20, model=Path("outputs/gi-tiny-b"))
    given = parser.parse_args(argv)
    bench = bench_of(given, "test", draw_anyway)
    if given.dry_run:
        sizes = {"home": 1.0, "here": 1.0}  # which decide how strong, and not how many pictures
    else:
        home = load_pipeline(MODELS / "gi-tiny", "cpu", "fp32")
        sizes = {name: size(pipe, given.concepts) for name, pipe in (("home", home), ("here", bench.pipe))}
    settings = settings_of(given.methods, sizes["home"] / sizes["here"])
    rows = settings | {f"{strength:g}": Setting(DEFAULT.method, strength) for strength in given.tried}
    chunks = bench.chunks(list(rows.values()), given.concepts, KINDS, given.count)
    if not sampled(bench, chunks, given.dry_run):
        return
    told = {name: pooled(told_by(bench, one, given.concepts, given.count).values()) for name, one in rows.items()}
    where = {"home": home, "transfer": bench.pipe} if "adapter" in settings else {}
    are_lost = {place: lost(bench, pipe, given.concepts, given.count) for place, pipe in where.items()}
    for place, values in are_lost.items():
        figure = share(f"adapter.{place}.lost", values)
        figure.save(given.results)
        print(figure)
    for name in [name for name in settings if name != "none"]:
        for column in ("explicit_left", "implicit_left"):
            figure = share(f"{name}.transfer.{column}", told[name][column])
            figure.save(given.results)
            print(figure)
    shares = [
        {"way": name, "strength": one.strength} | {"shares": {key: summary(told[name])[key] for key in SHOWN}}
        for name, one in rows.items()
    ]
    measured = {"sizes": sizes, "lost": summary(are_lost), "rows": shares}
    write(given.sweeps / "transfer.json", about(bench, given) | measured)


def settings_of(ways: Sequence[str], scale: float) -> dict[str, Setting]:
    """How each of WAYS draws, where inhibitors of gi-tiny are `scale` times as large as this model's."""
    scaled = Setting(DEFAULT.method, round(DEFAULT.strength * scale, 2))
    every = {"none": DEFAULT.baseline, "default": DEFAULT, "scaled": scaled}
    every |= {method: Setting(method, 1.0) for method in ("contrast", "adapter")}
    return {name: every[name] for name in ways}


def draw_anyway(
    pipe: StableDiffusionPipeline, setting: Setting, concept: str, texts: list[str], seeds: list[int], steps: int
) -> np.ndarray:
    """Pictures as of `methods.draw`, also where the product refuses to draw."""
    if setting.method == "adapter":
        return draw_inferred(pipe, setting, concept, texts, seeds, steps, anyway=True)
    return draw(pipe, setting, concept, texts, seeds, steps)


def lost(bench: Bench, pipe: StableDiffusionPipeline, concepts: Sequence[str], count: int) -> np.ndarray:
    """For each prompt of all sets whether gi-tiny's adapter is lost on this model: what it reads passes for nothing,
    and lies beyond its reach.
    """
    adapter = loaded(SHIPPED, digest(SHIPPED), 1.0)
    sets = [(concept, kind) for concept in concepts for kind in KINDS]
    seen = [features for names in sets for features in read_first(bench, pipe, *names, count)]
    return torch.cat([adapter.lost(features) for features in seen]).float().numpy()


def size(pipe: StableDiffusionPipeline, concepts: Sequence[str]) -> float:
    """How large the inhibitors of strength 1 are beside the layers' outputs: |I V*| / |M V|, mean over all layers,
    calls, conditional rows and positions, on validation prompts that name the concept.
    """
    ratios: list[float] = []
    without: dict[nn.Module, Tensor] = {}

    def before(module: nn.Module, args: tuple) -> None:
        without[module] = args[0]

    def after(module: nn.Module, args: tuple) -> None:
        half = len(args[0]) // 2  # the unconditional rows come first
        h, Z = without.pop(module)[half:], args[0][half:]
        ratios.append(float(((Z - h).norm(dim=-1) / h.norm(dim=-1)).mean()))

    for concept in concepts:
        prompts = erasure_set(concept, "explicit", MEASURED, "validation")
        layers = find_cross_attention(pipe.unet)
        handles = [layer.to_out.register_forward_pre_hook(before) for layer in layers]
        with growth_inhibitors(pipe, [Concept(concept, concept)], strength=1.0, weighting=DEFAULT.method):
            handles += [layer.to_out.register_forward_pre_hook(after) for layer in layers]
            generate(pipe, [prompt.text for prompt in prompts], [prompt.seed for prompt in prompts], batch=MEASURED)
            for handle in handles:
                handle.remove()
    return float(np.mean(ratios))


if __name__ == "__main__":
    main()
