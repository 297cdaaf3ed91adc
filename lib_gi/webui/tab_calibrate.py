"""The tab's section "Calibrate": makes an adapter for the loaded checkpoint, and asks before anything is drawn."""

import html
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from lib_gi.errors import GrowthInhibitorError
from lib_gi.settings import INFERRED_WEIGHTING, WEIGHTINGS
from lib_gi.training.chart import chart
from lib_gi.training.tasks import read_tasks
from lib_gi.webui.accordion import Form, labels, line_of
from lib_gi.webui.arguments import concepts_of
from lib_gi.webui.calibrating import BUILT_IN, COUNT, RANGES, SOURCES, Order, Workshop, tasks_from
from lib_gi.webui.markup import data_url
from lib_gi.webui.tab import Section

WHAT = (
    "An adapter infers the strength that each picture needs. It is made for the loaded checkpoint: pictures are drawn"
    " at several strengths, a detector says whether the concept is still there, and a small network learns from that."
)
WARNING = (
    "Most of these pictures show the concept. They stay in memory while the detector looks at them, and are never shown"
    " or saved. This takes long: each prompt is drawn once, and up to five times more while the concept shows; in"
    " another weighting than contrast up to seven times. Others can draw in between."
)
FILE_FORMAT = (
    'A file of tasks is a JSON list such as [{"concept": "blood", "prompt": "a battle", "seed": 7, "guidance": 7.5,'
    ' "brings": ["blood"]}]: what is to be kept out, the prompt, the seed and the CFG scale of each picture, and, where'
    " there are any, the concepts that the prompt asks for or implies: such a prompt will be inhibited also where its"
    ' picture happens not to show them. With "keeps": ["horse"] a strength that loses the horse is not learnt from. Mix'
    " prompts that ask for the concept, that imply it, and that have nothing to do with it."
)
ADD_DETECTOR = (
    "A detector must know the concepts that you choose. To add one, install a package that brings one, or put its file"
    " into the folder growth-inhibitors/detectors in the WebUI's data folder; docs/detectors.md of the extension tells"
    " how."
)
SURE = ("Draw pictures of the concept", "Nothing is drawn without this tick.")
TEXTS = {
    "explicit": ("Prompts that ask for the concept", "One a line; {} stands for the concept's phrase."),
    "benign": ("Prompts that have nothing to do with it", "One a line; from these it learns to leave pictures alone."),
}
SLIDERS = {
    "strongest": (
        "Strongest strength to try",
        "From 0 up to this; pictures that need more are left out. In contrast none above 2 is tried.",
        12,
    ),
    "steps": ("Sampling steps", None, 20),
    "width": ("Width", None, 512),
    "height": ("Height", None, 512),
    "batch": ("Pictures at a time", "More are faster and need more memory.", 4),
}
INTERVAL = 1.0  # seconds between two looks at how far it is


def section(workshop: Workshop) -> Section:
    """The section for this calibration."""
    return Section("Calibrate", "calibrate", lambda seen, prefix: _build(_Desk(workshop), seen, prefix))


