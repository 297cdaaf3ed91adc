"""The section "Growth Inhibitors" of the WebUI's settings page."""

from typing import Any

import gradio as gr

from lib_gi.settings import Settings
from lib_gi.webui.accordion import TITLE
from lib_gi.webui.policy import Policy

ALWAYS = "growth_inhibitors_always"
DEFAULT = "growth_inhibitors_default"


def add(opts: Any, info: type) -> None:
    """Adds our options to the host's `opts`; `info` is its class OptionInfo."""
    always = info(
        "",
        "Always keep out",
        gr.Textbox,
        {"placeholder": "nudity=6; blood"},
        restrict_api=True,
    ).info("these concepts, at least this strongly, in every picture, whatever the form or an API call says")
    default = info("", "Ticked at the start", gr.Textbox, {"placeholder": "nudity=6; blood"}).info(
        "the form begins with these concepts, and API calls that say nothing have them; needs Reload UI"
    )
    for key, option in ((ALWAYS, always), (DEFAULT, default)):
        option.section = ("growth_inhibitors", TITLE)
        opts.add_option(key, option)


def value(opts: Any, key: str) -> str:
    """What an option says; a host that has no page asks for no options, but may have kept what a page once set."""
    return getattr(opts, key, "")


def initial(text: str) -> Settings | None:
    """What the form begins with, from the option's text; None where it says nothing. Raises SettingsError."""
    required = Policy.of(text).required
    return required if required.enabled else None
