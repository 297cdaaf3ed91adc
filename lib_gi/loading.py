"""Diffusers pipelines from a user's own files: a folder or one .safetensors file, never a pickle."""

import json
import warnings
from pathlib import Path
from typing import Any

from lib_gi.errors import GrowthInhibitorError, SettingsError, UnsupportedModelError

PICKLES = (".ckpt", ".bin", ".pt", ".pth", ".pkl")
PREFIX = "StableDiffusion"
NO_CROSS_ATTENTION = ("StableDiffusion3", "Flux")
DTYPES = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32"}
DEVICES = ("auto", "cpu", "cuda", "mps")


class ModelFileError(GrowthInhibitorError):
    """A model's file or folder is not there, is not what it should be, or cannot be read."""


class MissingPackageError(GrowthInhibitorError):
    """A package that this command needs is not installed."""


def require_diffusers() -> None:
    """Nothing, where all packages of the `diffusers` extra can be imported; else MissingPackageError."""
    try:
        import accelerate  # noqa: F401
        import diffusers  # noqa: F401
        import PIL  # noqa: F401
        import tqdm  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            f"a package is missing ({error}); this command needs diffusers and what goes with it;"
            " install them: pip install 'sd-webui-growth-inhibitors[diffusers]',"
            " or in a clone: pip install '.[diffusers]'"
        ) from error


def check_model(path: Path) -> None:
    """Nothing, where `path` may be a model that can be loaded; else ModelFileError, UnsupportedModelError."""
    if not path.exists():
        raise ModelFileError(
            f"there is no model at {path}; expected a diffusers folder or a .safetensors file; check the path"
        )
    if path.is_dir():
        pipeline_name(path)
        return
    if path.suffix.lower() in PICKLES:
        raise ModelFileError(
            f"{path.name} is a pickle, which can run any code when it is opened; expected .safetensors;"
            " use that form of the model, or convert it"
        )
    if path.suffix.lower() != ".safetensors":
        raise ModelFileError(
            f"{path} is neither a folder nor a .safetensors file; expected one of these; choose another file"
        )
    original_kind(path)


def pipeline_name(folder: Path) -> str:
    """The text-to-image pipeline's class for a diffusers folder."""
    index = folder / "model_index.json"
    try:
        name = json.loads(index.read_text(encoding="utf-8"))["_class_name"]
    except FileNotFoundError as error:
        raise ModelFileError(
            f"{folder} is not a diffusers folder: it has no model_index.json; expected the folder that holds"
            " it, with unet, vae, text_encoder beside it; choose that folder"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{index} cannot be read ({error!r}); get the model again") from error
    if not isinstance(name, str) or not name.startswith(PREFIX) or name.startswith(NO_CROSS_ATTENTION):
        raise UnsupportedModelError(
            f"{folder} is a {name}; expected Stable Diffusion 1, 2 or XL, whose UNet has the cross-attention"
            " that growth inhibitors act in (Stable Diffusion 3 and Flux have none); choose another model"
        )
    return "StableDiffusionXLPipeline" if name.startswith(PREFIX + "XL") else "StableDiffusionPipeline"


def original_kind(file: Path) -> str:
    """The pipeline's class for one file with the original's names of weights."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as opened:
            names = set(opened.keys())
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{file} cannot be read as safetensors ({error}); get the model again") from error
    if not any(name.startswith("model.diffusion_model.input_blocks.") for name in names):
        raise UnsupportedModelError(
            f"{file.name} holds no UNet in the original form; expected a whole checkpoint of Stable Diffusion"
            " 1, 2 or XL (no LoRA, no VAE, no SD3 or Flux); choose another file"
        )
    xl = any(name.startswith("conditioner.embedders.") for name in names)
    return "StableDiffusionXLPipeline" if xl else "StableDiffusionPipeline"


def load_pipeline(path: Path, device: str = "auto", dtype: str = "auto", config: Path | None = None) -> Any:
    """The text-to-image pipeline of a folder or file, on `device` ("auto": the best there is), quiet.

    dtype: fp16, bf16, fp32, or auto, which is fp16 on CUDA and fp32 elsewhere. `config`: a diffusers folder
    of the same layout, for a single file whose configuration is not to be fetched from the Hugging Face hub.
    """
    check_model(path)
    require_diffusers()
    import diffusers
    import torch
    import transformers
    from diffusers.loaders.single_file_utils import SingleFileComponentError

    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    device = chosen_device(device)
    kind = getattr(torch, DTYPES[dtype] if dtype != "auto" else DTYPES["fp16" if is_cuda(device) else "fp32"])
    try:
        with warnings.catch_warnings():
            # Newer diffusers call it dtype, but the older ones that we support know torch_dtype only.
            warnings.filterwarnings("ignore", "`torch_dtype` is deprecated", FutureWarning)
            pipe = read(diffusers, path, kind, config)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SingleFileComponentError) as error:
        reason = " ".join(str(error).split())[:300]
        hint = (
            "is it complete, and are all its weights .safetensors?"
            if path.is_dir()
            else "its configuration comes from the Hugging Face hub: be online, or give a diffusers folder of"
            " the same layout with --model-config"
        )
        raise ModelFileError(f"{path} could not be loaded ({type(error).__name__}: {reason}); {hint}") from error
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)


def read(diffusers: Any, path: Path, kind: Any, config: Path | None) -> Any:
    """The pipeline of a folder or file with weights of the torch dtype `kind`."""
    if path.is_dir():
        cls = getattr(diffusers, pipeline_name(path))
        return cls.from_pretrained(path, torch_dtype=kind, use_safetensors=True, local_files_only=True)
    cls = getattr(diffusers, original_kind(path))
    given = {} if config is None else {"config": str(config), "local_files_only": True}
    return cls.from_single_file(str(path), torch_dtype=kind, **given)


def is_cuda(device: str) -> bool:
    """Whether this is an NVIDIA GPU, "cuda", or one of several, such as "cuda:1"."""
    return device.partition(":")[0] == "cuda"


def chosen_device(device: str) -> str:
    """The device by name; SettingsError when it is not there."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    kind, _, number = device.partition(":")
    if kind == "cuda" and number and there["cuda"] and int(number) >= torch.cuda.device_count():
        raise SettingsError(
            f"there is no device {device!r} here; expected one of the {torch.cuda.device_count()} GPUs that there are;"
            " start no more processes than those"
        )
    if not there.get(kind, False):
        names = ", ".join(name for name, is_there in there.items() if is_there)
        raise SettingsError(f"there is no device {device!r} here; expected auto or one of: {names}; choose one")
    return device
