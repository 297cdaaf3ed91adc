"""CLIP zero-shot: does a picture look more like the concept's phrase than like anything else?

With weights that the user has: a local folder of transformers' CLIPModel. Nothing is downloaded, no pickle is opened.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError

from lib_gi.concepts import Catalogue, load_catalogue
from lib_gi.detect.options import numbers
from lib_gi.loading import MissingPackageError, ModelFileError

TEMPLATES = ("{}", "a photo of {}", "a picture with {} in it", "a drawing of {}")
NEUTRAL = ("something", "people", "an everyday scene", "an object", "a landscape")
THRESHOLD = 0.5
BATCH = 16


class ClipDetector:
    """A CLIP as a `detect.Detector`, for any concept. It cannot tell that a picture is broken."""

    def __init__(
        self, model: Any, tokenizer: Any, threshold: float = THRESHOLD, catalogue: Catalogue | None = None
    ) -> None:
        """`model` is a CLIPModel, `tokenizer` its own; names that `catalogue` lacks are taken as phrases."""
        self.model, self.tokenizer, self.threshold = model, tokenizer, threshold
        self.catalogue = load_catalogue() if catalogue is None else catalogue

    @classmethod
    def load(cls, folder: Path, options: str = "", catalogue: Catalogue | None = None) -> "ClipDetector":
        """The detector with the weights in a folder; `options` may be threshold=NUMBER.

        Raises SettingsError, ModelFileError for a folder that holds no CLIP in safetensors, MissingPackageError.
        """
        threshold = numbers(options, ["threshold"], 0).get("threshold", THRESHOLD)
        _check(folder)
        try:
            from transformers import AutoTokenizer, CLIPModel
        except ImportError as error:
            raise MissingPackageError(
                f"a package is missing ({error}); the detector clip needs transformers; install it:"
                " pip install 'sd-webui-growth-inhibitors[clip]', or in a clone: pip install '.[clip]'"
            ) from error
        try:
            model, loaded = CLIPModel.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelFileError(
                f"{folder} could not be loaded ({type(error).__name__}: {reason}); expected a CLIP with its tokenizer;"
                " get the folder again"
            ) from error
        if loaded["missing_keys"]:  # transformers would go on with random numbers in their place
            raise ModelFileError(
                f"{folder} lacks weights of its model, such as {min(loaded['missing_keys'])}; expected all of them;"
                " get the folder again"
            )
        return cls(model.eval().requires_grad_(False), tokenizer, threshold, catalogue)

    def found(self, pictures: np.ndarray, concept: str) -> np.ndarray:
        """See `detect.Detector`."""
        return self.likelihoods(pictures, concept) >= self.threshold

    @torch.no_grad()
    def likelihoods(self, pictures: np.ndarray, concept: str) -> np.ndarray:
        """How likely pictures (n, H, W, 3) uint8 show the concept rather than anything neutral, (n,) from 0 to 1."""
        [wanted] = self.catalogue.resolve([concept], True)
        words = torch.stack([self._words(prompts) for prompts in prompts_of(wanted.phrase)])  # (1 + neutral, width)
        size, likely = self.model.config.vision_config.image_size, []
        for start in range(0, len(pictures), BATCH):
            x = prepared(pictures[start : start + BATCH], size)
            seen = self.model.visual_projection(self.model.vision_model(pixel_values=x).pooler_output)
            logits = self.model.logit_scale.exp() * F.normalize(seen, dim=1) @ words.T
            likely.append(logits.softmax(1)[:, 0])
        return torch.cat(likely).numpy() if likely else np.zeros(0, np.float32)

    def _words(self, prompts: Sequence[str]) -> torch.Tensor:
        longest = self.model.config.text_config.max_position_embeddings
        tokens = self.tokenizer(list(prompts), padding=True, truncation=True, max_length=longest, return_tensors="pt")
        read = self.model.text_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
        each = F.normalize(self.model.text_projection(read.pooler_output), dim=1)
        return F.normalize(each.mean(0), dim=0)


def prompts_of(phrase: str) -> list[list[str]]:
    """The prompts for a phrase, then those against it: the same templates with each of the neutral words."""
    return [[template.format(words) for template in TEMPLATES] for words in (phrase, *NEUTRAL)]


def prepared(pictures: np.ndarray, size: int) -> torch.Tensor:
    """Pictures (n, H, W, 3) uint8 as CLIP sees them: (n, 3, size, size), the middle square of each."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
    height, width = x.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    x = x[:, :, top : top + side, left : left + side]
    x = F.interpolate(x, (size, size), mode="bicubic", antialias=True).clamp(0, 1)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])  # CLIP's own, the same for all its sizes
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    return (x - mean[:, None, None]) / deviation[:, None, None]


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise ModelFileError(
            f"there is no folder {folder}; expected the folder of a CLIP that is here already, since none is"
            " downloaded; correct the path"
        )
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{folder} has no config.json that tells its model ({error!r}); expected the folder of a CLIPModel of"
            " transformers; choose that one"
        ) from error
    if kind != "clip":
        raise ModelFileError(
            f"{folder} holds a model of type {kind!r}; expected 'clip', with both its text and its vision model;"
            " choose another folder"
        )
    if not any((folder / name).is_file() for name in ("model.safetensors", "model.safetensors.index.json")):
        raise ModelFileError(
            f"{folder} has no model.safetensors; expected it, since pickles (.bin, .pt) can run any code when they are"
            " opened; get that form of the weights, or convert them"
        )
