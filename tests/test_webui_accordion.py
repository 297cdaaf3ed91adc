"""The accordion: a component for each setting, a line that tells what will happen, and what an infotext fills in."""

import subprocess
import sys

import fake_gradio
import pytest

from lib_gi.concepts import Catalogue, Concept, load_catalogue
from lib_gi.errors import AdapterError, ConceptError, SettingsError
from lib_gi.infotext import KEY, SETTINGS_KEY, write
from lib_gi.settings import Settings
from lib_gi.webui.arguments import FIELDS, settings_from

CATALOGUE = Catalogue(
    [Concept("nudity", "nudity", "unsafe"), Concept("dog", "dog", "objects"), Concept("blood", "blood", "unsafe")]
)


@pytest.fixture(params=[True, False], ids=["InputAccordion", "plain"])
def ui(request, monkeypatch):
    """The accordion module and its gradio, with and without the host's InputAccordion."""
    with fake_gradio.installed(monkeypatch, request.param) as pair:
        yield pair


def describe(outcome):
    return f"{type(outcome).__name__} <{outcome}>"


def built(ui, is_img2img=False, catalogue=CATALOGUE, adapters=("tiny",)):
    return ui[0].build(is_img2img, lambda: catalogue, "growth_inhibitors", describe, adapters=lambda: list(adapters))


def by_name(accordion):
    return dict(zip(FIELDS, accordion.components))


def filled(accordion, params):
    """What a paste of these parameters puts into the form, by field; the list's value without its choices."""
    values = {target.name: target(params) for _, target in accordion.infotext_fields}
    return {name: value["value"] if isinstance(value, dict) else value for name, value in values.items()}


def test_the_components_defaults_are_arguments_that_switch_everything_off(ui):
    defaults = [component.value for component in built(ui).components]
    assert settings_from(defaults, CATALOGUE) == Settings.disabled()


def test_ticking_it_and_choosing_a_concept_is_all_that_is_needed(ui):
    accordion = by_name(built(ui))
    values = {name: component.value for name, component in accordion.items()}
    values |= {"enabled": True, "concepts": accordion["concepts"].choices[:1]}
    assert settings_from(list(values.values()), CATALOGUE) == Settings(concepts=("nudity",))


def test_concepts_are_listed_by_category(ui):
    choices = by_name(built(ui))["concepts"].choices
    assert choices == ["unsafe / nudity", "unsafe / blood", "objects / dog"]
    bundled = by_name(built(ui, catalogue=load_catalogue()))["concepts"].choices
    assert len(bundled) == len(set(bundled)) == len(load_catalogue())


def test_ranges_labels_and_help_are_those_of_the_settings(ui):
    accordion = by_name(built(ui))
    strength, first = accordion["strength"], accordion["first_step"]
    assert (strength.minimum, strength.maximum, strength.step, strength.value) == (0, 20, 0.1, 3)
    assert (first.minimum, first.maximum, first.step) == (0, 150, 1)
    assert strength.label == "Strength" and "suppress" in strength.info
    assert accordion["weighting"].choices == ["auto", "plain", "limited", "contrast", "agreement", "projection"]
    assert (accordion["heatmap"].choices, accordion["heatmap"].value) == (["off", "M_star", "agreement"], "off")
    labels = [component.label for component in accordion.values()]
    assert all(labels) and len(set(labels)) == len(labels)  # the host keeps users' defaults by label


