"""The tab and its section "Concepts": what each component does, what is said, and that nothing is lost."""

import base64
import html
import importlib
import re
from types import SimpleNamespace

import fake_gradio
import pytest

from lib_gi.concept_files import parse, text_of
from lib_gi.concepts import FIELDS, Concept
from lib_gi.library import Library
from lib_gi.own_concepts import OwnConcepts

CLOWN = Concept("clown", "red nose", "circus")
ODD = Concept("<b>刀 & 'x'</b>", '<img src=x onerror="alert(1)">', "<i>own</i>")
PREFIX = "growth_inhibitors"


class Tab:
    """The tab in a page with one section, and what its user sees and does."""

    def __init__(self, gr, folder):
        self.gr, self.checkpoint = gr, folder / "toons.safetensors"
        self.own = OwnConcepts(folder / "data")
        module = importlib.import_module("lib_gi.webui.tab_concepts")
        section = module.section(Library(self.own, lambda: self.checkpoint))
        [(self.page, self.title, self.id)] = importlib.import_module("lib_gi.webui.tab").build([section], PREFIX)
        self.parts = {block.elem_id.removeprefix(f"{PREFIX}_concepts_"): block for block in gr.made}
        self.values = {"told": "", "table": "", "chosen": "(a new one)", "state": None}
        self.values |= {name: self.parts[name].value for name in FIELDS}
        self.seen = self.parts.pop(f"{PREFIX}_seen")
        self.run(self.seen.click_events)

    def run(self, events, *inputs):
        """A component's event with these inputs; what it gives is shown."""
        [(fn, _, outputs)] = events
        assert len(outputs) == len(self.values)
        for name, changed in zip(self.values, fn(*inputs)):
            if name == "state":
                self.values[name] = changed if not isinstance(changed, dict) else self.values[name]
            else:
                self.choices = changed.get("choices", getattr(self, "choices", None))
                self.values[name] = changed.get("value", self.values[name])

    def press(self, button, /, **written):
        self.values |= written
        given = {"state": self.values["state"], **{n: self.values[n] for n in FIELDS}}
        names = {"add": list(FIELDS), "change": list(given), "delete": ["state"]}[button]
        self.run(self.parts[button].click_events, *(given[n] for n in names))
        return self.told

    def choose(self, label):
        self.values["chosen"] = label
        self.run(self.parts["chosen"].input_events, label)

    def bring(self, path):
        self.run(self.parts["import"].upload_events, SimpleNamespace(name=str(path)))
        return self.told

    @property
    def told(self):
        text = self.values["told"]
        assert text.count("<p ") <= 1  # one line
        return html.unescape(re.sub("<[^>]*>", "", text)), "alert" in text

    @property
    def rows(self):
        body = self.values["table"].partition("<tbody>")[2].partition("</tbody>")[0]
        rows = [re.findall("<td>(.*?)</td>", row) for row in body.split("</tr>")]
        return [tuple(map(html.unescape, row)) for row in rows if row]


@pytest.fixture()
def gr(monkeypatch):
    with fake_gradio.installed(monkeypatch, True) as (_, gr):
        yield gr


@pytest.fixture()
def tab(gr, tmp_path):
    return Tab(gr, tmp_path)


def written(concept):
    return {name: getattr(concept, name) for name in FIELDS}


def test_the_tab_is_made_of_its_sections_each_with_ids_of_its_own(gr):
    module, built = importlib.import_module("lib_gi.webui.tab"), []
    sections = [module.Section(t, n, lambda *args: built.append((args, gr.open_blocks[-1]))) for t, n in ("Aa", "Bb")]
    [(_, title, elem_id)] = module.build(sections, "gi")
    assert (title, elem_id) == ("Growth Inhibitors", "gi") and not gr.open_blocks
    [seen] = [block for block in gr.made if block.elem_id == "gi_seen"]
    assert [(args, block.label, block.elem_id) for args, block in built] == [
        ((seen, "gi_a"), "A", "gi_a"),
        ((seen, "gi_b"), "B", "gi_b"),
    ]


def test_every_part_has_an_id_of_its_own_and_what_is_typed_into_has_a_label(tab):
    ids = [block.elem_id for block in tab.gr.made if block is not tab.page]
    assert all(name.startswith("growth_inhibitors_") for name in ids) and len(set(ids)) == len(ids)
    fields = [tab.parts[name] for name in ("chosen", *FIELDS)]
    assert all(field.label and field.info for field in fields) and len({field.label for field in fields}) == 5
    assert all(field.do_not_save_to_config for field in fields)


def test_without_own_concepts_the_table_says_so_and_there_is_nothing_to_export(tab):
    assert "none yet" in tab.values["table"] and "Export" not in tab.values["table"]
    assert tab.choices == ["(a new one)"] and tab.told == ("", False)


def test_a_concept_is_added_listed_and_chosen(tab):
    assert tab.press("add", **written(CLOWN)) == ("Added 'clown'.", False)
    assert tab.rows == [("clown", "red nose", "circus", "")] and tab.own.read() == (CLOWN,)
    assert tab.choices == ["(a new one)", "circus / clown"] and tab.values["chosen"] == "circus / clown"


def test_a_phrase_that_is_left_empty_is_the_name_and_a_built_in_name_is_told(tab):
    told, wrong = tab.press("add", name=" Nudity ", phrase=" ")
    assert not wrong and "takes the place of the built-in" in told
    assert tab.own.read() == (Concept("Nudity", "Nudity", "my own"),) and tab.values["phrase"] == "Nudity"


def test_an_anchor_is_kept_with_its_concept_and_shown(tab):
    toon = Concept("toon", "cartoon", "styles", "photograph")
    tab.press("add", **written(toon))
    assert tab.own.read() == (toon,) and tab.rows == [("toon", "cartoon", "styles", "photograph")]
    told, wrong = tab.press("change", anchor="Cartoon")
    assert wrong and "anchor of 'toon' is its phrase" in told and tab.own.read() == (toon,)


