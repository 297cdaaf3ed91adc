"""What becomes of a pass of the WebUI in which nothing acted: too few steps, an interrupt, no step at all."""

from types import SimpleNamespace

import pytest
import test_webui_script
from test_webui_script import NUDITY
from tiny_unet import hooks
from webui_fakes import Generation, Interrupted, sample

from lib_gi.errors import ConceptError, StepRangeError

webui = test_webui_script.webui  # the fixture


@pytest.mark.parametrize("given", [{"first_step": 2}, {"first_step": 2, "last_step": 9}])
def test_a_pass_that_takes_fewer_steps_than_it_tells_and_so_was_not_inhibited_becomes_no_picture(webui, given):
    with pytest.raises(StepRangeError, match="only the steps 0 to 1, .*lower first_step"):
        webui.generate(NUDITY | given, taken=2)
    for left_alone in ({"strength": 0}, {"enabled": False}):
        webui.generate(NUDITY | given | left_alone, taken=2)
    assert hooks(webui.loaded.loaded) == 0


def test_a_first_pass_that_was_not_inhibited_stops_the_hires_pass_and_that_one_the_picture(webui):
    p = webui.generate().p
    webui.call("process", p, NUDITY | {"first_step": 2}, *webui.defaults[1:])
    webui.call("process_before_every_sampling", p, x=None)
    p.sampler.model_wrap_cfg.step = 0
    sample(p.sampler.model_wrap_cfg, steps=2)
    webui.call("process_before_every_sampling", p, x=None)
    with pytest.raises(StepRangeError, match="only the steps 0 to 1"):
        sample(p.sampler.model_wrap_cfg)


def test_a_pass_that_is_interrupted_before_it_is_inhibited_is_no_error_and_records_nothing(webui):
    wrap = webui.denoiser(3)
    p = wrap.p = Generation(wrap)
    p.comments, p.extra_generation_params = [], {}
    p.comment = p.comments.append
    webui.call("process", p, NUDITY | {"first_step": 2}, *webui.defaults[1:])
    webui.call("process_before_every_sampling", p, x=None)
    wrap.interrupted_at = 1
    with pytest.raises(Interrupted):
        sample(wrap)
    webui.loaded.broken_off = True
    ps = SimpleNamespace(samples="half a picture")
    webui.call("post_sample", p, ps)
    assert ps.samples == "half a picture" and p.extra_generation_params == {}
    assert "no step was sampled in which to act" in p.comments[0]


def test_a_generation_without_a_step_is_refused_for_a_mistake_and_else_records_nothing(webui):
    with pytest.raises(ConceptError, match="Did you mean 'nudity'"):
        webui.generate({"concepts": ["nuditty"]}, taken=0)
    on = webui.generate(NUDITY, taken=0)
    assert on.params == {} and "no step was sampled" in on.comments[0]
    assert webui.generate(NUDITY | {"strength": 0}, taken=0).params["Growth Inhibitors"] == "nudity=0"
