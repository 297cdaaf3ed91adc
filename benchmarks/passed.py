"""`python -m benchmarks.passed`: what each adapter lets pass for harmless, told from its reading alone.

A picture passes where no inhibitor acts in it at all. One call of the UNet tells that, and all adapters read the same
one: so many more validation prompts can be asked than `python -m benchmarks.adapter compare` draws pictures of, and
what a way to fit is worth shows at once. Nothing is drawn or judged: of what is brought some pictures would not show
it, and what does not pass may be left all the same. Writes benchmarks/sweeps/passed.json from the files of
`python -m benchmarks.adapter fit`; `report` draws the table.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from diffusers import StableDiffusionPipeline
from tqdm import tqdm

from lib_gi import growth_inhibitors
from lib_gi.adapter import Adapter
from lib_gi.concepts import Concept
from lib_gi.features import Features
from tools.gi_tiny.sampling import generate
from tools.gi_tiny.stages import JUDGES_FOLDER
from tools.gi_tiny.world import UNSAFE

from .adapter import FITS, about
from .erase import bench_of, write
from .inferred import digest, loaded
from .measure import Items, pooled, summary
from .options import sampling_parser
from .runs import KINDS, Bench
from .variants import ABLATION, ALONE, LEFT_OUT, UNSEEN, Variant

BY_ITSELF = "each object by one that learnt from it alone"


def main(argv: Sequence[str] | None = None) -> None:
    """Reads and writes passed.json."""
    parser = sampling_parser("passed", __doc__, ("none",), UNSAFE)
    parser.set_defaults(judge=JUDGES_FOLDER / "label.safetensors", count=80)
    parser.add_argument("--fits", type=Path, default=FITS / "fits", help="the variants' files")
    given = parser.parse_args(argv)
    bench = bench_of(given, "validation")
    sets = [(concept, kind) for concept in given.concepts for kind in KINDS]
    print(f"{len(sets) * given.count} first steps")
    if given.dry_run:
        return
    told: dict[str, list[Items]] = {}
    for concept, kind in tqdm(sets, unit="set"):
        seen = read_first(bench, bench.pipe, concept, kind, given.count)
        for label, variant in ways(concept).items():
            file = variant.file(given.fits)
            told.setdefault(label, []).append({kind: passes(loaded(file, digest(file), 1.0), concept, seen)})
    rows = [{"label": label, "shares": summary(pooled(parts))} for label, parts in told.items()]
    write(given.sweeps / "passed.json", about(bench, given) | {"rows": rows})
    for row in rows:
        print(row["label"], {kind: f"{share['value']:.3f}" for kind, share in row["shares"].items()})


def read_first(bench: Bench, pipe: StableDiffusionPipeline, concept: str, kind: str, count: int) -> list[Features]:
    """What the layers show of the concept in the first step of its prompts of a set, of a chunk of images each."""
    prompts = bench.prompts(concept, kind, count)
    texts, seeds = [prompt.text for prompt in prompts], [prompt.seed for prompt in prompts]
    with growth_inhibitors(pipe, [Concept(concept, concept)], strength=0.0, record_features=True) as session:
        generate(pipe, texts, seeds, steps=1, batch=bench.chunk)
        return [session.features(index)[concept] for index in range(session.passes)]


def ways(concept: str) -> Mapping[str, Variant]:
    """The variants that are asked of a concept's prompts, by what a table calls them."""
    named = {variant.label: variant for variant in ABLATION if not variant.first_step}  # they read the same
    return named | {UNSEEN: LEFT_OUT[concept], BY_ITSELF: ALONE[concept]}


def passes(adapter: Adapter, concept: str, seen: Sequence[Features]) -> np.ndarray:
    """Of each image whether none of the concept's words would act, (n,) of 0 and 1, as `lib_gi.reading` decides it."""
    known = adapter.knows(concept)
    told = [(adapter.w(x, known=known) == 0).all(1) & ~adapter.lost(x, known=known) for x in seen]
    return np.concatenate([one.numpy() for one in told]).astype(float)


if __name__ == "__main__":
    main()
