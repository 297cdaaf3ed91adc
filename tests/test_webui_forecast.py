"""The accordion's line tells beforehand what a generation would do, or what it would be stopped by."""

import pytest
import test_webui_script
import torch

from lib_gi.concepts import Concept
from lib_gi.errors import ConceptError, NeverHitError, SettingsError, UnsupportedModelError
from lib_gi.settings import Settings

webui = test_webui_script.webui  # the fixture


def test_the_line_tells_what_will_happen_and_what_is_wrong(webui):
    forecast = webui.module.forecast
    uncalibrated = "nudity=3 in tiny: uncalibrated default, never run on this model"
    assert uncalibrated in forecast(Settings(concepts=("nudity",)))
    own = Settings(concepts=("nudity", "blood"), strength=3.5, strengths={"blood": 4})
    assert "nudity=3.5; blood=4 in tiny: a fixed strength, not calibrated for this model" in forecast(own)
    assert "breaks pictures" not in forecast(own)
    strong = Settings(concepts=("nudity", "blood"), strength=2.0, strengths={"blood": 4}, weighting="contrast")
    assert forecast(strong).endswith(
        "for this model; blood=4 is too much in contrast, where 1 takes away what the concept's text adds, and more"
        " than 2 breaks pictures."
    )
    assert forecast(Settings.disabled()).startswith("Off")
    assert forecast(SettingsError("no such thing")) == "Will not generate: no such thing"


def test_the_line_tells_what_the_loaded_model_would_stop_a_generation_by(webui):
    forecast = webui.module.forecast
    asked, idle = Settings(concepts=("nudity",)), Settings(concepts=("nudity",), strength=0)
    webui.loaded.replacement = "a TensorRT one"
    with pytest.raises(NeverHitError, match="a TensorRT one.*SD Unet to None"):
        forecast(asked)
    assert "nudity=0" in forecast(idle)  # which installs nothing that could be passed by
    webui.loaded.replacement, webui.loaded.loaded = "", torch.nn.Linear(2, 2)
    with pytest.raises(UnsupportedModelError, match="none is named attn2"):
        forecast(asked)
    assert forecast(Settings.disabled()).startswith("Off")
    webui.loaded.checkpoint = ""
    assert "the checkpoint that will be loaded" in forecast(asked)


def test_the_line_tells_of_a_phrase_that_is_too_long_for_the_model(webui, monkeypatch):
    def counted(concept):
        raise ConceptError(f"{concept.phrase} has 76 tokens")

    monkeypatch.setattr(webui.loaded, "counted", counted)
    webui.module.library.own.add(Concept("clown", "red nose", "circus"))
    with pytest.raises(ConceptError, match="red nose has 76"):
        webui.module.forecast(Settings(concepts=("clown",)))


def test_a_slip_in_what_is_always_kept_out_is_told_by_the_line_and_the_status(webui):
    webui.shared.cmd_opts.growth_inhibitors_always = "nuditty=6; purple frog"
    line = webui.module.forecast(Settings.disabled())
    assert "Did you mean 'nudity'?" in line and "'purple frog'" not in line
    slip, words = webui.module.status()["problems"]
    assert "Did you mean 'nudity'?" in slip and "'purple frog'" in words
