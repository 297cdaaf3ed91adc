"""Part of `benchmarks.webui_cost`, and loaded by the WebUI that it times: takes growth inhibitors out of what the host
runs for a picture, and puts them back.
"""

from pathlib import Path

from fastapi import Body
from modules import script_callbacks, scripts

OURS = "growth_inhibitors.py"
whole = []  # each of the lists, as it was when it was first looked at


def switch(on: bool = Body(embed=True)) -> dict:
    """Have the host run what the extension put into its lists, or not; tells how many of these entries it runs.

    The host orders each of the lists anew when their length has changed.
    """
    lists = [scripts.scripts_txt2img.alwayson_scripts, *script_callbacks.callback_map.values()]
    whole[:] = whole or [list(entries) for entries in lists]
    for entries, all_entries in zip(lists, whole):
        entries[:] = [entry for entry in all_entries if on or not is_ours(entry)]
    return {"running": sum(is_ours(entry) for entries in lists for entry in entries)}


def is_ours(entry) -> bool:
    """Whether the entry, a script or a callback, comes from the extension's own script."""
    return Path(getattr(entry, "filename", None) or entry.script).name == OURS


def add_route(demo, app):
    """POST /switch with {"on": true or false}."""
    app.add_api_route("/switch", switch, methods=["POST"])


script_callbacks.on_app_started(add_route)
