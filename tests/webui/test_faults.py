"""Interrupts, errors, and what cannot be protected: the generation stops, and the next picture is as it was before."""

import re
import threading
import time

import pytest
from cells import GI, PROMPT, said_by, wanting

from tools.webui_server import Refused

MANY = 60
NOTHING = {"modules": [], "sessions": 0}


@pytest.fixture(scope="module")
def before(server):
    """Pictures without and with, from before anything of this module happened."""
    return server.draw(prompt=PROMPT), server.draw(GI, prompt=PROMPT)


@pytest.fixture()
def usual(server, before):
    """Whatever a test did, pictures without and with are afterwards what they were before it."""
    yield before
    assert server.left == NOTHING
    assert before[0].same(server.draw(prompt=PROMPT)) and before[1].same(server.draw(GI, prompt=PROMPT))


def in_the_middle(server, act, gi=GI, **payload):
    """Starts a long generation, calls `act` when some of its steps are done, and gives the answer or the error."""
    outcome = []

    def draw():
        try:
            outcome.append(server.draw(gi, **{"prompt": PROMPT, "steps": MANY} | payload))
        except (Refused, OSError) as error:
            outcome.append(error)

    thread = threading.Thread(target=draw)
    thread.start()
    until = time.monotonic() + 300
    while not in_a_middle_step(server):
        assert thread.is_alive() and time.monotonic() < until, outcome
        time.sleep(0.02)
    act()
    thread.join(300)
    return outcome[0]


def in_a_middle_step(server):
    state = server.ask("/sdapi/v1/progress?skip_current_image=true")["state"]
    return state["job_count"] != 0 and 2 <= state["sampling_step"] < MANY // 2


@pytest.mark.parametrize("sampler", ["DDIM", "Euler a", "UniPC"])
def test_an_interrupt_in_the_middle(server, usual, sampler):
    with said_by(server) as said:
        in_the_middle(server, lambda: server.ask("/sdapi/v1/interrupt", {}), sampler_name=sampler)
    (line,) = said
    assert interrupted(line)


def interrupted(line):
    """Whether the line tells of a pass that was inhibited as far as it went, and did not go to its end."""
    acted, steps = map(int, re.search(r"(\d+) of (\d+) steps in 16 layers", line).groups())
    return 0 < acted == steps < MANY - 1


def test_an_interrupt_before_anything_was_inhibited_is_no_error_and_records_nothing(server, usual):
    late = GI | {"first_step": MANY // 2 + 20}
    with said_by(server) as said:
        drawn = in_the_middle(server, lambda: server.ask("/sdapi/v1/interrupt", {}), gi=late)
    assert "no step was sampled in which to act" in said[0]
    assert "Growth Inhibitors" not in "".join(drawn.infotexts)


def test_a_skip_in_the_middle_leaves_the_next_batch_protected(server, usual):
    with said_by(server) as said:
        in_the_middle(server, lambda: server.ask("/sdapi/v1/skip", {}), n_iter=2)
    assert len(said) == 2 and all(" in 16 layers" in line for line in said)


def test_hires_fix_interrupted_in_its_first_pass(server, usual):
    hires = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.6, "hr_upscaler": "Latent"}
    drawn = in_the_middle(server, lambda: server.ask("/sdapi/v1/interrupt", {}), **hires)
    assert drawn.pictures.shape[1:] == (128, 128, 3)


@pytest.mark.parametrize("step", [0, 3, 6])
def test_an_error_in_the_middle(server, usual, step):
    with wanting(server, raise_at=step):
        with pytest.raises(Refused, match="an error on purpose"):
            server.draw(GI, prompt=PROMPT)
        assert server.left == NOTHING


@pytest.mark.parametrize("next_one", [None, GI])
def test_an_error_between_two_steps_leaves_nothing_for_the_next_picture(server, usual, next_one):
    with wanting(server, raise_after=2), pytest.raises(Refused, match="an error on purpose"):
        server.draw(GI, prompt=PROMPT)
    assert server.draw(next_one, prompt=PROMPT).same(usual[next_one is GI])
    assert server.left == NOTHING


