"""The page's words in other languages: none is missing or left over, and what users have to type stays as it is."""

import html
import json
import re
import sys
from pathlib import Path

import fake_gradio
import pytest
import test_webui_script
from test_session_adapter import some_adapter

from lib_gi.adapters import BUNDLED, OWN_MODEL, SAME_BUILD
from lib_gi.concepts import Concept, load_catalogue
from lib_gi.settings import AUTO, MAPS, NONE, WEIGHTINGS, Settings
from lib_gi.webui.arguments import label_of
from lib_gi.webui.report import NOT_LOADED

webui = test_webui_script.webui  # the fixture
FOLDER = Path(__file__).parents[1] / "localizations"
LANGUAGES = ("zh_CN", "ja_JP", "de_DE", "es_ES")  # the stems of the usual localizations, with which the host joins ours
EXAMPLES = {"threshold=0.4", "nudity=6; blood=3", "nudity=6; blood", "red shoes; clown", "0.4, 2.5"}
KEPT = {"Growth Inhibitors", *WEIGHTINGS, *MAPS, *EXAMPLES}  # names, and what is typed as it stands
CHOSEN = {NONE, AUTO}  # what the setting `adapter` says; elsewhere they are words like any other
OWN = Concept("clown", "red nose", "circus")


def read(language):
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def words_of(part):
    """What a component or block shows; the host exchanges a whole text, such as a label or an option of a list."""
    for name in ("label", "info", "placeholder"):
        yield getattr(part, name, None)
    yield from getattr(part, "choices", ())
    if type(part).__name__ == "Button" and part.visible:
        yield part.value
    if type(part).__name__ == "HTML":
        yield from words_in(part.value)


def words_in(text):
    """The texts between the tags of some HTML."""
    return [html.unescape(piece).strip() for piece in re.findall(">([^<>]+)<", text)]


def words_of_adapters(webui, gr):
    """What is shown of an adapter that is chosen in the tab."""
    webui.module.own_adapters.keep("tiny", some_adapter())
    [part] = [part for part in gr.made if part.elem_id == "growth_inhibitors_adapters_chosen"]
    [(choose, _, _)] = part.input_events
    html = [change["value"] for change in choose("tiny") if isinstance(change.get("value"), str)]
    return {word for text in html for word in words_in(text)} - {"tiny"}


@pytest.fixture()
def shown(webui, monkeypatch):
    """All that the page shows, of the form, the settings page and the tab."""
    gr = sys.modules["gradio"]
    adapters = webui.module.adapters
    monkeypatch.setattr(adapters, "_folders", adapters._folders[1:])  # what a bundled one tells of itself is no word
    [callback] = webui.ui_tabs
    callback()
    [seen] = [part for part in gr.made if part.elem_id == "growth_inhibitors_seen"]  # the page's script presses it
    words = [word for part in gr.made for word in words_of(part)]
    for add_own in (lambda: None, lambda: webui.module.library.own.add(OWN)):
        add_own()
        for ask, _, _ in seen.click_events:
            changes = ask()
            changes = [changes] if isinstance(changes, str) else changes
            values = [change.get("value") if isinstance(change, dict) else change for change in changes]
            words += [word for value in values if isinstance(value, str) for word in words_in(value)]
    words += [*words_of_adapters(webui, gr), OWN_MODEL, SAME_BUILD, NOT_LOADED]
    for option in webui.shared.opts.data_labels.values():
        words += [option.label, option.told, (option.component_args or {}).get("placeholder")]
    words.append(webui.module.forecast(Settings.disabled()))
    with fake_gradio.installed(monkeypatch, False) as (accordion, gr):  # a host without InputAccordion
        accordion.build(False, load_catalogue, "growth_inhibitors", str)
        words += [word for part in gr.made for word in words_of(part)]
    names = {label_of(concept) for concept in load_catalogue()} | {OWN.name, OWN.phrase, OWN.category}
    names |= {file.stem for file in BUNDLED.glob("*.safetensors")}
    told = {word for word in words if word and not word.startswith("Not usable here: ")}  # that names packages
    return told - KEPT - CHOSEN - names


def test_there_is_a_file_for_each_language_and_no_other_and_the_guide_names_them():
    assert {file.name for file in FOLDER.iterdir()} == {f"{language}.json" for language in LANGUAGES}
    guide = (FOLDER.parent / "docs" / "guide.md").read_text(encoding="utf-8")
    assert all(f"`{language}`" in guide for language in LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_of_the_page_is_missing_and_none_is_left_over(shown, language):
    translated = set(read(language))
    assert shown - translated == set(), "to be translated"
    assert translated - shown == set(), "no longer in the page"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_users_type_is_the_same_in_the_translation(language):
    for word, translation in read(language).items():
        assert translation.strip() == translation != ""
        for kept in KEPT:
            assert not re.search(rf"\b{re.escape(kept)}\b", word) or kept in translation, word
        for chosen in CHOSEN:
            assert f"{chosen}:" not in word or chosen in translation, word


def test_all_languages_have_their_words_in_the_same_order():
    assert len({tuple(read(language)) for language in LANGUAGES}) == 1
