"""Part of the suite, and loaded by the WebUI that it tests: plays other extensions, causes faults on purpose, and tells
from inside what the API does not.
"""

import gc
import platform
from contextlib import closing
from copy import copy
from pathlib import Path

import gradio
import open_clip
import torch
import transformers
from fastapi import Body
from modules import (
    launch_utils,
    paths,
    processing,
    script_callbacks,
    scripts,
    sd_models,
    sd_models_config,
    sd_samplers,
    sd_unet,
    shared,
    shared_items,
)

HERE = Path(paths.models_path) / "Stable-diffusion"
# A checkpoint without a yaml of its own is one of the host's default kind; here that is gi-tiny. Two of those share
# one UNet, whose weights the host exchanges, as it does with the checkpoints that users have.
sd_models_config.config_default = str(HERE / "gi-tiny.yaml")
if (HERE / "open_clip").exists():
    open_clip.add_model_config(HERE / "open_clip")

WANTS = ("raise_at", "raise_after", "nan_at", "rows_at", "late_rows_at", "inside")
wanted = dict.fromkeys(WANTS) | {"attention": False, "hide": False}


# -- what is wanted of it ------------------------------------------------------------------------------------


def want(changes: dict = Body()) -> dict:  # noqa: B008
    """Set some of: raise_at, nan_at, rows_at, late_rows_at (a step in whose UNet call it happens, or None; the latter
    two add a row to it, before and after the growth inhibitors' own callback), raise_after (a step after which),
    attention (whether attn2 also attends to a context of ours), hide (whether the UNet has no layer that can be found),
    inside (a key of INSIDE: how a picture is drawn that takes each picture's place while that is post-processed).
    """
    wanted.update(changes)
    model = shared.sd_model.model
    unet = vars(model.diffusion_model).get("hidden", model.diffusion_model)
    model.diffusion_model = Hiding(unet) if wanted["hide"] else unet
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            module.__dict__.pop("forward", None)
            if wanted["attention"]:
                module.forward = attending(module)
    return wanted


class Hiding(torch.nn.Module):
    """Does what a UNet does, and stands for a model of another architecture: none of its layers can be found."""

    def __init__(self, unet):
        super().__init__()
        vars(self)["hidden"] = unet  # not as a module of this one

    def __getattr__(self, name):
        return getattr(vars(self)["hidden"], name)

    def forward(self, *args, **kwargs):
        return vars(self)["hidden"](*args, **kwargs)


def attending(attn):
    """A forward for attn2 that attends to further tokens as well, such as those of a picture."""
    generator = torch.Generator().manual_seed(attn.to_q.weight.shape[0])
    width, inner = attn.to_k.weight.shape[1], attn.to_q.weight.shape[0]
    tokens = torch.randn(4, width, generator=generator)
    more = [(tokens @ torch.randn(width, inner, generator=generator) * width**-0.5)[None] for _ in range(2)]

    def heads(x):
        return x.view(x.shape[0], x.shape[1], attn.heads, -1).transpose(1, 2)

    def forward(x, context=None, mask=None, **ignored):
        context = x if context is None else context
        q, k, v = heads(attn.to_q(x)), heads(attn.to_k(context)), heads(attn.to_v(context))
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        k, v = (heads(part.expand(len(x), -1, -1)) for part in more)
        out = out + 0.5 * torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return attn.to_out(out.transpose(1, 2).flatten(2))

    return forward


def on_cfg_denoiser(params):
    """Cause the fault that is wanted at this step."""
    denoiser = params.denoiser
    middle = shared.sd_model.model.diffusion_model.middle_block
    if denoiser.step == wanted["raise_at"]:
        once(middle, raising)
    if denoiser.step == wanted["raise_after"]:
        shared.total_tqdm.update = raising_between_two_steps
    if denoiser.step == wanted["rows_at"]:
        add_row(params)
    if denoiser.step == wanted["nan_at"]:
        once(middle, lambda output: output * float("nan"))


def on_cfg_denoiser_late(params):
    """As the one above, but the last to be called."""
    if params.denoiser.step == wanted["late_rows_at"]:
        add_row(params)


def add_row(params):
    for name in ("x", "sigma", "image_cond", "text_cond"):
        rows = getattr(params, name)
        setattr(params, name, torch.cat([rows[:1], rows]))


def once(module, change):
    def hook(module, args, output):
        handle.remove()
        return change(output)

    handle = module.register_forward_hook(hook)


def raising(output):
    raise RuntimeError("an error on purpose")


def raising_between_two_steps():
    del shared.total_tqdm.update  # the class's own is back
    raising(None)


