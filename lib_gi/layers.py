"""The cross-attention layers of a UNet, as any host builds them."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lib_gi.errors import ContextWidthError, NonFiniteError, UnsupportedModelError
from lib_gi.inhibitor import Growth, split_heads

# In running order, each by the name of diffusers and by that of the original release, which the WebUI uses.
_STAGES = ("down_blocks", "input_blocks", "mid_block", "middle_block", "up_blocks", "output_blocks")


@dataclass(eq=False)
class Layer:
    """One cross-attention layer and what a session keeps of it during a sampling pass."""

    name: str
    module: nn.Module
    to_q: nn.Module
    to_out: nn.Module
    heads: int
    q: Tensor | None = None  # of the call that is under way, (B, N, H*d)
    stars: tuple[Tensor, Tensor] | None = None  # K*, V*, each (C, H, L, d)
    empty: tuple[Tensor, Tensor] | None = None  # K, V of the empty prompt, each (1, H, L, d)
    neutral: tuple[Tensor, Tensor] | None = None  # K, V of what concepts are set against, each (E, H, L, d)
    growths: dict[tuple[int, ...], Growth] = field(default_factory=dict)
    checked: bool = False
    hits: int = 0

    def make_stars(self, c_star: Tensor) -> tuple[Tensor, Tensor]:
        """K and V of contexts (C, L, D), each (C, H, L, d), by the layer's own projections: LoRA and offload act."""
        with torch.no_grad():
            K, V = self.module.to_k(c_star), self.module.to_v(c_star)  # (C, L, D) -> (C, L, H*d)
        return split_heads(K, self.heads), split_heads(V, self.heads)

    def check_unreplaced(self) -> None:
        """Nothing, while the hooked parts are the layer's own; UnsupportedModelError otherwise."""
        if self.module.to_q is not self.to_q or self.module.to_out[0] is not self.to_out:
            raise UnsupportedModelError(
                f"a part of {self.name} was replaced while the inhibitor was armed; expected the layers to"
                " stay as they were; load a LoRA before entering, or leave and enter again"
            )

    def check_finite(self, h: Tensor, Z: Tensor) -> None:
        """Nothing, or NonFiniteError; looks at the first Z of a pass only, as this waits for the device."""
        if self.checked:
            return
        self.checked = True
        if bool(torch.isfinite(Z).all()):
            return
        what, todo = "the model's own output is", "run the model in a wider number format"
        if bool(torch.isfinite(h).all()):
            what, todo = "the inhibitor is", f"lower the strength, or {todo}"
        raise NonFiniteError(f"{what} NaN or infinite in {self.name}; expected finite numbers; {todo}")

    def forget(self) -> None:
        """Drop what belongs to a sampling pass."""
        self.q, self.stars, self.empty, self.neutral, self.checked = None, None, None, None, False
        self.growths.clear()


def find_cross_attention(unet: nn.Module) -> list[Layer]:
    """The modules named attn2 that have to_q, to_k, to_v, to_out[0] and heads, in running order.

    Raises UnsupportedModelError when there is none, or when the UNet is compiled.
    """
    _refuse_compiled(unet)
    layers = []
    for name, module in unet.named_modules():
        if name.rpartition(".")[2] != "attn2":
            continue
        parts = [getattr(module, part, None) for part in ("to_q", "to_k", "to_v", "to_out")]
        heads = getattr(module, "heads", None)
        if any(part is None for part in parts) or not isinstance(heads, int) or not _is_indexable(parts[3]):
            raise UnsupportedModelError(
                f"the layer {name} lacks a part of a cross-attention (to_q, to_k, to_v, to_out[0], heads);"
                " expected a layer of Stable Diffusion 1, 2 or XL; remove what replaced it"
            )
        layers.append(Layer(name, module, parts[0], parts[3][0], heads))
    if not layers:
        raise UnsupportedModelError(
            f"{type(unet).__name__} has no cross-attention layer (none is named attn2); expected a UNet of"
            " Stable Diffusion 1, 2 or XL (SD3 and Flux are built without any); load such a model"
        )
    return sorted(layers, key=lambda layer: _stage(layer.name))


def _stage(name: str) -> int:
    """Where in the UNet the block of a layer of this name runs; a UNet registers its middle block last."""
    block = name.split(".")[0]
    return _STAGES.index(block) if block in _STAGES else len(_STAGES)


def place_of(name: str) -> tuple[int, str]:
    """Where a layer lies, by whatever name a host calls its block: the stage, and where in its transformer.

    A layer that lies in no transformer is told by its whole name.
    """
    return _stage(name) // 2, name.partition(".transformer_blocks.")[2] or name


def sample_of(args: tuple, kwargs: dict[str, Any]) -> Tensor:
    """The latents among a UNet's arguments, by the names that diffusers and the WebUI give them."""
    return args[0] if args else kwargs.get("sample", kwargs.get("x"))


def check_output(output: Any, step: int) -> None:
    """Nothing, or NonFiniteError for what a UNet or a denoiser gave in this step; waits for the device."""
    out = output if isinstance(output, Tensor) else output[0]
    if not bool(torch.isfinite(out).all()):
        raise NonFiniteError(
            f"the UNet's output is NaN or infinite in step {step}, with or after inhibitors; expected finite numbers;"
            " lower the strength, or run the model in a wider number format"
        )


def check_width(layers: list[Layer], width: int) -> None:
    """Nothing, when contexts of this width fit into every layer's `to_k`; ContextWidthError otherwise."""
    for layer in layers:
        expected = getattr(layer.module.to_k, "in_features", width)
        if expected != width:
            raise ContextWidthError(
                f"the concept's text context has {width} numbers per token, but {layer.name}.to_k takes"
                f" {expected}; expected the context of this model's own text encoder; encode it with that"
            )


def _is_indexable(to_out: nn.Module) -> bool:
    return isinstance(to_out, (nn.Sequential, nn.ModuleList)) and len(to_out) > 0


def _refuse_compiled(unet: nn.Module) -> None:
    compiled = (
        getattr(unet, "_orig_mod", None) is not None
        or hasattr(unet.forward, "_torchdynamo_orig_callable")
        or any(getattr(m, "_compiled_call_impl", None) is not None for m in unet.modules())
    )
    if compiled:
        raise UnsupportedModelError(
            "the UNet is compiled by torch.compile, which fixes its graph, so an inhibitor could be passed"
            " by; expected the UNet as it was loaded; generate with the one that was not compiled"
        )
