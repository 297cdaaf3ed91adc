"""All concepts at a moment: the package's, the user's own, and those beside the loaded checkpoint."""

import pytest

from lib_gi.concepts import Concept, load_catalogue
from lib_gi.errors import ConceptError
from lib_gi.library import Library
from lib_gi.own_concepts import OwnConcepts

CLOWN = Concept("clown", "red nose", "circus")
BUILT_IN = len(load_catalogue())


class Place:
    """A data folder, and a checkpoint with its file of concepts."""

    def __init__(self, folder):
        self.checkpoint = folder / "toons.safetensors"
        self.file = folder / "toons.concepts.json"
        self.library = Library(OwnConcepts(folder / "data"), lambda: self.checkpoint)
        self.own = self.library.own

    def phrases(self, *names, free_text=False):
        return [concept.phrase for concept in self.library.catalogue().resolve(names, free_text)]


@pytest.fixture()
def place(tmp_path):
    return Place(tmp_path)


def entry(name, phrase="p", category="c"):
    return f'{{"name": "{name}", "phrase": "{phrase}", "category": "{category}"}}'


def test_without_any_there_are_the_packages_alone(place):
    assert list(place.library.catalogue()) == list(load_catalogue())
    place.checkpoint = None
    found = place.library.look()
    assert len(found.catalogue) == BUILT_IN and found.file is None and found.catalogue.problems == ()


def test_own_concepts_act_at_once_and_take_the_place_of_built_in_ones_of_their_name(place):
    place.own.merge([CLOWN, Concept("NUDITY", "unclothed", "mine")])
    assert place.phrases("Clown", "nudity", "blood") == ["red nose", "unclothed", "blood"]
    place.own.delete(CLOWN)
    with pytest.raises(ConceptError, match="no concept 'clown'"):
        place.phrases("clown")


def test_a_checkpoints_concepts_are_there_while_it_is_loaded_and_named_after_it(place):
    place.file.write_text(f"[{entry('jester', 'fool', 'court')}]")
    found = place.library.look()
    assert found.beside == (Concept("jester", "fool", "toons: court"),) and found.file == place.file
    assert place.phrases("jester") == ["fool"]
    place.checkpoint = place.checkpoint.with_name("other.safetensors")
    with pytest.raises(ConceptError):
        place.phrases("jester")


def test_a_checkpoints_file_changes_the_meaning_of_no_name_that_is_known(place):
    place.own.add(CLOWN)
    place.file.write_text(f"[{entry('Nudity', 'kitten')}, {entry('clown', 'kitten')}, {entry('jester', 'fool')}]")
    assert place.phrases("nudity", "clown", "jester") == ["nudity", "red nose", "fool"]
    assert [concept.name for concept in place.library.look().left_out] == ["Nudity", "clown"]


def damaged(place, which):
    (place.own.path if which == "own" else place.file).write_text("[\n{,")


@pytest.mark.parametrize("which", ["own", "beside"])
def test_a_damaged_file_is_told_and_the_other_concepts_still_work(place, which):
    place.own.add(CLOWN)
    place.file.write_text(f"[{entry('jester', 'fool')}]")
    damaged(place, which)
    [problem] = place.library.catalogue().problems
    assert "line 2" in problem and str(place.own.path if which == "own" else place.file) in problem
    lost, left = ("clown", "jester") if which == "own" else ("jester", "clown")
    assert place.phrases("nudity", left) == ["nudity", {"clown": "red nose", "jester": "fool"}[left]]
    for free_text in (False, True):
        with pytest.raises(ConceptError, match="line 2"):
            place.phrases("nudity", lost, free_text=free_text)


def test_both_may_be_damaged_at_once(place):
    place.own.add(CLOWN)
    damaged(place, "own")
    damaged(place, "beside")
    found = place.library.look()
    assert len(found.catalogue.problems) == 2 and len(found.catalogue) == BUILT_IN


def test_a_link_beside_a_checkpoint_is_not_followed(place, tmp_path):
    (tmp_path / "secret.json").write_text("secret")
    place.file.symlink_to("secret.json")
    [problem] = place.library.catalogue().problems
    assert "link" in problem and "secret" not in problem
    place.file.unlink()
    place.file.mkdir()
    assert "no regular file" in place.library.catalogue().problems[0]


def test_a_checkpoints_name_that_is_no_text_is_shown_as_far_as_it_is(place, tmp_path):
    place.checkpoint = tmp_path / "t\udcffon.safetensors"
    (tmp_path / "t\udcffon.concepts.json").write_text(f"[{entry('jester', 'fool', 'court')}]")
    assert place.library.look().beside[0].category == "t?on: court"
