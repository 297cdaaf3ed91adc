"""What tells one model's cross-attention from another's."""

import hashlib
from collections.abc import Sequence

import torch
from torch import nn

from lib_gi.errors import UnsupportedModelError
from lib_gi.layers import Layer, find_cross_attention


def fingerprint(unet: nn.Module) -> str:
    """Sixteen hexadecimal digits of the weights that read a concept's context, `to_k` and `to_v` of every layer.

    Taken in half precision, so that a model has the same in fp32 and fp16; bf16 loses too much of the weights. A LoRA
    that is merged into them changes it, but not one of the WebUI's, which keeps the weights as they were, nor one of
    PEFT's that is not fused. Raises UnsupportedModelError as `find_cross_attention` does, and where the weights are
    kept elsewhere until a layer is called.
    """
    return fingerprint_of(find_cross_attention(unet))


def fingerprint_of(layers: Sequence[Layer]) -> str:
    """The `fingerprint` of a UNet with these cross-attention layers; UnsupportedModelError as there."""
    digest = hashlib.sha256()
    for layer in layers:
        for part in (layer.module.to_k, layer.module.to_v):
            kept = getattr(part, "network_weights_backup", None)  # by the WebUI, while a LoRA is in the weights
            weight = (kept if torch.is_tensor(kept) else part.weight).detach()
            if weight.is_meta:
                raise UnsupportedModelError(
                    f"the weights of {layer.name} are not in memory, so the model cannot be told from others; expected"
                    " them there (no sequential offload); give an adapter's file, or choose a fixed strength"
                )
            weight = weight.to("cpu", torch.float16).contiguous()
            digest.update(f"{tuple(weight.shape)}".encode())
            digest.update(weight.numpy().tobytes())
    return digest.hexdigest()[:16]


def architecture(layers: Sequence[Layer]) -> dict[str, list[int]]:
    """How the layers are built, a number for each: heads, width of the queries, width of the text's contexts."""
    return {
        "heads": [layer.heads for layer in layers],
        "widths": [_inputs(layer.to_q) for layer in layers],
        "contexts": [_inputs(layer.module.to_k) for layer in layers],
    }


def _inputs(projection: nn.Module) -> int:
    """How many numbers it takes for each position or token; 0 where it does not tell, as no layer of ours does."""
    return int(getattr(projection, "in_features", 0))
