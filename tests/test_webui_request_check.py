"""What the host would drop of an API call is refused before anything is drawn; nothing else of it is touched."""

import asyncio
import json

import pytest

from lib_gi.errors import SettingsError
from lib_gi.webui import request_check
from lib_gi.webui.arguments import FIELDS

TITLE = "Growth Inhibitors"
GOOD = {"concepts": ["nudity"]}


def body(entry, title=TITLE):
    return {"prompt": "a cat", "alwayson_scripts": {"ControlNet": {"arg": 1}, title: entry}}


WHOLE = [
    {"args": [GOOD]},
    {"args": [{}]},  # which the script refuses
    {"args": [False]},
    {"args": [True] * len(FIELDS)},
]
CUT = [
    ({}, "has no 'args'"),
    (None, "has no 'args'"),
    ([GOOD], "has no 'args'"),
    ({"args": []}, "has no 'args'"),
    ({"args": GOOD}, "has no 'args'"),
    ({"args": None}, "has no 'args'"),
    ({"arg": [GOOD]}, "'arg'.*Did you mean 'args'"),
    (GOOD, "'concepts'.*does not read"),
    ({"args": [GOOD], "enabled": False}, "'enabled'.*does not read"),
    ({"args": [GOOD, 8]}, "2 entries.*one object"),
    ({"args": [{"enabled": False}, ["nudity"]]}, "2 entries.*one object"),
    ({"args": [True] * len(FIELDS) + [8]}, f"{len(FIELDS) + 1} entries"),
]


@pytest.mark.parametrize("entry", WHOLE)
def test_a_call_that_the_host_reads_whole_is_left_to_the_script(entry):
    request_check.check(body(entry), TITLE)


@pytest.mark.parametrize("title", [TITLE, "growth inhibitors"])
@pytest.mark.parametrize("entry, problem", CUT)
def test_a_call_of_which_the_host_would_drop_something_is_refused_and_told_what_was_expected(entry, problem, title):
    with pytest.raises(SettingsError, match=problem) as refused:
        request_check.check(body(entry, title), TITLE)
    assert 'expected "args": [{"concepts"' in str(refused.value).replace("Expected nothing but", "expected")


@pytest.mark.parametrize("other", [{}, [], None, "text", {"alwayson_scripts": None}, {"alwayson_scripts": []}])
def test_a_call_that_says_nothing_of_growth_inhibitors_is_none_of_ours(other):
    request_check.check(other, TITLE)


# -- in the host's app --------------------------------------------------------------------------------------------


@pytest.fixture()
def app():
    """The host's app in small: two routes that draw, one of them behind a password, and one that does not."""
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()
    app.drawn = []

    def draw(request: dict = fastapi.Body()):  # noqa: B008
        app.drawn.append(request)
        return {"images": []}

    def password(request: fastapi.Request):
        if "authorization" not in request.headers:
            raise fastapi.HTTPException(status_code=401)

    app.add_api_route("/sdapi/v1/txt2img", draw, methods=["POST"], response_model=dict)
    app.add_api_route("/sdapi/v1/img2img", draw, methods=["POST"], dependencies=[fastapi.Depends(password)])
    app.add_api_route("/sdapi/v1/extra-single-image", draw, methods=["POST"])
    request_check.add(app, TITLE)
    return app


def post(app, path, text, **headers):
    """The status of one request, straight through the app's ASGI call."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": text.encode(), "more_body": False}

    async def send(message):
        sent.append(message)

    headers = {"content-type": "application/json"} | headers
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": ""}
    scope |= {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    asyncio.run(app(scope | {"server": ("test", 80), "client": ("test", 1)}, receive, send))
    return sent[0]["status"]


SIGNED = {"authorization": "x"}


@pytest.mark.parametrize("path", request_check.PATHS)
def test_each_route_that_draws_refuses_it_with_our_own_error_and_draws_a_good_call_once(app, path):
    with pytest.raises(SettingsError, match="does not read"):  # which the host makes an answer of
        post(app, path, json.dumps(body({"arg": [GOOD]})), **SIGNED)
    assert app.drawn == []
    assert post(app, path, json.dumps(body({"args": [GOOD]})), **SIGNED) == 200
    assert app.drawn == [body({"args": [GOOD]})]


def test_another_route_is_left_alone(app):
    assert post(app, "/sdapi/v1/extra-single-image", json.dumps(body({}))) == 200


def test_who_has_no_password_is_told_so_and_nothing_else(app):
    assert post(app, "/sdapi/v1/img2img", json.dumps(body({}))) == 401


def test_a_body_that_is_no_json_is_answered_by_the_host(app):
    assert post(app, "/sdapi/v1/txt2img", "{") == 422


def test_added_again_nothing_changes_and_the_routes_keep_their_place(app):
    paths = [route.path for route in app.router.routes]
    kept = list(app.router.routes)
    request_check.add(app, TITLE)
    assert app.router.routes == kept
    assert paths[-3:] == [*request_check.PATHS, "/sdapi/v1/extra-single-image"]


def test_an_app_without_the_api_stays_as_it_is():
    app = pytest.importorskip("fastapi").FastAPI()
    before = list(app.router.routes)
    request_check.add(app, TITLE)
    assert app.router.routes == before
