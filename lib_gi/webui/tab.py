"""The tab "Growth Inhibitors" of the WebUI: it only assembles sections, each of which is a module of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lib_gi.webui.accordion import TITLE


@dataclass(frozen=True)
class Section:
    """A part of the tab.

    title: what users read. name: what the ids of its components go on with. build: makes its components inside the
    block that is open, from the page, whose `load` event is there to be listened to, and the prefix of its ids.
    """

    title: str
    name: str
    build: Callable[[Any, str], None]


def build(sections: Sequence[Section], elem_prefix: str) -> list[tuple[Any, str, str]]:
    """What the host's on_ui_tabs takes: the tab, its title and its id."""
    with gr.Blocks(analytics_enabled=False) as page:
        with gr.Tabs(elem_id=f"{elem_prefix}_sections"):
            for section in sections:
                prefix = f"{elem_prefix}_{section.name}"
                with gr.TabItem(section.title, elem_id=prefix):
                    section.build(page, prefix)
    return [(page, TITLE, elem_prefix)]