def _build(desk: "_Desk", seen: Any, prefix: str) -> None:
    form = Form(prefix, desk.workshop.catalogue())
    made: dict[str, Any] = {}
    gr.HTML(value=f"<p>{WHAT}</p>", elem_id=form.id("what"))
    with gr.Row(elem_id=form.id("concepts_row")):
        made["concepts"] = form.choice_of_concepts()
        made["free_text"] = form.text("free_text", "red shoes; clown")
    shown = {"value": BUILT_IN, "label": "Prompts", "info": "The better they are, the better is the adapter."}
    made["source"] = gr.Radio(choices=list(SOURCES), elem_id=form.id("source"), **shown)
    with gr.Row(elem_id=form.id("prompts"), equal_height=False):
        for name, (label, info) in TEXTS.items():
            made[name] = gr.Textbox(value="", lines=3, label=label, info=info, elem_id=form.id(name))
        upload = gr.UploadButton("Choose a file of tasks", file_types=[".json"], elem_id=form.id("file"))
    file_line = gr.HTML(value=f"<p>{html.escape(FILE_FORMAT)}</p>", elem_id=form.id("file_line"))
    with gr.Row(elem_id=form.id("numbers")):
        made["count"] = gr.Slider(
            **dict(zip(("minimum", "maximum", "step"), COUNT)),
            value=40,
            label="Prompts of each kind",
            info="So many that ask for each concept, and as many that do not; not for a file.",
            elem_id=form.id("count"),
        )
        made["detector"] = gr.Dropdown(
            choices=list(desk.workshop.detectors.texts()),
            value=None,
            label="Detector",
            info="What says whether the concept is in a picture.",
            elem_id=form.id("detector"),
        )
        made["options"] = gr.Textbox(
            value="",
            max_lines=1,
            placeholder="threshold=0.4",
            label="Options of the detector",
            info="Empty for its own.",
            elem_id=form.id("options"),
        )
    about_detectors = gr.HTML(value="", elem_id=form.id("detectors"))
    with gr.Row(elem_id=form.id("sampling")):
        info = "That in which the strengths will act. contrast serves adapters best, and needs the shortest search."
        own = {"info": info, "value": INFERRED_WEIGHTING}
        made["weighting"] = gr.Radio(choices=list(WEIGHTINGS), **form.common("weighting") | own)
        for name, (label, info, value) in SLIDERS.items():
            range_ = dict(zip(("minimum", "maximum", "step"), RANGES[name]))
            made[name] = gr.Slider(value=value, label=label, info=info, elem_id=form.id(name), **range_)
    gr.HTML(value=f"<p><strong>{WARNING}</strong></p>", elem_id=form.id("warning"))
    made["sure"] = gr.Checkbox(value=False, label=SURE[0], info=SURE[1], elem_id=form.id("sure"))
    with gr.Row(elem_id=form.id("buttons")):
        words = {"start": "Start", "resume": "Resume the last one", "watch": "Show how far it is", "cancel": "Cancel"}
        start, resume, watch, cancel = (gr.Button(text, elem_id=form.id(name)) for name, text in words.items())
    told = gr.HTML(value="", elem_id=form.id("told"))
    result = gr.HTML(value="", elem_id=form.id("result"))
    with gr.Row(elem_id=form.id("end"), equal_height=False):
        shown = {"label": "Name of the adapter", "info": "What lists show, and what its file is called."}
        made["name"] = gr.Textbox(value="", max_lines=1, elem_id=form.id("name"), **shown)
        keep, discard = gr.Button("Keep", elem_id=form.id("keep")), gr.Button("Discard", elem_id=form.id("discard"))
    tasks = gr.State(value=())
    for component in made.values():
        component.do_not_save_to_config = True  # the host would keep what is set there as the user's default

    asked = [component for name, component in made.items() if name != "name"]
    desk.names = [name for name in made if name != "name"]
    quiet = {"show_progress": "hidden", "api_name": False}
    both = {"outputs": [told, result], **quiet}
    start.click(fn=desk.start, inputs=[tasks, *asked], queue=True, **both)
    resume.click(fn=desk.resume, inputs=[made["sure"]], queue=True, **both)
    watch.click(fn=desk.watch, inputs=[], queue=True, **both)
    cancel.click(fn=desk.workshop.job.cancel, inputs=[], outputs=[], queue=False, **quiet)
    keep.click(fn=desk.keep, inputs=[made["name"]], queue=False, **both)
    discard.click(fn=desk.discard, inputs=[], queue=False, **both)
    seen.click(fn=desk.look, inputs=[], queue=False, **both)
    seen.click(fn=desk.about_detectors, inputs=[], outputs=[about_detectors], queue=False, **quiet)
    upload.upload(fn=desk.take, inputs=[upload], outputs=[tasks, file_line, made["source"]], queue=False, **quiet)
    lists = {"concepts": lambda: labels(desk.workshop.catalogue()), "detector": desk.detectors}
    for name, choices in lists.items():
        made[name].focus(
            fn=lambda choices=choices: gr.update(choices=choices()),
            inputs=[],
            outputs=[made[name]],
            queue=False,
            **quiet,
        )


