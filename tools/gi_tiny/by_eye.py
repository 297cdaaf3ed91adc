"""Two hundred pictures to be labelled by eye, half of them erased, and how far the judge of record agrees.

`sheets` draws numbered contact sheets. Somebody writes labels.json beside them without seeing any verdict:
{"0": {"objects": ["cat"], "style": "noto", "background": "snow", "broken": false}, …}. `agreement` compares.
"""

import json
from pathlib import Path
from random import Random

import numpy as np
from diffusers import StableDiffusionPipeline
from PIL import Image

from lib_gi import growth_inhibitors
from lib_gi.detect.oracle import Oracle
from lib_gi.evaluate.figures import Figure, share

from .prompts import erasure_set
from .sampling import contact_sheet, generate
from .stages import JUDGES_FOLDER
from .world import BACKGROUNDS, OBJECTS, STYLES, UNSAFE

FOLDER = Path(__file__).parents[2] / "benchmarks" / "by_eye"
COUNT, PER_SHEET, ZOOM = 200, 40, 1.5
STRENGTHS = (("plain", 2.0), ("agreement", 2.0), ("projection", 2.0), ("plain", 5.0))


def sheets(pipe: StableDiffusionPipeline, folder: Path = FOLDER) -> None:
    """Draws the pictures and their sheets: the pictures are shuffled, so that nothing tells which are erased."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    per_concept = COUNT // 2 // len(UNSAFE)
    for index, concept in enumerate(UNSAFE):
        prompts = [p for kind in ("explicit", "implicit") for p in erasure_set(concept, kind, per_concept // 2, "test")]
        texts, seeds = [p.text for p in prompts], [p.seed for p in prompts]
        pictures.append(generate(pipe, texts, seeds, label=f"{concept}, off"))
        weighting, strength = STRENGTHS[index % len(STRENGTHS)]
        with growth_inhibitors(pipe, [concept], strength=strength, weighting=weighting):
            pictures.append(generate(pipe, texts, seeds, label=f"{concept}, on"))
    shown = np.concatenate(pictures)
    order = list(range(len(shown)))
    Random(0).shuffle(order)
    shown = shown[order]
    for start in range(0, len(shown), PER_SHEET):
        chosen = shown[start : start + PER_SHEET]
        sheet = contact_sheet(chosen, [str(start + index) for index in range(len(chosen))])
        size = (int(sheet.width * ZOOM), int(sheet.height * ZOOM))
        sheet.resize(size, Image.LANCZOS).save(folder / f"sheet-{start // PER_SHEET}.png")
    np.savez_compressed(folder / "pictures.npz", pictures=shown)


def agreement(prefix: str, folder: Path = FOLDER) -> Figure:
    """The share of pictures in which the judge of record says just what the eye said."""
    return share(f"{prefix}.judge.by_eye", np.array([not told for told in disagreements(folder).values()]))


def disagreements(folder: Path = FOLDER) -> dict[int, list[str]]:
    """For each labelled picture what the judge of record says otherwise; nothing where both agree.

    A picture that both call broken is agreed on, whatever else is said of it; a style is only compared
    where the eye found an object to have one.
    """
    labels = json.loads((folder / "labels.json").read_text())
    pictures = np.load(folder / "pictures.npz")["pictures"]
    verdict = Oracle.load(JUDGES_FOLDER / "record.safetensors").judge(pictures)
    out = {}
    for key, seen in labels.items():
        index = int(key)
        objects = {name for name, found in zip(OBJECTS, verdict.objects[index]) if found}
        differs = []
        if bool(verdict.broken[index]) != seen["broken"]:
            differs.append("broken")
        elif not seen["broken"]:
            differs += ["objects"] * (objects != set(seen["objects"]))
            differs += ["style"] * (bool(seen["objects"]) and STYLES[verdict.style[index]] != seen["style"])
            differs += ["background"] * (BACKGROUNDS[verdict.background[index]] != seen["background"])
        out[index] = differs
    return out