def test_ids_are_unique_in_the_page_and_the_same_each_time(ui):
    module, gr = ui
    ids = []
    for is_img2img in (False, True):
        start = len(gr.made)
        built(ui, is_img2img)
        ids += [block.elem_id for block in gr.made[start:]]
    assert all(ids) and len(set(ids)) == len(ids)
    start = len(gr.made)
    built(ui)
    assert [block.elem_id for block in gr.made[start:]] == ids[: len(ids) // 2]
    assert "growth_inhibitors_txt2img_strength" in ids and "growth_inhibitors_img2img_strength" in ids


def test_everything_lies_in_one_accordion_and_the_rare_settings_in_one_inside_it(ui):
    module, gr = ui
    accordion = by_name(built(ui))
    outer = gr.made[0]
    assert outer.label == "Growth Inhibitors" and not gr.open_blocks
    for name in ("concepts", "free_text", "strength", "adapter", "strengths"):
        assert accordion[name].inside[0] is outer
    # What lies in the column is made in the page when it is first open: all but the box that ticks it.
    for name in FIELDS[1:]:
        assert accordion[name].inside[1].elem_id == "growth_inhibitors_txt2img_fields"
    assert accordion["enabled"].inside in ([], [outer])
    for name in ("weighting", "first_step", "last_step", "hires", "bound", "heatmap"):
        advanced = accordion[name].inside[-1]
        assert advanced.label == "Advanced" and not advanced.open


def test_the_adapters_that_there_are_can_be_chosen_also_those_that_were_added_later(ui):
    names = []
    listed = by_name(built(ui, adapters=names))["adapter"]
    assert (listed.value, listed.choices) == ("none", ["none", "auto"])
    [(now, [], [output])] = listed.focus_events
    names.append("tiny")
    assert output is listed and now()["choices"] == ["none", "auto", "tiny"]


def test_building_it_asks_nothing_of_the_host(ui):
    def never(outcome):
        raise AssertionError("describe was called")

    ui[0].build(False, lambda: CATALOGUE, "growth_inhibitors", never)


# -- the line ----------------------------------------------------------------------------------------------------


def line_of(ui, accordion):
    """The component of the line, and what makes its text from the form's values."""
    [button] = [block for block in ui[1].made if (block.elem_id or "").endswith("_asked")]
    [(tell, inputs, [told])] = button.click_events
    assert inputs == accordion.components and not button.visible
    return told, tell


def test_one_event_alone_takes_the_whole_form_since_the_host_goes_through_all_inputs_at_each_load(ui):
    built(ui)
    kinds = ("change", "blur", "release", "input")
    assert not [block for block in ui[1].made for kind in kinds if hasattr(block, f"{kind}_events")]


def test_the_line_tells_what_will_happen_or_what_is_wrong(ui):
    accordion = built(ui)
    _, tell = line_of(ui, accordion)
    values = {name: component.value for name, component in by_name(accordion).items()}
    assert "Settings" in tell(*values.values()) and "alert" not in tell(*values.values())
    wrong = tell(*(values | {"enabled": True}).values())
    assert "alert" in wrong and "SettingsError" in wrong and "choose a concept" in wrong
    wrong = tell(*(values | {"enabled": True, "concepts": ["dog"], "bound": "9"}).values())
    assert "alert" in wrong and "bound" in wrong


def test_what_only_the_describer_finds_wrong_is_told_as_an_alert_too(ui):
    def describes(outcome):
        if isinstance(outcome, Settings):
            raise AdapterError("there is no adapter")
        return f"Will not: {outcome}"

    accordion = ui[0].build(False, lambda: CATALOGUE, "growth_inhibitors", describes)
    _, tell = line_of(ui, accordion)
    assert "alert" in (text := tell(*(component.value for component in accordion.components)))
    assert "Will not: there is no adapter" in text


def test_nothing_that_a_user_types_is_taken_for_html(ui):
    accordion = built(ui)
    _, tell = line_of(ui, accordion)
    values = {name: component.value for name, component in by_name(accordion).items()}
    text = tell(*(values | {"enabled": True, "free_text": "<img src=x onerror=alert(1)>"}).values())
    assert "<img" not in text and "&lt;img" in text
    text = tell(*(values | {"enabled": True, "free_text": "<b>"}).values())
    assert "<b>" not in text and "&lt;b&gt;" in text


def test_the_lines_place_is_as_high_before_it_is_told_as_afterwards(ui):
    accordion = built(ui)
    told, tell = line_of(ui, accordion)
    later = tell(*(component.value for component in accordion.components))
    place = told.value.partition(">")[0]
    assert "min-height" in place and told.value == f"{place}></div>" and later.startswith(place)


# -- concepts that are added while the page is open -------------------------------------------------------------


def growing(ui):
    """An accordion, and the list of concepts that its catalogue is made of at each time."""
    concepts = list(CATALOGUE)
    return ui[0].build(False, lambda: Catalogue(concepts), "growth_inhibitors", describe), concepts


def test_whoever_opens_the_list_sees_what_there_is_by_then(ui):
    accordion, concepts = growing(ui)
    listed = by_name(accordion)["concepts"]
    [(now, [], [output])] = listed.focus_events
    concepts.append(Concept("clown", "red nose", "unsafe"))
    assert output is listed and "value" not in now()  # what is chosen stays chosen
    assert now()["choices"] == ["unsafe / nudity", "unsafe / blood", "unsafe / clown", "objects / dog"]


def test_the_line_and_a_paste_know_a_concept_that_was_added_later(ui):
    accordion, concepts = growing(ui)
    concepts.append(Concept("clown", "red nose", "circus"))
    values = {name: component.value for name, component in by_name(accordion).items()}
    tell = line_of(ui, accordion)[1]
    assert "alert" not in tell(*(values | {"enabled": True, "concepts": ["circus / clown"]}).values())
    pasted = {target.name: target(write(Settings(concepts=("clown",)))) for _, target in accordion.infotext_fields}
    assert pasted["concepts"]["value"] == ["circus / clown"] and "circus / clown" in pasted["concepts"]["choices"]


def test_the_line_tells_once_of_a_file_that_cannot_be_read(ui):
    catalogue = Catalogue(CATALOGUE, ["line 2 of <own> is wrong"])
    accordion = built(ui, catalogue=catalogue)
    values = {name: component.value for name, component in by_name(accordion).items()}
    tell = line_of(ui, accordion)[1]
    for changed in ({}, {"enabled": True, "concepts": ["objects / dog"]}, {"enabled": True, "free_text": "clown"}):
        text = tell(*(values | changed).values())
        assert text.count("line 2 of &lt;own&gt; is wrong") == 1 and text.count("alert") == 1


# -- pasting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "made",
    [
        Settings(concepts=("nudity",)),
        Settings(concepts=("blood", "a: b, c"), free_text=True, strengths={"blood": 6}),
        Settings(True, ("dog",), False, 2.5, {}, "plain", 3, 12, False, (0.4, 2.5)),
        Settings(concepts=("dog",), adapter="another"),
    ],
)
def test_a_pasted_infotext_fills_the_form_with_the_settings_it_came_from(ui, made):
    accordion = built(ui)
    values = filled(accordion, {"Steps": "20"} | write(made))
    assert settings_from(list(values.values()), CATALOGUE) == made
    for name, component in by_name(accordion).items():  # the host casts to the type of the default
        assert type(values[name]) is type(component.value) or name in ("strength", "first_step", "heatmap")