class Seeding(scripts.Script):
    """img2img encodes its picture with noise of torch's own generator, which the host seeds nowhere."""

    def title(self):
        return "Companion"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def process(self, p, *args):
        torch.manual_seed(0)

    def postprocess_image(self, p, pp, *args):
        if wanted["inside"] and not hasattr(p, "is_inside"):
            pp.image = drawn_inside(p, p.seeds[p.batch_index], INSIDE[wanted["inside"]]).images[0]


class Instead(scripts.Script):
    """Draws with no script, and never begins the generation that it was handed."""

    def title(self):
        return "Instead"

    def run(self, p, *args):
        return drawn_inside(p, p.seed, INSIDE["no scripts"])


def drawn_inside(p, seed, scripts_of):
    """The same once more in a generation of its own, which has what `scripts_of` gives it of p's scripts."""
    same = {name: getattr(p, name) for name in ("prompt", "steps", "cfg_scale", "width", "height", "sampler_name")}
    inner = processing.StableDiffusionProcessingTxt2Img(
        sd_model=shared.sd_model, seed=seed, do_not_save_samples=True, do_not_save_grid=True, **same
    )
    inner.is_inside = inner.is_api = True  # the latter: the page's own scripts would set a seed
    with closing(inner):
        scripts_of(p, inner)
        return processing.process_images(inner)


def without_ours(p, inner):
    inner.scripts, inner.script_args = copy(p.scripts), p.script_args
    inner.scripts.alwayson_scripts = [script for script in p.scripts.alwayson_scripts if not is_ours(type(script))]
    inner.scripts.callback_map = {}  # a cache of the list


def with_a_form_unticked(p, inner):
    (ours,) = [script for script in p.scripts.alwayson_scripts if is_ours(type(script))]
    args = list(p.script_args)
    args[ours.args_from] = False
    inner.scripts, inner.script_args = p.scripts, args


def in_a_copy(p, inner):
    inner.__dict__.update({name: value for name, value in vars(p).items() if name.startswith("growth_inhibitors")})


INSIDE = {
    "no scripts": lambda p, inner: None,
    "scripts without ours": without_ours,
    "a form unticked": with_a_form_unticked,
    "a copy without scripts": in_a_copy,
}


class ReplacedUnet(sd_unet.SdUnet):
    """Stands for a UNet that runs elsewhere, such as TensorRT's."""

    def forward(self, x, timesteps, context, *args, **kwargs):
        return 0.1 * x


class ReplacedUnetOption(sd_unet.SdUnetOption):
    """What the settings offer it as."""

    model_name, label = "none of the models here", "replaced"

    def create_unet(self):
        return ReplacedUnet()


# -- what it tells -------------------------------------------------------------------------------------------


def left() -> dict:
    """What of the extension is in the loaded models: hooked modules, replaced forwards, and live sessions."""
    found = []
    for model in sd_models.model_data.loaded_sd_models:
        for name, module in model.named_modules():
            hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
            if any(is_ours(hook) for hook in hooks) or is_ours(module.__dict__.get("forward")):
                found.append(name)
    gc.collect()
    return {"modules": found, "sessions": sum(type(thing).__module__ == "lib_gi.session" for thing in gc.get_objects())}


def is_ours(function) -> bool:
    return str(getattr(function, "__module__", "")).startswith(("lib_gi", "growth_inhibitors"))


def lists() -> dict:
    """What the host offers, and which versions of what it is made of."""
    return {
        "samplers": [sampler.name for sampler in sd_samplers.all_samplers],
        "optimisations": shared_items.cross_attention_optimizations(),
        "checkpoints": [model.sd_checkpoint_info.model_name for model in sd_models.model_data.loaded_sd_models],
        "versions": {
            "WebUI": launch_utils.git_tag(),
            "Python": platform.python_version(),
            "torch": torch.__version__,
            "gradio": gradio.__version__,
            "transformers": transformers.__version__,
        },
    }


def add_routes(demo, app):
    """The routes, all below /companion/; and all scripts are loaded now, so that our callback comes last."""
    script_callbacks.on_cfg_denoiser(on_cfg_denoiser_late)
    app.add_api_route("/companion/left", left, methods=["GET"])
    app.add_api_route("/companion/lists", lists, methods=["GET"])
    app.add_api_route("/companion/want", want, methods=["POST"])
    app.add_api_route("/companion/reload_ui", shared.state.request_restart, methods=["POST"])


script_callbacks.on_cfg_denoiser(on_cfg_denoiser)
script_callbacks.on_list_unets(lambda found: found.append(ReplacedUnetOption()))
script_callbacks.on_app_started(add_routes)
