"""Part of the companion: tells the shape of what the unit tests' fakes stand for."""

import inspect

import gradio
from modules import script_callbacks, scripts, shared, ui_components

seen = {}


def on_cfg_denoiser(params):
    """Look at what the host hands over."""
    denoiser = params.denoiser
    seen["params"] = kinds(params)
    seen["denoiser"] = {name: type(getattr(denoiser, name)).__name__ for name in DENOISER}
    seen["denoiser classes"] = [kind.__name__ for kind in type(denoiser).__mro__]
    seen["parts"] = [len(composed) for composed in denoiser.sampler.sampler_extra_args["cond"].batch]


DENOISER = "p sampler step steps total_steps image_cfg_scale".split()


def shapes() -> dict:
    """The signatures of what the fakes of the unit tests stand for, and what was seen at the last step."""
    ours = next(data.script_class for data in scripts.scripts_data if data.path.endswith("growth_inhibitors.py"))
    methods = [name for name, value in vars(ours).items() if inspect.isfunction(value)]
    plot = next(data.module for data in scripts.scripts_data if hasattr(data.module, "AxisOption"))
    return {
        "script": {name: [signature(getattr(kind, name)) for kind in (ours, scripts.Script)] for name in methods},
        "runner": {name: signature(getattr(scripts.ScriptRunner, name)) for name in methods if name in RUN},
        "callbacks": {
            name: signature(getattr(script_callbacks, name))
            for name in ("on_cfg_denoiser", "on_app_started", "on_before_ui", "on_ui_tabs", "on_ui_settings")
        },
        "CFGDenoiserParams": parameters(script_callbacks.CFGDenoiserParams),
        "AxisOption": parameters(plot.AxisOption),
        "scripts_data": list(scripts.scripts_data[0]._fields),
        "OptionInfo": parameters(shared.OptionInfo),
        "Options": {name: signature(getattr(type(shared.opts), name)) for name in ("add_option", "set")},
        "options": [hasattr(shared.cmd_opts, name) for name in ("api_auth", "loglevel", "growth_inhibitors_always")],
        "gradio": {name: parameters(getattr(gradio, name)) for name in COMPONENTS},
        "change": parameters(gradio.events.EventListenerMethod.__call__),
        "InputAccordion": [parameters(ui_components.InputAccordion), parameters(gradio.Checkbox)],
        "seen": seen,
    }


RUN = ("process", "process_before_every_sampling", "post_sample", "postprocess")
COMPONENTS = ("Checkbox", "Slider", "Textbox", "Radio", "Dropdown", "HTML", "Accordion", "Button", "UploadButton")
COMPONENTS += ("State", "Row", "Tabs", "TabItem", "Blocks")


def signature(function) -> str:
    """The signature without annotations."""
    plain = [part.replace(annotation=part.empty) for part in inspect.signature(function).parameters.values()]
    return str(inspect.Signature(plain))


def parameters(kind) -> list:
    return [name for name in inspect.signature(kind).parameters if name != "self"]


def kinds(thing) -> dict:
    return {name: type(value).__name__ for name, value in vars(thing).items()}


script_callbacks.on_cfg_denoiser(on_cfg_denoiser)
script_callbacks.on_app_started(lambda demo, app: app.add_api_route("/companion/shapes", shapes, methods=["GET"]))