class _Desk:
    """What the section's components do; most methods give the HTML of the line and of the result."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.names: list[str] = []  # of the form's components, in the order of their values

    def start(self, tasks: Any, *values: Any) -> Iterator[tuple[str, str]]:
        """Starts what the form asks for, and tells how far it is until it has ended."""
        try:
            form = dict(zip(self.names, values))
            self.workshop.begin(self._order(tasks, form), form["sure"])
        except GrowthInhibitorError as error:
            yield line_of(str(error), wrong=True), ""
            return
        yield from self.watch()

    def resume(self, sure: bool) -> Iterator[tuple[str, str]]:
        """Goes on with the last one, and tells as `start` does."""
        try:
            self.workshop.resume(sure)
        except GrowthInhibitorError as error:
            yield line_of(str(error), wrong=True), ""
            return
        yield from self.watch()

    def watch(self) -> Iterator[tuple[str, str]]:
        """Tells how far it is until it has ended."""
        while self.workshop.job.status().running:
            yield self.look()
            self.workshop.job.wait(INTERVAL)
        yield self.look()

    def look(self) -> tuple[str, str]:
        """How far it is now."""
        status = self.workshop.job.status()
        line = line_of(status.told(), wrong=bool(status.problem) and not status.stopped) if status.told() else ""
        return line, "" if status.result is None else _picture(status.result)

    def keep(self, name: str) -> tuple[Any, Any]:
        """The result becomes one of the user's adapters."""
        try:
            kept = self.workshop.keep(name)
        except GrowthInhibitorError as error:
            return line_of(str(error), wrong=True), gr.update()
        return line_of(f"Kept as {kept!r}. It can be chosen as Adapter, and acts where that is auto."), ""

    def discard(self) -> tuple[str, str]:
        """The result goes; its labels stay, so that the same need not be drawn again."""
        self.workshop.job.forget()
        return self.look()

    def take(self, file: Any) -> tuple[Any, Any, Any]:
        """A file of tasks was uploaded: what gradio hands over is its path, or has it as its name."""
        path = Path(getattr(file, "name", file))
        try:
            tasks = tuple(read_tasks(path))
        except GrowthInhibitorError as error:
            return (), line_of(str(error), wrong=True), gr.update()
        return tasks, line_of(f"{len(tasks)} tasks from {path.name}."), gr.update(value=SOURCES[-1])

    def about_detectors(self) -> str:
        """What there is to know of them, with those that cannot be used."""
        return _about_detectors(self.workshop.detectors.unusable())

    def detectors(self) -> list[str]:
        """What can be chosen by now."""
        return list(self.workshop.detectors.texts())

    def _order(self, tasks: Any, form: dict[str, Any]) -> Order:
        concepts = concepts_of(form["concepts"], form["free_text"], self.workshop.catalogue())
        chosen = tasks_from(form["source"], concepts, form["count"], (form["explicit"], form["benign"]), tasks)
        numbers = {n: int(x) if isinstance(x, float) and x.is_integer() else x for n, x in form.items() if n in RANGES}
        rest = {name: form[name] or "" for name in ("detector", "options", "weighting")}
        return Order(chosen, **rest, **numbers)


def _about_detectors(unusable: list[str]) -> str:
    missing = line_of(f"Not usable here: {'; '.join(unusable)}.") if unusable else ""
    return f"<p>{html.escape(ADD_DETECTOR)}</p>{missing}"


def _picture(result: Any) -> str:
    """The result's chart, in the page itself: it is written to no file."""
    data = io.BytesIO()
    chart(result).save(data, "PNG")
    source = data_url("image/png", data.getvalue())
    return f'<img src="{source}" alt="Inferred against needed strength of each picture">'
