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
from safetensors.torch import load_file, save_file
from tqdm import tqdm

Loss = Callable[[torch.Generator], torch.Tensor]


@dataclass(frozen=True)
class Schedule:
    """`steps` at rate `rate`: linear warm-up, constant up to `flat` of the run, linear fall to `floor` x rate."""

    steps: int
    rate: float
    warm_up: int = 100
    flat: float = 0.5
    floor: float = 0.03

    def at(self, step: int) -> float:
        """The learning rate of a step."""
        done = step / self.steps
        fall = 1.0 if done < self.flat else max(self.floor, 1 - (done - self.flat) / (1 - self.flat))
        return self.rate * min(1.0, (step + 1) / self.warm_up) * fall


class Training:
    """A module in training: `run` brings it to the schedule's end from wherever its checkpoint stands."""

    def __init__(self, name: str, module: torch.nn.Module, schedule: Schedule, work: Path, seed: int = 0,
                 ema: float = 0.998, weight_decay: float = 1e-3, device: str = "cpu"):
        self.name, self.schedule, self.seed, self.decay, self.device = name, schedule, seed, ema, device
        self.module = module.to(device).train()
        self.parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, schedule.rate, betas=(0.9, 0.99),
                                           weight_decay=weight_decay, fused=True)
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
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.at(self.step)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
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

    def _save(self) -> None:
        tensors = {f"module.{key}": value for key, value in self.module.state_dict().items()}
        tensors |= {f"average.{index}": value for index, value in enumerate(self.average)}
        for index, parameter in enumerate(self.parameters):
            tensors |= {f"moment.{key}.{index}": v for key, v in self.optimizer.state[parameter].items()}
        tensors = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
        part = self.file.with_suffix(".part")
        save_file(tensors, part, metadata={"step": str(self.step)})
        os.replace(part, self.file)

    @torch.no_grad()
    def _load(self) -> None:
        from safetensors import safe_open

        tensors = load_file(self.file)
        with safe_open(self.file, "pt") as file:
            self.step = int(file.metadata()["step"])
        self.module.load_state_dict({k[7:]: v for k, v in tensors.items() if k.startswith("module.")})
        for index, (average, parameter) in enumerate(zip(self.average, self.parameters)):
            average.copy_(tensors[f"average.{index}"])
            self.optimizer.state[parameter] = {
                key: tensors[f"moment.{key}.{index}"].to("cpu" if key == "step" else self.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
            }