def test_a_replaced_unet_is_refused_and_works_when_nothing_is_to_be_inhibited(server, usual):
    replaced = {"override_settings": {"sd_unet": "replaced"}}
    off = server.draw(prompt=PROMPT, **replaced)
    assert not off.same(usual[0])
    with pytest.raises(Refused, match="set SD Unet to None"):
        server.draw(GI, prompt=PROMPT, **replaced)


def test_a_model_without_cross_attention_is_refused_and_works_when_nothing_is_to_be_inhibited(server, usual):
    with wanting(server, hide=True):
        assert usual[0].same(server.draw(prompt=PROMPT))
        with pytest.raises(Refused, match="none is named attn2"):
            server.draw(GI, prompt=PROMPT)


@pytest.mark.parametrize("step", [0, 3])
@pytest.mark.parametrize("when", ["rows_at", "late_rows_at"])  # its callback comes before ours, or after it
def test_rows_of_another_extension_that_do_not_add_up_are_refused(server, usual, when, step):
    with wanting(server, **{when: step}), pytest.raises(Refused, match="RowCountError"):
        server.draw(GI, prompt=PROMPT)


def test_nan_of_the_model_is_refused(server, usual):
    with wanting(server, nan_at=0), pytest.raises(Refused, match="the model's own output is NaN"):
        server.draw(GI, prompt=PROMPT)


@pytest.mark.parametrize("step", [1, 3, 6])
def test_nan_in_a_later_step_is_refused_too(server, usual, step):
    with wanting(server, nan_at=step), pytest.raises(Refused, match=f"NaN or infinite in step {step}"):
        server.draw(GI, prompt=PROMPT)


def test_a_checkpoint_with_nan_in_its_cross_attention_is_refused(server, usual):
    with pytest.raises(Refused, match="NaN"):
        server.draw(GI, prompt=PROMPT, override_settings={"sd_model_checkpoint": "broken"})


def test_a_strength_that_overflows_is_refused(server, usual):
    with pytest.raises(Refused, match="lower the strength"):
        server.draw(GI | {"strength": 1e38}, prompt=PROMPT)


def test_an_unknown_concept_stops_every_picture_of_a_batch_and_of_several_batches(server, usual):
    for more in ({"batch_size": 2}, {"n_iter": 2}):
        with pytest.raises(Refused, match="Did you mean 'beer'"):
            server.draw({"concepts": ["beeer"]}, prompt=PROMPT, **more)


def test_two_clients_in_the_queue_with_different_settings(server, usual):
    calls = [GI, None, GI | {"concepts": ["cat"]}, GI | {"strength": 1}, {"concepts": ["beeer"]}, GI | {"last_step": 3}]
    serial = [None if gi and gi["concepts"] == ["beeer"] else server.draw(gi, prompt=PROMPT) for gi in calls]
    outcomes = [[] for _ in calls]

    def client(mine):
        for number in mine:
            for _ in range(2):
                try:
                    outcomes[number].append(server.draw(calls[number], prompt=PROMPT))
                except Refused as error:
                    outcomes[number].append(str(error))

    clients = [threading.Thread(target=client, args=(range(part, len(calls), 2),)) for part in (0, 1)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join(600)
    for expected, drawn in zip(serial, outcomes):
        assert len(drawn) == 2
        for one in drawn:
            assert "Did you mean 'beer'" in one if expected is None else expected.same(one)


def test_reload_ui_between_two_pictures(server, usual):
    server.reload_ui()
    assert server.draw(GI, prompt=PROMPT).same(usual[1])
    with said_by(server) as said:
        server.draw(GI, prompt=PROMPT)
    assert len(said) == 1, "a callback of the scripts before the reload is still there"


def test_reload_ui_in_the_middle_of_a_picture_that_is_inhibited(server, usual):
    with said_by(server) as said:
        in_the_middle(server, server.reload_ui)  # which interrupts; whether the answer still comes is the host's affair
        assert server.left == NOTHING
    (line,) = said
    assert interrupted(line)


def test_disabled_it_says_and_does_nothing(server, usual):
    with said_by(server) as said:
        assert server.draw(GI | {"enabled": False}, prompt=PROMPT).same(usual[0])
    assert not said
