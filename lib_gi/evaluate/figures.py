"""Measured figures: 95 % intervals and the one committed form, `benchmarks/results/NAME.json`."""

import datetime
import json
import math
import os
import platform
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
Z = 1.959963984540054  # the normal distribution's 97.5 % point


@dataclass(frozen=True)
class Figure:
    """One measured value, its 95 % interval, and how to measure it again."""

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str
    command: str
    machine: str
    date: str

    def save(self, folder: Path = RESULTS) -> None:
        """Writes `folder`/NAME.json."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.json").write_text(json.dumps(asdict(self), indent=1) + "\n")

    def __str__(self) -> str:
        return f"{self.name} = {self.value:.4g} [{self.low:.4g}, {self.high:.4g}] {self.unit}, n = {self.n}"


def share(name: str, hits: np.ndarray) -> Figure:
    """The share of true values in `hits` (n,), with Wilson's interval."""
    hits = np.asarray(hits, bool)
    if not hits.size:
        raise ValueError(f"{name}: nothing was measured, a share of nothing is no figure")
    low, high = wilson(int(hits.sum()), hits.size)
    return described(name, float(hits.mean()), low, high, hits.size, "share")


def mean(name: str, values: np.ndarray, unit: str, seed: int = 0) -> Figure:
    """The mean of `values` (n,), with a bootstrap interval."""
    values = np.asarray(values, float)
    if not values.size:
        raise ValueError(f"{name}: nothing was measured, a mean of nothing is no figure")
    low, high = bootstrap(values, seed)
    return described(name, float(values.mean()), low, high, values.size, unit)


def described(name: str, value: float, low: float, high: float, n: int, unit: str) -> Figure:
    """A figure of this run: its command, machine and date are filled in."""
    return Figure(name, value, low, high, n, unit, **origin())


def origin() -> dict[str, str]:
    """The command, machine and date of this run."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    program = f"python -m {module.name.removesuffix('.__main__')}" if module else f"python {Path(sys.argv[0]).name}"
    # A path of this machine tells nothing elsewhere, but for its last part.
    told = [Path(text).name if Path(text).is_absolute() else text for text in sys.argv[1:]]
    command = " ".join([program, *map(shlex.quote, told)])
    return {"command": command, "machine": machine(), "date": datetime.date.today().isoformat()}


def machine(runs_on: str = "CPU") -> str:
    """This machine, and which part of it the work is done on."""
    return f"{os.cpu_count()} cores, {runs_on}, {platform.machine()}"


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `hits` in `n`."""
    centre, square = hits / n, Z * Z / n
    middle = (centre + square / 2) / (1 + square)
    half = Z * math.sqrt(centre * (1 - centre) / n + square / (4 * n)) / (1 + square)
    low = 0.0 if hits == 0 else middle - half  # exact where rounding would miss the value by a hair
    return low, 1.0 if hits == n else middle + half


def bootstrap(values: np.ndarray, seed: int = 0, times: int = 2000) -> tuple[float, float]:
    """Percentile bootstrap 95 % interval of the mean of `values` (n,)."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(times, len(values)))].mean(1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
