"""The catalogue: the one that ships, looking names up, free text, and broken files."""

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_gi.concepts import FREE_TEXT, Catalogue, Concept, load_catalogue, resolve
from lib_gi.errors import ConceptError

GI_TINY = (
    "kitchen knife, bomb, skull, beer, glass of red wine, kitchen pot, helicopter, ship, guitar, balloon,"
    " cat, apple, car, noto style, fluent style"
).split(", ")


def test_the_catalogue_that_ships_has_all_categories():
    categories = load_catalogue().categories()
    assert list(categories) == [
        "nudity",
        "blood and gore",
        "violence",
        "weapons",
        "hate symbols",
        "drugs",
        "self-harm",
        "artist styles",
        "common objects",
        "gi-tiny",
    ]
    assert [concept.phrase for concept in categories["gi-tiny"]] == GI_TINY


def test_names_are_found_whatever_their_case_and_in_order():
    found = resolve([" SKULL", "kitchen  Knife"])
    assert [concept.name for concept in found] == ["skull", "kitchen knife"]


def test_one_name_need_not_be_in_a_list():
    assert resolve("skull")[0].name == "skull"


def test_an_unknown_name_is_refused_with_the_closest_ones():
    with pytest.raises(ConceptError, match="Did you mean 'skull'"):
        resolve(["skul"])


def test_free_text_becomes_a_phrase_only_when_allowed():
    with pytest.raises(ConceptError, match="free text"):
        resolve(["a purple gnome"])
    assert resolve(["a purple gnome"], allow_free_text=True) == (
        Concept("a purple gnome", "a purple gnome", FREE_TEXT),
    )
    assert resolve(["Skull"], allow_free_text=True)[0].category == "gi-tiny"


@pytest.mark.parametrize("empty", ["", "  ", "\t\n"])
def test_an_empty_concept_is_refused(empty):
    for allow in (False, True):
        with pytest.raises(ConceptError, match="empty"):
            resolve([empty], allow_free_text=allow)
    with pytest.raises(ConceptError, match="empty phrase"):
        Concept("name", empty)


@pytest.mark.parametrize("name", ["a;b", "a=b"])
def test_a_name_with_a_sign_of_the_strength_text_is_refused(name):
    with pytest.raises(ConceptError, match="remove"):
        Concept(name, "phrase")


@pytest.mark.parametrize("category", ["a / b", "/", " / b", "a /\tb"])
def test_no_two_concepts_have_the_same_label_since_no_category_holds_what_separates_it_from_the_name(category):
    with pytest.raises(ConceptError, match="slash"):
        Concept("name", "phrase", category)
    assert Concept("a / b", "phrase", "c/d").category == "c/d"


def test_half_a_character_is_refused():
    with pytest.raises(ConceptError, match="half a character"):
        Concept("a\ud83d", "phrase")


def test_while_something_could_not_be_read_known_names_work_and_others_are_refused_even_as_free_text():
    catalogue = Catalogue([Concept("a", "1")], ["own.json is damaged"]).joined([Concept("b", "2")])
    assert [concept.phrase for concept in catalogue.resolve(["a", "b"], allow_free_text=True)] == ["1", "2"]
    for allow in (False, True):
        with pytest.raises(ConceptError, match="own.json is damaged"):
            catalogue.resolve(["a", "c"], allow_free_text=allow)


@pytest.mark.parametrize("value", [None, 3, ["x"]])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(ConceptError):
        Concept("name", value)
    with pytest.raises(ConceptError):
        resolve([value])


@given(st.text(min_size=1, max_size=12).filter(lambda t: t.split() and not set(t) & set(";=")))
def test_unicode_names_are_found_in_either_form(name):
    catalogue = Catalogue([Concept(name, "x")])
    for form in ("NFC", "NFD"):
        assert catalogue.lookup(unicodedata.normalize(form, name)).phrase == "x"


def test_a_name_cannot_be_there_twice():
    with pytest.raises(ConceptError, match="twice"):
        Catalogue([Concept("Straße", "a"), Concept("STRASSE", "b")])


def test_a_users_concept_replaces_one_of_its_name_and_keeps_its_place():
    joined = Catalogue([Concept("a", "1"), Concept("b", "2")]).joined([Concept("A", "3"), Concept("c", "4")])
    assert [concept.phrase for concept in joined] == ["3", "2", "4"] and len(joined) == 3


@pytest.mark.parametrize(
    "text, problem",
    [
        ("[", "line 1 of .*the end of the file"),
        ("{}", "expected a list"),
        ("[3]", "entry 1"),
        (json.dumps([{"name": "a", "phrase": "a"}]), "exactly name, phrase, category"),
        (json.dumps([{"name": "a", "phrase": "a", "category": "b", "more": 1}]), "exactly"),
        (json.dumps([{"name": "a", "phrase": " ", "category": "b"}]), "entry 1.*empty phrase"),
        (json.dumps([{"name": "a", "phrase": "a", "category": "b"}] * 2), "twice"),
    ],
)
def test_a_broken_catalogue_is_refused_and_the_message_says_where(tmp_path, text, problem):
    (tmp_path / "own.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConceptError, match=problem):
        load_catalogue(tmp_path / "own.json")


def test_a_missing_catalogue_is_refused_by_its_name(tmp_path):
    with pytest.raises(ConceptError, match="none.json"):
        load_catalogue(tmp_path / "none.json")


def test_importing_the_package_and_its_plain_parts_imports_nothing_heavy():
    code = (
        "import sys, lib_gi, lib_gi.concepts, lib_gi.settings, lib_gi.rows;"
        "sys.exit(' '.join({'torch', 'diffusers', 'transformers', 'gradio'} & set(sys.modules)) or 0)"
    )
    root = Path(__file__).resolve().parent.parent
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (result.returncode, result.stderr.strip()) == (0, "")