def test_a_paste_leaves_the_choice_of_heat_maps_as_it_is(ui):
    assert filled(built(ui), write(Settings(concepts=("nudity",), heatmap="M_star")))["heatmap"] is None


def test_an_infotext_without_ours_leaves_the_form_as_it_is(ui):
    assert set(filled(built(ui), {"Steps": "20"}).values()) == {None}


def test_an_infotext_that_cannot_be_read_leaves_the_form_and_warns_once_without_html(ui):
    _, gr = ui
    assert set(filled(built(ui), {KEY: "<b>"}).values()) == {None}
    [warning] = gr.warned
    assert "could not be read" in warning and "<b>" not in warning


def test_another_version_fills_the_form_and_warns_once(ui):
    _, gr = ui
    values = filled(built(ui), {KEY: "nudity=4", SETTINGS_KEY: "version=9"})
    assert values["concepts"] == ["unsafe / nudity"] and len(gr.warned) == 1


def test_send_to_img2img_finds_the_same_fields_in_both_tabs(ui):
    here, there = built(ui), built(ui, is_img2img=True)
    sent = [field for field, name in here.infotext_fields if name in here.paste_field_names]
    received = [field for field, name in there.infotext_fields if name in here.paste_field_names]
    assert sent == here.components and received == there.components
    assert "Seed" not in here.paste_field_names and len(set(here.paste_field_names)) == len(FIELDS)


# -- imports -----------------------------------------------------------------------------------------------------


def test_only_the_accordion_and_the_tab_need_gradio():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['gradio', 'torch', 'fastapi', 'modules']))\n"
        "import lib_gi.webui.arguments, lib_gi.webui.axes, lib_gi.infotext, lib_gi.webui.routes\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_errors_that_the_line_shows_are_our_own(ui):
    seen = []
    accordion = ui[0].build(False, lambda: CATALOGUE, "growth_inhibitors", lambda outcome: seen.append(outcome) or "")
    _, tell = line_of(ui, accordion)
    values = {name: component.value for name, component in by_name(accordion).items()}
    tell(*values.values())
    tell(*(values | {"enabled": True}).values())
    tell(*(values | {"enabled": True, "free_text": "a=b"}).values())
    assert [type(outcome) for outcome in seen] == [Settings, SettingsError, ConceptError]
