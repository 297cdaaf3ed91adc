"""Labelled examples: what the layers see of a concept in a picture, and the strength that the picture needs.

Tasks are worked off in chunks, and a chunk's file is there whole or not at all, so a stopped search goes on where
it was. Several processes (RANK and WORLD_SIZE, as `accelerate launch` and torchrun set them) take turns by
chunk; the files, and so the examples, are the same however many there were.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor
from tqdm import tqdm

from lib_gi.concepts import key_of
from lib_gi.detect import Detector
from lib_gi.features import Features
from lib_gi.safe_files import write_whole
from lib_gi.training.fit import Examples
from lib_gi.training.labels import first_that_erases, weakest_strengths

MOST_BESIDE = 16  # other concepts that a picture is looked at for
LOOK = 1.0  # seconds between two looks at what other processes have worked off
ABSENT = ".absent."  # in the names of what was seen of the concepts beside, after their number
READ = " ".join(field.name for field in fields(Features))  # what a file holds beside its labels (part of its name)


@dataclass(frozen=True)
class Task:
    """One picture: a prompt, its noise, the guidance scale, and the concept that is to be kept out of it.

    brings: the concepts that the prompt names or is known to bring, though perhaps not into this picture. keeps: other
    concepts, or anything else that the detector knows, which must stay where the picture shows them.
    """

    concept: str
    prompt: str
    seed: int
    guidance: float
    brings: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()

    def may_bring(self, concept: str) -> bool:
        """Whether the prompt is known to bring the concept of this name."""
        return key_of(concept) in map(key_of, self.brings)

    @property
    def told(self) -> dict[str, Any]:
        """What its label depends on, by name; what is to be kept where there is such."""
        told = asdict(self)
        return {name: value for name, value in told.items() if name != "brings" and (value or name != "keeps")}


class Drawn(NamedTuple):
    """Pictures (n, H, W, 3) uint8 and what the layers saw in the first step: of the concept, and of others by name."""

    pictures: np.ndarray
    features: Features
    beside: Mapping[str, Features] = MappingProxyType({})


class Sampler(Protocol):
    """What draws pictures with a host's own pipeline."""

    def draw(self, tasks: Sequence[Task], strengths: np.ndarray, beside: Sequence[str] = ()) -> Drawn:
        """Pictures of tasks that share concept and guidance, inhibited by a strength each, (n,).

        beside: names of other concepts, of which the layers are only read.
        """


