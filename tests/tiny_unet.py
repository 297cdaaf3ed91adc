"""A UNet of three cross-attention layers, without any host, and ways to run it."""

import torch
from torch import nn

from lib_gi import inhibitor
from lib_gi.encoded import EncodedConcept
from lib_gi.rows import RowMap

HEADS, WIDTH, CONTEXT = 2, 8, 6
GUIDED = RowMap.guided(4)
EMPTY = torch.randn(1, 77, CONTEXT, generator=torch.Generator().manual_seed(11))  # an empty prompt's context


class CrossAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = HEADS
        self.to_q = nn.Linear(WIDTH, WIDTH, bias=False)
        self.to_k = nn.Linear(CONTEXT, WIDTH, bias=False)
        self.to_v = nn.Linear(CONTEXT, WIDTH, bias=False)
        self.to_out = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Dropout(0.0))

    def forward(self, x, context):
        q, k, v = (
            inhibitor.split_heads(y, HEADS) for y in (self.to_q(x), self.to_k(context), self.to_v(context))
        )
        h = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.to_out(inhibitor.merge_heads(h))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn1 = nn.Linear(WIDTH, WIDTH)
        self.attn2 = CrossAttention()

    def forward(self, x, context):
        return x + self.attn2(self.attn1(x), context)


class UNet(nn.Module):
    """Registers its middle block last and runs it in the middle, as UNets do."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.down_blocks = nn.ModuleList([Block()])
        self.up_blocks = nn.ModuleList([Block()])
        self.mid_block = Block()
        self.skipped = ()

    def forward(self, x, context):
        for name, block in (
            ("down", self.down_blocks[0]),
            ("mid", self.mid_block),
            ("up", self.up_blocks[0]),
        ):
            if name not in self.skipped:
                x = block(x, context)
        return x


class LatentUNet(UNet):
    """The same on latents (rows, WIDTH, height, width); its middle layer sees every second position."""

    def forward(self, x, context):
        for block, stride in ((self.down_blocks[0], 1), (self.mid_block, 2), (self.up_blocks[0], 1)):
            part = x[:, :, ::stride, ::stride]
            seen = block(part.flatten(2).mT, context).mT.unflatten(2, part.shape[2:])
            x = x + nn.functional.interpolate(seen, size=x.shape[2:])
        return x


def latents(rows=4, size=(6, 10), seed=9):
    return torch.randn(rows, WIDTH, *size, generator=torch.Generator().manual_seed(seed))


def concept(name="a", tokens=2, strength=4.0, images=1, seed=5, width=CONTEXT):
    generator = torch.Generator().manual_seed(seed)
    c_star = torch.randn(1, 77, width, generator=generator)
    return EncodedConcept(name, c_star, 1, 1 + tokens, torch.full((images, tokens), -strength))


def inputs(rows=4, length=77):
    generator = torch.Generator().manual_seed(9)
    return (
        torch.randn(rows, 5, WIDTH, generator=generator),
        torch.randn(rows, length, CONTEXT, generator=generator),
    )


def run(unet, session, rows, x=None, context=None, step=0):
    """One UNet call under a session that is told these rows."""
    default = inputs(len(rows))
    session.begin_step(step, rows)
    with torch.no_grad():
        return unet(default[0] if x is None else x, default[1] if context is None else context)


def plainly(unet, rows=4):
    with torch.no_grad():
        return unet(*inputs(rows))


def hooks(unet):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in unet.modules())
