"""The adapter: from how strongly a concept's tokens grow to the scale w that suppresses each of them.

A small network, layers-64-32-1 as in the paper, reads one vector per token and image, the features of all
cross-attention layers, and answers w <= 0. It knows no words: one adapter serves every concept of its model.
The file is a safetensors file whose metadata says what it was trained on. Symbols are those of `inhibitor.py`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lib_gi.concepts import key_of
from lib_gi.errors import AdapterError
from lib_gi.features import Features
from lib_gi.fingerprint import architecture
from lib_gi.layers import Layer, place_of

READ = {
    "M_star": ("M_star",),
    "agreement": ("agreement",),
    "both": ("M_star", "agreement"),
    "excess": ("excess",),
    "spread": ("excess", "spread"),
    "alignment": ("excess", "spread", "alignment", "alignment_spread"),
}
"""The features that an adapter of each kind reads, in this order."""
KINDS = tuple(READ)
FORMAT, VERSION = "growth-inhibitors adapter", "1"
HIDDEN = (64, 32)
MOST_BYTES, MOST_LAYERS = 2**21, 512
REACH = 2.5
"""How far what is read may lie from what was learnt from, in root mean square deviations, for "nothing grows" to be
believed: of 21,702 absences that gi-tiny's adapter learnt from one in ten thousand lies beyond 2.2, and of another
model's prompts four in five pass for nothing beyond this (docs/adapter.md, benchmarks/transfer.py).
"""
GET_ANOTHER = "get the file again, or train an adapter for this model"


def new_network(inputs: int) -> nn.Sequential:
    """An untrained network inputs-64-32-1."""
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN[0]), nn.ReLU(), nn.Linear(*HIDDEN), nn.ReLU(), nn.Linear(HIDDEN[1], 1)
    )


def inputs_of(features: Features, kind: str, step: int = 0) -> Tensor:
    """One vector per image and token, (images, tokens, layers or 2 * layers), of a sampling pass's step `step`."""
    chosen = [getattr(features, name) for name in READ[kind]]
    if any(values is None for values in chosen):
        raise AdapterError(
            "the adapter reads how much a prompt adds to an empty one, and the host told of no empty one; expected its"
            " context; choose a fixed strength, and report the host"
        )
    return torch.cat([values[step].permute(1, 2, 0) for values in chosen], dim=-1)


