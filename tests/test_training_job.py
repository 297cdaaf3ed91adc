"""A calibration beside a page: one at a time, in turn with others, told of, cancelled and resumed."""

import threading

import numpy as np
import pytest
from test_training_calibration import LAYERS, PLAN
from test_training_search import Needs, Paint

from lib_gi.errors import SearchStopped, SettingsError
from lib_gi.training.job import Job, Prepared, Status, _duration
from lib_gi.training.labels import DRAWINGS


class Gated(Paint):
    """Draws until its gate is reached, and then waits until it is opened; tells when it got there."""

    def __init__(self, at):
        super().__init__()
        self.at, self.calls, self.there, self.open, self.interrupted = (
            at,
            0,
            threading.Event(),
            threading.Event(),
            False,
        )

    def draw(self, tasks, strengths, beside=()):
        self.calls += 1
        if self.calls == self.at:
            self.there.set()
            assert self.open.wait(10)
        if self.interrupted:
            raise SearchStopped("the host was interrupted")
        return super().draw(tasks, strengths, beside)


GIVEN_UP = 2  # drawings of a picture that the strongest strength leaves as it is: the second chunk is one


class Turns:
    """The host's queue: one at a time, counted."""

    def __init__(self):
        self.lock, self.count = threading.Lock(), 0

    def __call__(self, work):
        with self.lock:
            self.count += 1
            return work()


def prepared(tmp_path, sampler, detector=None):
    return lambda: Prepared(PLAN, PLAN.search(sampler, detector or Needs(), tmp_path), LAYERS)


def ended(job):
    job.wait(30)
    assert not job.status().running
    return job.status()


def test_it_ends_with_a_result_and_others_have_their_turn_between_chunks(tmp_path):
    turns = Turns()
    job = Job(turns, lambda: None)
    job.start(prepared(tmp_path, Paint()))
    status = ended(job)
    assert (status.pictures, status.done, status.problem) == (14, 14, "")
    assert status.result.labels == 12 and status.told().startswith("12 of 14 pictures have a label")
    assert ". Loss on held-out pictures: " in status.told() and status.told().endswith("at its best.")
    assert turns.count == 1 + 6 + 1  # the model is looked at, six chunks, the fit
    job.forget()
    assert job.status() == Status() and job.status().told() == ""


def test_how_far_it_is_can_be_asked_at_any_time_and_a_second_one_is_refused(tmp_path):
    sampler, job = Gated(at=DRAWINGS + 2), Job(Turns(), lambda: None)
    job.start(prepared(tmp_path, sampler))
    assert sampler.there.wait(10)
    status = job.status()
    assert status.running and (status.done, status.pictures) == (3, 14) and status.left > 0
    assert status.told().startswith("3 of 14 pictures have been tried, about ")
    with pytest.raises(SettingsError, match="one at a time"):
        job.start(prepared(tmp_path, Paint()))
    job.forget()
    assert job.status().running
    sampler.open.set()
    assert ended(job).result


def test_cancelled_it_interrupts_the_host_keeps_finished_chunks_and_goes_on_later(tmp_path):
    sampler, interrupts = Gated(at=DRAWINGS + GIVEN_UP + 1), []

    def interrupt():
        interrupts.append(1)
        sampler.interrupted = True

    job = Job(Turns(), interrupt)
    job.start(prepared(tmp_path, sampler))
    assert sampler.there.wait(10)
    job.cancel()
    sampler.open.set()
    status = ended(job)
    assert status.stopped and "resume when you like" in status.told() and interrupts == [1] and status.done == 4
    assert len(list(tmp_path.iterdir())) == 2
    again = Paint()
    job.start(prepared(tmp_path, again))
    assert ended(job).result and len(again.drawn) == 8 * DRAWINGS + 1 + GIVEN_UP


def test_cancelled_while_it_waits_for_its_turn_it_interrupts_nobody(tmp_path):
    turns, interrupts, sampler = Turns(), [], Paint()
    job = Job(turns, lambda: interrupts.append(1))
    with turns.lock:
        job.start(prepared(tmp_path, sampler))
        assert job.status().told().startswith("Waiting for its turn")
        job.cancel()
    status = ended(job)
    assert status.stopped and not interrupts and not sampler.drawn


def test_an_interrupt_by_the_host_stops_it_too(tmp_path):
    sampler = Gated(at=0)
    sampler.interrupted = True
    job = Job(Turns(), lambda: None)
    job.start(prepared(tmp_path, sampler))
    assert ended(job).stopped and job.status().told() == "the host was interrupted"


class Broken:
    def found(self, pictures, concept):
        raise RuntimeError("no such layer")


def test_what_goes_wrong_is_told_and_the_next_one_can_begin(tmp_path):
    job = Job(Turns(), lambda: None)

    def refused():
        raise SettingsError("no checkpoint")

    job.start(refused)
    assert ended(job).told() == "no checkpoint" and not job.status().stopped
    job.start(prepared(tmp_path, Paint(), Broken()))
    assert "RuntimeError: no such layer" in ended(job).told()
    job.start(prepared(tmp_path, Paint()))
    assert ended(job).result


@pytest.mark.parametrize(
    "seconds, told", [(0, "2 seconds"), (40.4, "40 seconds"), (720, "12 minutes"), (12000, "3 h 20 min")]
)
def test_a_duration_is_told_in_what_suits_it(seconds, told):
    assert _duration(np.float64(seconds)) == told


def test_what_is_no_longer_allowed_ends_before_the_next_drawing_and_keeps_its_labels(tmp_path):
    sampler, job, allowed = Gated(DRAWINGS + GIVEN_UP + 1), Job(Turns(), lambda: None), [True]

    def check_allowed():
        if not allowed[0]:
            raise SettingsError("not while it is kept out")

    job.start(prepared(tmp_path, sampler), check_allowed)
    assert sampler.there.wait(10)
    allowed[0] = False
    sampler.open.set()
    status = ended(job)
    assert status.problem == "not while it is kept out" and not status.stopped and status.done == 4
    assert sampler.calls == DRAWINGS + GIVEN_UP + 1 and len(list(tmp_path.iterdir())) == 2
    allowed[0] = True
    again = Paint()
    job.start(prepared(tmp_path, again), check_allowed)
    assert ended(job).result and len(again.drawn) == 8 * DRAWINGS + 1 + GIVEN_UP
