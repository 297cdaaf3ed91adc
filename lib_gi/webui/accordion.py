"""The accordion "Growth Inhibitors" of the WebUI's txt2img and img2img, and what an infotext fills into it.

Needs gradio as the hosts have it, 3.41 to 4.40. In the older one a list with several choices takes neither labels of
its own nor words that it lacks: so the choices are plain texts, and further concepts have a box of their own.
"""

import html
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import gradio as gr

from lib_gi import infotext
from lib_gi.adapter_names import adapter_choices
from lib_gi.concepts import Catalogue
from lib_gi.errors import GrowthInhibitorError
from lib_gi.settings import RECORDED, Settings
from lib_gi.webui.arguments import FIELDS, OFF, form_of, label_of, settings_from

try:
    from modules.ui_components import InputAccordion
except ImportError:  # a host without it: a checkbox in a plain accordion instead
    InputAccordion = None

logger = logging.getLogger(__name__)

TITLE = "Growth Inhibitors"
_SHOWN = {field.name: field.metadata for field in fields(Settings)} | {
    "free_text": {
        "label": "Other concepts",
        "help": "What the list lacks, in words of your own, separated by semicolons.",
    }
}

Describe = Callable[[Settings | GrowthInhibitorError], str]


@dataclass(frozen=True)
class Accordion:
    """What a script's ui() hands to the host: components in the order of FIELDS, and how an infotext fills them."""

    components: list[Any]
    infotext_fields: list[tuple[Any, "Pasted"]]
    paste_field_names: list["Pasted"]


@dataclass(frozen=True)
class Pasted:
    """One field's value for the form, from an infotext's parameters; None leaves the component as it is.

    An infotext that tells nothing of growth inhibitors changes nothing: pasting never switches protection off. Nor
    does any change a field that none tells.
    Equal for the same field in both tabs, by which the host's "send to img2img" finds the component to send to.
    """

    name: str
    catalogue: Callable[[], Catalogue] = field(compare=False, repr=False)
    adapters: Callable[[], list[str]] = field(compare=False, repr=False)

    def __call__(self, params: Mapping[str, Any]) -> Any:
        values, warnings = infotext.read(params)
        if self.name == FIELDS[0]:  # each of the fields reads the same text: tell once
            for warning in warnings:
                logger.warning("%s", warning)
                gr.Warning(html.escape(f"{TITLE}: {warning}", quote=False))
        if not values or self.name not in RECORDED:
            return None
        catalogue = self.catalogue()
        value = form_of(values, catalogue)[self.name]
        # The list in the page may be older than what is filled in.
        if self.name == "adapter":
            return gr.update(value=value, choices=adapter_choices(self.adapters()))
        return gr.update(value=value, choices=labels(catalogue)) if self.name == "concepts" else value


def build(
    is_img2img: bool,
    catalogue: Callable[[], Catalogue],
    elem_prefix: str,
    describe: Describe,
    initial: Settings | None = None,
    adapters: Callable[[], list[str]] = list,
) -> Accordion:
    """The accordion's components, made inside the host's block that is open; nothing else is changed.

    catalogue: asked whenever it matters, so that concepts that were added in the meantime are listed and act.
    elem_prefix: what every component's HTML id begins with; the tab and the component's name follow. describe: the
    text of the line that tells what will happen, from the settings or from what is wrong with them; it may find more
    that is wrong. It is called whenever the page's script finds that the form changes or is first open, not while it is
    built.
    initial: what the form begins with, whatever the host has kept of it; without, nothing is ticked but what the host's
    own defaults say. adapters: the names that can be chosen beside none and auto, asked as the catalogue is.
    """
    tab = "img2img" if is_img2img else "txt2img"
    form = Form(f"{elem_prefix}_{tab}", catalogue(), initial)
    made: dict[str, Any] = {}

    def line(*values: Any) -> str:
        return _line(list(values), catalogue(), describe)

    # The page's script has gradio make what is in the column when the accordion is first open.
    with _frame(form) as made["enabled"], gr.Column(elem_id=form.id("fields")):
        made["concepts"] = form.choice_of_concepts()
        made["free_text"] = form.text("free_text", "red shoes; clown")
        made["strength"] = form.slider("strength")
        made["adapter"] = form.choice_of_adapter(adapters())
        made["strengths"] = form.text("strengths", "nudity=6; blood=3")
        told = gr.HTML(value=_reserved(""), elem_id=form.id("line"))
        with gr.Accordion("Advanced", open=False, elem_id=form.id("advanced")):
            made["weighting"] = gr.Radio(choices=list(_SHOWN["weighting"]["choices"]), **form.common("weighting"))
            made["first_step"] = form.slider("first_step")
            made["last_step"] = form.text("last_step", "to the end")
            made["hires"] = gr.Checkbox(**form.common("hires"))
            made["bound"] = form.text("bound", "0.4, 2.5")
            made["heatmap"] = gr.Radio(choices=[OFF, *_SHOWN["heatmap"]["choices"]], **form.common("heatmap"))

    components = [made[name] for name in FIELDS]
    # One event for all of them, which the page's script sends: the host goes through every event's inputs at each load.
    asked = gr.Button("Tell", visible=False, elem_id=form.id("asked"))
    quietly = {"queue": False, "api_name": False}
    answer = asked.click(fn=line, inputs=components, outputs=[told], show_progress="hidden", **quietly)
    script = "_js" if gr.__version__.startswith("3.") else "js"
    answer.then(fn=None, inputs=[], outputs=[], **{script: f"() => growthInhibitorsTold('{tab}')"}, **quietly)
    for component in components if initial is not None else ():  # else the host's own defaults would take its place
        for kept in (component, getattr(component, "accordion", component)):
            kept.do_not_save_to_config = True
    keep_listed(made, catalogue, adapters)
    pasted = [Pasted(name, catalogue, adapters) for name in FIELDS]
    return Accordion(components, list(zip(components, pasted)), pasted)


