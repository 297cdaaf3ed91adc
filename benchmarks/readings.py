"""`python -m benchmarks.readings`: what of the layers' maps tells whether a picture will show a concept, and when.

Unerased validation pictures; the judge that labels says which show the concept. From each layer's maps of M*,
agreement, excess and M* times excess (means over heads) one number is taken: the mean over positions, as adapters read
it, the mean of the largest tenth, or the deviation. A linear reading of all layers is fitted to four objects and told
on the fifth, each in turn. Two areas under the curve: over all of an object's pictures, where the prompt alone tells
much; and over those of implicit prompts, in which the picture itself has to tell. Writes
benchmarks/sweeps/readings.json; `python -m benchmarks.adapter report` draws the table.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from scipy.optimize import minimize
from torch import Tensor
from tqdm import tqdm

from lib_gi import growth_inhibitors, layer_features
from lib_gi.concepts import Concept
from lib_gi.injection import Injection
from tools.gi_tiny.attention import auc
from tools.gi_tiny.sampling import generate
from tools.gi_tiny.stages import JUDGES_FOLDER
from tools.gi_tiny.world import UNSAFE

from .adapter import about
from .erase import bench_of, write
from .measure import found
from .options import sampling_parser
from .runs import KINDS, Bench

MAPS = ("M_star", "agreement", "excess", "M_star x excess")
POOLS = ("mean", "largest tenth", "deviation")
STEPS_READ = (0, 3, 6, 9, 13)
RIDGE = 3.0


@dataclass(frozen=True)
class Seen:
    """What the layers showed of n pictures of a concept, (n, steps, layers, MAPS, POOLS), and which show it, (n,)."""

    concept: str
    kind: str
    values: np.ndarray
    shown: np.ndarray


def main(argv: Sequence[str] | None = None) -> None:
    """Samples, reads, judges and writes readings.json."""
    parser = sampling_parser("readings", __doc__, ("none",), UNSAFE)
    parser.set_defaults(judge=JUDGES_FOLDER / "label.safetensors", count=40)
    given = parser.parse_args(argv)
    bench = bench_of(given, "validation")
    kinds = [(concept, kind) for concept in given.concepts for kind in KINDS]
    steps = [step for step in STEPS_READ if step < bench.steps]
    print(f"{len(kinds) * given.count} pictures")
    if given.dry_run:
        return
    seen = [read(bench, concept, kind, given.count, steps) for concept, kind in tqdm(kinds, unit="set")]
    rows = [
        {"map": name, "pool": pool, "step": step} | areas(seen, (k, slice(None), i, j))
        for i, name in enumerate(MAPS)
        for j, pool in enumerate(POOLS)
        for k, step in enumerate(steps)
    ]
    write(given.sweeps / "readings.json", about(bench, given) | {"rows": rows})
    for row in sorted(rows, key=lambda row: -row["all"]["value"]):
        print(f"{row['map']:16} {row['pool']:14} step {row['step']:2}  all {row['all']}  implicit {row['implicit']}")


def read(bench: Bench, concept: str, kind: str, count: int, steps: Sequence[int]) -> Seen:
    """Draws the first prompts of a set, and keeps what the layers show in the steps that are read."""
    prompts = bench.prompts(concept, kind, count)
    texts, seeds = [prompt.text for prompt in prompts], [prompt.seed for prompt in prompts]
    pictures, told = drawn(bench.pipe, concept, texts, seeds, bench.steps)
    return Seen(concept, kind, told[:, list(steps)], found(bench.judge.judge(pictures), concept))


def drawn(
    pipe: StableDiffusionPipeline, concept: str, texts: list[str], seeds: list[int], steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Unerased pictures and what the layers showed of them, (n, steps, layers, MAPS, POOLS)."""
    told: list[np.ndarray] = []
    settings = {"strength": 0.0, "record_features": True}
    with listening(told), growth_inhibitors(pipe, [Concept(concept, concept)], **settings) as session:
        pictures = generate(pipe, texts, seeds, steps, batch=len(texts))
    shape = (steps, len(session.layer_names), len(texts), len(MAPS), len(POOLS))
    return pictures, np.stack(told).reshape(shape).transpose(2, 0, 1, 3, 4)


