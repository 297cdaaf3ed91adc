"""What an API call says of growth inhibitors that the host would drop, so that no script ever sees it.

Of a script's entry in `alwayson_scripts` the host reads the list "args" and nothing else; without it, or where it is
empty, the script runs with the form's defaults. So a slip of the pen would draw a picture without protection.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from lib_gi.errors import SettingsError, did_you_mean
from lib_gi.webui.arguments import EXAMPLE, FIELDS

PATHS = ("/sdapi/v1/txt2img", "/sdapi/v1/img2img")
ARGS = "args"


def add(app: Any, title: str) -> None:
    """Has the host's routes that draw, where its FastAPI app has them, refuse what `check` refuses.

    They become routes with one dependency more, after that of --api-auth. FastAPI has read and parsed the request by
    then, and hands over what it read. title: the script's. Added a second time, nothing changes.
    """
    depends, routes = _depends(title), app.router.routes
    for at, route in enumerate(list(routes)):
        if getattr(route, "path", None) in PATHS and depends not in route.dependencies:
            kept = {name: getattr(route, name) for name in ("methods", "response_model", "name", "tags", "summary")}
            app.add_api_route(route.path, route.endpoint, dependencies=[*route.dependencies, depends], **kept)
            routes[at] = routes.pop()  # the one that was just added


def check(body: Any, title: str) -> None:
    """Nothing, or SettingsError for an entry of this title in a request's body that the host would not read whole.

    What the host refuses or hands on to the script is left to them, a body that is no object included.
    """
    scripts = body.get("alwayson_scripts") if isinstance(body, Mapping) else None
    for name, entry in scripts.items() if isinstance(scripts, Mapping) else ():
        if name.lower() == title.lower():
            _check_entry(entry)


def _check_entry(entry: Any) -> None:
    fields = list(entry) if isinstance(entry, Mapping) else []
    for field in fields:
        if field != ARGS:
            raise SettingsError(
                f"there is {field!r} in the script's entry, which the WebUI does not read."
                f"{did_you_mean(field, [ARGS])} Expected nothing but {_EXPECTED}; move it there or remove it"
            )
    args = entry[ARGS] if fields else None
    if not isinstance(args, list) or not args:
        raise SettingsError(
            f"the script's entry has no {ARGS!r} with something in it; expected {_EXPECTED}; to draw without"
            " growth inhibitors, leave the whole entry out"
        )
    most = 1 if isinstance(args[0], Mapping) else len(FIELDS)
    if len(args) > most:
        raise SettingsError(
            f"there are {len(args)} entries in {ARGS!r}, of which the WebUI would drop some or fill them in itself;"
            f" expected {_EXPECTED}; put all fields into the one object"
        )


_EXPECTED = f'"{ARGS}": [{EXAMPLE}]'


@cache
def _depends(title: str) -> Any:
    """The dependency of a route that draws; the same for the same title."""
    from fastapi import Depends, Request

    async def checked(request: Request) -> None:
        try:
            body = await request.json()
        except ValueError:  # which FastAPI tells itself
            return
        check(body, title)

    return Depends(checked)