@dataclass(frozen=True)
class Search:
    """A search for labels among strengths up to `strongest`; `about` names the model and all that tells it apart.

    tried: the strengths that are tried in turn, weakest first; none for a bisection.
    concepts: those that all tasks are of. Each picture is also an example of any other of them that is not found in
    it: of what the layers show where nothing of it grows. Such examples cost no further picture, and without them an
    adapter sees too few to know.
    """

    sampler: Sampler
    detector: Detector
    work: Path
    about: str
    strongest: float = 12.0
    chunk: int = 20
    concepts: tuple[str, ...] = ()
    tried: tuple[float, ...] = ()

    def run(self, tasks: Sequence[Task]) -> None:
        """Works off what is missing of this process's share, with a progress bar over pictures."""
        rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        mine = [part for index, part in enumerate(self.parts(tasks)) if index % world == rank]
        missing = self.missing(mine)
        with tqdm(total=sum(map(len, missing)), desc="labels", unit="picture", mininterval=2) as bar:
            for part in missing:
                self.label(part)
                bar.update(len(part))

    def wait(self, tasks: Sequence[Task]) -> None:
        """Until other processes have worked off their shares, with a bar; a launcher ends all when one fails."""
        parts = self.parts(tasks)
        missing = len(self.missing(parts))
        told = f"waiting for other processes' labels in {self.work}"
        with tqdm(total=missing, desc=told, unit="chunk", disable=not missing) as bar:
            while missing:
                time.sleep(LOOK)
                left = len(self.missing(parts))
                bar.update(missing - left)
                missing = left

    def examples(self, tasks: Sequence[Task]) -> Examples:
        """The examples of all tasks that have a label, and of the absence of what they are of.

        FileNotFoundError when some are not worked off.
        """
        learnt = {name: number for number, name in enumerate(sorted({task.concept for task in tasks}))}
        rows: dict[str, list[Tensor]] = {}
        first = 0
        for part in self.parts(tasks):
            for group in self._groups(part, learnt):
                for name, values in (group | {"picture": first + group["picture"]}).items():
                    rows.setdefault(name, []).append(values)
            first += len(part)
        return Examples(**{name: torch.cat(parts) for name, parts in rows.items()})

    def _groups(self, part: Sequence[Task], learnt: Mapping[str, int]) -> Iterator[dict[str, Tensor]]:
        """A chunk's rows, as `Examples` has them: of its concept, then of the absence of each that is learnt.

        learnt: the number of each such concept by its name. Where the prompt is known to bring a concept, its picture
        is no example of the absence of it: whether it comes to show is not told by what is read in the first step, and
        what is read is of the same kind.
        """
        stored = load_file(self.file(part))
        strength, tokens = stored.pop("strength"), stored["M_star"].shape[1]
        known = ~strength.isnan()
        own = {name: values[known].flatten(0, 1) for name, values in stored.items() if ABSENT not in name}
        w = -strength[known].repeat_interleave(tokens)
        picture = torch.nonzero(known)[:, 0].repeat_interleave(tokens)
        concept = torch.full((len(w),), learnt[part[0].concept])
        brings = torch.tensor([task.may_bring(task.concept) for task in part])[picture]
        told = {"picture": picture, "concept": concept, "brings": brings, "beside": torch.zeros_like(brings)}
        yield own | {"w": w} | told
        for index, name in enumerate(self.others(part[0].concept)):
            start = f"{index}{ABSENT}"
            absent = {key.removeprefix(start): values for key, values in stored.items() if key.startswith(start)}
            if name in learnt and absent:
                counted = ~torch.tensor([task.may_bring(name) for task in part])[absent["picture"]]
                absent = {key: values[counted] for key, values in absent.items()}
                w = torch.zeros(len(absent["picture"]))
                concept, brings = torch.full((len(w),), learnt[name]), torch.zeros(len(w), dtype=torch.bool)
                yield absent | {"w": w, "concept": concept, "brings": brings, "beside": ~brings}

    def parts(self, tasks: Sequence[Task]) -> list[list[Task]]:
        """The tasks in chunks of one concept and guidance scale each, in order."""
        groups: dict[tuple, list[Task]] = {}
        for task in tasks:
            groups.setdefault((task.concept, task.guidance), []).append(task)
        return [g[start : start + self.chunk] for g in groups.values() for start in range(0, len(g), self.chunk)]

    def missing(self, parts: Sequence[list[Task]]) -> list[list[Task]]:
        """The chunks that are not worked off."""
        return [part for part in parts if not self.file(part).exists()]

    def label(self, part: Sequence[Task]) -> None:
        """Finds the labels of one chunk and writes its file."""
        concept, nothing = part[0].concept, np.zeros(len(part))
        pictures, features, beside = self.sampler.draw(part, nothing, self.others(concept))
        shown = self._found(pictures, concept)
        tensors = by_token(features)
        tensors["strength"] = torch.from_numpy(self._strengths(part, pictures, shown)).float()
        tensors |= self._absent(pictures, beside)
        self.work.mkdir(parents=True, exist_ok=True)
        write_whole(self.file(part), save(tensors, {"tasks": json.dumps([task.told for task in part])}))

    def _strengths(self, part: Sequence[Task], pictures: np.ndarray, shown: np.ndarray) -> np.ndarray:
        """The labels of a chunk's pictures, (n,); shown: in which of them the concept is found without inhibitors.

        A strength that loses what the task keeps, and the picture without inhibitors shows, is no label.
        """

        def draw(strengths: np.ndarray) -> np.ndarray:
            return self._drawn_again(part, pictures, strengths)

        def judge(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            found, lost = self._found(drawn, part[0].concept), np.zeros(len(part), bool)
            for name, there in rest.items():
                asked = there[~found[there]]
                lost[asked] |= ~self._found(drawn[asked], name)
            return found, lost

        rest = self._rest(part, pictures, shown)
        if self.tried:
            return first_that_erases(draw, judge, shown, self.tried)
        return weakest_strengths(draw, judge, shown, self.strongest)

    def _rest(self, part: Sequence[Task], pictures: np.ndarray, shown: np.ndarray) -> dict[str, np.ndarray]:
        """What is to be kept, and the numbers of the pictures that show it beside the concept."""
        rest: dict[str, np.ndarray] = {}
        for name in sorted({name for task in part for name in task.keeps}):
            asked = np.flatnonzero(shown & [name in task.keeps for task in part])
            rest[name] = asked[self._found(pictures[asked], name)]
        return rest

    def others(self, concept: str) -> list[str]:
        """The concepts that pictures of this one are looked at for too, the same each time."""
        others = [name for name in self.concepts if name != concept]
        start = self.concepts.index(concept) if concept in self.concepts else 0
        return (others[start:] + others[:start])[:MOST_BESIDE]

    def _absent(self, pictures: np.ndarray, beside: Mapping[str, Features]) -> dict[str, Tensor]:
        """What the layers saw of concepts that are not found in a picture, (rows, layers), and of which picture."""
        rows: dict[str, Tensor] = {}
        for index, (name, seen) in enumerate(beside.items()):
            absent = torch.from_numpy(np.flatnonzero(~self._found(pictures, name)))
            for feature, values in by_token(seen).items():
                rows[f"{index}{ABSENT}{feature}"] = values[absent].flatten(0, 1)
            rows[f"{index}{ABSENT}picture"] = absent.repeat_interleave(seen.M_star.shape[3])
        return rows

    def _found(self, pictures: np.ndarray, concept: str) -> np.ndarray:
        """Whether the detector finds the concept, (n,) bool; it is not asked of no pictures."""
        return np.asarray(self.detector.found(pictures, concept) if len(pictures) else [], bool)

    def _drawn_again(self, part: Sequence[Task], pictures: np.ndarray, strengths: np.ndarray) -> np.ndarray:
        """The pictures at these strengths; those of strength 0 are there already, as `pictures`."""
        inhibited = np.flatnonzero(strengths)
        if not len(inhibited):
            return pictures
        out = pictures.copy()
        out[inhibited] = self.sampler.draw([part[index] for index in inhibited], strengths[inhibited]).pictures
        return out

    def file(self, part: Sequence[Task]) -> Path:
        """Where a chunk is kept: named by all that its labels depend on."""
        beside = self.others(part[0].concept)
        sought = self.tried or self.strongest
        told = json.dumps([READ, self.about, sought, [task.told for task in part], beside])
        name = re.sub(r"[^\w-]+", "_", part[0].concept)[:60]
        return self.work / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.safetensors"


def names_sought(tasks: Sequence[Task]) -> list[str]:
    """What the detector is asked for in their pictures, by name."""
    return sorted({name for task in tasks for name in (task.concept, *task.keeps)})


def by_token(features: Features) -> dict[str, Tensor]:
    """The first step's features by name, (images, tokens, layers)."""
    return {name: values[0].permute(1, 2, 0).contiguous() for name, values in features.told().items()}
