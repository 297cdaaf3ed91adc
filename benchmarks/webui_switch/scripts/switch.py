"""Part of `benchmarks.webui_cost`, and loaded by the WebUI that it times: takes growth inhibitors out of what the host
runs for a picture and puts them back, and tells when each step of a picture ended.
"""

import time
from pathlib import Path

from fastapi import Body
from modules import script_callbacks, scripts

OURS = "growth_inhibitors.py"
whole = []  # each of the lists, as it was when it was first looked at
ends = []  # seconds on some clock, of the steps since the last switch


def switch(on: bool = Body(embed=True)) -> dict:
    """Have the host run what the extension put into its lists, or not; tells how many of these entries it runs.

    The host orders each of the lists anew when their length has changed.
    """
    ends.clear()
    lists = [scripts.scripts_txt2img.alwayson_scripts, *script_callbacks.callback_map.values()]
    whole[:] = whole or [list(entries) for entries in lists]
    for entries, all_entries in zip(lists, whole):
        entries[:] = [entry for entry in all_entries if on or not is_ours(entry)]
    return {"running": sum(is_ours(entry) for entries in lists for entry in entries)}


def is_ours(entry) -> bool:
    """Whether the entry, a script or a callback, comes from the extension's own script."""
    return Path(getattr(entry, "filename", None) or entry.script).name == OURS


def step_ends() -> list:
    """When each step since the last switch ended, in seconds."""
    return ends


def add_routes(demo, app):
    """POST /switch with {"on": true or false}, and GET /step_ends."""
    app.add_api_route("/switch", switch, methods=["POST"])
    app.add_api_route("/step_ends", step_ends, methods=["GET"])


script_callbacks.on_app_started(add_routes)
script_callbacks.on_cfg_after_cfg(lambda params: ends.append(time.perf_counter()))
