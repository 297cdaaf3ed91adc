"""All stages of gi-tiny in order; each one resumes where it stopped and does nothing once its result is there."""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

from .autoencoder import encode, train_autoencoder
from .data import make_pictures, make_scenes
from .judges import JUDGES, train_judge
from .sampling import assemble
from .text import train_text_encoder
from .unet import WIDTHS, train_unet
from .world import Scene

MODELS = Path(__file__).parents[2] / "models"
JUDGES_FOLDER = MODELS / "gi-tiny-judges"
# A little over SD1's 1: drawings hold less than half of the variance, and should stand out of the noise sooner.
SPREAD = 1.3
TOKENIZER = MODELS / "gi-tiny" / "tokenizer"


@dataclass
class Making:
    """One model in the making: where it works, its sizes and its seed."""

    work: Path
    seed: int = 1
    device: str = "cpu"
    pictures_count: int = 14000
    autoencoder_steps: int = 1100
    text_steps: int = 600
    judge_steps: int = 1100
    unet_steps: int = 7200
    autoencoder_widths: tuple[int, ...] = (32, 32, 64, 128)
    text_width: int = 128
    unet_widths: tuple[int, ...] = WIDTHS
    # Finished models whose autoencoder or text encoder is taken in place of training one.
    autoencoder_of: Path | None = None
    text_encoder_of: Path | None = None

    @cached_property
    def scenes(self) -> list[Scene]:
        """The training scenes."""
        return make_scenes(self.pictures_count, self.seed)

    @cached_property
    def pictures(self) -> np.ndarray:
        """The training pictures (n, 128, 128, 3) uint8."""
        return make_pictures(self.scenes, self.work, self.seed)

    @cached_property
    def tokenizer(self) -> CLIPTokenizer:
        """The committed tokenizer, the same for every model."""
        return CLIPTokenizer.from_pretrained(TOKENIZER)

    @cached_property
    def autoencoder(self) -> AutoencoderKL:
        """The trained autoencoder."""
        return self._finished("vae", AutoencoderKL, self.autoencoder_of) or train_autoencoder(
            self.pictures, self.work, self.autoencoder_steps, self.seed, self.device, self.autoencoder_widths
        )

    @cached_property
    def text_encoder(self) -> CLIPTextModel:
        """The trained and frozen text encoder."""
        return self._finished("text_encoder", CLIPTextModel, self.text_encoder_of) or train_text_encoder(
            self.tokenizer, self.work, self.text_steps, self.seed, self.device, self.text_width
        )

    @cached_property
    def raw_latents(self) -> torch.Tensor:
        """Unscaled latents (n, 4, 16, 16) of the training pictures."""
        file = self.work / "latents.safetensors"
        if not file.exists():
            save_file({"latents": encode(self.autoencoder, self.pictures)}, file)
        return load_file(file)["latents"]

    @cached_property
    def scaling_factor(self) -> float:
        """What brings the latents to the deviation SPREAD."""
        return SPREAD / self.raw_latents.std().item()

    @cached_property
    def unet(self) -> UNet2DConditionModel:
        """The trained UNet."""
        self.autoencoder.register_to_config(scaling_factor=self.scaling_factor)
        return train_unet(
            self.raw_latents * self.scaling_factor,
            self.scenes,
            self.autoencoder,
            self.text_encoder,
            self.tokenizer,
            self.work,
            self.unet_steps,
            self.seed,
            self.device,
            self.unet_widths,
        )

    def judges(self) -> None:
        """Trains both judges that are not there yet and puts them where they are shipped."""
        JUDGES_FOLDER.mkdir(parents=True, exist_ok=True)
        for name in JUDGES:
            if not (self.work / f"judge-{name}.safetensors").exists():
                train_judge(
                    name,
                    self.pictures,
                    self.scenes,
                    self.autoencoder,
                    self.work,
                    self.judge_steps,
                    self.device,
                )
            shutil.copy(self.work / f"judge-{name}.safetensors", JUDGES_FOLDER / f"{name}.safetensors")

    def save(self, out: Path) -> None:
        """Writes the finished model as a diffusers folder in half precision that older transformers load too."""
        sheets = sorted(self.work.glob("samples-*.png"))
        tokenizer_files = {file.name: file.read_bytes() for file in TOKENIZER.iterdir()}
        self.autoencoder.register_to_config(scaling_factor=self.scaling_factor)
        pipe = assemble(self.autoencoder, self.text_encoder, self.tokenizer, self.unet)
        for part in (self.autoencoder, self.unet):
            part.register_to_config(_name_or_path="gi-tiny")  # not the folder that it was made in
        pipe.to(torch.float16).save_pretrained(out, safe_serialization=True)
        # transformers 5 leaves out the prefix that every earlier release and every SD1 checkpoint has.
        text_file = out / "text_encoder" / "model.safetensors"
        tensors = {f"text_model.{key.removeprefix('text_model.')}": v for key, v in load_file(text_file).items()}
        save_file(tensors, text_file, metadata={"format": "pt"})
        # Likewise vocab.json and merges.txt, which the WebUI's tokenizer reads, in place of one tokenizer.json.
        shutil.rmtree(out / "tokenizer")
        (out / "tokenizer").mkdir()
        for name, content in tokenizer_files.items():
            (out / "tokenizer" / name).write_bytes(content)
        if sheets:
            shutil.copy(sheets[-1], out / "samples.png")

    def _finished(self, folder: str, kind: type, model: Path | None):
        for place in (self.work, model):
            if place is not None and (place / folder / "config.json").exists():
                return kind.from_pretrained(place / folder).float().to(self.device).eval().requires_grad_(False)
        return None
