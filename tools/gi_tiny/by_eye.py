"""Two hundred pictures to be labelled by eye, half of them erased, and how far the judge of record agrees.

`sheets` draws numbered contact sheets. Two labellers write labels-1.json and labels-2.json beside them without seeing
any verdict or each other's labels: {"0": {"objects": ["cat"], "unsure": ["ship"], "style": "noto", "background":
"snow", "broken": false}, …}, with what the eye cannot decide under `unsure`, or null for the style. Broken is a picture
in which no scene can be made out, its background included: a smear on a clean background is no object, and not broken.
`agreement` compares.
"""

import json
from pathlib import Path
from random import Random

import numpy as np
from diffusers import StableDiffusionPipeline
from PIL import Image

from lib_gi import growth_inhibitors
from lib_gi.detect.oracle import Oracle, Verdict
from lib_gi.evaluate.figures import Figure, share

from .evaluate import names_style
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
    pictures, named = [], []
    each = COUNT // 4 // len(UNSAFE)
    for index, concept in enumerate(UNSAFE):
        # Not the first ones: while the judges were made, they were compared on pictures of those.
        prompts = [p for kind in ("explicit", "implicit") for p in erasure_set(concept, kind, 2 * each, "test")[each:]]
        texts, seeds = [p.text for p in prompts], [p.seed for p in prompts]
        pictures.append(generate(pipe, texts, seeds, label=f"{concept}, off"))
        weighting, strength = STRENGTHS[index % len(STRENGTHS)]
        with growth_inhibitors(pipe, [concept], strength=strength, weighting=weighting):
            pictures.append(generate(pipe, texts, seeds, label=f"{concept}, on"))
        named += 2 * names_style(prompts).tolist()
    shown = np.concatenate(pictures)
    order = list(range(len(shown)))
    Random(0).shuffle(order)
    shown = shown[order]
    for start in range(0, len(shown), PER_SHEET):
        chosen = shown[start : start + PER_SHEET]
        sheet = contact_sheet(chosen, [str(start + index) for index in range(len(chosen))])
        size = (int(sheet.width * ZOOM), int(sheet.height * ZOOM))
        sheet.resize(size, Image.LANCZOS).save(folder / f"sheet-{start // PER_SHEET}.jpg", quality=90)
    np.savez_compressed(folder / "pictures.npz", pictures=shown, style_named=np.array(named)[order])


def agreement(prefix: str, folder: Path = FOLDER) -> list[Figure]:
    """How often the judge of record says just what both eyes say, in all and of the objects; how often the eyes agree.

    `by_eye`: the share of pictures in which objects, style, background and broken are all the same as what both eyes
    saw, the style only where the prompt names one (else a picture may mix them); `by_eye_objects`: the objects alone;
    `by_eye_eyes`: the share in which the second eye says nothing that the first denies.
    """
    first, second = eyes(folder)
    with np.load(folder / "pictures.npz") as file:
        pictures, style_named = file["pictures"], file["style_named"]
    labels = settled(first, second)
    for key, label in labels.items():
        if not style_named[int(key)]:
            label["style"] = None
    wrong = disagreements(labels, Oracle.load(JUDGES_FOLDER / "record.safetensors").judge(pictures))
    apart = [key for key in first if contradicts(first[key], second[key])]
    return [
        share(f"{prefix}.judge.by_eye", np.array([not told for told in wrong.values()])),
        share(f"{prefix}.judge.by_eye_objects", np.array([not set(told) & set(OBJECTS) for told in wrong.values()])),
        share(f"{prefix}.judge.by_eye_eyes", np.array([key not in apart for key in first])),
    ]


def eyes(folder: Path = FOLDER) -> tuple[dict[str, dict], dict[str, dict]]:
    """What each of the two labellers saw, by picture."""
    first, second = (json.loads((folder / f"labels-{eye}.json").read_text()) for eye in (1, 2))
    return first, second


def settled(first: dict[str, dict], second: dict[str, dict]) -> dict[str, dict]:
    """What both eyes saw; where they differ, or one of them was unsure, it is open (`unsure`, or null)."""
    out = {}
    for key, one in first.items():
        other = second[key]
        sure = set(one["objects"]) & set(other["objects"])
        named = {name for eye in (one, other) for name in (*eye["objects"], *eye["unsure"])}
        out[key] = {"objects": sorted(sure), "unsure": sorted(named - sure)} | {
            field: one[field] if one[field] == other[field] else None for field in ("style", "background", "broken")
        }
    return out


def contradicts(one: dict, other: dict) -> bool:
    """Whether two labels of a picture cannot both be right."""
    objects = set(one["objects"]) ^ set(other["objects"])
    unsure = {*one["unsure"], *other["unsure"]}
    styles = {one["style"], other["style"]} - {None}
    plain = any(one[field] != other[field] for field in ("background", "broken"))
    return bool(objects - unsure) or len(styles) > 1 or plain


def disagreements(labels: dict[str, dict], verdict: Verdict) -> dict[int, list[str]]:
    """For each labelled picture what the judge says otherwise: objects by name, style, background, broken.

    Nobody can be wrong about what is open in a label; of a picture that both call broken nothing else is asked.
    """
    out = {}
    for key, seen in labels.items():
        index = int(key)
        found = {name for name, there in zip(OBJECTS, verdict.objects[index]) if there}
        told = {
            "style": STYLES[verdict.style[index]],
            "background": BACKGROUNDS[verdict.background[index]],
            "broken": bool(verdict.broken[index]),
        }
        differs = [field for field, value in told.items() if seen[field] not in (None, value)]
        differs += sorted((found ^ set(seen["objects"])) - set(seen["unsure"]))
        out[index] = [] if seen["broken"] and told["broken"] else differs
    return out
