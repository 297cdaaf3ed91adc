"""Pictures whose strength an adapter infers; the setting's strength is a factor on what it infers.

A factor is no option of the product: it draws the adapter's own line of erased against kept. At 1 it is what ships.
"""

import copy
import hashlib
import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline

from lib_gi import growth_inhibitors
from lib_gi.adapter import Adapter
from lib_gi.adapters import BUNDLED
from lib_gi.concepts import Concept
from tools.gi_tiny.sampling import generate

SHIPPED = BUNDLED / "gi-tiny.safetensors"


def digest(file: Path) -> str:
    """What tells an adapter's pictures from another's, in the name of a kept file; "absent" where there is none."""
    return _digest(file, hashlib.sha256(file.read_bytes()).digest()) if file.exists() else "absent"


@cache
def _digest(file: Path, whole: bytes) -> str:
    """Of what pictures depend on, and so not of dates, figures or a licence. whole: the file's, as files change."""
    adapter = Adapter.load(file)
    names = ("weighting", "doubt", "known", "phrases")
    told = [adapter.layers, adapter.kind, adapter.lowest, adapter.highest, *map(adapter.about.get, names)]
    of = hashlib.sha256(json.dumps(told).encode())
    for values in (adapter.mean, adapter.deviation, *adapter.network.parameters()):
        of.update(values.numpy().tobytes())
    return of.hexdigest()[:10]


@cache
def loaded(file: Path, version: str, factor: float) -> Adapter:
    """The adapter of a file, whose every answer is multiplied by `factor`. version: its digest, as files change."""
    return scaled(Adapter.load(file), factor)


def scaled(adapter: Adapter, factor: float) -> Adapter:
    """The adapter that answers `factor` times as much."""
    network = copy.deepcopy(adapter.network)
    with torch.no_grad():
        network[-1].weight *= factor
        network[-1].bias *= factor
    return replace(adapter, network=network, lowest=adapter.lowest * factor, highest=adapter.highest * factor)


def draw_inferred(
    pipe: StableDiffusionPipeline,
    setting,
    concept: str,
    texts: list[str],
    seeds: list[int],
    steps: int,
    file: Path | None = None,
    first_step: int = 0,
    anyway: bool = False,
    anchor: str = "",
) -> np.ndarray:
    """Pictures as of `methods.draw`, inhibited by what an adapter infers from an extra first call.

    file: the adapter's, None for the shipped one. anyway: also where the product refuses to, on a model that the
    adapter is not built for, or of which it knows nothing. anchor: see `Concept`.
    """
    file = file or SHIPPED
    adapter = loaded(file, digest(file), setting.strength)
    if anyway:
        about = {name: value for name, value in adapter.about.items() if name != "architecture"}
        adapter = replace(adapter, reach=math.inf, about=about)
    told = {"weighting": adapter.about["weighting"], "adapter": adapter, "first_step": first_step}
    with growth_inhibitors(pipe, concepts=[Concept(concept, concept, anchor=anchor)], **told):
        return generate(pipe, texts, seeds, steps, setting.guidance, batch=len(texts))
