"""One resumable training loop for every stage: schedule, average of weights, checkpoints, progress.

Checkpoints are safetensors (weights, average, optimizer moments), written beside and then renamed,
so that a kill in the middle of a save loses nothing. Every batch is drawn from a generator seeded by
(seed, step): a resumed run sees the batches that an unbroken one would have seen.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from .muon import Muon

NOTED = 20  # steps between two noted losses
Loss = Callable[[torch.Generator], torch.Tensor]


@dataclass(frozen=True)
class Schedule:
    """`steps` long: linear warm-up, constant up to `flat` of the run, linear fall to `floor` of the rates.

    `adam` is AdamW's rate. With `muon`, weights inside the net (not embeddings, nor the first and last
    convolution) are Muon's at that rate, and AdamW has the rest.
    """

    steps: int
    adam: float = 1e-3
    muon: float | None = None
    warm_up: int = 100
    flat: float = 0.5
    floor: float = 0.03

    def share(self, step: int) -> float:
        """The share of the rates that a step uses."""
        done = step / self.steps
        fall = 1.0 if done < self.flat else max(self.floor, 1 - (done - self.flat) / (1 - self.flat))
        return min(1.0, (step + 1) / self.warm_up) * fall


class Training:
    """A module in training: `run` brings it to the schedule's end from wherever its checkpoint stands."""

    def __init__(
        self,
        name: str,
        module: torch.nn.Module,
        schedule: Schedule,
        work: Path,
        seed: int = 0,
        ema: float = 0.998,
        weight_decay: float = 1e-3,
        device: str = "cpu",
    ):
        self.name, self.schedule, self.seed, self.decay, self.device = name, schedule, seed, ema, device
        self.module = module.to(device).train()
        self.parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.optimizers = make_optimizers(self.module, schedule, weight_decay)
        self.average = [p.detach().clone() for p in self.parameters]
        self.step = 0
        self.file = work / f"{name}.checkpoint.safetensors"
        if self.file.exists():
            self._load()

    def run(self, loss: Loss, every: int = 0, report: Callable[[int], None] | None = None, save: int = 200) -> None:
        """Trains to the end; calls `report(step)` with the averaged weights in place every `every` steps."""
        with tqdm(total=self.schedule.steps, initial=self.step, desc=self.name, mininterval=5) as bar:
            running = None
            while self.step < self.schedule.steps:
                generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
                value = loss(generator)
                self._update(value)
                running = value.item() if running is None else 0.98 * running + 0.02 * value.item()
                bar.set_postfix(loss=f"{running:.4f}", refresh=False)
                bar.update()
                if self.step % NOTED == 0:
                    self._note(running)
                if self.step % save == 0 or self.step == self.schedule.steps:
                    self._save()
                if report and every and (self.step % every == 0 or self.step == self.schedule.steps):
                    with self:
                        report(self.step)

    def __enter__(self) -> torch.nn.Module:
        """The module with its averaged weights, in evaluation mode, until the block ends."""
        self._swap()
        return self.module.eval()

    def __exit__(self, *_) -> None:
        self._swap()
        self.module.train()

    def _update(self, loss: torch.Tensor) -> None:
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimizer, rate in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * self.schedule.share(self.step)
            optimizer.step()
        self.step += 1
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - decay)

    @torch.no_grad()
    def _swap(self) -> None:
        for average, parameter in zip(self.average, self.parameters):
            kept = parameter.clone()
            parameter.copy_(average)
            average.copy_(kept)

    def _note(self, running: float) -> None:
        """The running mean of the loss, for the card's curves; a resumed run may write a step again."""
        with self.file.with_name(f"{self.name}.losses.csv").open("a") as file:
            file.write(f"{self.step},{running:.6g}\n")

    def _save(self) -> None:
        tensors = {f"module.{key}": value for key, value in self.module.state_dict().items()}
        tensors |= {f"average.{index}": value for index, value in enumerate(self.average)}
        for index, parameter in enumerate(self.parameters):
            tensors |= {f"moment.{index}.{key}": v for key, v in self._state(parameter).items()}
        tensors = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
        part = self.file.with_suffix(".part")
        save_file(tensors, part, metadata={"step": str(self.step)})
        os.replace(part, self.file)

    @torch.no_grad()
    def _load(self) -> None:
        tensors = load_file(self.file)
        with safe_open(self.file, "pt") as file:
            self.step = int(file.metadata()["step"])
        self.module.load_state_dict({k[7:]: v for k, v in tensors.items() if k.startswith("module.")})
        for index, (average, parameter) in enumerate(zip(self.average, self.parameters)):
            average.copy_(tensors[f"average.{index}"])
            for key in [key for key in tensors if key.startswith(f"moment.{index}.")]:
                name = key.split(".")[2]
                self._state(parameter)[name] = tensors[key].to("cpu" if name == "step" else self.device)

    def _state(self, parameter: torch.nn.Parameter) -> dict[str, torch.Tensor]:
        owner = next(
            o
            for o, _ in self.optimizers
            for group in o.param_groups
            if any(parameter is other for other in group["params"])
        )
        return owner.state[parameter]


def make_optimizers(
    module: torch.nn.Module, schedule: Schedule, weight_decay: float
) -> list[tuple[torch.optim.Optimizer, float]]:
    """The optimizers of a module with their rates: AdamW, and Muon where the schedule has a rate for it."""
    own, rest = [], []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            inside = parameter.ndim > 1 and not any(end in name for end in ("conv_in", "conv_out", "embedding"))
            (own if inside and schedule.muon else rest).append(parameter)
    made: list[tuple[torch.optim.Optimizer, float]] = [
        (
            torch.optim.AdamW(rest, schedule.adam, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True),
            schedule.adam,
        )
    ]
    if own:
        made.append((Muon(own, schedule.muon), schedule.muon))
    return made
