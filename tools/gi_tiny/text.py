"""The text encoder: a narrow CLIP text model, trained on text alone and then frozen.

It learns two things: which words a text holds (told by its end token) and which token stands where
(told by each token). It never sees a picture, so an association word cannot become a synonym of what it
brings: that is learned where it belongs, in the UNet.
"""

from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .captions import TRAINED, caption, vocabulary
from .loop import Schedule, Training
from .world import OBJECTS, random_scene

LENGTH = 77


def new_text_encoder(tokenizer: CLIPTokenizer, width: int = 128, layers: int = 4) -> CLIPTextModel:
    """An untrained CLIP text model over `tokenizer`'s vocabulary."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            projection_dim=width,
            hidden_act="quick_gelu",
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def train_text_encoder(
    tokenizer: CLIPTokenizer,
    work: Path,
    steps: int,
    seed: int,
    device: str,
    width: int = 128,
    batch: int = 32,
) -> CLIPTextModel:
    """A text encoder trained on `steps` batches of sentences."""
    torch.manual_seed(seed)
    encoder = new_text_encoder(tokenizer, width)
    bag = torch.nn.Linear(width, len(tokenizer))
    module = torch.nn.ModuleDict({"encoder": encoder, "bag": bag})
    training = Training("text encoder", module, Schedule(steps), work, seed, ema=0.99, device=device)

    def loss(generator: torch.Generator) -> torch.Tensor:
        rng = Random(int(torch.randint(2**31, (1,), generator=generator)))
        ids = tokenize(tokenizer, [sentence(rng, tokenizer) for _ in range(batch)]).to(device)
        hidden = encoder(input_ids=ids).last_hidden_state  # (B, 77, D)
        end = (ids == tokenizer.eos_token_id).int().argmax(1)  # the first one; the others pad
        told = bag(hidden[torch.arange(batch), end])
        held = torch.zeros_like(told).scatter_(1, ids, 1.0)
        # Rare positives among thousands of tokens: weigh both sides alike.
        errors = F.binary_cross_entropy_with_logits(told, held, reduction="none")
        bag_loss = (errors * held).sum(1) / held.sum(1) + (errors * (1 - held)).sum(1) / 20
        own = torch.arange(LENGTH, device=device) <= end[:, None]
        identity = F.cross_entropy(bag(hidden[own]), ids[own])
        return bag_loss.mean() + identity

    training.run(loss)
    with training:
        encoder.save_pretrained(work / "text_encoder")
    return CLIPTextModel.from_pretrained(work / "text_encoder").to(device).eval().requires_grad_(False)


def sentence(rng: Random, tokenizer: CLIPTokenizer) -> str:
    """A training text: a caption, several of them, shuffled words, a bare phrase, or any tokens at all."""
    kind = rng.random()
    if kind < 0.55:
        return caption(random_scene(rng), rng, TRAINED)
    if kind < 0.65:
        return ", ".join(caption(random_scene(rng), rng, TRAINED) for _ in range(rng.randint(2, 4)))
    if kind < 0.8:
        return " ".join(rng.sample(vocabulary(), rng.randint(1, 8)))
    if kind < 0.9:
        return rng.choice(OBJECTS)
    return tokenizer.decode([rng.randrange(512, len(tokenizer) - 2) for _ in range(rng.randint(1, 12))])


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """Token ids (n, 77), cut and padded."""
    return tokenizer(texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt").input_ids


@torch.no_grad()
def contexts(encoder: CLIPTextModel, tokenizer: CLIPTokenizer, texts: list[str], batch: int = 128) -> torch.Tensor:
    """Contexts (n, 77, D) of texts, as the UNet sees them, in half precision on the CPU."""
    parts = []
    for start in range(0, len(texts), batch):
        ids = tokenize(tokenizer, texts[start : start + batch]).to(encoder.device)
        parts.append(encoder(input_ids=ids).last_hidden_state.half().cpu())
    return torch.cat(parts)
