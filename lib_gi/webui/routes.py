"""HTTP routes beside the host's API: which concepts there are, and how things stand.

The host guards only the routes of its own API class with --api-auth, so these guard themselves with the same names and
passwords. A login of the page, --gradio-auth, does not cover them: where only that is set, they are open.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from lib_gi import __version__
from lib_gi.concepts import Catalogue, load_catalogue
from lib_gi.errors import SettingsError

CONCEPTS_PATH = "/growth-inhibitors/concepts"
STATUS_PATH = "/growth-inhibitors/status"

# How the host's page /docs shows the routes.
TAG = "Growth Inhibitors"
CONCEPTS_EXAMPLE = {"blood and gore": [{"name": "blood", "phrase": "blood", "anchor": ""}]}
STATUS_EXAMPLE = {
    "version": __version__,
    "checkpoint": "v1-5-pruned-emaonly",
    "hooks_in_cross_attention": 0,
    "adapters": ["gi-tiny"],
    "problems": [],
}


def add(
    app: Any,
    status: Callable[[], dict[str, Any]],
    credentials: Mapping[str, str] | None = None,
    catalogue: Callable[[], Catalogue] = load_catalogue,
) -> None:
    """Adds GET routes to the host's FastAPI app: the concepts by category, and what `status` returns.

    credentials: passwords by user name, as HTTP Basic carries them; none leaves the routes open, like the host's API
    without --api-auth. catalogue: asked at each request. Added a second time, the routes take the place of the first.
    """
    from fastapi import Depends

    def concepts() -> dict[str, list[dict[str, str]]]:
        """By category, in the order of the list in the page: the package's, the user's own, and those beside the loaded
        checkpoint. A concept's name is what requests call it, its phrase is what the model reads, its anchor what takes
        its place.
        """
        return {
            category: [{"name": one.name, "phrase": one.phrase, "anchor": one.anchor} for one in found]
            for category, found in catalogue().categories().items()
        }

    def current_status() -> dict[str, Any]:
        """The extension's version, the loaded checkpoint (empty when none is), how many hooks are in its
        cross-attention at the moment (of whatever extension), and what of the concepts' files could not be read.
        """
        return status()

    ours = (CONCEPTS_PATH, STATUS_PATH)
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) not in ours]
    guards = [Depends(_guard(dict(credentials)))] if credentials else []
    for path, answer, summary, example in (
        (CONCEPTS_PATH, concepts, "The concepts that can be named", CONCEPTS_EXAMPLE),
        (STATUS_PATH, current_status, "How things stand", STATUS_EXAMPLE),
    ):
        told = {200: {"content": {"application/json": {"example": example}}}}
        app.add_api_route(
            path, answer, methods=["GET"], dependencies=guards, tags=[TAG], summary=summary, responses=told
        )


def credentials_of(api_auth: str | None) -> dict[str, str]:
    """Passwords by user name from the host's --api-auth, "name:password" with commas between several.

    Raises SettingsError for what the host could not read either: never an open door by mistake.
    """
    credentials = {}
    for pair in (api_auth or "").split(",") if api_auth else []:
        name, sign, password = pair.partition(":")
        if not sign or ":" in password:
            raise SettingsError(
                "--api-auth is not in the form that the host reads, so no route was added; expected name:password,"
                " several separated by commas, without colons in them; correct --api-auth"
            )
        credentials[name] = password
    return credentials


def _guard(credentials: dict[str, str]) -> Callable[..., None]:
    from fastapi import Depends, HTTPException
    from fastapi.security import HTTPBasic, HTTPBasicCredentials

    def guard(given: HTTPBasicCredentials = Depends(HTTPBasic())) -> None:  # noqa: B008
        expected = credentials.get(given.username)
        # Compared in any case, so that the time taken does not tell which names there are.
        same = secrets.compare_digest(given.password.encode(), (expected or "").encode())
        if expected is None or not same:
            raise HTTPException(
                status_code=401,
                detail="The user name or password is wrong; expected those of --api-auth.",
                headers={"WWW-Authenticate": "Basic"},
            )

    return guard
