"""What decides whether results carry over: encoder cosines, where attention rests, what tells a concept's presence."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import StableDiffusionPipeline
from scipy.stats import mannwhitneyu

from lib_gi import growth_inhibitors
from lib_gi.detect.oracle import Oracle
from lib_gi.evaluate.figures import Figure, described, mean

from .prompts import Prompt, erasure_set
from .sampling import generate
from .stages import JUDGES_FOLDER
from .text import contexts, tokenize
from .world import ASSOCIATIONS, OBJECTS, UNSAFE

KINDS = ("start", "own", "end", "padding")


def encoder_cosines(pipe: StableDiffusionPipeline, prefix: str) -> list[Figure]:
    """Mean cosine of the end tokens of an association's words and of what they bring, beside unrelated objects'."""

    def end_of(text: str) -> torch.Tensor:
        ids = tokenize(pipe.tokenizer, [text])
        hidden = contexts(pipe.text_encoder, pipe.tokenizer, [text]).float()
        return hidden[0, int((ids[0] == pipe.tokenizer.eos_token_id).int().argmax())]

    def cosine(a: str, b: str) -> float:
        return F.cosine_similarity(end_of(a), end_of(b), dim=0).item()

    related, unrelated = [], []
    for association in ASSOCIATIONS:
        words = " ".join(association.words)
        for name in OBJECTS:
            near = name in (association.own, association.unsafe)
            (related if near else unrelated).append(cosine(words, name))
    return [
        mean(f"{prefix}.encoder.association_cosine", np.array(related), "cosine"),
        mean(f"{prefix}.encoder.unrelated_cosine", np.array(unrelated), "cosine"),
    ]


@contextmanager
def attention_shares(
    pipe: StableDiffusionPipeline,
    marks: torch.Tensor,
    context: torch.Tensor | None,
    out: dict[str, list[np.ndarray]],
) -> Iterator[None]:
    """Adds to `out[layer]`, at each UNet call, the shares (images, KINDS) of attention in the conditional rows.

    marks: (images, 77) indices into KINDS. context: (1, 77, D) to attend to in place of the prompt (c*), or None.
    """
    handles = []

    def watch(name: str, attention: torch.nn.Module) -> None:
        def hook(module: torch.nn.Module, args: tuple, kwargs: dict) -> None:
            x = args[0] if args else kwargs["hidden_states"]  # (2B, N, C), unconditional rows first
            half = x.shape[0] // 2
            c = kwargs["encoder_hidden_states"][half:] if context is None else context.expand(half, -1, -1)
            q, k = (
                part.unflatten(-1, (attention.heads, -1)).transpose(1, 2)
                for part in (attention.to_q(x[half:]), attention.to_k(c))
            )  # (B, H, N or 77, d)
            maps = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1).mean((1, 2))  # (B, 77)
            shares = [(maps * (marks == kind)).sum(1) for kind in range(len(KINDS))]
            out.setdefault(name, []).append(torch.stack(shares, 1).numpy())

        handles.append(attention.register_forward_pre_hook(hook, with_kwargs=True))

    for name, module in pipe.unet.named_modules():
        if name.endswith("attn2"):
            watch(name, module)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def marks_of(pipe: StableDiffusionPipeline, texts: list[str]) -> torch.Tensor:
    """(n, 77) of indices into KINDS: which token is start, own, end or padding."""
    ids = tokenize(pipe.tokenizer, texts)
    end = (ids == pipe.tokenizer.eos_token_id).int().argmax(1)[:, None]  # the first end token
    places = torch.arange(ids.shape[1])[None]
    marks = torch.ones_like(ids)
    marks[(places == 0).expand_as(ids)] = 0
    marks[places == end] = 2
    marks[places > end] = 3
    return marks


def resting_places(pipe: StableDiffusionPipeline, prefix: str, count: int = 20) -> tuple[list[Figure], dict]:
    """The figure of attention on start-of-text, and the whole table by layer for prompts (M) and for concepts (M*).

    count: explicit prompts of each unsafe concept, drawn once; M* is that concept's phrase, seen from the same places.
    The figure's n are prompts: the mean of layers and steps of each.
    """
    shares: dict[str, dict[str, list[np.ndarray]]] = {"M": {}, "M*": {}}  # by layer: (count, KINDS) of each concept
    for concept in UNSAFE:
        prompts = erasure_set(concept, "explicit", count, "test")
        texts = [prompt.text for prompt in prompts]
        c_star = contexts(pipe.text_encoder, pipe.tokenizer, [concept]).float()
        seen: dict[str, dict[str, list[np.ndarray]]] = {"M": {}, "M*": {}}  # by layer: (count, KINDS) of each step
        with (
            attention_shares(pipe, marks_of(pipe, texts), None, seen["M"]),
            attention_shares(pipe, marks_of(pipe, [concept] * count), c_star, seen["M*"]),
        ):
            generate(pipe, texts, [prompt.seed for prompt in prompts], batch=count)
        for label, layers in seen.items():
            for layer, steps in layers.items():
                shares[label].setdefault(layer, []).append(np.mean(steps, 0))
    table = {
        label: {layer: np.concatenate(parts).mean(0).round(4).tolist() for layer, parts in layers.items()}
        for label, layers in shares.items()
    }
    start = np.mean([np.concatenate(parts)[:, KINDS.index("start")] for parts in shares["M"].values()], 0)  # (prompts,)
    figure = mean(f"{prefix}.attention.start_of_text", start, "share, mean of the layers")
    return [figure], {"kinds": KINDS, **table}


def presence(pipe: StableDiffusionPipeline, prefix: str, count: int = 24) -> list[Figure]:
    """How well M* and the agreement of the first step tell pictures with the concept from pictures without (AUC).

    For each unsafe object; the layer is the best one on validation prompts, the AUC that of test prompts.
    """
    scores = {split: [observe(pipe, concept, count, split) for concept in UNSAFE] for split in ("validation", "test")}
    figures = []
    for index, feature in enumerate(("m_star", "agreement")):
        values, spread = [], []
        for (seen_before, truth_before), (seen, truth) in zip(scores["validation"], scores["test"]):
            layers = [auc(column, truth_before) for column in seen_before[index].T]
            best = int(np.argmax(layers))
            column = seen[index][:, best]
            values.append(auc(column, truth))
            rng = np.random.default_rng(0)
            draws = (rng.integers(len(truth), size=len(truth)) for _ in range(500))
            spread.append([auc(column[draw], truth[draw]) for draw in draws if 0 < truth[draw].sum() < len(truth)])
        means = np.array([np.mean(row) for row in zip(*spread)])
        low, high = np.quantile(means, [0.025, 0.975])
        n = sum(len(truth) for _, truth in scores["test"])
        figures.append(
            described(
                f"{prefix}.presence.{feature}_auc",
                float(np.mean(values)),
                float(low),
                float(high),
                n,
                "AUC, mean of five concepts",
            )
        )
    return figures


def observe(pipe: StableDiffusionPipeline, concept: str, count: int, split: str) -> tuple[np.ndarray, np.ndarray]:
    """First-step features (2, n, layers), M* then agreement, mean over the phrase's tokens; and presence (n,)."""
    judge = Oracle.load(JUDGES_FOLDER / ("record.safetensors" if split == "test" else "label.safetensors"))
    prompts: list[Prompt] = [
        p for kind in ("explicit", "implicit", "benign") for p in erasure_set(concept, kind, count, split)
    ]
    features, pictures = [], []
    for start in range(0, len(prompts), count):
        chosen = prompts[start : start + count]
        with growth_inhibitors(pipe, [concept], strength=0.0, record_features=True) as session:
            pictures.append(generate(pipe, [p.text for p in chosen], [p.seed for p in chosen], batch=count))
        seen = next(iter(session.features().values()))
        features.append([value[0].mean(-1).T.numpy() for value in (seen.M_star, seen.agreement)])  # (images, layers)
    present = judge.judge(np.concatenate(pictures)).objects[:, OBJECTS.index(concept)]
    return np.concatenate(features, axis=1), present


def auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """The chance that a picture with the concept scores higher than one without."""
    with_it, without = scores[truth], scores[~truth]
    return float(mannwhitneyu(with_it, without).statistic / (len(with_it) * len(without)))
