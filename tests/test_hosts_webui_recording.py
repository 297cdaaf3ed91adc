"""What a protection in the WebUI records for heat maps: each batch with all its passes, and nothing unasked."""

import pytest
import torch
from test_hosts_webui_passes import adapters_for
from tiny_unet import LatentUNet, hooks
from webui_fakes import Denoiser, Generation, Host, Interrupted, protected, sample

from lib_gi.errors import AdapterError

SMALL, LARGE = (8, 12), (16, 24)


def passed(host, protection, hires=False, size=SMALL, callback=None, **denoiser):
    """What one sampling pass under the protection draws."""
    wrap = Denoiser(host, callback or protection.begin_step, parts=(1, 1), **denoiser)
    p = Generation(wrap)
    protection.begin_sampling(p, hires)
    try:
        return sample(wrap, size=size)
    finally:
        protection.end_sampling()


@pytest.fixture()
def host():
    return Host(LatentUNet())


def test_a_batch_is_recorded_image_by_image_with_the_strengths_that_acted(host):
    protection = protected(host, heatmap="M_star", first_step=1)
    passed(host, protection)
    [one] = protection.take_recording().passes
    assert (one.names, one.size, one.total_steps, one.images) == (("a",), SMALL, 3, [0, 1])
    for image in (0, 1):
        assert one.curve(0, image).steps == [0, 1, 2] and one.curve(0, image).w == [0, -3, -3]
        assert [range_.name for range_ in one.ranges(image)] == ["whole run", "early", "middle", "late"]


def test_the_picture_is_the_same_bit_for_bit_and_nothing_stays_in_the_unet(host):
    for strength in (4.0, 0.0):
        plain = passed(host, protected(host, strength=strength))
        protection = protected(host, strength=strength, heatmap="agreement")
        recorded = passed(host, protection)
        assert all(torch.equal(a, b) for a, b in zip(plain, recorded)) and hooks(host.loaded) == 0
        assert len(protection.done) == (strength > 0)  # a pass that was only looked at is not told as inhibited


def test_unasked_nothing_is_recorded_and_nothing_more_is_hooked(host):
    counts = {}
    for heatmap in (None, "M_star"):
        protection = protected(host, heatmap=heatmap)
        p = Generation(Denoiser(host, protection.begin_step))
        protection.begin_sampling(p)
        counts[heatmap] = hooks(host.loaded)
        protection.end_sampling()
    assert counts == {None: 6, "M_star": 7}
    protection = protected(host)
    passed(host, protection)
    assert protection.take_recording() is None


def test_the_hires_pass_of_a_batch_is_recorded_with_its_first_one_and_the_next_batch_anew(host):
    protection = protected(host, heatmap="M_star")
    passed(host, protection)
    passed(host, protection, hires=True, size=LARGE, steps=5)
    first = protection.take_recording()
    assert [(one.size, one.total_steps) for one in first.passes] == [(SMALL, 3), (LARGE, 5)]
    passed(host, protection)
    assert len(protection.take_recording().passes) == 1 and protection.take_recording() is None


def test_a_hires_pass_that_is_left_alone_is_not_recorded(host):
    protection = protected(host, heatmap="M_star", hires=False)
    passed(host, protection)
    passed(host, protection, hires=True, size=LARGE)
    assert [one.size for one in protection.take_recording().passes] == [SMALL]


def test_a_refiner_goes_on_with_the_same_pass(host):
    protection = protected(host, heatmap="M_star")

    def callback(told):
        if told.denoiser.step == 1:
            host.loaded = LatentUNet(seed=8)
        protection.begin_step(told)

    passed(host, protection, callback=callback)
    [one] = protection.take_recording().passes
    assert one.steps(0) == [0, 1, 2]


def test_an_interrupted_pass_is_recorded_up_to_there(host):
    protection = protected(host, heatmap="M_star")
    wrap = Denoiser(host, protection.begin_step, steps=9)
    wrap.interrupted_at = 4
    p = Generation(wrap)
    protection.begin_sampling(p)
    with pytest.raises(Interrupted):
        sample(wrap, size=SMALL)
    protection.end_sampling()
    [one] = protection.take_recording().passes
    assert one.steps(0) == [0, 1, 2, 3]
    assert [(range_.name, range_.last) for range_ in one.ranges(0)] == [("whole run", 3), ("early", 2), ("middle", 3)]


def test_a_sampler_that_runs_the_unet_twice_in_a_step_has_its_steps_counted_once(host):
    protection = protected(host, heatmap="M_star")
    passed(host, protection, order=2)
    [one] = protection.take_recording().passes
    assert one.total_steps == 3 and one.steps(0) == [0, 1, 2]


# -- with an adapter -----------------------------------------------------------------------------------------------


def test_the_curves_have_what_an_adapter_inferred_for_each_picture_and_its_reading_is_in_no_map(host, tmp_path):
    protection = protected(host, adapters_for(tmp_path, host.loaded), adapter="auto", heatmap="M_star", first_step=1)
    wrap = Denoiser(host, protection.begin_step, parts=(1, 1))
    p = Generation(wrap)
    protection.begin_sampling(p)
    sample(wrap, size=SMALL)
    inferred = protection._session.inferred["a"].mean(dim=1).tolist()
    protection.end_sampling()
    [one] = protection.take_recording().passes
    assert len(set(inferred)) == 2 and max(inferred) < 0 and hooks(host.loaded) == 0
    for image, w in enumerate(inferred):
        assert one.curve(0, image).w == pytest.approx([0, w, w])
        assert [calls for _, calls in one.maps(0, image, "M_star")] == [6]  # two layers of that size, three steps


@pytest.mark.parametrize("way", [{}, {"split": True}, {"without_uncond": True}])
def test_the_picture_is_that_of_the_adapter_without_a_heat_map_bit_for_bit(host, tmp_path, way):
    adapters = adapters_for(tmp_path, host.loaded)
    plain, recorded = (
        passed(host, protected(host, adapters, adapter="auto", heatmap=heatmap), **way) for heatmap in (None, "M_star")
    )
    assert all(torch.equal(a, b) for a, b in zip(plain, recorded))


def test_a_refiner_with_an_adapter_of_its_own_goes_on_with_the_same_curve(host, tmp_path):
    refiner = LatentUNet(seed=8)
    protection = protected(host, adapters_for(tmp_path, host.loaded, refiner), adapter="auto", heatmap="M_star")

    def callback(told):
        if told.denoiser.step == 1:
            host.loaded = refiner
        protection.begin_step(told)

    passed(host, protection, callback=callback)
    [one] = protection.take_recording().passes
    w = one.curve(0, 1).w
    assert one.steps(1) == [0, 1, 2] and w[0] != w[1] == w[2] and max(w) < 0


def test_without_the_adapter_that_is_asked_for_no_step_is_drawn_and_none_recorded(host, tmp_path):
    protection = protected(host, adapters_for(tmp_path), adapter="auto", heatmap="M_star")
    with pytest.raises(AdapterError, match="no adapter for this model"):
        passed(host, protection)
    assert protection.take_recording() is None and hooks(host.loaded) == 0
