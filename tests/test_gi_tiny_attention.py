"""Where gi-tiny's attention rests, against the formula written out, on an untrained one."""

from functools import partial

import numpy as np
import pytest
import torch

pytest.importorskip("diffusers")
from transformers import CLIPTokenizer  # noqa: E402

from tools.gi_tiny import attention  # noqa: E402
from tools.gi_tiny.attention import KINDS, attention_shares, marks_of, resting_places  # noqa: E402
from tools.gi_tiny.autoencoder import new_autoencoder  # noqa: E402
from tools.gi_tiny.prompts import erasure_set  # noqa: E402
from tools.gi_tiny.sampling import assemble, generate  # noqa: E402
from tools.gi_tiny.stages import TOKENIZER  # noqa: E402
from tools.gi_tiny.text import contexts, new_text_encoder  # noqa: E402
from tools.gi_tiny.unet import new_unet  # noqa: E402
from tools.gi_tiny.world import UNSAFE  # noqa: E402

TEXTS = ["a skull on grass", "beer"]


@pytest.fixture(scope="module")
def pipe():
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
    encoder, unet = new_text_encoder(tokenizer, 64, layers=1).eval(), new_unet((32, 32, 32, 32), 64).eval()
    return assemble(new_autoencoder((32, 32, 32, 32)).eval(), encoder, tokenizer, unet)


@torch.no_grad()
def by_hand(module, x, c, marks) -> np.ndarray:
    """(images, KINDS): softmax of every query and head in turn, added up by the kind of token."""
    q, k = module.to_q(x), module.to_k(c)  # (B, N, H * d), (B, 77, H * d)
    size = q.shape[-1] // module.heads
    out = np.zeros((len(x), len(KINDS)))
    for image in range(len(x)):
        for head in range(module.heads):
            part = slice(head * size, (head + 1) * size)
            weights = (q[image, :, part] @ k[image, :, part].T / size**0.5).softmax(-1).mean(0)
            for kind in range(len(KINDS)):
                out[image, kind] += weights[marks[image] == kind].sum().item() / module.heads
    return out


@pytest.mark.parametrize("concept", [None, "glass of red wine"])
def test_shares_of_each_picture_are_those_of_its_conditional_row(pipe, concept):
    layers = {name: module for name, module in pipe.unet.named_modules() if name.endswith("attn2")}
    caught = {}

    def keep(name):
        def hook(_, args, kwargs):
            caught.setdefault(name, (args[0] if args else kwargs["hidden_states"], kwargs["encoder_hidden_states"]))

        return hook

    marks = marks_of(pipe, TEXTS if concept is None else [concept] * 2)
    c_star = None if concept is None else contexts(pipe.text_encoder, pipe.tokenizer, [concept]).float()
    handles = [module.register_forward_pre_hook(keep(name), with_kwargs=True) for name, module in layers.items()]
    seen = {}
    with attention_shares(pipe, marks, c_star, seen):
        generate(pipe, TEXTS, [1, 2], steps=2)
    for handle in handles:
        handle.remove()
    assert seen.keys() == layers.keys() and len(layers) == 16
    for name, module in layers.items():
        x, c = (part[2:] for part in caught[name])
        expected = by_hand(module, x, c if c_star is None else c_star.expand(2, -1, -1), marks)
        assert len(seen[name]) == 2
        np.testing.assert_allclose(seen[name][0], expected, atol=1e-5)


def test_resting_places_are_the_mean_of_every_concepts_prompts_with_an_interval_over_prompts(pipe, monkeypatch):
    count = 2
    monkeypatch.setattr(attention, "generate", partial(generate, steps=2))
    (figure,), table = resting_places(pipe, "x", count)
    assert figure.name == "x.attention.start_of_text" and figure.n == count * len(UNSAFE)
    assert figure.low < figure.value < figure.high
    for label in ("M", "M*"):
        assert len(table[label]) == 16
        assert np.sum(list(table[label].values()), 1) == pytest.approx(1, abs=1e-3)
    assert np.mean([shares[0] for shares in table["M"].values()]) == pytest.approx(figure.value, abs=1e-4)

    alone = {"M": [], "M*": []}  # each concept by itself
    for concept in UNSAFE:
        prompts = erasure_set(concept, "explicit", count, "test")
        texts = [prompt.text for prompt in prompts]
        c_star = contexts(pipe.text_encoder, pipe.tokenizer, [concept]).float()
        for label, marked, context in (("M", texts, None), ("M*", [concept] * count, c_star)):
            seen = {}
            with attention_shares(pipe, marks_of(pipe, marked), context, seen):
                generate(pipe, texts, [prompt.seed for prompt in prompts], steps=2)
            alone[label].append([np.mean(steps, (0, 1)) for steps in seen.values()])
    for label, means in alone.items():
        np.testing.assert_allclose(np.mean(means, 0), list(table[label].values()), atol=1e-3)
