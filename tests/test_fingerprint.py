"""A model's fingerprint: the same in either precision, another for other weights."""

import pytest
import torch
from tiny_unet import UNet

from lib_gi.errors import UnsupportedModelError
from lib_gi.fingerprint import fingerprint


def test_it_is_that_of_the_weights_in_half_precision():
    unet = UNet()
    rounded = UNet().half().float()
    assert fingerprint(unet) == fingerprint(rounded) == fingerprint(UNet().half()) and len(fingerprint(unet)) == 16


def test_it_tells_other_weights_of_either_projection():
    prints = {fingerprint(UNet()), fingerprint(UNet(seed=1))}
    for part in ("to_k", "to_v"):
        changed = UNet()
        with torch.no_grad():
            getattr(changed.up_blocks[0].attn2, part).weight[0, 0] += 0.1
        prints.add(fingerprint(changed))
    assert len(prints) == 4


def test_weights_that_are_kept_elsewhere_are_refused():
    with pytest.raises(UnsupportedModelError, match="not in memory.*expected.*choose a fixed strength"):
        fingerprint(UNet().to("meta"))
