"""The tab's section "Concepts": add, change, delete, import and export the user's own, and see a checkpoint's."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from lib_gi.concept_files import read, text_of
from lib_gi.concepts import Concept, load_catalogue
from lib_gi.errors import ConceptError
from lib_gi.library import Found, Library
from lib_gi.webui.accordion import line_of
from lib_gi.webui.arguments import label_of
from lib_gi.webui.markup import download, table
from lib_gi.webui.tab import Section

NEW = "(a new one)"
FIELDS = {
    "name": ("Name", "What lists show, and what the API calls it.", ""),
    "phrase": ("Phrase", "What the model reads; empty for the name itself.", ""),
    "category": ("Category", "What it is listed under.", "my own"),
    "anchor": ("Anchor", "What takes its place in contrast; may be empty.", ""),
}
EMPTY = tuple(value for _, _, value in FIELDS.values())


def section(library: Library) -> Section:
    """The section for these concepts."""
    return Section("Concepts", "concepts", lambda seen, prefix: _build(library, seen, prefix))


def _build(library: Library, seen: Any, prefix: str) -> None:
    listed = gr.Dropdown(
        choices=[NEW],
        value=NEW,
        label="Concept to change",
        info="One of your own; what you change acts from the next picture on.",
        elem_id=f"{prefix}_chosen",
    )
    with gr.Row(elem_id=f"{prefix}_fields"):
        fields = [
            gr.Textbox(value=value, max_lines=1, label=label, info=info, elem_id=f"{prefix}_{name}")
            for name, (label, info, value) in FIELDS.items()
        ]
    with gr.Row(elem_id=f"{prefix}_buttons"):
        add, change, delete = (gr.Button(n.capitalize(), elem_id=f"{prefix}_{n}") for n in ("add", "change", "delete"))
        upload = gr.UploadButton("Import a file", file_types=[".json"], elem_id=f"{prefix}_import")
    told = gr.HTML(value="", elem_id=f"{prefix}_told")
    table = gr.HTML(value="", elem_id=f"{prefix}_table")
    chosen = gr.State(value=None)
    for component in (listed, *fields):
        component.do_not_save_to_config = True  # the host would keep what is written there as the user's default

    desk = _Desk(library)
    shown = [told, table, listed, chosen, *fields]
    more = {"outputs": shown, "show_progress": "hidden", "queue": False, "api_name": False}
    seen.click(fn=desk.open, inputs=[], **more)
    listed.input(fn=desk.choose, inputs=[listed], **more)
    add.click(fn=desk.add, inputs=fields, **more)
    change.click(fn=desk.change, inputs=[chosen, *fields], **more)
    delete.click(fn=desk.delete, inputs=[chosen], **more)
    upload.upload(fn=desk.take, inputs=[upload], **more)


class _Done(NamedTuple):
    """What came of a button: a line that says it, the concept that is chosen from then on, and the fields' texts."""

    line: str
    chosen: Concept | None
    fields: Sequence[str] | None = None  # None leaves what is written there


