"""Files of concepts: what is written is read back, and every mistake is told by its line and entry."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_gi.concept_files import LARGEST, beside, parse, read, text_of
from lib_gi.concepts import Concept, key_of
from lib_gi.errors import ConceptError

GUIDE = Path(__file__).parents[1] / "docs" / "concept-files.md"
GOOD = '[\n  {"name": "clown", "phrase": "clown with a red nose", "category": "circus"},\n  {}\n]\n'

texts = st.text(min_size=1, max_size=9).filter(lambda text: text.split())
names = texts.filter(lambda text: not set(text) & set(";="))
categories = texts.filter(lambda text: "/" not in text.split())
anchors = st.just("") | texts
entries = st.tuples(names, texts, categories, anchors).filter(lambda e: key_of(e[1]) != key_of(e[3]))
concepts = st.lists(entries.map(lambda entry: Concept(*entry)), max_size=4, unique_by=lambda c: c.key)


@given(concepts)
def test_what_is_written_is_read_back_the_same(made):
    assert parse(text_of(made).encode(), "file") == tuple(made)


@given(concepts, st.booleans(), st.sampled_from([None, 0, 3]))
def test_files_of_other_programs_are_read_the_same(made, ascii_only, indent):
    entries = [{"anchor": c.anchor, "category": c.category, "name": c.name, "phrase": c.phrase} for c in made]
    text = json.dumps(entries, ensure_ascii=ascii_only, indent=indent)
    assert parse(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), "file") == tuple(made)


def test_an_anchor_may_be_left_out_and_is_then_not_written():
    [toon, gore] = [Concept("toon", "cartoon", "styles", "photograph"), Concept("gore", "gore", "horror")]
    text = text_of([toon, gore])
    assert text.count("anchor") == 1 and parse(text.encode(), "file") == (toon, gore)
    assert parse(b'[{"name": "a", "phrase": "p", "category": "c"}]', "file")[0].anchor == ""


@given(st.binary(max_size=40) | st.text(alphabet='[]{}",: \n\\0namephrsctgoy', max_size=60).map(str.encode))
def test_any_bytes_give_concepts_or_an_error_that_says_the_line(data):
    try:
        parse(data, "file")
    except ConceptError as error:
        assert re.match(r"line \d+ of file", str(error)) and "xpected" in str(error)


@given(concepts.filter(bool), st.data())
def test_a_file_that_was_cut_off_is_never_taken_for_a_whole_one(made, data):
    whole = text_of(made).encode().rstrip()
    with pytest.raises(ConceptError, match="line"):
        parse(whole[: data.draw(st.integers(0, len(whole) - 1))], "file")


@pytest.mark.parametrize(
    "entry, place, problem",
    [
        ('{"name": "a",\n "phrase": 3,\n "category": "c"}', (4, 2), "there is a number.*text in quotation marks"),
        ('{"name": "a",\n "phrase": " ",\n "category": "c"}', (4, 2), "empty phrase"),
        ('{"name": "a", "phrase": "P", "category": "c",\n "anchor": "p"}', (3, 2), "anchor of 'a' is its phrase"),
        ('{"name": "a", "phrase": "p", "category": "c",\n "anchor": 3}', (4, 2), "there is a number.*as the anchor"),
        ('{"name": "a;b",\n "phrase": "p",\n "category": "c"}', (3, 2), "remove the ';'"),
        ('{"name": "a",\n "phrase": "p",\n "category": "c / d"}', (5, 2), "slash"),
        ('{"name": "a\\ud800", "phrase": "p", "category": "c"}', (3, 2), "half a character"),
        ('{"name": "a",\n "phrase": "p"}', (3, 2), "the category is missing"),
        ("{}", (3, 2), "the name and the phrase and the category is missing"),
        ('{"name": "a",\n "phrase": "p",\n "categry": "c"}', (5, 2), "unknown.*Did you mean 'category'"),
        ('{"name": "a",\n "phrase": "p",\n "name": "c"}', (5, 2), "'name' is there twice"),
        ('{"name": "Clown", "phrase": "p", "category": "c"}', (3, 2), "'Clown' is there twice, first in line 2"),
        ('{"name": "a",\n "phrase": "p",\n "category": "c",\n}', (6, 2), "a comma stands before }"),
        ('{"name": "a"\n "phrase": "p"}', (4, 2), "there is a text.*expected a comma"),
        ('{"name" "a"}', (3, 2), "expected a colon"),
        ("{name: 'a'}", (3, 2), "there is true, false or null|there is 'n'"),
        ('{"name": "a\nb"}', (3, 2), "not valid JSON .invalid control character"),
        ('{"name": "a\\x"}', (3, 2), "not valid JSON .invalid \\\\escape"),
        ('["name"]', (3, 2), "there is a list; expected an object"),
        ("[" * 100_000, (3, 2), "there is a list"),
        ("1" * 100_000, (3, 2), "there is a number"),
        ("{}]\n[", (3, 2), "is missing"),
    ],
)
def test_a_mistake_is_told_by_its_line_and_entry(entry, place, problem):
    with pytest.raises(ConceptError, match=problem) as refused:
        parse(GOOD.replace("{}", entry).encode(), "toons.concepts.json")
    assert str(refused.value).startswith("line {} of toons.concepts.json (entry {}): ".format(*place))


@pytest.mark.parametrize(
    "data, problem",
    [
        (b"", "line 1 of file: there is the end of the file; expected a list"),
        (b"\0" * 50, "line 1 of file"),
        (b'\n{"concepts": []}', "line 2 of file: there is an object; expected a list"),
        (b"[]\n\n[]", "line 3 of file: something follows"),
        (b'[{"name": "\xff', "line 1 of file is not in UTF-8"),
        ("[]\n".encode("utf-16"), "line 1 of file is not in UTF-8"),
        (b"[" + b" " * LARGEST + b"]", "larger than"),
    ],
)
def test_what_is_no_list_is_refused(data, problem):
    with pytest.raises(ConceptError, match=problem):
        parse(data, "file")


def test_no_file_and_no_regular_file_is_refused_without_waiting_for_it(tmp_path):
    with pytest.raises(ConceptError, match="No such file"):
        read(tmp_path / "none.json")
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path, tmp_path / "pipe.json"):
        with pytest.raises(ConceptError, match="no regular file"):
            read(path)


def test_of_a_large_file_only_a_part_is_read(tmp_path):
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ConceptError, match="larger than"):
        read(tmp_path / "large.json")


@pytest.mark.parametrize(
    "checkpoint, file",
    [("toons.safetensors", "toons.concepts.json"), ("v1.5-pruned.ckpt", "v1.5-pruned.concepts.json")],
)
def test_the_file_beside_a_checkpoint_has_its_name(checkpoint, file):
    assert beside(Path("models") / checkpoint) == Path("models") / file


def test_the_guides_example_is_read_as_it_stands():
    text = GUIDE.read_text(encoding="utf-8")
    [example] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    found = parse(example.encode(), "example")
    assert len(found) >= 3 and text_of(found) == example
    for concept in found:
        assert concept.name in text


def test_the_guides_mistake_is_told_as_it_says():
    shown, told = re.findall(r"```text\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    with pytest.raises(ConceptError) as refused:
        parse(shown.encode(), "toons.concepts.json")
    assert str(refused.value) == " ".join(told.split())
