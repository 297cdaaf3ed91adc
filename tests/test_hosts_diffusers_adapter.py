"""`growth_inhibitors(pipe, adapter=...)` on small pipelines: what is inferred acts, from the first step on."""

import logging

import pytest
import torch
from test_session_adapter import some_adapter
from tiny_pipelines import draw, hooks

from lib_gi import adapters, growth_inhibitors
from lib_gi.errors import AdapterError, SettingsError
from lib_gi.fingerprint import fingerprint
from lib_gi.layers import find_cross_attention


def adapter_of(pipe, bias=-2.0, gain=1.0):
    """A random adapter for this pipeline's UNet."""
    made = some_adapter([layer.name for layer in find_cross_attention(pipe.unet)], bias, gain)
    made.mean, made.deviation = torch.zeros(8), made.deviation[:1].repeat(8)
    made.about = {"fingerprint": fingerprint(pipe.unet), "model": "tiny"}
    return made


def inferred(pipe, adapter, concepts=("knife",), options=None, **more):
    """The picture, and w by concept."""
    with growth_inhibitors(pipe, concepts, adapter=adapter, **(options or {})) as session:
        picture = draw(pipe, **more)
    return picture, session.inferred


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("prompt", ["a cat", ["a cat", "a dog"]])
def test_the_picture_is_that_of_a_session_that_is_told_the_same_scales(sd1, prompt, guidance):
    before = draw(sd1, prompt, guidance_scale=guidance)
    got, w = inferred(sd1, adapter_of(sd1), prompt=prompt, guidance_scale=guidance)
    images = 1 if isinstance(prompt, str) else len(prompt)
    assert w["knife"].shape == (images, 5) and len(set(w["knife"].flatten().tolist())) == 5 * images
    with growth_inhibitors(sd1, ["knife"]) as session:
        session.set_w([w["knife"]])
        expected = draw(sd1, prompt, guidance_scale=guidance)
    assert torch.equal(got, expected) and not torch.allclose(got, before, atol=1e-3)
    assert hooks(sd1.unet) == 0 and torch.equal(draw(sd1, prompt, guidance_scale=guidance), before)


def test_an_adapter_acts_in_the_weighting_that_it_was_trained_with_and_given_strengths_do_not(sd1):
    made = adapter_of(sd1)
    made.about |= {"weighting": "plain"}
    got, w = inferred(sd1, made)
    with growth_inhibitors(sd1, ["knife"], weighting="plain") as session:
        session.set_w([w["knife"]])
        assert torch.equal(got, draw(sd1))
    with growth_inhibitors(sd1, ["gun"], strengths={"gun": 3}, weighting="agreement"):
        expected = draw(sd1)
    assert torch.equal(inferred(sd1, made, ["gun"], {"strengths": {"gun": 3}})[0], expected)
    with pytest.raises(AdapterError, match="weighting plain, and agreement is set"):
        inferred(sd1, made, options={"weighting": "agreement"})


def test_each_pass_is_read_anew(sd1):
    with growth_inhibitors(sd1, ["knife"], adapter=adapter_of(sd1)) as session:
        first, w = draw(sd1), session.inferred["knife"]
        draw(sd1, seed=1)
        assert not torch.equal(session.inferred["knife"], w)
        assert torch.equal(draw(sd1), first) and torch.equal(session.inferred["knife"], w)
        assert (session.passes, session.calls) == (3, 9)


def test_where_nothing_grows_the_picture_is_the_unprotected_one_bit_for_bit(sd1):
    before = draw(sd1)
    got, w = inferred(sd1, adapter_of(sd1, bias=5.0, gain=0.0))
    assert not w["knife"].any() and torch.equal(got, before)


def test_sdxl_too(sdxl):
    got, w = inferred(sdxl, adapter_of(sdxl))
    assert w["knife"].any() and not torch.allclose(got, draw(sdxl), atol=1e-3)


def test_a_concept_with_a_strength_of_its_own_keeps_it_and_needs_no_adapter(sd1):
    _, w = inferred(sd1, adapter_of(sd1), ["knife", "gun"], {"strengths": {"gun": 3}})
    assert list(w) == ["knife"]
    with growth_inhibitors(sd1, ["gun"], strengths={"gun": 3}) as session:
        expected = draw(sd1)
    got, w = inferred(sd1, "auto", ["gun"], {"strengths": {"gun": 3}})
    assert w == session.inferred == {} and torch.equal(got, expected)


def test_auto_a_name_and_a_file_are_the_same_adapter_and_the_log_tells_of_it(sd1, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(adapters.Adapters.__init__, "__defaults__", ((tmp_path,),))
    made = adapter_of(sd1)
    made.save(tmp_path / "tiny.safetensors")
    caplog.set_level(logging.DEBUG, logger="lib_gi.hosts.diffusers")
    expected, _ = inferred(sd1, made)
    for asked in ("auto", "tiny", tmp_path / "tiny.safetensors", str(tmp_path / "tiny.safetensors")):
        assert torch.equal(inferred(sd1, asked)[0], expected)
    assert "the adapter tiny, trained on this model, knife=" in caplog.text


@pytest.mark.parametrize("asked, kind", [("auto", AdapterError), ("tiny", AdapterError), (3, SettingsError)])
def test_without_the_adapter_that_is_asked_for_nothing_is_drawn(sd1, asked, kind, tmp_path, monkeypatch):
    monkeypatch.setattr(adapters.Adapters.__init__, "__defaults__", ((tmp_path,),))
    with pytest.raises(kind, match="[Ee]xpected"):
        with growth_inhibitors(sd1, ["knife"], adapter=asked):
            raise AssertionError("entered")
    assert hooks(sd1.unet) == 0
