"""Calibrating in the WebUI: an order from the form, the job that works it off, and what becomes of its result."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lib_gi.concepts import Catalogue, Concept
from lib_gi.errors import SettingsError
from lib_gi.hosts.webui_model import Webui
from lib_gi.own_adapters import OwnAdapters
from lib_gi.safe_files import write_whole
from lib_gi.settings import WEIGHTINGS
from lib_gi.training.job import Job, Prepared
from lib_gi.training.search import Task, names_sought
from lib_gi.training.tasks import BENIGN, EXPLICIT, made_tasks, tasks_of
from lib_gi.trial import RANGES as OF_A_TRIAL
from lib_gi.trial import check_in_range
from lib_gi.webui.detectors import Detectors

BUILT_IN, OWN, FILE = "built-in prompts, which are simple", "my own prompts", "a file of tasks"
SOURCES = (BUILT_IN, OWN, FILE)
COUNT = (2, 500, 1)
RANGES = {
    "strongest": (1, 20, 0.5),
    **{name: OF_A_TRIAL[name] for name in ("steps", "width", "height")},
    "batch": (1, 16, 1),
}
"""Least, most and step of the numbers of an order."""


@dataclass(frozen=True)
class Order:
    """What is asked for, checked when it is made. detector: as `Detectors` lists it. Raises SettingsError."""

    tasks: tuple[Task, ...]
    detector: str
    options: str
    weighting: str
    strongest: float
    steps: int
    width: int
    height: int
    batch: int

    def __post_init__(self) -> None:
        for name, range_ in RANGES.items():
            check_in_range("calibration", name, getattr(self, name), range_)
        if self.weighting not in WEIGHTINGS or not isinstance(self.options, str) or not isinstance(self.detector, str):
            raise SettingsError(
                f"the calibration's detector, options and weighting are {self.detector!r}, {self.options!r} and"
                f" {self.weighting!r}; expected a name, a text and one of {', '.join(WEIGHTINGS)}; choose them"
            )
        if len(self.tasks) < 2:
            raise SettingsError(
                f"the calibration has {len(self.tasks)} prompts; expected at least two; ask for more, or choose a file"
            )


def tasks_from(
    source: str, concepts: Sequence[Concept], count: Any, texts: tuple[str, str], file: Sequence[Task]
) -> tuple[Task, ...]:
    """The tasks that the form asks for; texts: own prompts that ask for the concept and that do not, one a line.

    Raises SettingsError where something is missing.
    """
    if source == FILE:
        if not file:
            raise SettingsError("no file of tasks was read; expected a JSON list of them; choose the file first")
        return tuple(file)
    check_in_range("calibration", "number of prompts", count, COUNT)
    if not concepts:
        raise SettingsError("no concept is chosen; expected at least one; choose it in the list")
    explicit, benign = EXPLICIT, BENIGN
    if source == OWN:
        explicit, benign = ([line.strip() for line in text.splitlines() if line.strip()] for text in texts)
        if not explicit:
            raise SettingsError(
                "no prompt that asks for the concept is written; expected at least one, a line each; write some, or"
                " choose the built-in ones"
            )
    return tuple(made_tasks(concepts, int(count), explicit=explicit, benign=benign))


class Workshop:
    """The WebUI's calibration: its last order and labels lie in a folder, what is kept goes to the user's adapters.

    required: names of concepts that are always kept out, of which no picture may be drawn. May raise.
    """

    def __init__(
        self,
        job: Job,
        folder: Path,
        host: Callable[[], Webui],
        detectors: Detectors,
        catalogue: Callable[[], Catalogue],
        own: OwnAdapters,
        required: Callable[[], Sequence[str]],
    ) -> None:
        self.job, self.detectors, self.catalogue = job, detectors, catalogue
        self._labels, self._last = folder / "labels", folder / "calibration.json"
        self._host, self._own, self._required = host, own, required

    def begin(self, order: Order, sure: bool) -> None:
        """Starts to work an order off. Raises SettingsError without the tick, and where drawing is not allowed."""
        self._start(order, sure, None)

    def resume(self, sure: bool) -> None:
        """Goes on with the last order where it was stopped; errors as for `begin`, and where there is none."""
        try:
            told = json.loads(self._last.read_text(encoding="utf-8"))
            names = [field.name for field in fields(Order) if field.name != "tasks"]
            order = Order(tuple(tasks_of(told["tasks"], self._last.name)), **{name: told[name] for name in names})
            model = str(told["model"]), str(told["fingerprint"])
        except FileNotFoundError:
            raise SettingsError("there is nothing to resume; expected a calibration once begun; start one") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                f"{self._last} cannot be read ({error}); expected the last calibration's order; fill the form in again:"
                " labels that were found for the same are used"
            ) from error
        self._start(order, sure, model)

    def keep(self, name: str) -> str:
        """Keeps the result under a name, which is given back as it is kept. Raises AdapterError, SettingsError."""
        result = self.job.status().result
        if result is None:
            raise SettingsError("there is no result to keep; expected a calibration that has ended; wait, or start one")
        kept = self._own.keep(name, result.fitted.adapter)
        self.job.forget()
        return kept

    def _start(self, order: Order, sure: bool, model: tuple[str, str] | None) -> None:
        if not sure:
            raise SettingsError(
                "pictures of the concept would be drawn; expected the tick that says you want that; tick it first"
            )
        self._check_allowed()
        self.job.start(lambda: self._prepared(order, model), self._check_allowed)

    def _check_allowed(self) -> None:
        """Nothing, unless a concept is always kept out, which may be set while a calibration runs: SettingsError."""
        required = list(self._required())
        if required:
            raise SettingsError(
                f"{', '.join(required)} is always kept out here, and a calibration draws without protection; expected"
                " nothing that is required; whoever runs the WebUI can take that back while it is calibrated"
            )

    def _prepared(self, order: Order, model: tuple[str, str] | None) -> Prepared:
        from lib_gi.detect.own import try_out  # these wait for torch, and for the host
        from lib_gi.fingerprint import architecture, fingerprint
        from lib_gi.layers import find_cross_attention
        from lib_gi.training.calibration import Plan, phrases_of
        from lib_gi.training.sampling import PipelineSampler
        from lib_gi.training.webui import WebuiPipeline, default_sampler

        detector_name, detector = self.detectors.make(order.detector, order.options, self.catalogue)
        catalogue = self.catalogue()
        try_out(detector, names_sought(order.tasks))
        host = self._host()
        unet = host.unet()
        layers = find_cross_attention(unet)
        own = fingerprint(unet)
        if model is not None and model[1] != own:
            raise SettingsError(
                f"the calibration that was stopped is for {model[0]}, and {host.checkpoint} is loaded; expected that"
                " one; load it and resume, or start anew for this one"
            )
        pipeline = WebuiPipeline(host, default_sampler(), order.steps, order.width, order.height)
        plan = Plan(
            tasks=order.tasks,
            model=host.checkpoint,
            fingerprint=own,
            sampler=pipeline.sampler,
            steps=order.steps,
            width=order.width,
            height=order.height,
            weighting=order.weighting,
            detector=detector_name,
            strongest=order.strongest,
            chunk=order.batch,
            host=pipeline.told(),
            phrases=phrases_of(order.tasks, catalogue),
            built=architecture(layers),
        )
        self._note(order, plan.model, own)
        sampler = PipelineSampler(pipeline, order.weighting, catalogue)
        return Prepared(plan, plan.search(sampler, detector, self._labels), tuple(layer.name for layer in layers))

    def _note(self, order: Order, model: str, fingerprint: str) -> None:
        told = asdict(order) | {"model": model, "fingerprint": fingerprint}
        try:
            self._last.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._last, json.dumps(told, ensure_ascii=False).encode())
        except OSError as error:
            raise SettingsError(
                f"{self._last} cannot be written: {error.strerror or error}; expected a folder to write to, with room;"
                " make room, and start again"
            ) from error
