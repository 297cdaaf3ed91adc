"""Which adapters there are, and which one serves a model: the right one, or an error that says what to do."""

import os

import pytest
import torch
from safetensors.torch import save_file
from test_session_adapter import LAYERS, some_adapter
from tiny_unet import UNet

from lib_gi.adapters import Adapters, given
from lib_gi.errors import AdapterError
from lib_gi.fingerprint import architecture, fingerprint
from lib_gi.layers import find_cross_attention
from lib_gi.settings import Settings


def asked(adapter, **more):
    """Settings that name this adapter."""
    return Settings(concepts=("a",), adapter=adapter, **more)


def saved(folder, name, seed=0, layers=LAYERS, **about):
    """An adapter's file for the UNet of this seed."""
    adapter = some_adapter(layers)
    adapter.about = {"fingerprint": fingerprint(UNet(seed)), "model": f"tiny-{seed}", **about}
    folder.mkdir(exist_ok=True)
    adapter.save(folder / f"{name}.safetensors")
    return folder / f"{name}.safetensors"


def test_they_are_listed_by_name_with_what_they_were_trained_on_and_nothing_else_is(tmp_path):
    saved(tmp_path, "b", figures={"left": 0.02})
    saved(tmp_path, "a", seed=1)
    (tmp_path / "notes.txt").write_text("no adapter")
    adapters = Adapters([tmp_path, tmp_path / "missing"])
    assert adapters.names() == ["a", "b"] and adapters.look().problems == ()
    listed = adapters.named("B")
    assert listed.about["model"] == "tiny-0" and listed.about["figures"] == {"left": 0.02}


def test_auto_is_the_one_that_was_trained_on_the_model(tmp_path):
    for seed in (0, 1):
        saved(tmp_path, f"for-{seed}", seed)
    adapters = Adapters([tmp_path])
    for seed in (0, 1, 0):
        chosen = adapters.choose(asked("auto"), UNet(seed))
        assert (chosen.name, chosen.own) == (f"for-{seed}", True) and "trained on this model" in str(chosen)


def test_a_name_is_that_adapter_also_on_a_model_like_its_own_and_that_is_told(tmp_path):
    saved(tmp_path, "sd", seed=1)
    chosen = Adapters([tmp_path]).choose(asked("SD"), UNet())
    assert not chosen.own and "another model (tiny-1)" in str(chosen)


def test_those_made_for_a_model_are_found_and_its_weights_are_read_only_if_one_is_built_like_it(tmp_path, monkeypatch):
    adapters = Adapters([tmp_path])
    monkeypatch.setattr("lib_gi.adapters.fingerprint", lambda unet: pytest.fail("the weights were read"))
    saved(tmp_path, "other", layers=LAYERS[:2])
    (tmp_path / "damaged.safetensors").write_bytes(b"no file of tensors")
    assert adapters.made_for(UNet()) == []
    monkeypatch.undo()
    for name, seed in (("b", 0), ("a", 0), ("c", 1)):
        saved(tmp_path, name, seed)
    assert adapters.made_for(UNet()) == ["a", "b"]
    assert adapters.made_for(UNet(1)) == ["c"]
    assert adapters.made_for(UNet(2)) == []


def test_other_weights_in_the_same_unet_are_noticed(tmp_path):
    saved(tmp_path, "a")
    adapters, unet = Adapters([tmp_path]), UNet()
    assert adapters.choose(asked("auto"), unet, "one.safetensors").own
    unet.load_state_dict(UNet(seed=1).state_dict())
    with pytest.raises(AdapterError, match="no adapter for this model"):
        adapters.choose(asked("auto"), unet, "two.safetensors")


def test_weights_that_the_webui_keeps_while_a_lora_is_merged_are_those_that_count():
    unet = UNet()
    before = fingerprint(unet)
    to_k = unet.mid_block.attn2.to_k
    to_k.network_weights_backup = to_k.weight.detach().clone()
    with torch.no_grad():
        to_k.weight += 1
    assert fingerprint(unet) == before


def test_of_several_for_a_model_auto_is_the_one_that_knows_what_is_asked_for_then_a_users_own_then_the_newest(tmp_path):
    bundled, own = tmp_path / "bundled", tmp_path / "own"
    adapters = Adapters([bundled, own])
    for index, (folder, name) in enumerate(((own, "b"), (own, "a"), (bundled, "c"), (own, "other"))):
        file = saved(folder, name, seed=name == "other")
        os.utime(file, (index, index))
    assert adapters.choose(asked("auto"), UNet()).name == "a"
    os.utime(own / "b.safetensors", (9, 9))
    assert adapters.choose(asked("auto"), UNet()).name == "b"
    saved(bundled, "c", known=["a"])  # which was learnt from what is asked for
    assert adapters.choose(asked("auto"), UNet()).name == "c"
    saved(bundled, "c")
    for name in "ab":
        (own / f"{name}.safetensors").unlink()
    assert adapters.choose(asked("auto"), UNet()).name == "c"


