"""The HTTP routes: what they answer, and to whom."""

import asyncio
import base64
import json

import pytest

from lib_gi.concepts import Catalogue, Concept
from lib_gi.errors import SettingsError
from lib_gi.webui import routes

CATALOGUE = Catalogue(
    [Concept("nudity", "nudity", "unsafe"), Concept("dog", "dog", "objects"), Concept("gore", "gore, blood", "unsafe")]
)
PATHS = (routes.CONCEPTS_PATH, routes.STATUS_PATH)


def app_with(credentials=None, status=lambda: {"armed": False}):
    app = pytest.importorskip("fastapi").FastAPI()
    routes.add(app, status, credentials, lambda: CATALOGUE)
    return app


def get(app, path, user=None, method="GET"):
    """The status, the headers and the JSON of one request, straight through the app's ASGI call."""
    sent = []
    headers = []
    if user is not None:
        headers.append((b"authorization", b"Basic " + base64.b64encode(user.encode())))

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers, "root_path": ""}
    asyncio.run(app(scope | {"server": ("test", 80), "client": ("test", 1)}, receive, send))
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(body)


def test_the_concepts_are_listed_by_category_in_catalogue_order():
    status, _, body = get(app_with(), "/growth-inhibitors/concepts")
    assert status == 200 and list(body) == ["unsafe", "objects"]
    entries = [("nudity", "nudity"), ("gore", "gore, blood")]
    assert body["unsafe"] == [{"name": name, "phrase": phrase, "anchor": ""} for name, phrase in entries]


def test_a_concept_that_was_added_later_is_listed():
    concepts = []
    app = pytest.importorskip("fastapi").FastAPI()
    routes.add(app, dict, None, lambda: Catalogue(concepts))
    assert get(app, routes.CONCEPTS_PATH)[2] == {}
    concepts.append(Concept("clown", "red nose", "circus", "mime"))
    clown = {"name": "clown", "phrase": "red nose", "anchor": "mime"}
    assert get(app, routes.CONCEPTS_PATH)[2] == {"circus": [clown]}


def test_the_status_is_asked_for_at_each_request():
    answers = iter([{"armed": True}, {"armed": False}])
    app = app_with(status=lambda: next(answers))
    assert [get(app, "/growth-inhibitors/status")[2] for _ in range(2)] == [{"armed": True}, {"armed": False}]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("user", [None, "ann:", "ann:secret2", "ann:pass", "bob:secret", ":", "ann", "Ann:secret"])
def test_with_credentials_nobody_else_is_answered(path, user):
    status, headers, body = get(app_with({"ann": "secret", "bob": "other"}), path, user)
    assert status == 401 and b"www-authenticate" in headers and set(body) == {"detail"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("user", ["ann:secret", "bob:öther"])
def test_with_credentials_each_user_is_answered(path, user):
    app = app_with({"ann": "secret", "bob": "öther"})
    if not user.isascii():  # HTTP Basic as FastAPI reads it is ASCII: refused, and not an error of the server
        assert get(app, path, user)[0] == 401
    else:
        assert get(app, path, user)[0] == 200


@pytest.mark.parametrize("path", PATHS)
def test_without_credentials_the_routes_are_open(path):
    assert get(app_with(), path)[0] == get(app_with({}), path)[0] == 200


@pytest.mark.parametrize("path", PATHS)
def test_the_routes_can_only_be_read(path):
    assert get(app_with(), path, method="POST")[0] == 405


def test_added_again_the_routes_take_the_place_of_the_first():
    app = app_with()
    routes.add(app, lambda: {"second": True}, {"ann": "secret"})
    assert get(app, routes.STATUS_PATH)[0] == 401
    assert get(app, routes.STATUS_PATH, "ann:secret")[2] == {"second": True}
    assert "gi-tiny" in get(app, routes.CONCEPTS_PATH, "ann:secret")[2]  # now the catalogue of the package


@pytest.mark.parametrize(
    "text, expected", [(None, {}), ("", {}), ("ann:secret", {"ann": "secret"}), ("a:1,b:", {"a": "1", "b": ""})]
)
def test_credentials_are_read_as_the_host_reads_them(text, expected):
    assert routes.credentials_of(text) == expected


@pytest.mark.parametrize("text", ["ann", "ann:a:b", "ann:secret,", "ann:secret,bob"])
def test_credentials_that_the_host_cannot_read_are_refused_without_being_shown(text):
    with pytest.raises(SettingsError, match="expected name:password") as refused:
        routes.credentials_of(text)
    assert "ann" not in str(refused.value) and "secret" not in str(refused.value)
