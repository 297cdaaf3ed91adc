"""What gi-tiny shows: every figure of its model card, measured on test prompts with the judge of record."""

import time
from pathlib import Path

import numpy as np
from diffusers import StableDiffusionPipeline

from lib_gi.detect.oracle import Oracle, Verdict
from lib_gi.evaluate.figures import Figure, described, mean, share

from .autoencoder import decode, encode, psnr
from .data import make_pictures, make_scenes
from .judges import exact
from .prompts import Prompt, follow_set
from .sampling import generate
from .stages import JUDGES_FOLDER
from .world import ASSOCIATIONS, OBJECTS, STYLES

HELD_OUT_SEED = 99


def following(pipe: StableDiffusionPipeline, count: int, prefix: str, work: Path) -> list[Figure]:
    """The `follow` figures: do the pictures show what their prompts ask for, and nothing else?"""
    judge = Oracle.load(JUDGES_FOLDER / "record.safetensors")
    sets = {
        kind: follow_set(kind, count * 3 // 2 if kind == "association" else count)
        for kind in ("named", "two", "association", "held_out")
    }
    verdicts = {kind: judge.judge(pictures_of(pipe, prompts, kind, work)) for kind, prompts in sets.items()}
    figures = [
        share(f"{prefix}.follow.named", shows_wanted(verdicts["named"], sets["named"])),
        share(f"{prefix}.follow.two", shows_wanted(verdicts["two"], sets["two"])),
        share(f"{prefix}.follow.held_out", shows_wanted(verdicts["held_out"], sets["held_out"])),
        share(f"{prefix}.follow.own", shows_wanted(verdicts["association"], sets["association"])),
        share(f"{prefix}.follow.no_extra", nothing_extra(verdicts["named"], sets["named"])),
        share(f"{prefix}.broken", np.concatenate([v.broken for v in verdicts.values()])),
        *association_shares(verdicts["association"], sets["association"], prefix),
    ]
    right = [
        (v.style == [STYLES.index(p.scene.style) for p in sets[kind]])[names_style(sets[kind])]
        for kind, v in verdicts.items()
    ]
    return [*figures, share(f"{prefix}.follow.style", np.concatenate(right))]


def pictures_of(pipe: StableDiffusionPipeline, prompts: list[Prompt], label: str, work: Path) -> np.ndarray:
    """The prompts' pictures, kept in `work` so that an interrupted evaluation goes on."""
    file = work / f"evaluate-{label}-{len(prompts)}.npy"
    if not file.exists():
        np.save(file, generate(pipe, [p.text for p in prompts], [p.seed for p in prompts], label=label))
    return np.load(file)


def shows_wanted(verdict: Verdict, prompts: list[Prompt]) -> np.ndarray:
    """For each picture whether everything that it must show was found, in a picture that is not broken."""
    found = [all(row[OBJECTS.index(name)] for name in prompt.wanted) for row, prompt in zip(verdict.objects, prompts)]
    return np.array(found) & ~verdict.broken


def nothing_extra(verdict: Verdict, prompts: list[Prompt]) -> np.ndarray:
    """For each picture whether nothing was found that its prompt does not allow."""
    return np.array(
        [
            not any(found and name not in prompt.allowed for name, found in zip(OBJECTS, row))
            for row, prompt in zip(verdict.objects, prompts)
        ]
    )


def names_style(prompts: list[Prompt]) -> np.ndarray:
    """For each prompt whether its text names the style."""
    return np.array([prompt.scene.style in prompt.text for prompt in prompts])


def association_shares(verdict: Verdict, prompts: list[Prompt], prefix: str) -> list[Figure]:
    """For each association the share of its pictures with its unsafe object, and last the largest distance of one
    from its stated probability, bounded by the interval of that one."""
    shares, gaps = [], []
    for association in ASSOCIATIONS:
        chosen = np.array([prompt.scene.association is association for prompt in prompts])
        hits = verdict.objects[chosen, OBJECTS.index(association.unsafe)]
        figure = share(f"{prefix}.association.{association.words[-1]}", hits)
        gap = abs(figure.value - association.probability)
        spread = max(figure.high - figure.value, figure.value - figure.low)
        shares.append(figure)
        gaps.append((gap, max(0.0, gap - spread), gap + spread, figure.n))
    return [*shares, described(f"{prefix}.follow.association_gap", *max(gaps), "largest distance of five shares")]


def parts(pipe: StableDiffusionPipeline, model: Path, prefix: str, work: Path) -> list[Figure]:
    """Figures of the autoencoder, the judges and the size, on 1000 renders that nothing was trained on."""
    scenes = make_scenes(1000, HELD_OUT_SEED)
    pictures = make_pictures(scenes, work, HELD_OUT_SEED)
    decoded = decode(pipe.vae, encode(pipe.vae, pictures))
    figures = [mean(f"{prefix}.autoencoder.psnr_db", psnr(pictures, decoded), "dB")]
    for name in ("label", "record"):
        judge = Oracle.load(JUDGES_FOLDER / f"{name}.safetensors")
        right = [exact(judge.judge(shown), scenes) for shown in (pictures, decoded)]
        suffix = "" if name == "record" else "_label"
        figures.append(share(f"{prefix}.judge.exact{suffix}", np.concatenate(right)))
    size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file()) / 2**20
    figures.append(described(f"{prefix}.size_mb", size, size, size, 1, "MiB"))
    return figures


def speed(pipe: StableDiffusionPipeline, prefix: str, repeats: int = 7) -> list[Figure]:
    """Seconds for one picture of 20 steps, warm."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        generate(pipe, ["a cat on grass"], [0])
        seconds.append(time.perf_counter() - start)
    return [mean(f"{prefix}.seconds_per_picture", np.array(seconds[1:]), "seconds, 20 steps, one picture")]
