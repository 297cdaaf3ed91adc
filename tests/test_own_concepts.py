"""The user's own concepts: kept through changes, crashes, several windows and damage."""

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_gi import own_concepts, safe_files
from lib_gi.concept_files import LARGEST
from lib_gi.concepts import Concept
from lib_gi.errors import ConceptError
from lib_gi.own_concepts import OwnConcepts

CLOWN, RABBIT = Concept("clown", "red nose", "circus"), Concept("Häschen 🐇", "rabbit", "animals")
ROOT = Path(__file__).parents[1]


@pytest.fixture()
def own(tmp_path):
    return OwnConcepts(tmp_path / "data")


def test_before_the_first_there_is_none_and_no_folder(own):
    assert own.read() == () and not own.path.parent.exists()


def test_what_is_added_is_there_for_everybody_and_nothing_but_it_and_a_backup_lies_in_the_folder(own, tmp_path):
    own.add(CLOWN)
    own.add(RABBIT)
    assert OwnConcepts(tmp_path / "data").read() == (CLOWN, RABBIT)
    assert sorted(os.listdir(tmp_path / "data")) == ["concepts.backup.json", "concepts.json"]
    assert json.loads(own.path.read_text(encoding="utf-8"))[1]["name"] == RABBIT.name


def test_a_change_keeps_the_place_and_may_change_the_name(own):
    own.merge([CLOWN, RABBIT])
    own.replace(CLOWN, Concept("CLOWN", "clown", "circus"))
    own.replace(Concept("CLOWN", "clown", "circus"), Concept("Pierrot", "clown", "circus"))
    assert [concept.name for concept in own.read()] == ["Pierrot", RABBIT.name]
    own.delete(Concept("Pierrot", "clown", "circus"))
    assert own.read() == (RABBIT,)
    own.delete(RABBIT)
    assert own.read() == ()


def test_a_name_that_is_taken_is_refused_whatever_its_case_or_form(own):
    own.merge([CLOWN, RABBIT])
    with pytest.raises(ConceptError, match="'red nose'.*choose another"):
        own.add(Concept("Clown", "another", "c"))
    with pytest.raises(ConceptError, match="already"):
        own.replace(CLOWN, Concept(unicodedata.normalize("NFD", "häschen 🐇"), "x", "c"))
    assert own.read() == (CLOWN, RABBIT)


def test_what_was_changed_or_deleted_in_another_window_is_not_overwritten(own):
    own.merge([CLOWN, RABBIT])
    own.replace(CLOWN, Concept("clown", "white face", "circus"))
    for late in (lambda: own.replace(CLOWN, Concept("clown", "big shoes", "circus")), lambda: own.delete(CLOWN)):
        with pytest.raises(ConceptError, match="changed to 'white face'"):
            late()
    own.delete(RABBIT)
    with pytest.raises(ConceptError, match="deleted meanwhile"):
        own.replace(RABBIT, Concept("hare", "hare", "animals"))
    assert [concept.phrase for concept in own.read()] == ["white face"]


def test_a_change_of_the_anchor_alone_is_told(own):
    own.add(CLOWN)
    own.replace(CLOWN, Concept(CLOWN.name, CLOWN.phrase, CLOWN.category, "mime"))
    with pytest.raises(ConceptError, match="changed to .*, anchor 'mime'"):
        own.delete(CLOWN)


def test_an_import_adds_what_is_new_and_leaves_what_is_there(own):
    own.add(CLOWN)
    merged = own.merge([CLOWN, Concept("a", "a", "c"), RABBIT])
    assert (len(merged.added), merged.same, merged.refused) == (2, (CLOWN,), ())
    other = Concept("Clown", "other", "c")
    assert own.merge([other]) == ((), (), (other,))
    assert own.read()[0] == CLOWN


def test_the_backup_is_what_the_file_held_before_its_last_change(own):
    own.add(CLOWN)
    first = own.path.read_bytes()
    own.add(RABBIT)
    assert own.backup.read_bytes() == first
    own.merge([CLOWN])  # no change
    assert own.backup.read_bytes() == first


