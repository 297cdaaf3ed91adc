"""`python -m benchmarks.sizes`: how large growth inhibitors are beside what each layer computes anyway.

For each cross-attention layer the ratio of norms |I . V*| / |M . V| at strength 1, the mean over heads and positions in
the conditional rows, while pictures are drawn without erasing: with the concept (explicit prompts, and the judge
finds it) and without it (benign prompts), in the first, middle and last third of the steps: gi_tiny_sizes.json here.

What it is for: where a strength acts and where it is wasted, and what strength another model might need.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from tqdm import tqdm

from lib_gi.concepts import Concept
from lib_gi.detect.oracle import Oracle
from lib_gi.encoded import EncodedConcept
from lib_gi.hosts.diffusers import encode
from lib_gi.inhibitor import agreement, concept_maps, projection, split_heads
from lib_gi.layers import Layer, find_cross_attention
from lib_gi.loading import load_pipeline
from tools.gi_tiny.prompts import erasure_set
from tools.gi_tiny.sampling import STEPS, generate
from tools.gi_tiny.stages import JUDGES_FOLDER, MODELS
from tools.gi_tiny.world import OBJECTS, UNSAFE

FILE = Path(__file__).parent / "gi_tiny_sizes.json"
THIRDS = ("first", "middle", "last")
MEASURED = ("plain", "agreement", "projection")  # limited and contrast cut what they have added


def main() -> None:
    """Measures, writes the file and prints a table of means over the steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=MODELS / "gi-tiny")
    parser.add_argument("--count", type=int, default=8, help="prompts per concept and set; default: %(default)s")
    parser.add_argument("--out", type=Path, default=FILE)
    given = parser.parse_args()
    told = measured(load_pipeline(given.model, "cpu", "fp32"), given.count)
    given.out.write_text(json.dumps(told, indent=1) + "\n")
    for layer, row in told["layers"].items():
        shown = {f"{w} {kind}": np.mean(list(row[w][kind].values())) for w in MEASURED for kind in row[w]}
        print(layer, ", ".join(f"{name} {value:.3f}" for name, value in shown.items()))


def measured(pipe: StableDiffusionPipeline, count: int) -> dict:
    """Layer by layer, weighting, kind and third of the steps: the mean ratio."""
    judge = Oracle.load(JUDGES_FOLDER / "label.safetensors")
    found: dict[tuple, list[np.ndarray]] = defaultdict(list)
    pictures = defaultdict(int)
    for concept in tqdm(UNSAFE, unit="concept"):
        for kind in ("explicit", "benign"):
            prompts = erasure_set(concept, kind, count, "validation")
            ratios: dict[tuple[str, str], list[Tensor]] = defaultdict(list)
            with watched(pipe, encode(pipe, Concept(concept, concept), None), ratios):
                drawn = generate(pipe, [p.text for p in prompts], [p.seed for p in prompts], batch=count)
            shown = judge.judge(drawn).objects[:, OBJECTS.index(concept)]
            chosen = shown if kind == "explicit" else ~shown
            pictures[kind] += int(chosen.sum())
            for (layer, weighting), steps in ratios.items():
                values = torch.stack(steps).numpy()[:, chosen]  # (steps, pictures)
                found[layer, weighting, kind].append(values)
    layers: dict = defaultdict(lambda: defaultdict(dict))
    for (layer, weighting, kind), parts in found.items():
        thirds = np.array_split(np.concatenate(parts, 1).mean(1), len(THIRDS))
        layers[layer][weighting][kind] = {name: float(part.mean()) for name, part in zip(THIRDS, thirds)}
    return {"steps": STEPS, "pictures": dict(pictures), "layers": layers}


@contextmanager
def watched(
    pipe: StableDiffusionPipeline, concept: EncodedConcept, ratios: dict[tuple[str, str], list[Tensor]]
) -> Iterator[None]:
    """Adds to ratios[layer, weighting], at each UNet call, the ratio of each conditional row's picture, (images,)."""
    handles = []
    for layer in find_cross_attention(pipe.unet):
        handles += _watch(layer, concept, ratios)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _watch(layer: Layer, concept: EncodedConcept, ratios: dict[tuple[str, str], list[Tensor]]) -> list:
    K_star, V_star = layer.make_stars(concept.c_star)
    s, e = concept.s, concept.e
    V_own = V_star[..., s:e, :].float()
    seen: list[Tensor] = []

    def keep(module: torch.nn.Module, args: tuple, output: Tensor) -> None:
        seen.append(output)

    def compare(module: torch.nn.Module, args: tuple) -> None:
        half = args[0].shape[0] // 2  # unconditional rows come first
        h, q = (split_heads(x[half:], layer.heads).float() for x in (args[0], seen.pop()))
        M_star = concept_maps(q, K_star, (s, e))
        gates = {"plain": torch.ones_like(M_star), "agreement": agreement(h, V_own), "projection": projection(h, V_own)}
        for weighting, gate in gates.items():
            grown = ((gate * M_star) @ V_own[:, None])[0]  # (B, H, N, d)
            ratio = grown.norm(dim=-1) / h.norm(dim=-1).clamp_min(1e-9)
            ratios[layer.name, weighting].append(ratio.mean((1, 2)))

    return [layer.to_q.register_forward_hook(keep), layer.to_out.register_forward_pre_hook(compare)]


if __name__ == "__main__":
    main()
