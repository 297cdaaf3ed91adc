"""The tab "Growth Inhibitors" of the WebUI: it only assembles sections, each of which is a module of its own.

What they show is asked for when the tab is first seen, and not while the host's page loads: gradio goes through all of
the page's components anew for each answer, which would hold up everybody who never opens the tab.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lib_gi.webui.accordion import TITLE


@dataclass(frozen=True)
class Section:
    """A part of the tab.

    title: what users read. name: what the ids of its components go on with. build: makes its components inside the
    block that is open, from a button that the page's script presses when the tab is first seen, and the prefix of its
    ids.
    """

    title: str
    name: str
    build: Callable[[Any, str], None]


def build(sections: Sequence[Section], elem_prefix: str) -> list[tuple[Any, str, str]]:
    """What the host's on_ui_tabs takes: the tab, its title and its id."""
    with gr.Blocks(analytics_enabled=False) as page:
        seen = gr.Button("Seen", visible=False, elem_id=f"{elem_prefix}_seen")
        with gr.Tabs(elem_id=f"{elem_prefix}_sections"):
            for section in sections:
                prefix = f"{elem_prefix}_{section.name}"
                with gr.TabItem(section.title, elem_id=prefix):
                    section.build(seen, prefix)
    return [(page, TITLE, elem_prefix)]
