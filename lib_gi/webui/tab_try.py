"""The tab's section "Try": the same seeds without and with growth inhibitors, side by side. Nothing of it is saved."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from lib_gi.concepts import Catalogue
from lib_gi.errors import GrowthInhibitorError
from lib_gi.settings import WEIGHTING_CHOICES, Settings
from lib_gi.trial import RANGES, Draw, Trial, drawn, told
from lib_gi.webui.accordion import Form, keep_listed, line_of
from lib_gi.webui.arguments import FIELDS, form_of, settings_from
from lib_gi.webui.tab import Section

METHOD = ("concepts", "free_text", "strength", "adapter", "weighting")
"""The fields of the accordion that are here too; the others have their defaults."""
TEXTS = {"prompt": "Prompt", "negative": "Negative prompt"}
SLIDERS = {
    "steps": ("Sampling steps", 20),
    "cfg_scale": ("CFG scale", 7.0),
    "width": ("Width", 512),
    "height": ("Height", 512),
    "count": ("Seeds to try", 1),
}

Queued = Callable[..., Callable[..., Any]]
"""The host's wrap_gradio_gpu_call: a function waits for its turn, and its last output tells what nobody foresaw."""


def section(
    catalogue: Callable[[], Catalogue],
    adapters: Callable[[], list[str]],
    draw: Draw,
    queued: Queued,
    interrupt: Callable[[], None],
) -> Section:
    """The section; catalogue, adapters: asked whenever they matter. interrupt: stops what the host draws now."""
    return Section("Try", "try", lambda seen, prefix: _build(catalogue, adapters, draw, queued, interrupt, prefix))


def _build(
    catalogue: Callable[[], Catalogue],
    adapters: Callable[[], list[str]],
    draw: Draw,
    queued: Queued,
    interrupt: Callable[[], None],
    prefix: str,
) -> None:
    form = Form(prefix, catalogue())
    made: dict[str, Any] = {}
    with gr.Row(elem_id=form.id("texts")):
        for name, label in TEXTS.items():
            made[name] = gr.Textbox(value="", label=label, elem_id=form.id(name))
    with gr.Row(elem_id=form.id("method")):
        made["concepts"] = form.choice_of_concepts()
        made["free_text"] = form.text("free_text", "red shoes; clown")
        made["strength"] = form.slider("strength")
        made["adapter"] = form.choice_of_adapter(adapters())
        made["weighting"] = gr.Radio(choices=list(WEIGHTING_CHOICES), **form.common("weighting"))
    with gr.Row(elem_id=form.id("sampling")):
        shown = {"label": "First seed", "info": "-1 for a random one."}
        made["seed"] = gr.Number(value=-1, precision=0, elem_id=form.id("seed"), **shown)
        for name, (label, value) in SLIDERS.items():
            range_ = dict(zip(("minimum", "maximum", "step"), RANGES[name]))
            made[name] = gr.Slider(value=value, label=label, elem_id=form.id(name), **range_)
    with gr.Row(elem_id=form.id("buttons")):
        start = gr.Button("Draw off and on", elem_id=form.id("start"))
        stop = gr.Button("Interrupt", elem_id=form.id("stop"))
    line = gr.HTML(value="", elem_id=form.id("told"))
    gallery = gr.Gallery(label="Off, on, and the difference", columns=3, elem_id=form.id("gallery"))
    for component in made.values():
        component.do_not_save_to_config = True  # the host would keep what is written there as the user's default

    def run(*values: Any) -> tuple[list[Any], str]:
        try:
            trial = trial_of(dict(zip(made, values)), catalogue())
            pictures = drawn(trial, draw)
        except GrowthInhibitorError as error:
            return [], line_of(str(error), wrong=True)
        return pictures, line_of(told(trial, pictures))

    start.click(
        fn=queued(run, extra_outputs=[[]]),
        inputs=list(made.values()),
        outputs=[gallery, line],
        show_progress="full",
        queue=True,
        api_name=False,
    )
    stop.click(fn=interrupt, inputs=[], outputs=[], show_progress="hidden", queue=False, api_name=False)
    keep_listed(made, catalogue, adapters)


def trial_of(values: dict[str, Any], catalogue: Catalogue) -> Trial:
    """The trial that the form's values ask for, by the names of its components.

    Raises SettingsError, and ConceptError for a name that is neither in the catalogue nor among the further words.
    """
    form = form_of(Settings.defaults(), catalogue) | {name: values[name] for name in METHOD}
    settings = settings_from([form[name] for name in FIELDS], catalogue)
    rest = {name: value for name, value in values.items() if name not in METHOD}
    return Trial(settings, **{n: int(x) if isinstance(x, float) and x.is_integer() else x for n, x in rest.items()})