class _Desk:
    """What the section's components do; each method gives the new values of line, table, list, choice and fields."""

    def __init__(self, library: Library) -> None:
        self._library, self._own = library, library.own

    def open(self) -> list[Any]:
        """The tab is first seen."""
        return self._tell(lambda: _Done("", None, EMPTY))

    def choose(self, label: str) -> list[Any]:
        """One of the list was chosen, or a new one."""

        def chosen() -> _Done:
            if label == NEW:
                return _Done("", None, EMPTY)
            for concept in self._own.read():
                if label_of(concept) == label:
                    return _Done("", concept, _texts(concept))
            raise ConceptError(f"{label!r} is gone meanwhile; expected one that is there; choose from the list anew")

        return self._tell(chosen)

    def add(self, *fields: str) -> list[Any]:
        """A new concept with what is written in the fields."""

        def added() -> _Done:
            concept = _concept(fields)
            self._own.add(concept)
            return _Done(f"Added {concept.name!r}.{_replaces(concept)}", concept, _texts(concept))

        return self._tell(added)

    def change(self, old: Concept | None, *fields: str) -> list[Any]:
        """What is written in the fields, in the place of the chosen concept."""

        def changed() -> _Done:
            concept = _concept(fields)
            self._own.replace(_required(old), concept)
            return _Done(f"Changed {concept.name!r}.{_replaces(concept)}", concept, _texts(concept))

        return self._tell(changed)

    def delete(self, old: Concept | None) -> list[Any]:
        """The chosen concept goes."""

        def deleted() -> _Done:
            self._own.delete(_required(old))
            return _Done(f"Deleted {old.name!r}. While it is still in the fields, Add brings it back.", None)

        return self._tell(deleted)

    def take(self, file: Any) -> list[Any]:
        """A file was uploaded: what gradio hands over is its path, or has it as its name."""

        def taken() -> _Done:
            path = Path(getattr(file, "name", file))
            added, same, refused = self._own.merge(read(path, path.name))
            line = f"Imported {len(added)} of {len(added) + len(same) + len(refused)} concepts from {path.name}."
            if same:
                line += f" You had {len(same)} already."
            if refused:
                line += f" You have others of these names, which were left as they are: {_names(refused)}."
            return _Done(line, None)

        return self._tell(taken)

    def _tell(self, work: Callable[[], _Done]) -> list[Any]:
        try:
            done = work()
        except ConceptError as error:  # what is written in the fields stays there
            return self._shown(gr.update(value=line_of(str(error), wrong=True)), None)
        return self._shown(gr.update(value=line_of(done.line) if done.line else ""), done)

    def _shown(self, line: Any, done: _Done | None) -> list[Any]:
        found = self._library.look()
        choices = [NEW, *map(label_of, found.own)]
        rest = [gr.update()] * len(FIELDS)
        if done is None:
            return [line, gr.update(value=_html(found)), gr.update(choices=choices), gr.update(), *rest]
        value = NEW if done.chosen is None else label_of(done.chosen)
        if done.fields is not None:
            rest = [gr.update(value=text) for text in done.fields]
        return [line, gr.update(value=_html(found)), gr.update(choices=choices, value=value), done.chosen, *rest]


def _concept(fields: Sequence[str]) -> Concept:
    name, phrase, category, anchor = fields
    return Concept(name, phrase if phrase.strip() else name, category, anchor)


def _texts(concept: Concept) -> list[str]:
    return [getattr(concept, name) for name in FIELDS]


def _required(chosen: Concept | None) -> Concept:
    if chosen is None:
        raise ConceptError("no concept is chosen; expected one of your own; choose it in the list first")
    return chosen


def _replaces(concept: Concept) -> str:
    return " It takes the place of the built-in concept of that name." if concept.name in load_catalogue() else ""


def _names(concepts: Iterable[Concept]) -> str:
    return ", ".join(repr(concept.name) for concept in concepts)


# -- HTML, in which nothing that a file holds is taken for HTML ----------------------------------------------


def _html(found: Found) -> str:
    parts = [line_of(problem, wrong=True) for problem in found.catalogue.problems]
    parts.append(_table("Your own concepts", found.own))
    if found.own:
        parts.append(download("Export these", "concepts.json", "application/json", text_of(found.own).encode()))
    if found.file is not None:
        name = found.file.name.encode("utf-8", "replace").decode()
        parts.append(_table(f"From {name}, while its checkpoint is loaded", found.beside))
    if found.left_out:
        parts.append(line_of(f"Left out of it, since these names are taken: {_names(found.left_out)}."))
    return "".join(parts)


def _table(caption: str, concepts: Sequence[Concept]) -> str:
    return table([label for label, _, _ in FIELDS.values()], list(map(_texts, concepts)), caption)
