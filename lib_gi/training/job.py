"""A calibration that runs beside a host's page: one at a time, told of whenever asked, and stopped between drawings."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from lib_gi.errors import GrowthInhibitorError, SearchStopped, SettingsError
from lib_gi.training.calibration import Plan, Result
from lib_gi.training.labels import drawings
from lib_gi.training.search import Drawn, Sampler, Search, Task

logger = logging.getLogger(__name__)

T = TypeVar("T")
InTurn = Callable[[Callable[[], T]], T]
"""Does some work when it is its turn on the host, and gives back or raises what comes of it."""


@dataclass(frozen=True)
class Prepared:
    """What a calibration works with: its plan, what draws and labels, and the names of the model's layers."""

    plan: Plan
    search: Search
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Status:
    """How far a calibration is.

    pictures: all that get a label; done: that have one. left: seconds until the last has one, None while nothing is
    known of that. result: once it is there. problem: what ended it; stopped: whether that was its user.
    """

    running: bool = False
    pictures: int = 0
    done: int = 0
    left: float | None = None
    result: Result | None = None
    problem: str = ""
    stopped: bool = False

    def told(self) -> str:
        """It in a sentence; empty where there is nothing to tell."""
        if self.problem:
            return self.problem
        if self.result is not None:
            return " ".join(f"{told[0].upper()}{told[1:]}." for told in self.result.told())
        if not self.running:
            return ""
        if not self.pictures:
            return "Waiting for its turn, and looking at the model."
        if self.done == self.pictures:
            return f"All {self.pictures} pictures have been tried; learning from them."
        left = "" if self.left is None else f", about {_duration(self.left)} left"
        return f"{self.done} of {self.pictures} pictures have been tried{left}."


class Job:
    """A host's one calibration. `interrupt` stops what the host draws at the moment."""

    def __init__(self, in_turn: InTurn, interrupt: Callable[[], None]) -> None:
        self._in_turn, self._interrupt = in_turn, interrupt
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._cancelled, self._drawing = threading.Event(), False
        self._check_allowed: Callable[[], None] = lambda: None
        self._status = Status()
        self._drawings = self._all_drawings = 0  # of this run alone
        self._began = 0.0

    def start(self, prepare: Callable[[], Prepared], check_allowed: Callable[[], None] = lambda: None) -> None:
        """Begins in a thread of its own; `prepare` is called there in turn. SettingsError while another one runs.

        check_allowed: asked before each drawing; what it raises ends the calibration.
        """
        with self._lock:
            if self.status().running:
                raise SettingsError("a calibration is running; expected one at a time; wait for it, or cancel it first")
            self._cancelled.clear()
            self._check_allowed = check_allowed
            self._status, self._all_drawings = Status(running=True), 0
            self._thread = threading.Thread(target=self._run, args=(prepare,), name="calibration", daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """Stops it as soon as can be; labels of finished chunks are kept. Safe at any time."""
        self._cancelled.set()
        if self._drawing:
            self._interrupt()

    def status(self) -> Status:
        """How far it is."""
        status, drawn, all_drawings = self._status, self._drawings, self._all_drawings
        if not status.running or not drawn:
            return status
        left = (time.monotonic() - self._began) / drawn * (all_drawings - drawn)
        return Status(True, status.pictures, status.done, left)

    def forget(self) -> None:
        """Drops the result or problem of one that has ended."""
        with self._lock:
            if not self._status.running:
                self._status = Status()

    def wait(self, timeout: float | None = None) -> None:
        """Until it has ended, or for so many seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self, prepare: Callable[[], Prepared]) -> None:
        try:
            self._status = Status(result=self._work(prepare), pictures=self._status.pictures, done=self._status.done)
        except SearchStopped as stop:
            self._status = self._ended(str(stop), stopped=True)
        except GrowthInhibitorError as error:
            self._status = self._ended(str(error))
        except Exception as error:  # noqa: BLE001 - any: a thread's end is seen by nobody else
            logger.error("the calibration failed", exc_info=error)
            self._status = self._ended(
                f"the calibration failed with {type(error).__name__}: {error}; expected no such failure; what was found"
                " is kept, so resume, and report this if it comes again"
            )

    def _work(self, prepare: Callable[[], Prepared]) -> Result:
        prepared = self._in_turn(prepare)
        plan, search = prepared.plan, prepared.search
        counted = replace(search, sampler=_Counted(search.sampler, self))
        missing = counted.missing(counted.parts(plan.tasks))
        each = drawings(search.tried)
        self._drawings, self._all_drawings, self._began = 0, each * len(missing), time.monotonic()
        self._note(plan, missing)
        while missing:
            self.check()
            part = missing.pop(0)
            self._in_turn(lambda part=part: counted.label(part))
            self._drawings = self._all_drawings - each * len(missing)  # also those that were not needed
            self._note(plan, missing)
        self._check_cancelled()
        return self._in_turn(lambda: plan.result(search, prepared.layers))

    def check(self) -> None:
        """Nothing, unless it was cancelled, SearchStopped then, or is no longer allowed to draw."""
        self._check_cancelled()
        self._check_allowed()

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise SearchStopped("Cancelled. The labels of finished pictures are kept: resume when you like.")

    def _note(self, plan: Plan, missing: Sequence[Sequence[Task]]) -> None:
        pictures = len(plan.tasks)
        self._status = Status(True, pictures, pictures - sum(map(len, missing)))

    def _ended(self, problem: str, stopped: bool = False) -> Status:
        return Status(pictures=self._status.pictures, done=self._status.done, problem=problem, stopped=stopped)

    def count(self, draw: Callable[[], Drawn]) -> Drawn:
        """What is drawn, unless the job was cancelled before or while it was."""
        self.check()
        self._drawing = True
        try:
            drawn = draw()
        except SearchStopped:
            self.check()  # our own word for it
            raise
        finally:
            self._drawing = False
        self._drawings += 1
        return drawn


class _Counted:
    """A sampler whose drawings a job counts, and between which it can be cancelled."""

    def __init__(self, sampler: Sampler, job: Job) -> None:
        self._sampler, self._job = sampler, job

    def draw(self, tasks: Sequence[Task], strengths: np.ndarray, beside: Sequence[str] = ()) -> Drawn:
        """See `search.Sampler`."""
        return self._job.count(lambda: self._sampler.draw(tasks, strengths, beside))


def _duration(seconds: float) -> str:
    """A time in words: "40 seconds", "12 minutes", "3 h 20 min"."""
    if seconds < 90:
        return f"{max(2, round(seconds))} seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
