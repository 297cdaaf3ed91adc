"""Small stand-ins for what AUTOMATIC1111 hands to a script; the suite against a real WebUI checks their shape."""

import sys
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import torch
from tiny_unet import CONTEXT, WIDTH, UNet, concept, latents
from torch import nn

from lib_gi.concepts import Concept
from lib_gi.hosts.webui import Protection
from lib_gi.settings import Settings


def protected(host, adapters=None, **settings):
    """A protection from the concept "a" in this host."""
    return Protection(host, Settings(concepts=("a",), **settings), [Concept("a", "a")], adapters)


class Interrupted(BaseException):
    """What the host's denoiser raises after an interrupt or a skip."""


class Host:
    """A WebUI with this UNet loaded, whose text encoder is `tiny_unet.concept`."""

    checkpoint, weights, optimisation, replacement = "tiny", "tiny.safetensors", "Doggettx", ""
    job, broken_off = "task(1)", False

    def __init__(self, unet: nn.Module | None = None, edit: bool = False) -> None:
        self.loaded = UNet() if unet is None else unet
        self.edit, self.encoded = edit, []

    def unet(self):
        return self.loaded

    def edits(self, denoiser):
        return self.edit

    def counted(self, asked):
        return asked.phrase, len(asked.phrase.split())

    def encode(self, asked, w, size):
        self.encoded.append((asked.name, size))
        return replace(concept(asked.name), w=None) if w is None else concept(asked.name, strength=-w)

    def empty(self, size):
        return concept("an empty prompt").c_star


class Denoiser(nn.Module):
    """Announces all rows of a step to `callback`, then runs the UNet on them as a whole or in parts."""

    def __init__(self, host, callback, parts=(1,), steps=3, *, split=False, without_uncond=False, order=1, edit=False):
        super().__init__()
        self.host, self.callback, self.parts = host, callback, tuple(parts)
        self.split, self.without_uncond, self.edit = split, without_uncond, edit
        self.step, self.steps, self.total_steps = 0, steps, steps * order
        self.interrupted_at: int | None = None
        self.announced_rows: int | None = None
        batch = [[object()] * n for n in self.parts]
        self.sampler = SimpleNamespace(sampler_extra_args={"cond": SimpleNamespace(batch=batch)})

    def forward(self, x):
        """x: (rows, 5, WIDTH), or for a LatentUNet (rows, WIDTH, height, width), conditional rows first."""
        images, cond = len(self.parts), sum(self.parts)
        rows = 3 * images if self.edit else cond + images
        if self.interrupted_at == self.step:
            raise Interrupted
        generator = torch.Generator().manual_seed(self.step)
        context = torch.randn(rows, 77, CONTEXT, generator=generator)
        text = context[:cond], context[cond : cond + images]
        told = SimpleNamespace(
            x=x if self.announced_rows is None else x[: self.announced_rows],
            text_cond=text[0],
            text_uncond=text[1],
            denoiser=self,
        )
        try:
            self.callback(told)
        except Exception:  # noqa: BLE001
            pass  # as the host does it: printed, swallowed, and on
        if self.without_uncond:
            x, context = x[:cond], context[:cond]
        size = images if self.split else len(x)
        pieces = zip(x.split(size), context.split(size))
        out = torch.cat([self.host.loaded(piece, text) for piece, text in pieces])
        self.step += 1
        return out


class OptionInfo:
    """One option of the settings page, by the host's signature as far as it is used; `told` is what is said of it."""

    def __init__(
        self, default=None, label="", *, component_args=None, onchange=None, section=None, restrict_api=False
    ):
        self.default, self.label, self.component_args, self.section = default, label, component_args, section
        self.onchange, self.restrict_api, self.told, self.needs_reload = onchange, restrict_api, "", False

    def info(self, text):
        self.told = f"({text})"
        return self

    def needs_reload_ui(self):
        self.needs_reload = True
        return self


class Options:
    """The host's `opts`: the values of its configuration file, and options that say which may be changed by whom."""

    def __init__(self, **data):
        self.__dict__.update(data=data, data_labels={})

    def __getattr__(self, key):
        try:
            return self.data[key]
        except KeyError:
            raise AttributeError(key) from None

    def __setattr__(self, key, value):
        self.data[key] = value

    def add_option(self, key, info):
        self.data_labels[key] = info
        self.data.setdefault(key, info.default)

    def set(self, key, value, is_api=False, run_callbacks=True):
        option = self.data_labels[key]
        if is_api and option.restrict_api:
            return False
        setattr(self, key, value)
        if run_callbacks and option.onchange is not None:
            option.onchange()
        return True

    @contextmanager
    def overridden(self, settings, guarded=True):
        """A generation with the `override_settings` of its request; not guarded as in releases before 1.10."""
        stored = {key: self.data[key] for key in settings if key in self.data}
        for key, value in settings.items():
            self.set(key, value, is_api=guarded, run_callbacks=False)
        yield
        for key, value in stored.items():
            setattr(self, key, value)


class Generation:
    """The host's object of one generation; it can be referred to weakly, as the real one."""

    def __init__(self, denoiser, width=512, height=768):
        self.width, self.height = width, height
        self.sampler = SimpleNamespace(model_wrap_cfg=denoiser)


def noise(rows, seed=3):
    """x for the rows of one step."""
    return torch.randn(rows, 5, WIDTH, generator=torch.Generator().manual_seed(seed))


def sample(denoiser, steps=None, size=None):
    """What a sampling pass draws: what each of its steps gave, for each row; size: of latents, for a LatentUNet."""
    images = len(denoiser.parts)
    rows = 3 * images if denoiser.edit else sum(denoiser.parts) + images
    with torch.no_grad():
        seeds = range(steps or denoiser.total_steps)
        return [denoiser(latents(rows, size, seed) if size else noise(rows, seed)) for seed in seeds]


def host_modules(monkeypatch, contents):
    """Modules of the host with these contents, by name, where `from modules import …` finds them; their package."""
    package = ModuleType("modules")
    monkeypatch.setitem(sys.modules, "modules", package)
    for name, content in contents.items():
        module = ModuleType(f"modules.{name}")
        module.__dict__.update(content)
        setattr(package, name, module)
        monkeypatch.setitem(sys.modules, f"modules.{name}", module)
    return package