def keep_listed(
    made: Mapping[str, Any], catalogue: Callable[[], Catalogue], adapters: Callable[[], list[str]]
) -> None:
    """Has whoever opens one of the form's two lists see what there is by now; made: components by their fields."""
    now = {"concepts": lambda: labels(catalogue()), "adapter": lambda: adapter_choices(adapters())}
    for name, choices in now.items():
        made[name].focus(
            fn=lambda choices=choices: gr.update(choices=choices()),
            inputs=[],
            outputs=[made[name]],
            show_progress="hidden",
            queue=False,
            api_name=False,
        )


def labels(catalogue: Catalogue) -> list[str]:
    """The concepts as a list shows them, a category at a time."""
    return [label_of(concept) for concepts in catalogue.categories().values() for concept in concepts]


class Form:
    """Makes components from what `Settings` tells of its fields."""

    def __init__(self, prefix: str, catalogue: Catalogue, initial: Settings | None = None) -> None:
        self._prefix, self._catalogue = prefix, catalogue
        empty = Settings.defaults() | {"enabled": False}
        self.values = form_of(empty if initial is None else initial.to_dict(), catalogue)

    def id(self, name: str) -> str:
        return f"{self._prefix}_{name}"

    def common(self, name: str) -> dict[str, Any]:
        shown = _SHOWN[name]
        return {"value": self.values[name], "label": shown["label"], "info": shown["help"], "elem_id": self.id(name)}

    def choice_of_concepts(self) -> Any:
        return gr.Dropdown(choices=labels(self._catalogue), multiselect=True, **self.common("concepts"))

    def choice_of_adapter(self, names: list[str]) -> Any:
        return gr.Dropdown(choices=adapter_choices(names), **self.common("adapter"))

    def slider(self, name: str) -> Any:
        shown = _SHOWN[name]
        return gr.Slider(minimum=shown["min"], maximum=shown["max"], step=shown["step"], **self.common(name))

    def text(self, name: str, placeholder: str) -> Any:
        return gr.Textbox(placeholder=placeholder, **self.common(name))


@contextmanager
def _frame(form: Form) -> Iterator[Any]:
    """The component that enables; what is made inside lies in its accordion."""
    if InputAccordion is not None:
        enabled = InputAccordion(form.values["enabled"], label=TITLE, elem_id=form.id("enabled"))
        with enabled:
            yield enabled
    else:
        with gr.Accordion(TITLE, open=False, elem_id=form.id("accordion")):
            yield gr.Checkbox(**form.common("enabled"))


def _line(args: list[Any], catalogue: Catalogue, describe: Describe) -> str:
    """The line's HTML, in which nothing that users or checkpoints name is taken for HTML."""
    outcome: Settings | GrowthInhibitorError
    try:
        outcome = settings_from(args, catalogue)
        text = describe(outcome)
    except GrowthInhibitorError as error:
        outcome, text = error, describe(error)
    wrong = isinstance(outcome, GrowthInhibitorError)
    untold = [problem for problem in catalogue.problems if problem not in text]
    return _reserved(line_of(text, wrong) + "".join(line_of(problem, wrong=True) for problem in untold))


def _reserved(lines: str) -> str:
    """The HTML in a place that two lines fit into, so that nothing below jumps when they come or change."""
    return f'<div style="min-height: 3em">{lines}</div>'


def line_of(text: str, wrong: bool = False) -> str:
    """The HTML of one line, which nothing in the text is taken for; what is wrong is told as an alert."""
    if wrong:
        return f'<p role="alert" style="color: var(--error-text-color, #b91c1c)">{html.escape(text)}</p>'
    return f'<p role="status">{html.escape(text)}</p>'
