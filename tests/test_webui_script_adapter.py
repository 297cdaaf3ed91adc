"""The WebUI's script with an adapter: what it infers is said and recorded; without it no picture is drawn."""

import re

import pytest
import test_webui_script
from test_session_adapter import some_adapter
from test_webui_script import differs
from tiny_unet import hooks

from lib_gi.adapter import Adapter
from lib_gi.errors import AdapterError
from lib_gi.fingerprint import fingerprint

webui = test_webui_script.webui  # the fixture


def adapter_for(data_folder, unet, trained=None, **more):
    """The file of a random adapter for this UNet, in the folder for them; trained: in which weighting, if told."""
    adapter = some_adapter(**more)
    adapter.about = {"fingerprint": fingerprint(unet), "model": "tiny"} | ({"weighting": trained} if trained else {})
    folder = data_folder / "growth-inhibitors" / "adapters"
    folder.mkdir(parents=True, exist_ok=True)
    adapter.save(folder / "mine.safetensors")
    return folder / "mine.safetensors"


@pytest.mark.parametrize("asked", ["auto", "Mine"])
def test_an_adapter_in_the_hosts_data_folder_infers_and_what_it_inferred_is_said_and_recorded(webui, tmp_path, asked):
    adapter_for(tmp_path, webui.loaded.loaded)
    off = webui.generate()
    on = webui.generate({"concepts": ["nudity", "blood"], "adapter": asked, "strengths": {"blood": 3}})
    assert all(differs(off, on)) and hooks(webui.loaded.loaded) == 0
    assert on.params["Growth Inhibitors"] == "nudity=auto; blood=3"
    assert f"adapter={asked}" in on.params["Growth Inhibitors settings"]
    inferred = on.params["Growth Inhibitors inferred"]
    assert re.fullmatch(r"nudity=[\d.]+ to [\d.]+", inferred)
    steps = f"3 of 3 steps in 3 layers with {inferred} by the adapter mine, trained on this model"
    assert on.comments == [f"Growth Inhibitors: nudity=auto; blood=3; {steps}; AUTOMATIC1111, Doggettx"]
    fixed = webui.generate({"concepts": ["nudity"]}, p=on.p)
    assert fixed.comments[0].endswith("a fixed strength, not the one that mine, trained on this model, would infer")
    assert fixed.params == {
        "Growth Inhibitors": "nudity=3",
        "Growth Inhibitors settings": "version=1",
        "Growth Inhibitors done": "steps=3 of 3; layers=3; host=AUTOMATIC1111; optimisation=Doggettx",
    }


def test_it_acts_in_the_weighting_that_it_was_trained_with(webui, tmp_path):
    told = {"concepts": ["nudity"], "adapter": "auto"}
    adapter_for(tmp_path, webui.loaded.loaded)
    pictures = [webui.generate(told | {"weighting": weighting}) for weighting in ("plain", "agreement")]
    assert all(differs(*pictures))
    for weighting, expected in zip(("plain", "agreement"), pictures):
        adapter_for(tmp_path, webui.loaded.loaded, trained=weighting)
        drawn = webui.generate(told)
        assert not any(differs(expected, drawn)) and "weighting" not in drawn.params["Growth Inhibitors settings"]


def test_an_adapter_that_infers_nothing_leaves_the_picture_bit_for_bit(webui, tmp_path):
    adapter_for(tmp_path, webui.loaded.loaded, bias=5.0, gain=0.0)
    off, on = webui.generate(), webui.generate({"concepts": ["nudity"], "adapter": "auto"})
    assert not any(differs(off, on)) and on.params["Growth Inhibitors inferred"] == "nudity=0"
    assert on.params["Growth Inhibitors done"].startswith("steps=0 of 3; layers=3;")


def test_an_adapter_of_another_model_that_would_leave_everything_in_its_place_stops_the_picture(webui, tmp_path):
    file = adapter_for(tmp_path, webui.loaded.loaded, bias=5.0, gain=0.0)
    foreign = Adapter.load(file)
    foreign.mean += 20  # deviations of 1
    foreign.about["fingerprint"] = "another"
    foreign.save(file)
    with pytest.raises(AdapterError, match="cannot tell whether nudity grows"):
        webui.generate({"concepts": ["nudity"], "adapter": "mine"})
    assert hooks(webui.loaded.loaded) == 0


def test_without_the_adapter_that_is_asked_for_no_step_is_drawn_and_the_line_says_so_before(webui, tmp_path):
    settings = webui.module.Settings(concepts=("nudity",), adapter="auto")
    for match in ("no adapter for this model", "not usable: mine.safetensors"):
        with pytest.raises(AdapterError, match=match):
            webui.generate(settings.to_dict())
        with pytest.raises(AdapterError, match=match):
            webui.module.forecast(settings)
        adapter_for(tmp_path, webui.loaded.loaded).write_bytes(b"damaged")
    assert hooks(webui.loaded.loaded) == 0
    [problem] = webui.module.status()["problems"]
    assert "mine.safetensors" in problem and webui.module.status()["adapters"] == ["gi-tiny"]  # the bundled one


def test_the_line_tells_which_adapter_will_act(webui, tmp_path):
    adapter_for(tmp_path, webui.loaded.loaded)
    settings = webui.module.Settings(concepts=("nudity", "blood"), adapter="auto", strengths={"blood": 3})
    told = "nudity=auto; blood=3 in tiny: auto by the adapter mine, trained on this model."
    assert webui.module.forecast(settings) == f"Will inhibit {told}"
    adapter_for(tmp_path, webui.loaded.loaded, trained="contrast")
    assert "this model; blood=3 is too much in contrast" in webui.module.forecast(settings)
    webui.loaded.checkpoint = ""
    assert "when the checkpoint is there" in webui.module.forecast(settings)