@pytest.mark.parametrize("damage", [b"", b"\0" * 60, b'[\n{"name": "clown"', b"{}"])
def test_a_damaged_file_is_told_with_its_line_and_backup_and_never_written_to(own, damage):
    own.add(CLOWN)
    own.add(RABBIT)
    own.path.write_bytes(damage)
    changes = (
        own.read,
        lambda: own.add(Concept("a", "a", "c")),
        lambda: own.replace(CLOWN, RABBIT),
        lambda: own.delete(CLOWN),
        lambda: own.merge([RABBIT]),
    )
    for change in changes:
        with pytest.raises(ConceptError, match=r"line \d of .*concepts\.json.*concepts\.backup\.json"):
            change()
    assert own.path.read_bytes() == damage and b"clown" in own.backup.read_bytes()


def test_a_file_that_would_be_too_large_to_be_read_is_not_written(own):
    own.add(CLOWN)
    with pytest.raises(ConceptError, match="delete some"):
        own.add(Concept("long", "x" * LARGEST, "c"))
    assert own.read() == (CLOWN,)


def test_a_folder_that_cannot_be_made_or_written_to_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConceptError, match="cannot be saved.*nothing was changed"):
        OwnConcepts(tmp_path / "file").add(CLOWN)
    own = OwnConcepts(tmp_path / "data")
    own.add(CLOWN)

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_concepts, "write_whole", full)
    with pytest.raises(ConceptError, match="No space left"):
        own.add(RABBIT)
    assert own.read() == (CLOWN,)


def test_while_another_process_holds_the_file_a_change_is_refused_in_the_end(own, monkeypatch):
    def never(path):
        raise TimeoutError(110, "another process holds it")

    monkeypatch.setattr(own_concepts, "locked", never)
    with pytest.raises(ConceptError, match="another process holds it"):
        own.add(CLOWN)


@pytest.mark.parametrize("call", range(1, 5))
def test_a_crash_in_the_middle_of_a_save_loses_nothing_that_was_saved(own, monkeypatch, call):
    own.add(CLOWN)
    calls, replace, fsync = [], os.replace, os.fsync

    def counted(real):
        def run(*args):
            calls.append(args)
            if len(calls) == call:
                raise KeyboardInterrupt
            return real(*args)

        return run

    monkeypatch.setattr(safe_files.os, "replace", counted(replace))
    monkeypatch.setattr(safe_files.os, "fsync", counted(fsync))
    with pytest.raises(KeyboardInterrupt):
        own.add(RABBIT)
    assert own.read()[0] == CLOWN
    monkeypatch.undo()
    own.merge([RABBIT])
    assert own.read() == (CLOWN, RABBIT)


def test_processes_that_add_at_the_same_time_lose_nothing_of_each_other(own):
    code = (
        "import sys, pathlib\nfrom lib_gi.own_concepts import OwnConcepts\nfrom lib_gi.concepts import Concept\n"
        "own = OwnConcepts(pathlib.Path(sys.argv[1]))\n"
        "for n in range(8): own.add(Concept(f'{sys.argv[2]} {n}', 'p', 'c'))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, own.path.parent, name], cwd=ROOT) for name in ("a", "b", "c")
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert {concept.name for concept in own.read()} == {f"{name} {n}" for name in "abc" for n in range(8)}


names = st.text(min_size=1, max_size=8).filter(lambda t: t.split() and not set(t) & set(";="))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "delete", "rename"]), names, names), max_size=8))
def test_any_series_of_changes_leaves_the_concepts_that_a_plain_list_would_have(tmp_path_factory, series):
    own, expected = OwnConcepts(tmp_path_factory.mktemp("own")), []
    for what, name, other in series:
        new = Concept(other, "p", "c")
        keys = [concept.key for concept in expected]
        if what == "add":
            new = Concept(name, "p", "c")
            (pytest.raises(ConceptError, own.add, new) if new.key in keys else own.add(new))
            expected += [new] if new.key not in keys else []
        elif expected and what == "delete":
            own.delete(expected.pop(0))
        elif expected and (new.key not in keys or new.key == expected[0].key):
            own.replace(expected[0], new)
            expected[0] = new
    assert own.read() == tuple(expected)
