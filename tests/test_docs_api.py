"""docs/api.md: its requests are understood as they stand, and what it says of fields and answers is so."""

import json
import re
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib_gi import errors, infotext
from lib_gi.concepts import load_catalogue
from lib_gi.errors import SettingsError
from lib_gi.settings import Settings
from lib_gi.webui import report, routes
from lib_gi.webui.arguments import settings_from

PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
REQUEST, EVERY_FIELD, REFUSED, CONCEPTS, STATUS = map(json.loads, re.findall(r"```json\n(.*?)```", PAGE, re.S))


def settings_of(argument):
    return settings_from([argument], load_catalogue())


def test_the_request_is_understood_and_recorded_as_the_page_says():
    [argument] = REQUEST["alwayson_scripts"]["Growth Inhibitors"]["args"]
    recorded = ", ".join(f"{key}: {text}" for key, text in infotext.write(settings_of(argument)).items())
    assert recorded in PAGE.splitlines()


def test_what_was_done_is_recorded_as_the_page_says():
    done = SimpleNamespace(layers=16, acted=20, steps=20, optimisation="Doggettx", adapter=None)
    [(key, text)] = infotext.write_done([done]).items()
    [guessed] = infotext.write_done([done], report.UNCALIBRATED).values()
    assert f"`{guessed.rpartition('; ')[2]}`" in PAGE
    done.adapter = SimpleNamespace(name="gi-tiny")
    assert f"`{infotext.write_done([done])[key].rpartition('; ')[2]}`" in PAGE
    assert f"{key}: {text}" in PAGE.splitlines() and f"`{infotext.INFERRED_KEY}`" in PAGE


def test_the_object_with_every_field_has_every_field_and_is_understood():
    assert list(EVERY_FIELD) == [field.name for field in fields(Settings)]
    named = ("enabled", "concepts", "free_text", "strength", "strengths")
    assert settings_of(EVERY_FIELD) == settings_of({name: EVERY_FIELD[name] for name in named})


def test_the_table_tells_every_field_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \|", PAGE, re.M)
    assert {name: json.loads(default) for name, default in rows} == json.loads(json.dumps(Settings.defaults()))
    assert [name for name, _ in rows] == [field.name for field in fields(Settings)]


def test_a_misspelt_field_is_answered_as_the_page_says():
    [argument] = REQUEST["alwayson_scripts"]["Growth Inhibitors"]["args"]
    with pytest.raises(SettingsError) as refused:
        settings_of(argument | {"strenght": 4})
    assert (REFUSED["error"], REFUSED["errors"]) == (type(refused.value).__name__, str(refused.value))


def test_the_kinds_of_error_that_the_page_tells_are_there():
    for kind in re.findall(r"`(\w+Error)`", PAGE):
        assert issubclass(getattr(errors, kind), errors.GrowthInhibitorError)


def test_the_answers_of_the_routes_are_those_that_the_routes_tell_themselves():
    assert (CONCEPTS, STATUS) == (routes.CONCEPTS_EXAMPLE, routes.STATUS_EXAMPLE)
    [(category, [concept])] = CONCEPTS.items()
    found = load_catalogue().lookup(concept["name"])
    assert (found.name, found.phrase, found.category) == (concept["name"], concept["phrase"], category)


def test_the_hosts_page_of_the_api_describes_our_routes():
    app = pytest.importorskip("fastapi").FastAPI()
    routes.add(app, dict, {"ann": "secret"})
    described = app.openapi()["paths"]
    assert set(described) == {routes.CONCEPTS_PATH, routes.STATUS_PATH} == set(re.findall(r"`GET (/\S+)`", PAGE))
    for path, example in ((routes.CONCEPTS_PATH, CONCEPTS), (routes.STATUS_PATH, STATUS)):
        told = described[path]["get"]
        assert told["tags"] == ["Growth Inhibitors"] and told["summary"] and "\n\n" not in told["description"]
        assert told["responses"]["200"]["content"]["application/json"]["example"] == example
