"""Which rows of a UNet call of the WebUI are conditional, and of which image."""

from typing import Any

from lib_gi.errors import RowCountError
from lib_gi.rows import RowMap


def rows_of(params: Any, edits: bool) -> RowMap:
    """The map of the rows that the host's denoiser announces: all conditional ones first, grouped by image.

    params: text_cond, text_uncond (tensors, or SDXL's dicts with a shape), x, denoiser. What the host splits, pads
    or drops after this keeps the order. Raises RowCountError when the numbers do not add up.
    """
    conditional, images = params.text_cond.shape[0], params.text_uncond.shape[0]
    prompts = params.denoiser.sampler.sampler_extra_args["cond"]
    parts = [len(composed) for composed in prompts.batch]  # several where a prompt has AND
    rows = RowMap.edit(3 * images) if edits else RowMap.grouped(parts, images)
    if sum(parts) != conditional or len(parts) != images or len(rows) != params.x.shape[0]:
        raise RowCountError(
            f"the denoiser announces {params.x.shape[0]} rows, {conditional} of them conditional, for {parts}"
            f" parts of prompts and {images} images, which does not add up; expected one row for each part and"
            " one more for each image; switch off other extensions that add rows"
        )
    return rows
