"""A concept's context is the host's own encoding of its phrase: what acts on a prompt's words acts on a concept's."""

import numpy as np
import pytest
from cells import GI

BEER = "beer"  # the concept of GI, and its phrase
CLIP_SKIP = {"override_settings": {"CLIP_stop_at_last_layers": 2}}
LORA = {"prompt": f"{BEER} <lora:text:1>"}
ON_THE_TEXT_ENCODER = {
    "clip skip": CLIP_SKIP,
    "a LoRA on the text encoder": LORA,
    "both": CLIP_SKIP | LORA,
}
ELSEWHERE = {
    "another prompt": {"prompt": "a cat in the snow"},
    "emphasis in the prompt": {"prompt": f"({BEER}:1.5)"},
    "a negative prompt": {"negative_prompt": "a cat"},
    "a LoRA on the UNet": {"prompt": f"{BEER} <lora:unet:1>"},
    "another seed and size": {"seed": 2, "width": 192},
}


def contexts(server, **payload):
    """The contexts of the concept and of the prompt in a picture's last step."""
    server.draw(GI, **{"prompt": BEER, "steps": 2} | payload)
    told = server.ask("/companion/contexts")
    return told["concepts"][BEER], told["prompt"]


@pytest.mark.parametrize("what", ["nothing", *ON_THE_TEXT_ENCODER])
def test_a_concept_has_the_context_that_its_phrase_has_as_a_prompt(server, what):
    concept, prompt = contexts(server, **ON_THE_TEXT_ENCODER.get(what, {}))
    assert concept["digest"] == prompt["digest"]


@pytest.mark.parametrize("what", ON_THE_TEXT_ENCODER)
def test_what_changes_the_text_encoder_changes_a_concepts_context_as_long_as_it_is_there(server, what):
    before, _ = contexts(server)
    during, _ = contexts(server, **ON_THE_TEXT_ENCODER[what])
    after, _ = contexts(server)
    usual, other = (np.array(context["vector"]) for context in (before, during))
    assert np.linalg.norm(usual - other) > 0.05 * np.linalg.norm(usual), "no more than rounding"
    assert after["digest"] == before["digest"]


@pytest.mark.parametrize("what", ELSEWHERE)
def test_what_changes_no_text_encoder_leaves_a_concepts_context_alone(server, what):
    before, prompt = contexts(server)
    concept, other_prompt = contexts(server, **ELSEWHERE[what])
    assert concept["digest"] == before["digest"]
    changes = "prompt" in ELSEWHERE[what] and "lora" not in ELSEWHERE[what]["prompt"]
    assert (other_prompt["digest"] != prompt["digest"]) is changes
