"""What users add to their WebUI: LoRA, embeddings, other extensions, several checkpoints, other autoencoders."""

import pytest
from cells import GI, PROMPT, alike, check, options, wanting

KINDS = {
    "each with a UNet of its own": ("gi-tiny", "second"),
    "weights exchanged within one UNet": ("third", "fourth"),
}


@pytest.mark.parametrize("name", ["unet", "text"])
def test_lora(server, name):
    without = server.draw(GI, prompt=PROMPT)
    off, on = check(server, prompt=f"{PROMPT} <lora:{name}:1>")
    assert not off.same(server.draw(prompt=PROMPT)), "the LoRA did nothing"
    assert f'Lora hashes: "{name}: ' in off.infotexts[0] and f'Lora hashes: "{name}: ' in on.infotexts[0]
    assert without.same(server.draw(GI, prompt=PROMPT)), "the LoRA still acts on a concept"


def test_two_loras_at_once(server):
    check(server, prompt=f"{PROMPT} <lora:unet:0.7> <lora:text:0.7>")


def test_textual_inversion_in_the_prompt(server):
    prompt = "a beer and a sigil on grass"
    check(server, prompt=prompt)
    for gi in (None, GI):
        server.draw(prompt=PROMPT)  # a prompt that the host has cached it does not name the embeddings of
        assert 'TI hashes: "sigil: ' in server.draw(gi, prompt=prompt).infotexts[0]


def test_a_textual_inversion_is_a_concept_with_its_own_vectors_and_no_trace_in_the_infotext(server):
    beer = server.draw(GI, prompt=PROMPT)
    beverage = server.draw(GI | {"concepts": ["beverage"], "free_text": True}, prompt=PROMPT)
    sigil = server.draw(GI | {"concepts": ["sigil"], "free_text": True}, prompt=PROMPT)
    assert beer.same(beverage), "beverage holds the vectors of beer"
    assert not beer.same(sigil) and not sigil.same(server.draw(prompt=PROMPT))
    assert "TI hashes" not in beverage.infotexts[0] + sigil.infotexts[0]


@pytest.mark.parametrize("more", [{}, {"batch_size": 2, "override_settings": {"batch_cond_uncond": False}}])
def test_another_extension_replaced_the_forward_of_attn2_for_a_further_context(server, more):
    without = server.draw(prompt=PROMPT, **more)
    with wanting(server, attention=True):
        off, on = check(server, **more)
        assert not off.same(without), "the other extension did nothing"
    assert without.same(server.draw(prompt=PROMPT, **more))


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_switch_of_checkpoint_between_two_pictures(server, kind, limit):
    one, other = KINDS[kind]

    def draw(gi, checkpoint):
        return server.draw(gi, prompt=PROMPT, override_settings={"sd_model_checkpoint": checkpoint})

    off = {name: draw(None, name) for name in (one, other)}
    on = {name: draw(GI, name) for name in (one, other)}
    assert not on[one].same(on[other])
    with options(server, sd_checkpoints_limit=limit):
        for gi, name in ((GI, one), (GI, other), (None, other), (GI, one), (None, one), (GI, other)):
            assert draw(gi, name).same((on if gi else off)[name])
            assert server.left == {"modules": [], "sessions": 0}


def test_several_checkpoints_are_loaded_at_once(server):
    with options(server, sd_checkpoints_limit=2):
        for name in ("gi-tiny", "second", "gi-tiny"):
            check(server, override_settings={"sd_model_checkpoint": name})
        assert sorted(server.ask("/companion/lists")["checkpoints"]) == ["gi-tiny", "second"]


@pytest.mark.parametrize("steps", [{}, {"last_step": 2}, {"first_step": 6}, {"first_step": 2, "last_step": 5}])
def test_after_a_refiners_switch_the_concept_is_the_refiners_however_the_host_loads_it(server, steps):
    drawn = []
    for one, other in KINDS.values():  # the same two models
        more = {"refiner_checkpoint": other, "refiner_switch_at": 0.5}
        drawn.append(check(server, gi=GI | steps, override_settings={"sd_model_checkpoint": one}, **more))
    (off, on), (off_within_one, on_within_one) = drawn
    assert off.same(off_within_one), "the two kinds are not the same models"
    assert on.same(on_within_one)


def test_another_autoencoder(server):
    usual = server.draw(prompt=PROMPT), server.draw(GI, prompt=PROMPT)
    off, on = check(server, override_settings={"sd_vae": "other.safetensors"})
    assert not off.same(usual[0]), "the other autoencoder was not used"
    assert server.draw(prompt=PROMPT).same(usual[0]) and server.draw(GI, prompt=PROMPT).same(usual[1])
    assert not alike(off, on, apart=usual)