def test_a_concept_is_chosen_changed_and_deleted_and_can_be_brought_back(tab):
    tab.own.merge([CLOWN, ODD])
    tab.run(tab.seen.click_events)
    tab.choose("circus / clown")
    assert [tab.values[name] for name in FIELDS] == ["clown", "red nose", "circus", ""]
    assert tab.press("change", phrase="white face") == ("Changed 'clown'.", False)
    assert tab.own.read() == (Concept("clown", "white face", "circus"), ODD)
    told, wrong = tab.press("delete")
    assert told.startswith("Deleted 'clown'.") and not wrong and tab.own.read() == (ODD,)
    assert tab.values["chosen"] == "(a new one)" and tab.press("delete")[1]
    tab.press("add")
    assert tab.own.read() == (ODD, Concept("clown", "white face", "circus"))
    tab.choose("(a new one)")
    assert [tab.values[name] for name in FIELDS] == ["", "", "my own", ""]


@pytest.mark.parametrize(
    "button, given, problem",
    [
        ("add", {"name": "", "phrase": "x"}, "empty name"),
        ("add", {"name": "a=b"}, "remove the '='"),
        ("add", {"name": "CLOWN"}, "already"),
        ("add", {"name": "a", "category": "b / c"}, "slash"),
        ("change", {"name": "a"}, "no concept is chosen"),
        ("delete", {"name": "a"}, "no concept is chosen"),
    ],
)
def test_a_mistake_is_said_in_one_line_and_neither_the_file_nor_what_was_typed_is_lost(tab, button, given, problem):
    tab.own.add(CLOWN)
    told, wrong = tab.press(button, **given)
    assert wrong and problem in told and tab.own.read() == (CLOWN,)
    assert given.items() <= tab.values.items()


def test_what_another_window_has_done_meanwhile_is_said_and_shown(tab):
    tab.own.merge([CLOWN, ODD])
    tab.choose("circus / clown")
    tab.own.replace(CLOWN, Concept("clown", "big shoes", "circus"))
    told, wrong = tab.press("change", phrase="white face")
    assert wrong and "changed to 'big shoes'" in told and tab.values["phrase"] == "white face"
    assert tab.rows[0] == ("clown", "big shoes", "circus", "")
    tab.own.delete(ODD)
    tab.choose(f"{ODD.category} / {ODD.name}")
    assert tab.told[1] and "gone meanwhile" in tab.told[0]


def test_an_import_tells_what_was_added_and_what_was_left(tab, tmp_path):
    file = tmp_path / "others.json"
    file.write_text(text_of([CLOWN, ODD]), encoding="utf-8")
    assert tab.bring(file) == ("Imported 2 of 2 concepts from others.json.", False)
    file.write_text(text_of([Concept("Clown", "other", "c"), ODD, Concept("a", "a", "c")]), encoding="utf-8")
    told, wrong = tab.bring(file)
    assert not wrong and told.startswith("Imported 1 of 3 concepts from others.json. You had 1 already.")
    assert "'Clown'" in told and tab.own.read()[:2] == (CLOWN, ODD)


def test_a_file_with_a_mistake_is_refused_as_a_whole_by_its_name_and_line(tab, tmp_path):
    file = tmp_path / "others.json"
    file.write_text('[{"name": "a", "phrase": "a", "category": "c"},\n{"name": 3}]')
    told, wrong = tab.bring(file)
    assert wrong and told.startswith("line 2 of others.json (entry 2)") and tab.own.read() == ()
    assert str(tmp_path) not in told


def test_what_is_exported_is_what_an_import_takes(tab):
    tab.own.merge([CLOWN, ODD])
    tab.run(tab.seen.click_events)
    data = re.search(r'href="data:application/json;base64,([^"]*)" download="concepts.json"', tab.values["table"])[1]
    assert parse(base64.b64decode(data), "export") == (CLOWN, ODD)


def test_nothing_that_a_file_holds_is_taken_for_html(tab, tmp_path):
    tab.press("add", **written(ODD))
    (tmp_path / "toons.concepts.json").write_text(text_of([ODD, Concept("<u>", "<u>", "<u>")]), encoding="utf-8")
    tab.run(tab.seen.click_events)
    tab.choose("<u> / <u>")
    for text in (tab.values["table"], tab.values["told"]):
        assert not re.search("<(?:img|b|i|u)[ >]", text) and "&lt;" in text


def test_a_checkpoints_concepts_are_listed_with_its_name_and_those_left_out_are_told(tab, tmp_path):
    shipped = [Concept("jester", "fool", "court"), Concept("nudity", "kitten", "court")]
    (tmp_path / "toons.concepts.json").write_text(text_of(shipped))
    tab.run(tab.seen.click_events)
    text = tab.values["table"]
    assert "From toons.concepts.json" in text and "<td>jester</td><td>fool</td><td>toons: court</td>" in text
    assert "names are taken: &#x27;nudity&#x27;" in text and "kitten" not in text


@pytest.mark.parametrize("where", ["data/concepts.json", "toons.concepts.json"])
def test_a_damaged_file_is_told_and_never_written_to(tab, tmp_path, where):
    tab.own.add(CLOWN)
    (tmp_path / where).write_text("[\n{")
    tab.run(tab.seen.click_events)
    assert 'role="alert"' in tab.values["table"] and "line 2" in tab.values["table"]
    told, wrong = tab.press("add", **written(ODD))
    assert wrong == (where == "data/concepts.json") and ("line 2" in told) == wrong
    assert (tmp_path / where).read_text() == "[\n{"
