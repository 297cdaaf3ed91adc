"""Stops the WebUI rather than have it go on without what `--growth-inhibitors-always` keeps out.

"Reload UI" reads the list of extensions anew, but not the command line; and a script that cannot be loaded is left out.
So this is a script of its own, which needs nothing of ours.
"""

import logging
import sys
from pathlib import Path

from modules import extensions, script_callbacks, scripts, shared

SCRIPT = "growth_inhibitors.py"
FOLDER = Path(__file__).parents[1]

logger = logging.getLogger("growth_inhibitors")


def before_reload():
    """The host is about to load its extensions anew: will this one be among them?"""
    extensions.list_extensions()  # as it will itself in a moment
    if FOLDER not in [Path(extension.path) for extension in extensions.active()]:
        stop("the extension was disabled or removed")


def before_page():
    """All scripts are loaded that could be, and no request is answered yet: is ours among them?"""
    if not any(Path(data.path) == FOLDER / "scripts" / SCRIPT for data in scripts.scripts_data):
        stop(f"{SCRIPT} could not be loaded (the reason is further up in this log)")


def stop(why):
    """End the process; the host lets every other exception of a callback pass."""
    logger.critical("--growth-inhibitors-always is set, but %s: the WebUI is stopped. Start it again.", why)
    sys.exit(1)


if getattr(shared.cmd_opts, "growth_inhibitors_always", ""):
    script_callbacks.on_script_unloaded(before_reload)
    script_callbacks.on_before_ui(before_page)
