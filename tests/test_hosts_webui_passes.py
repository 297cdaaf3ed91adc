"""A protection in the WebUI where a pass does not go straight on: other weights, an interrupt, more steps than told."""

import gc
import inspect

import pytest
import torch
from test_session_adapter import some_adapter
from tiny_unet import UNet, concept, hooks
from webui_fakes import Denoiser, Generation, Host, Interrupted, noise, protected, sample

from lib_gi.adapters import Adapters
from lib_gi.encoded import EncodedConcept
from lib_gi.errors import AdapterError, GrowthInhibitorError
from lib_gi.fingerprint import fingerprint
from lib_gi.hosts.webui_model import Webui
from lib_gi.hosts.webui_rows import rows_of
from lib_gi.session import Session


def refined(host, exchange, **settings):
    """The rows of a pass before whose second step the host goes over to other weights."""
    protection = protected(host, **settings)

    def callback(told):
        if told.denoiser.step == 1:
            exchange(host)
        protection.begin_step(told)

    wrap = Denoiser(host, callback)
    p = Generation(wrap)
    protection.begin_sampling(p)
    try:
        return sample(wrap), protection
    finally:
        protection.end_sampling()


def to_another_unet(host):
    host.loaded, host.weights = UNet(seed=8), "refiner.safetensors"


def to_other_weights_in_the_same_unet(host):
    host.loaded.load_state_dict(UNet(seed=8).state_dict())
    host.weights = "refiner.safetensors"


def test_after_a_refiners_switch_the_concept_is_read_by_the_refiner_however_the_host_loads_it():
    one, other = Host(), Host()
    with_another, first = refined(one, to_another_unet)
    within_one, second = refined(other, to_other_weights_in_the_same_unet)
    for a, b in zip(with_another, within_one):
        assert torch.equal(a, b)
    assert [name for name, _ in other.encoded] == ["a", "a"], "the refiner has a text encoder of its own"
    assert hooks(other.loaded) == 0
    assert [done.steps for done in first.done] == [done.steps for done in second.done] == [3]


def test_a_refiner_that_takes_over_is_inhibited_too_and_the_first_model_left_as_it_was():
    host = Host()
    first, second = host.loaded, UNet(seed=8)
    protection = protected(host)

    def callback(told):
        if told.denoiser.step == 1:
            host.loaded = second
        protection.begin_step(told)

    wrap = Denoiser(host, callback)
    p = Generation(wrap)
    protection.begin_sampling(p)
    after = sample(wrap)
    assert hooks(first) == 0 < hooks(second)
    protection.end_sampling()
    assert hooks(second) == 0
    host.loaded = second
    wrap = Denoiser(host, lambda told: None)
    unprotected = sample(wrap)
    assert not torch.equal(unprotected[2][0], after[2][0]) and torch.equal(unprotected[2][1], after[2][1])


def test_an_interrupted_pass_tells_what_it_did_until_then():
    host = Host()
    protection = protected(host)
    wrap = Denoiser(host, protection.begin_step, steps=5)
    wrap.interrupted_at = 2
    protection.begin_sampling(Generation(wrap))
    with pytest.raises(Interrupted):
        sample(wrap)
    protection.end_sampling()
    assert [done[:4] for done in protection.done] == [(3, 2, 2, "Doggettx")]


def test_a_sampler_that_takes_more_steps_than_it_was_told_is_counted_as_it_went():
    host = Host()
    protection = protected(host, last_step=3)
    wrap = Denoiser(host, protection.begin_step, steps=3)
    p = Generation(wrap)
    protection.begin_sampling(p)
    sample(wrap, steps=5)
    protection.end_sampling()
    assert [done[:4] for done in protection.done] == [(3, 4, 5, "Doggettx")]


def test_a_generation_that_dies_between_two_steps_takes_the_hooks_along():
    host = Host()
    protection = protected(host)
    p = Generation(Denoiser(host, protection.begin_step))
    protection.begin_sampling(p)
    p.sampler.model_wrap_cfg(noise(2))
    assert hooks(host.loaded) > 0
    del p
    gc.collect()
    assert hooks(host.loaded) == 0


