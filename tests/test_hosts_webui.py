"""A protection in the WebUI: what it draws, when it is in, and that nothing is drawn when it could not act."""

import pytest
import torch
from tiny_unet import UNet, concept, hooks
from webui_fakes import Denoiser, Generation, Host, Interrupted, protected, sample

from lib_gi.errors import (
    ConceptError,
    GrowthInhibitorError,
    NeverHitError,
    NonFiniteError,
    RowCountError,
    SettingsError,
    StepRangeError,
    UnsupportedModelError,
)
from lib_gi.hosts.webui import Protection
from lib_gi.rows import RowMap
from lib_gi.session import Session
from lib_gi.settings import WEIGHTINGS


def drawn(host, protection, **denoiser):
    """One pass under the protection, from the host's first callback to its last."""
    wrap = Denoiser(host, protection.begin_step if protection else (lambda told: None), **denoiser)
    p = Generation(wrap)
    if protection:
        protection.begin_sampling(p)
    try:
        return sample(wrap)
    finally:
        if protection:
            protection.end_sampling()


def plain_rows(host, parts, **denoiser):
    return drawn(host, None, parts=parts, **denoiser)


@pytest.mark.parametrize("parts", [(1,), (1, 1, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize("way", [{}, {"split": True}, {"without_uncond": True}])
def test_every_way_to_share_out_the_rows_inhibits_the_conditional_ones_only(parts, way):
    host = Host()
    before = plain_rows(host, parts, **way)
    after = drawn(host, protected(host), parts=parts, **way)
    whole = drawn(host, protected(host), parts=parts)
    for step, (a, b, c) in enumerate(zip(before, after, whole)):
        for row in range(len(a)):
            assert torch.equal(a[row], b[row]) == (row >= sum(parts)), (step, row)
            torch.testing.assert_close(b[row], c[row])


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_picture_is_that_of_a_session_told_the_same_rows(weighting):
    host = Host()
    got = drawn(host, protected(host, strength=4, weighting=weighting), parts=(1, 1))
    expected = []
    with Session(host.loaded, [concept("a")], weighting=weighting, empty=host.empty(None)) as session:
        session.begin_pass()
        wrap = Denoiser(host, lambda told: session.begin_step(wrap.step, RowMap((0, 1, None, None))), parts=(1, 1))
        expected = sample(wrap)
    for a, b in zip(got, expected):
        assert torch.equal(a, b)


def test_an_edit_model_is_inhibited_in_its_conditional_rows_only():
    host = Host(edit=True)
    before = plain_rows(host, (1, 1), edit=True)
    after = drawn(host, protected(host), parts=(1, 1), edit=True)
    assert [torch.equal(a, b) for a, b in zip(before[0], after[0])] == [False, False, True, True, True, True]


def test_strength_zero_and_no_protection_are_bit_identical():
    host = Host()
    before = plain_rows(host, (1,))
    after = drawn(host, protected(host, strength=0.0), parts=(1,))
    assert all(torch.equal(a, b) for a, b in zip(before, after))


def test_nothing_is_hooked_before_and_after_a_pass():
    host = Host()
    protection = protected(host)
    assert hooks(host.loaded) == 0
    before = plain_rows(host, (1,))
    drawn(host, protection)
    assert hooks(host.loaded) == 0 and not protection.armed
    assert all(torch.equal(a, b) for a, b in zip(before, plain_rows(host, (1,))))


def test_the_size_of_the_picture_reaches_the_text_encoder():
    host = Host()
    drawn(host, protected(host))
    assert host.encoded == [("a", (512, 768))]


def test_steps_are_the_users_steps_also_where_a_step_runs_the_unet_twice():
    host = Host()
    before = plain_rows(host, (1,), steps=3, order=2)
    after = drawn(host, protected(host, first_step=1, last_step=1), steps=3, order=2)
    assert [torch.equal(a[0], b[0]) for a, b in zip(before, after)] == [True, True, False, False, True, True]


def test_last_step_zero_acts_in_the_first_step_and_is_told_so():
    host = Host()
    protection = protected(host, last_step=0)
    before = plain_rows(host, (1,))
    after = drawn(host, protection)
    assert [torch.equal(a[0], b[0]) for a, b in zip(before, after)] == [False, True, True]
    assert [done[:4] for done in protection.done] == [(3, 1, 3, "Doggettx")]


def test_a_last_step_beyond_the_pass_is_its_end():
    host = Host()
    protection = protected(host, last_step=99)
    assert torch.equal(torch.stack(drawn(host, protection)), torch.stack(drawn(host, protected(host))))
    assert [done[:4] for done in protection.done] == [(3, 3, 3, "Doggettx")]


def test_what_was_done_is_told_for_each_pass():
    host = Host()
    protection = protected(host)
    drawn(host, protection)
    drawn(host, protection, steps=5)
    assert [done[:4] for done in protection.done] == [(3, 3, 3, "Doggettx"), (3, 5, 5, "Doggettx")]


@pytest.mark.parametrize("hires", [True, False])
def test_the_hires_pass_is_inhibited_as_the_setting_says(hires):
    host = Host()
    protection = protected(host, hires=hires)
    before = plain_rows(host, (1,))
    wrap = Denoiser(host, protection.begin_step)
    p = Generation(wrap)
    protection.begin_sampling(p, hires=True)
    after = sample(wrap)
    protection.end_sampling()
    assert torch.equal(before[0], after[0]) != hires
    assert hooks(host.loaded) == 0


# -- what stops a picture ----------------------------------------------------------------------------------


class PassesBy(UNet):
    """A UNet that something else runs in place of."""

    def forward(self, x, context):
        return x


class Failing(Host):
    """A host whose text encoder raises this error."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def encode(self, asked, w, size):
        raise self.error


def test_a_unet_whose_layers_never_run_stops_the_first_step():
    host = Host(PassesBy())
    with pytest.raises(NeverHitError, match="SD Unet"):
        drawn(host, protected(host))
    assert hooks(host.loaded) == 0


def test_a_model_without_cross_attention_stops_before_the_first_step():
    host = Host(torch.nn.Linear(2, 2))
    with pytest.raises(UnsupportedModelError, match="SD3 and Flux"):
        drawn(host, protected(host))


@pytest.mark.parametrize("settings", [{}, {"adapter": "auto"}])
def test_where_attention_lacks_that_is_told_and_not_what_lacks_because_of_it(settings):
    host = Failing(UnsupportedModelError("the text encoder does not tell its tokens"))  # as SD3's
    host.loaded = torch.nn.Linear(2, 2)
    with pytest.raises(UnsupportedModelError, match="none is named attn2"):
        drawn(host, protected(host, **settings))


@pytest.mark.parametrize("error", [ConceptError("no token; expected words; choose another"), ZeroDivisionError("x")])
def test_an_error_while_arming_stops_before_the_unet_runs(error):
    host = Failing(error)
    ran = []
    host.loaded.register_forward_hook(lambda *_: ran.append(1))
    kind = ConceptError if isinstance(error, ConceptError) else GrowthInhibitorError
    with pytest.raises(kind, match="no token|ZeroDivisionError: x"):
        drawn(host, protected(host))
    assert not ran


def test_bad_settings_stop_the_generation_in_every_pass():
    host = Host()
    protection = Protection.refused(host, SettingsError("there is no setting 'strenght'"))
    for _ in range(2):
        with pytest.raises(SettingsError, match="strenght"):
            drawn(host, protection)


def test_rows_that_do_not_add_up_stop_the_generation():
    host = Host()
    protection = protected(host)
    wrap = Denoiser(host, protection.begin_step, parts=(1, 1))
    wrap.announced_rows = 3
    p = Generation(wrap)
    protection.begin_sampling(p)
    with pytest.raises(RowCountError, match="announces 3 rows"):
        sample(wrap)
    assert hooks(host.loaded) == 0


def test_a_first_step_beyond_the_pass_stops_the_generation():
    host = Host()
    with pytest.raises(StepRangeError, match="steps 0 to 2"):
        drawn(host, protected(host, first_step=3))


def test_a_callback_that_is_not_called_stops_the_generation():
    host = Host()
    protection = protected(host)
    wrap = Denoiser(host, lambda told: None)
    p = Generation(wrap)
    protection.begin_sampling(p)
    with pytest.raises(RowCountError):
        sample(wrap)


def test_a_pass_that_the_host_did_not_tell_of_is_inhibited_all_the_same():
    host = Host()
    before = plain_rows(host, (1,))
    protection = protected(host)
    after = sample(Denoiser(host, protection.begin_step))
    protection.end_sampling()
    assert all(not torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(before, after))
    assert hooks(host.loaded) == 0


def test_an_untold_pass_that_cannot_be_inhibited_is_stopped_in_its_first_step():
    host = Failing(ConceptError("no token"))
    protection = protected(host)
    with pytest.raises(ConceptError, match="no token"):
        sample(Denoiser(host, protection.begin_step), steps=1)


@pytest.mark.parametrize(("host", "error"), [(Host(), NeverHitError), (Failing(ConceptError("x")), ConceptError)])
def test_an_untold_pass_with_a_replaced_unet_is_stopped_in_its_second_step(host, error):
    protection = protected(host)
    wrap = Denoiser(Host(), protection.begin_step)  # which runs another UNet than the host tells of
    with pytest.raises(error):
        sample(wrap)
    assert wrap.step <= 2
    protection.end_sampling()
    assert hooks(host.loaded) == hooks(wrap) == 0


@pytest.mark.parametrize("step", [0, 1, 2])
def test_numbers_that_are_not_finite_stop_the_generation_in_whichever_step_they_come(step):
    host = Host()
    protection = protected(host)

    def spoil(told):
        protection.begin_step(told)
        if told.denoiser.step == step:
            host.loaded.up_blocks[0].register_forward_hook(lambda module, args, output: output * float("nan"))

    wrap = Denoiser(host, spoil)
    p = Generation(wrap)
    protection.begin_sampling(p)
    with pytest.raises(NonFiniteError, match=f"in step {step}"):
        sample(wrap)
    assert wrap.step == step + 1 and not protection.armed, "the step itself is counted by the denoiser"


def test_numbers_that_are_not_finite_before_anything_acted_are_the_hosts_affair():
    host = Host()
    protection = protected(host, first_step=2)
    wrap = Denoiser(host, protection.begin_step)
    p = Generation(wrap)
    protection.begin_sampling(p)
    handle = host.loaded.up_blocks[0].register_forward_hook(lambda module, args, output: output * float("nan"))
    sample(wrap, steps=2)
    handle.remove()
    assert all(row.isfinite().all() for row in sample(wrap, steps=1))


def test_the_next_batch_after_a_skipped_one_is_inhibited():
    host = Host()
    protection = protected(host)
    wrap = Denoiser(host, protection.begin_step)
    wrap.interrupted_at = 1
    p = Generation(wrap)
    protection.begin_sampling(p)
    with pytest.raises(Interrupted):
        sample(wrap)
    protection.end_sampling()
    assert not torch.equal(plain_rows(host, (1,))[0], drawn(host, protection)[0])
