"""The section "Growth Inhibitors" of the WebUI's settings page, and the command line's flag that goes before it."""

import logging
from typing import Any

from lib_gi.errors import SettingsError
from lib_gi.settings import Settings
from lib_gi.webui.accordion import TITLE
from lib_gi.webui.policy import Policy

logger = logging.getLogger(__name__)

ALWAYS = "growth_inhibitors_always"
"""The option's key, and the flag's name as the host's `cmd_opts` has it."""
DEFAULT = "growth_inhibitors_default"
FOLDER = "growth_inhibitors_heatmap_folder"
SECTION = ("growth_inhibitors", TITLE)


class Page:
    """What the section says; heatmap_folder is empty where heat maps are not to be saved.

    A request may put other values into the host's `opts` while it is drawn, and the end of it puts back what was there
    when it began. So what is always kept out, and where is written to, is read when this is made and when somebody
    changes it in the page, and at no other time.
    """

    def __init__(self, opts: Any, cmd_opts: Any) -> None:
        self._opts, self._cmd_opts = opts, cmd_opts
        self._read()

    def add(self, info: type) -> None:
        """Adds the options to the host's; `info` is its class OptionInfo."""
        shown = {"component_args": {"placeholder": "nudity=6; blood"}, "section": SECTION}
        guarded = {"onchange": self._changed, "restrict_api": True}
        always = info("", "Always keep out", **guarded, **shown)
        always.info("these concepts, at least this strongly, in every picture, whatever the form or an API call says")
        default = info("", "Ticked at the start", **shown)
        default.info("the form begins with these concepts, and API calls that say nothing have them").needs_reload_ui()
        visible = not getattr(self._cmd_opts, "hide_ui_dir_config", False)  # the host lets nobody set what is not
        folder = info("", "Folder of heat maps", component_args={"visible": visible}, section=SECTION, **guarded)
        folder.info("where they are saved when the pictures are; empty: they are only shown")
        for key, option in {ALWAYS: always, DEFAULT: default, FOLDER: folder}.items():
            self._opts.add_option(key, option)

    def policy(self) -> Policy:
        """What is always kept out. Raises SettingsError where flag or option cannot be read."""
        return Policy.of(getattr(self._cmd_opts, ALWAYS, ""), self._always)  # a reload of the page reads no flags

    def doubts(self) -> list[str]:
        """What whoever said what is always kept out should look at again; nothing where all is well."""
        try:
            return self.policy().told_of_words()
        except SettingsError as error:
            return [f"No picture will be drawn, because of what is always to be kept out: {error}"]

    def warn(self) -> None:
        """Writes the doubts into the log."""
        for doubt in self.doubts():
            logger.warning("%s", doubt)

    def initial(self) -> Settings | None:
        """What the form begins with; None where nothing is said, or cannot be read, which is logged."""
        try:
            required = Policy.of(self._said(DEFAULT)).required
        except SettingsError as error:
            logger.error("The setting 'Ticked at the start' is left out: %s", error)
            return None
        return required if required.enabled else None

    def _changed(self) -> None:
        self._read()
        self.warn()

    def _read(self) -> None:
        self._always = self._said(ALWAYS)
        self.heatmap_folder = str(self._said(FOLDER)).strip()

    def _said(self, key: str) -> Any:
        """What an option says; a host without its page asks for no options, but keeps what a page once set."""
        return getattr(self._opts, key, "")
