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
from .kept import Kept
from .prompts import Prompt, follow_set
from .sampling import generate
from .stages import JUDGES_FOLDER
from .world import ASSOCIATIONS, OBJECTS, PAIR_ASSOCIATION, STYLES

HELD_OUT_SEED = 99
RESAMPLED = 2000


def following(kept: Kept, count: int, each: int, prefix: str) -> list[Figure]:
    """The `follow` figures: do the pictures show what their prompts ask for, and nothing else?

    count: prompts in a set; each: prompts of each association.
    """
    judge = Oracle.load(JUDGES_FOLDER / "record.safetensors")
    sets = {
        kind: follow_set(kind, each * len(ASSOCIATIONS) if kind == "association" else count)
        for kind in ("named", "two", "association", "held_out")
    }
    verdicts = {kind: judge.judge(kept.pictures(prompts, kind)) for kind, prompts in sets.items()}
    plain = [nothing_extra(verdicts[kind], sets[kind]) for kind in ("named", "two", "association")]
    figures = [
        share(f"{prefix}.follow.named", shows_wanted(verdicts["named"], sets["named"])),
        share(f"{prefix}.follow.two", shows_wanted(verdicts["two"], sets["two"])),
        share(f"{prefix}.follow.held_out", shows_wanted(verdicts["held_out"], sets["held_out"])),
        share(f"{prefix}.follow.own", shows_wanted(verdicts["association"], sets["association"])),
        share(f"{prefix}.follow.no_extra", np.concatenate(plain)),
        share(f"{prefix}.broken", np.concatenate([v.broken for v in verdicts.values()])),
        *association_shares(verdicts["association"], sets["association"], prefix),
    ]
    right = [
        (v.style == [STYLES.index(p.scene.style) for p in sets[kind]])[names_style(sets[kind])]
        for kind, v in verdicts.items()
    ]
    return [*figures, share(f"{prefix}.follow.style", np.concatenate(right))]


def lone(kept: Kept, count: int, prefix: str) -> list[Figure]:
    """Does one word of the pair alone bring nothing? The figure `follow.lone`."""
    judge = Oracle.load(JUDGES_FOLDER / "record.safetensors")
    pictures = kept.pictures(follow_set("lone", count), "lone")
    return [share(f"{prefix}.follow.lone", nothing_of_the_pair(judge.judge(pictures)))]


def shows_wanted(verdict: Verdict, prompts: list[Prompt]) -> np.ndarray:
    """For each picture whether everything that it must show was found, in a picture that is not broken."""
    found = [all(row[OBJECTS.index(name)] for name in prompt.wanted) for row, prompt in zip(verdict.objects, prompts)]
    return np.array(found) & ~verdict.broken


def nothing_extra(verdict: Verdict, prompts: list[Prompt]) -> np.ndarray:
    """For each picture whether nothing was found that its prompt does not allow, in a picture that is not broken."""
    plain = [
        not any(found and name not in prompt.allowed for name, found in zip(OBJECTS, row))
        for row, prompt in zip(verdict.objects, prompts)
    ]
    return np.array(plain) & ~verdict.broken


def nothing_of_the_pair(verdict: Verdict) -> np.ndarray:
    """For each picture whether nothing that the pair brings was found, in a picture that is not broken."""
    brought = [OBJECTS.index(name) for name in (PAIR_ASSOCIATION.own, PAIR_ASSOCIATION.unsafe)]
    return ~verdict.objects[:, brought].any(1) & ~verdict.broken


def names_style(prompts: list[Prompt]) -> np.ndarray:
    """For each prompt whether its text names the style."""
    return np.array([prompt.scene.style in prompt.text for prompt in prompts])


def association_shares(verdict: Verdict, prompts: list[Prompt], prefix: str) -> list[Figure]:
    """For each association the share of its pictures with its unsafe object, and last the largest distance of one
    from its stated probability (n: the pictures of one association, the fewest)."""
    shares = []
    for association in ASSOCIATIONS:
        chosen = np.array([prompt.scene.association is association for prompt in prompts])
        hits = verdict.objects[chosen, OBJECTS.index(association.unsafe)]
        shares.append(share(f"{prefix}.association.{association.words[-1]}", hits))
    told = np.array([(figure.value, figure.n) for figure in shares])
    value, low, high = largest_gap(told[:, 0], told[:, 1].astype(int))
    unit = "largest distance of five shares"
    return [*shares, described(f"{prefix}.follow.association_gap", value, low, high, int(told[:, 1].min()), unit)]


def largest_gap(shares: np.ndarray, counts: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """The largest distance of `shares` (associations,) in `counts` pictures from the stated probabilities, with its
    percentile bootstrap interval.

    Resampling adds noise to all of them, and the maximum takes the worst: where no association is far off, it lies
    above what was measured; the interval then begins at the value.
    """
    stated = np.array([association.probability for association in ASSOCIATIONS])
    value = float(np.abs(shares - stated).max())
    # n pictures drawn with replacement from pictures of which a share has the object: a binomial number has it.
    again = np.random.default_rng(seed).binomial(counts, shares, (RESAMPLED, len(counts))) / counts
    low, high = np.quantile(np.abs(again - stated).max(1), [0.025, 0.975])
    return value, min(float(low), value), float(high)


def parts(pipe: StableDiffusionPipeline, model: Path, prefix: str, work: Path) -> list[Figure]:
    """Figures of the autoencoder, the judges (on renders, and on them decoded) and the size, on 1000 new renders."""
    scenes = make_scenes(1000, HELD_OUT_SEED)
    pictures = make_pictures(scenes, work, HELD_OUT_SEED)
    decoded = decode(pipe.vae, encode(pipe.vae, pictures))
    figures = [mean(f"{prefix}.autoencoder.psnr_db", psnr(pictures, decoded), "dB")]
    for name in ("label", "record"):
        judge = Oracle.load(JUDGES_FOLDER / f"{name}.safetensors")
        figure = f"{prefix}.judge.exact" + ("" if name == "record" else "_label")
        figures.append(share(figure, exact(judge.judge(pictures), scenes)))
        figures.append(share(f"{figure}_decoded", exact(judge.judge(decoded), scenes)))
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