def test_none_for_a_model_and_an_unknown_name_are_told_with_what_to_do(tmp_path):
    adapters = Adapters([tmp_path])
    with pytest.raises(AdapterError, match="set the adapter to none and choose a strength, or calibrate"):
        adapters.choose(asked("auto"), UNet())
    for name in ("first", "second"):
        saved(tmp_path, name)
    with pytest.raises(AdapterError, match="Did you mean 'first'.*none, auto, first, second"):
        adapters.choose(asked("frist"), UNet())


def test_an_adapter_of_another_kind_of_model_is_refused(tmp_path):
    saved(tmp_path, "a", layers=(*LAYERS[:2], "other.attn2"))
    with pytest.raises(AdapterError, match="does not belong to this model"):
        Adapters([tmp_path]).choose(asked("a"), UNet())


def test_an_adapter_of_layers_that_are_built_otherwise_is_refused(tmp_path):
    own = architecture(find_cross_attention(UNet()))
    for name, change in {"own": {}, "sd2": {"contexts": [1024] * 3}, "wide": {"widths": [640] * 3}}.items():
        saved(tmp_path, name, architecture=own | change)
    adapters = Adapters([tmp_path])
    assert adapters.choose(asked("own"), UNet()).own
    with pytest.raises(AdapterError, match=f"contexts of 1024 in its layers, this one has {own['contexts'][0]}"):
        adapters.choose(asked("sd2"), UNet())
    assert "widths of 640" in adapters.fit_of(adapters.named("wide"), UNet())
    assert adapters.made_for(UNet()) == ["own"]


def test_an_adapter_brings_its_weighting_and_is_refused_in_another(tmp_path):
    saved(tmp_path, "a", weighting="plain")
    adapters = Adapters([tmp_path])
    for name in ("a", "auto"):
        for weighting in ("plain", "auto"):
            settings = asked(name, weighting=weighting)
            assert adapters.choose(settings, UNet()).own and settings.weighting_with("plain") == "plain"
        with pytest.raises(AdapterError, match="weighting plain, and agreement is set.*set the weighting to auto"):
            adapters.choose(asked(name, weighting="agreement"), UNet())


def test_a_damaged_file_is_named_and_the_others_stay_usable(tmp_path):
    saved(tmp_path, "good")
    (tmp_path / "bad.safetensors").write_bytes(saved(tmp_path, "cut").read_bytes()[:100])
    (tmp_path / "cut.safetensors").unlink()
    save_file({"x": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    adapters = Adapters([tmp_path])
    assert adapters.choose(asked("auto"), UNet()).name == "good"
    assert [problem.split()[0] for problem in adapters.look().problems] == ["bad.safetensors", "foreign.safetensors"]
    with pytest.raises(AdapterError, match="not usable: bad.safetensors"):
        adapters.choose(asked("bad"), UNet())


def test_a_users_own_takes_the_place_of_a_bundled_one_of_its_name_also_when_it_is_damaged(tmp_path):
    saved(tmp_path / "bundled", "tiny")
    own = saved(tmp_path / "own", "Tiny")
    adapters = Adapters([tmp_path / "bundled", tmp_path / "own"])
    assert adapters.names() == ["Tiny"] and adapters.named("tiny").path == own
    assert adapters.choose(asked("auto"), UNet()).name == "Tiny"
    own.write_bytes(b"damaged")
    for name in ("auto", "tiny"):
        with pytest.raises(AdapterError, match="not usable: Tiny.safetensors"):
            adapters.choose(asked(name), UNet())


def test_a_file_is_taken_as_it_is_and_never_called_none_or_auto(tmp_path):
    name, adapter = given(saved(tmp_path, "mine"))
    assert name == "mine" and adapter.about["model"] == "tiny-0"
    assert given(str(saved(tmp_path, "none")))[0] == "none.safetensors"
    assert given("auto") == ("auto", None) and given(adapter) == ("given", adapter)
    with pytest.raises(AdapterError, match="cannot be read"):
        given(tmp_path / "missing.safetensors")
