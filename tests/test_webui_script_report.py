"""What the script says and records of a strength that nobody chose."""

import test_webui_script

from lib_gi.adapters import Adapters

webui = test_webui_script.webui  # the fixture


def test_a_default_strength_is_told_to_be_uncalibrated_wherever_what_was_done_is_told(webui, caplog):
    with caplog.at_level("INFO"):
        on = webui.generate({"concepts": ["nudity"]})
    told = "uncalibrated default, never run on this model"
    assert on.comments[0].endswith(told) and told in caplog.text
    assert on.params["Growth Inhibitors done"].endswith("; strength=uncalibrated default")


def test_what_was_done_is_told_and_forgotten_also_where_the_adapters_cannot_be_looked_through(webui, monkeypatch):
    monkeypatch.setattr(Adapters, "made_for", lambda *_: 1 / 0)
    on = webui.generate({"concepts": ["nudity", "blood"], "strengths": {"blood": 5}})
    assert "3 of 3 steps in 3 layers" in on.comments[0] and "uncalibrated default" in on.comments[0]
    assert on.params["Growth Inhibitors done"].endswith("; strength=uncalibrated default")