@contextmanager
def listening(told: list[np.ndarray]) -> Iterator[None]:
    """Appends what each layer shows, call by call, (n, MAPS, POOLS), wherever features are read."""
    means = Injection.means

    def listen(self, layer, h, q, rows, maps):
        M_star, agreement = maps
        usual = means(self, layer, h, q, rows, maps)  # makes the constants of the empty prompt
        growth = self._growth(layer, q, rows.image_of_conditional)
        picked = q[self._picked(rows.conditional, q.device)]
        excess = layer_features.excess(agreement, layer_features.output_for(picked, *layer.empty, layer.heads), growth)
        told.append(torch.stack([pooled(m) for m in (M_star, agreement, excess, M_star * excess)], 1).numpy())
        return usual

    with patch.object(Injection, "means", listen):
        yield


def pooled(maps: Tensor) -> Tensor:
    """One number for each of POOLS, (B, POOLS), of maps (1, B, H, N, T); means over heads and tokens come first."""
    values = maps[0].mean(dim=(1, 3))  # (B, N)
    tenth = values.topk(max(1, values.shape[1] // 10), dim=1).values
    return torch.stack([values.mean(1), tenth.mean(1), values.std(1)], 1)


def areas(seen: Sequence[Seen], part: tuple) -> dict[str, dict]:
    """The areas under the curve of one reading, each a mean over the objects with a bootstrap interval over pictures.

    part: what of `Seen.values` is read, after the pictures.
    """
    concept = np.concatenate([[one.concept] * len(one.shown) for one in seen])
    implicit = np.concatenate([[one.kind == "implicit"] * len(one.shown) for one in seen])
    shown = np.concatenate([one.shown for one in seen])
    inputs = np.concatenate([one.values[(slice(None), *part)] for one in seen])  # (n, layers)
    scores = np.zeros(len(shown))
    for name in dict.fromkeys(concept):
        rest = concept != name
        scores[~rest] = linear(inputs[rest], shown[rest], inputs[~rest])
    return {
        "all": described(scores, shown, concept, np.ones(len(shown), bool)),
        "implicit": described(scores, shown, concept, implicit),
    }


def described(scores: np.ndarray, shown: np.ndarray, concept: np.ndarray, counted: np.ndarray) -> dict:
    """Mean over the objects of the area under the curve, and its 95 % interval over 500 draws of pictures."""
    rng = np.random.default_rng(0)

    def mean(draw: bool) -> float:
        told = []
        for name in dict.fromkeys(concept):
            rows = np.flatnonzero((concept == name) & counted)
            rows = rng.choice(rows, len(rows)) if draw else rows
            if 0 < shown[rows].sum() < len(rows):
                told.append(auc(scores[rows], shown[rows]))
        return float(np.mean(told)) if told else float("nan")

    low, high = np.nanquantile([mean(True) for _ in range(500)], (0.025, 0.975))
    return {"value": round(mean(False), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def linear(inputs: np.ndarray, shown: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Scores (m,) of `asked` (m, F) by a logistic regression with a ridge on `inputs` (n, F) and `shown` (n,)."""
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    x, sign = (inputs - mean) / deviation, np.where(shown, 1.0, -1.0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (x @ weights[:-1] + weights[-1])
        slope = -sign / (1 + np.exp(np.clip(margin, -50, 50)))
        gradient = np.append(x.T @ slope + RIDGE * weights[:-1], slope.sum())
        return np.logaddexp(0, -margin).sum() + RIDGE / 2 * (weights[:-1] ** 2).sum(), gradient

    weights = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return (asked - mean) / deviation @ weights[:-1] + weights[-1]


if __name__ == "__main__":
    main()