@dataclass(eq=False)
class Adapter:
    """A trained adapter.

    layers: the names of the cross-attention layers, in running order, that it reads. kind: one of KINDS.
    mean, deviation: of its training inputs, (F,). lowest, highest: the range of w that it was trained on where
    something grows, lowest <= highest <= 0 and lowest < 0. about: what it was trained on, as JSON can hold
    it; `fingerprint` and `architecture` in it are those of the model's cross-attention. reach: see REACH; no part of
    the file.
    """

    layers: tuple[str, ...]
    kind: str
    network: nn.Sequential
    mean: Tensor
    deviation: Tensor
    lowest: float
    highest: float
    about: dict[str, Any] = field(default_factory=dict)
    reach: float = REACH

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    @torch.no_grad()
    def w(self, features: Features, step: int = 0, known: bool = True, near: bool = True) -> Tensor:
        """The scales (images, tokens) for what a concept's tokens showed in one step, zero or in the trained range.

        known: whether the concept was learnt from, see `knows`. All are zero where the mean answer is not below zero,
        or below `doubt` for a concept that is not known: whether it grows is told by all its tokens together, or one
        that errs would act alone, and pictures without a concept of many would hardly stay.
        near: False where what is read lies beyond reach, see `lost`; then nothing passes for absent.
        Raises AdapterError when the features are of another number of layers, or not finite.
        """
        return self._scales(self._standardised(features, step), known, near)

    def knows(self, concept: str, phrase: str = "") -> bool:
        """Whether it learnt from pictures in which the concept of this name was found, by these words.

        phrase: what the text encoder reads of it; empty for its name.
        """
        learnt = {key_of(name): key_of(words) for name, words in self.about.get("phrases", {}).items()}
        name = key_of(concept)
        is_known = name in map(key_of, self.about.get("known", ()))
        return is_known and learnt.get(name, name) == key_of(phrase or concept)

    @torch.no_grad()
    def lost(self, features: Features, step: int = 0, known: bool = True) -> Tensor:
        """Whether it tells that nothing grows of what lies beyond its reach, (images,); errors as for `w`.

        It never learnt what that means. So it is on another model, where it would leave everything in its place, and
        now and then on its own, in a picture unlike those that it learnt from.
        """
        x = self._standardised(features, step)
        far = x.square().mean(dim=(1, 2)).sqrt() > self.reach
        return far & (self._scales(x, known) == 0).all(dim=1)

    def _scales(self, x: Tensor, known: bool, near: bool = True) -> Tensor:
        """What `w` tells of standardised inputs (images, tokens, F)."""
        answers = self.network(x).squeeze(-1)
        absent = near & (answers.mean(dim=1, keepdim=True) >= (0 if known else self.doubt))
        return torch.where(absent, 0.0, answers.clamp(self.lowest, self.highest))

    def _standardised(self, features: Features, step: int) -> Tensor:
        x = inputs_of(features, self.kind, step)
        if x.shape[-1] != self.mean.shape[0]:
            raise AdapterError(
                f"the adapter reads {self.mean.shape[0]} numbers for each token, and the model gives {x.shape[-1]};"
                " expected the model that it was trained on; choose the adapter of this model"
            )
        if not bool(torch.isfinite(x).all()):
            raise AdapterError(
                "a feature is NaN or infinite, or an image had no row in the step that was read; expected finite"
                " numbers; choose a fixed strength for this generation"
            )
        return (x - self.mean) / self.deviation

    def misfit(self, layers: Sequence[Layer]) -> str:
        """Why it cannot read a model with these layers; empty when it can, whatever a host calls them."""
        places = [place_of(layer.name) for layer in layers]
        if places != list(map(place_of, self.layers)):
            elsewhere = " in other places" if len(places) == len(self.layers) else ""
            has = f"{len(self.layers)} cross-attention layers, this one has {len(places)}{elsewhere}"
            return f"it was trained on a model with {has}"
        if "architecture" not in self.about:
            return ""
        for name, here in architecture(layers).items():
            own = self.about["architecture"][name]
            if here != own:
                one, other = (", ".join(map(str, sorted(set(numbers)))) for numbers in (own, here))
                has = other if one != other else "them in other layers"
                return f"it was trained on a model with {name} of {one} in its layers, this one has {has}"
        return ""

    def save(self, path: Path) -> None:
        """Writes the file; it is there whole or not at all."""
        tensors = {f"network.{name}": value.contiguous() for name, value in self.network.state_dict().items()}
        tensors |= {"mean": self.mean, "deviation": self.deviation}
        tensors["range"] = torch.tensor([self.lowest, self.highest])
        told = {"layers": list(self.layers), "kind": self.kind, "about": self.about}
        part = path.with_name(path.name + ".part")
        save_file(
            {name: value.float() for name, value in tensors.items()},
            part,
            metadata={"format": FORMAT, "version": VERSION, "adapter": json.dumps(told, ensure_ascii=False)},
        )
        part.replace(path)

    @property
    def needs_empty(self) -> bool:
        """Whether it needs the context of an empty prompt beside what the layers saw."""
        return "excess" in READ[self.kind]

    @property
    def doubt(self) -> float:
        """How far above zero the answer must lie for an unknown concept to pass for absent, see `fit.DOUBT`; 0 where
        the file does not tell.
        """
        return float(self.about.get("doubt", 0.0))

    @property
    def fingerprint(self) -> str:
        """That of the model that it was trained on; empty where the file does not tell."""
        return str(self.about.get("fingerprint", ""))

    @property
    def weighting(self) -> str:
        """That of the inhibitors that it was trained with; empty where the file does not tell."""
        return str(self.about.get("weighting", ""))

    @classmethod
    def load(cls, path: Path) -> "Adapter":
        """The adapter of a file. Raises AdapterError that says what is wrong with the file."""
        told, tensors = _read(path)
        try:
            return _made(told, tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise AdapterError(f"{path.name} is damaged: {error}; expected a whole adapter; {GET_ANOTHER}") from error


def about_of(path: Path) -> dict[str, Any]:
    """What an adapter's file says of itself, from its header alone; AdapterError as for `Adapter.load`."""
    told, _ = _read(path, tensors=False)
    about = told.get("about") if isinstance(told, Mapping) else None
    if not isinstance(about, dict):
        raise AdapterError(f"{path.name} is damaged: it does not tell of itself; expected a whole one; {GET_ANOTHER}")
    return about


def _read(path: Path, tensors: bool = True) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AdapterError(f"{path.name} cannot be read: {error}; expected an adapter's file; {GET_ANOTHER}") from error
    if size > MOST_BYTES:
        raise AdapterError(f"{path.name} has {size} bytes; expected an adapter of at most {MOST_BYTES}; {GET_ANOTHER}")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise AdapterError(f"{path.name} is no adapter of growth inhibitors; {GET_ANOTHER}")
            if metadata.get("version") != VERSION:
                raise AdapterError(
                    f"{path.name} has version {metadata.get('version')}; expected {VERSION}; update the extension,"
                    " or train the adapter again"
                )
            read = {name: file.get_tensor(name) for name in file.keys()} if tensors else {}  # noqa: SIM118 (no mapping)
        return json.loads(metadata.get("adapter", "")), read
    except (SafetensorError, OSError, ValueError) as error:
        raise AdapterError(
            f"{path.name} is no whole safetensors file ({error}); expected an adapter; {GET_ANOTHER}"
        ) from error


def _made(told: Mapping[str, Any], tensors: dict[str, Tensor]) -> Adapter:
    layers, kind, about = told["layers"], told["kind"], told["about"]
    if (
        not isinstance(layers, list)
        or not 1 <= len(layers) <= MOST_LAYERS
        or not all(isinstance(name, str) for name in layers)
    ):
        raise ValueError("its layers are no list of names")
    if kind not in KINDS or not isinstance(about, dict):
        raise ValueError(f"it reads {kind!r}, and expected is one of {', '.join(KINDS)}")
    if "architecture" in about and not _is_architecture(about["architecture"], len(layers)):
        raise ValueError(f"its architecture is {about['architecture']!r:.80}, and expected are numbers for each layer")
    known, doubt = about.get("known", []), about.get("doubt", 0.0)
    if not isinstance(known, list) or not all(isinstance(name, str) for name in known):
        raise ValueError("the concepts that it knows are no list of names")
    phrases = about.get("phrases", {})
    if not isinstance(phrases, dict) or not all(isinstance(text, str) for text in phrases.values()):
        raise ValueError("the concepts' phrases are no texts by name")
    if isinstance(doubt, bool) or not isinstance(doubt, (int, float)) or not 0 <= doubt <= 1:
        raise ValueError(f"its doubt is {doubt!r:.80}, and expected is a number from 0 to 1")
    wrong = [name for name, value in tensors.items() if not bool(torch.isfinite(value).all())]
    if wrong:
        raise ValueError(f"{wrong[0]} is not finite")
    inputs = len(layers) * len(READ[kind])
    mean, deviation = tensors["mean"], tensors["deviation"]
    if mean.shape != (inputs,) or deviation.shape != (inputs,) or not bool((deviation > 0).all()):
        raise ValueError(f"mean and deviation are not {inputs} numbers each, the second above zero")
    lowest, highest = tensors["range"].tolist()
    if not (-math.inf < lowest <= highest <= 0 and lowest < 0):
        raise ValueError(f"its range is {lowest:g} to {highest:g}, which is not below zero")
    network = new_network(inputs)
    weights = {name.removeprefix("network."): v for name, v in tensors.items() if name.startswith("network.")}
    network.load_state_dict(weights)
    return Adapter(tuple(layers), kind, network, mean.float(), deviation.float(), lowest, highest, about)


def _is_architecture(told: Any, layers: int) -> bool:
    """Whether this may be what `fingerprint.architecture` tells of so many layers."""
    return (
        isinstance(told, dict)
        and set(told) == set(architecture([]))
        and all(isinstance(part, list) and len(part) == layers for part in told.values())
        and all(type(number) is int for part in told.values() for number in part)
    )