def test_the_fake_host_has_what_the_real_one_has():
    for name, value in vars(Host).items():
        if name.startswith("_"):
            continue
        real = inspect.getattr_static(Webui, name)
        if callable(value):
            mine, theirs = (list(inspect.signature(f).parameters.values()) for f in (value, real))
            assert len(mine) == len(theirs), name
        else:
            assert isinstance(real, property), name


# -- adapters ----------------------------------------------------------------------------------------------------


def adapters_for(folder, *unets):
    """The adapters of a folder with one for each of these UNets."""
    for number, unet in enumerate(unets):
        adapter = some_adapter()
        adapter.about = {"fingerprint": fingerprint(unet)}
        adapter.save(folder / f"{number}.safetensors")
    return Adapters([folder])


@pytest.mark.parametrize("way", [{}, {"split": True}, {"without_uncond": True}])
def test_inferred_scales_are_those_of_a_session_told_the_same_in_every_way_to_share_out_the_rows(tmp_path, way):
    host = Host()
    protection = protected(host, adapters_for(tmp_path, host.loaded), adapter="auto")
    wrap = Denoiser(host, protection.begin_step, parts=(1, 1), **way)
    p = Generation(wrap)
    protection.begin_sampling(p)
    got = sample(wrap)
    w = protection._session.inferred["a"]
    protection.end_sampling()
    assert w.shape == (2, 2) and len(set(w.flatten().tolist())) == 4 and hooks(host.loaded) == 0
    given = concept("a")
    with Session(host.loaded, [EncodedConcept("a", given.c_star, given.s, given.e, w)]) as session:
        session.begin_pass()
        wrap = Denoiser(host, lambda told: session.begin_step(wrap.step, rows_of(told, False)), parts=(1, 1), **way)
        expected = sample(wrap)
    for a, b in zip(got, expected):
        assert torch.equal(a, b)


def test_a_refiner_without_an_adapter_of_its_own_stops_the_generation(tmp_path):
    host, refiner = Host(), UNet(seed=1)
    protection = protected(host, adapters_for(tmp_path, host.loaded), adapter="auto")
    wrap = Denoiser(host, protection.begin_step)
    p = Generation(wrap)
    protection.begin_sampling(p)
    sample(wrap, steps=1)
    host.loaded = refiner
    with pytest.raises(AdapterError, match="no adapter for this model"):
        sample(wrap, steps=1)
    protection.end_sampling()
    assert hooks(refiner) == 0


@pytest.fixture
def begun():
    """A protected pass that has begun: host, what its rows were before, protection, denoiser, the generation."""
    host = Host()
    before = sample(Denoiser(host, lambda told: None))
    protection = protected(host)
    wrap = Denoiser(host, protection.begin_step)
    p = Generation(wrap)
    protection.begin_sampling(p)
    return host, before, protection, wrap, p


def test_an_error_in_a_step_leaves_nothing_in_the_unet_at_once(begun):
    host, before, protection, wrap, _ = begun

    def fail(*_):
        raise MemoryError

    handle = host.loaded.mid_block.register_forward_hook(fail)
    with pytest.raises(MemoryError):
        sample(wrap)
    handle.remove()
    assert hooks(host.loaded) == 0
    with pytest.raises(GrowthInhibitorError, match="broken off"):
        wrap(noise(2))
    protection.end_sampling()
    assert all(torch.equal(a, b) for a, b in zip(before, sample(Denoiser(host, lambda told: None))))


def test_after_an_interrupt_nothing_is_left_once_the_host_tells_the_end_of_sampling(begun):
    host, before, protection, wrap, _ = begun
    wrap.interrupted_at = 1
    with pytest.raises(Interrupted):
        sample(wrap)
    protection.end_pass()
    assert hooks(host.loaded) == 0 and protection.refusal is None
    assert all(torch.equal(a, b) for a, b in zip(before, sample(Denoiser(host, lambda told: None))))
