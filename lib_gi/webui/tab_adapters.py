"""The tab's section "Adapters": what there is and what it serves; import, export, and delete one of the user's own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from lib_gi.adapters import Adapters, Found, Listed
from lib_gi.concepts import key_of
from lib_gi.errors import AdapterError, GrowthInhibitorError
from lib_gi.own_adapters import OwnAdapters
from lib_gi.webui.accordion import line_of
from lib_gi.webui.markup import download, table
from lib_gi.webui.tab import Section

COLUMNS = ("Name", "Model", "Concepts", "Date", "Figures", "The loaded checkpoint")
Fit = Callable[[Listed], str]
"""What an adapter is to the loaded checkpoint, in words. Raises GrowthInhibitorError where that cannot be told."""


def section(adapters: Adapters, own: OwnAdapters, fit: Fit) -> Section:
    """The section for these adapters, of which those of `own` can be deleted."""
    return Section("Adapters", "adapters", lambda seen, prefix: _build(_Desk(adapters, own, fit), seen, prefix))


def _build(desk: "_Desk", seen: Any, prefix: str) -> None:
    table = gr.HTML(value="", elem_id=f"{prefix}_table")
    with gr.Row(elem_id=f"{prefix}_choice"):
        listed = gr.Dropdown(
            choices=[],
            value=None,
            label="Adapter to export or delete",
            info="Those that come with the extension stay.",
            elem_id=f"{prefix}_chosen",
        )
        sure = gr.Checkbox(
            value=False,
            label="Delete the chosen adapter for good",
            info="Tick this first: it cannot be brought back.",
            elem_id=f"{prefix}_sure",
        )
    with gr.Row(elem_id=f"{prefix}_buttons"):
        delete = gr.Button("Delete", elem_id=f"{prefix}_delete")
        upload = gr.UploadButton("Import a file", file_types=[".safetensors"], elem_id=f"{prefix}_import")
        again = gr.Button("List again", elem_id=f"{prefix}_again")
    link = gr.HTML(value="", elem_id=f"{prefix}_export")
    told = gr.HTML(value="", elem_id=f"{prefix}_told")
    for component in (listed, sure):
        component.do_not_save_to_config = True  # the host would keep what is set there as the user's default

    shown = [told, table, listed, sure, link]
    more = {"outputs": shown, "show_progress": "hidden", "queue": False, "api_name": False}
    seen.click(fn=desk.open, inputs=[], **more)
    again.click(fn=desk.open, inputs=[], **more)
    listed.input(fn=desk.choose, inputs=[listed], **more)
    delete.click(fn=desk.delete, inputs=[listed, sure], **more)
    upload.upload(fn=desk.take, inputs=[upload], **more)


class _Desk:
    """What the components do; each method gives the new values of line, table, list, tick and link."""

    def __init__(self, adapters: Adapters, own: OwnAdapters, fit: Fit) -> None:
        self._adapters, self._own, self._fit = adapters, own, fit

    def open(self) -> list[Any]:
        """The tab is first seen, or the list is asked for anew."""
        return self._tell(lambda: ("", None))

    def choose(self, name: str) -> list[Any]:
        """One of the list was chosen."""
        return self._tell(lambda: ("", self._adapters.named(name)))

    def delete(self, name: str | None, sure: bool) -> list[Any]:
        """The chosen adapter goes, if it was said that it should."""

        def deleted() -> tuple[str, None]:
            if not name:
                raise AdapterError("no adapter is chosen; expected one of your own; choose it in the list first")
            listed = self._adapters.named(name)
            if not sure:
                raise AdapterError(
                    f"the adapter {listed.name!r} would be gone for good; expected the tick that says so; tick it, and"
                    " press Delete again"
                )
            self._own.delete(listed)
            return f"Deleted {listed.name!r}.", None

        return self._tell(deleted)

    def take(self, file: Any) -> list[Any]:
        """A file was uploaded: what gradio hands over is its path, or has it as its name."""

        def taken() -> tuple[str, Listed]:
            name = self._own.take(Path(getattr(file, "name", file)))
            return f"Imported {name!r}.", self._adapters.named(name)

        return self._tell(taken)

    def _tell(self, work: Callable[[], tuple[str, Listed | None]]) -> list[Any]:
        try:
            (text, chosen), wrong = work(), False
        except AdapterError as error:
            (text, chosen), wrong = (str(error), None), True
        found = self._adapters.look()
        names = [listed.name for listed in found.adapters]
        line, table_ = gr.update(value=line_of(text, wrong) if text else ""), gr.update(value=self._html(found))
        if wrong:  # what is chosen stays so, and the tick is asked for once more
            return [line, table_, gr.update(choices=names), gr.update(value=False), gr.update()]
        value, link = (chosen.name, _link(chosen)) if chosen else (None, "")
        return [line, table_, gr.update(choices=names, value=value), gr.update(value=False), gr.update(value=link)]

    # -- HTML, in which nothing that a file holds is taken for HTML --------------------------------------------

    def _html(self, found: Found) -> str:
        rows = sorted(found.adapters, key=lambda listed: key_of(listed.name))
        lines = [line_of(problem, wrong=True) for problem in found.problems]
        return "".join(lines) + table(COLUMNS, [self._row(listed) for listed in rows])

    def _row(self, listed: Listed) -> list[str]:
        about = listed.about
        concepts = about.get("concepts")
        try:
            fit = self._fit(listed)
        except GrowthInhibitorError as error:
            fit = str(error)
        return [
            listed.name,
            str(about.get("model") or ""),
            ", ".join(map(str, concepts)) if isinstance(concepts, list) else "",
            str(about.get("date") or ""),
            _figures(about),
            fit,
        ]


def _figures(about: Mapping[str, Any]) -> str:
    """An adapter's own figures: "labels=40; loss=0.2; strengths: nudity=1.25"."""
    figures = about.get("figures")
    if not isinstance(figures, dict):
        return ""
    own = [f"{name}={value}" for name, value in figures.items() if not isinstance(value, dict)]
    by_concept = {name: value for name, value in figures.items() if isinstance(value, dict)}
    listed = [f"{name}: " + ", ".join(f"{k}={v}" for k, v in value.items()) for name, value in by_concept.items()]
    return "; ".join([*own, *listed])


def _link(listed: Listed) -> str:
    try:
        data = listed.path.read_bytes()
    except OSError:  # gone meanwhile: there is nothing to export
        return ""
    return download("Export the chosen adapter", listed.path.name, "application/octet-stream", data)
