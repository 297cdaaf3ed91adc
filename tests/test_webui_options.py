"""The settings page: what its options say, who may change them, and that no request's own values count."""

from types import SimpleNamespace

import fake_gradio
import pytest
from webui_fakes import OptionInfo, Options

from lib_gi.errors import SettingsError
from lib_gi.settings import Settings
from lib_gi.webui.arguments import FIELDS

ALWAYS, DEFAULT, FOLDER = (f"growth_inhibitors_{name}" for name in ("always", "default", "heatmap_folder"))


@pytest.fixture()
def page_of(monkeypatch):
    """Makes the section in these options, with the command line's flag."""
    with fake_gradio.installed(monkeypatch, True):
        from lib_gi.webui import options

        def made(opts, flag="", shown=True, **flags):
            page = options.Page(opts, SimpleNamespace(growth_inhibitors_always=flag, **flags))
            if shown:
                page.add(OptionInfo)
            return page

        yield made


def required(page):
    settings = page.policy().required
    return {name: settings.strength_of(name) for name in settings.concepts}


def test_every_option_lies_in_our_section_says_what_it_is_and_is_empty_at_first(page_of):
    opts = Options()
    page = page_of(opts)
    assert list(opts.data_labels) == [ALWAYS, DEFAULT, FOLDER]
    for option in opts.data_labels.values():
        assert option.section == ("growth_inhibitors", "Growth Inhibitors")
        assert option.default == "" and option.label and option.told
    assert opts.data_labels[DEFAULT].needs_reload
    assert required(page) == {} and page.initial() is None


def test_a_change_in_the_page_acts_at_once_and_is_joined_with_the_flag(page_of):
    opts = Options()
    page = page_of(opts, flag="nudity=6")
    opts.set(ALWAYS, "blood; nudity=2")
    assert required(page) == {"nudity": 6, "blood": 3}
    opts.set(ALWAYS, "")
    assert required(page) == {"nudity": 6}


def test_what_the_configuration_file_holds_counts_from_the_start_also_without_a_page(page_of):
    opts = Options(**{ALWAYS: "nudity"})
    assert required(page_of(opts, shown=False)) == required(page_of(opts)) == {"nudity": 3}


@pytest.mark.parametrize(
    "text, doubt", [("nuditty=6", "Did you mean 'nudity'"), ("purple frog", "words"), ("nudity=much", "No picture")]
)
def test_what_is_doubtful_is_logged_at_the_start_and_when_it_is_changed_in_the_page(page_of, monkeypatch, text, doubt):
    logged = []
    page = page_of(opts := Options(), flag=text)
    monkeypatch.setattr("lib_gi.webui.options.logger.warning", lambda text, *more: logged.append(text % more))
    page.warn()
    assert len(logged) == 1 and doubt in logged[0] and page.doubts() == logged
    page_of(opts).warn()
    assert len(logged) == 1
    opts.set(ALWAYS, text)
    assert len(logged) == 2 and doubt in logged[1]


@pytest.mark.parametrize("guarded", [True, False], ids=["1.10", "older"])
@pytest.mark.parametrize("text", ["", "nudity=0", "beer"])
def test_no_request_changes_what_is_always_kept_out_by_overriding_settings(page_of, guarded, text):
    opts = Options(**{ALWAYS: "nudity=6"})
    page = page_of(opts)
    with opts.overridden({ALWAYS: text}, guarded):
        assert required(page) == {"nudity": 6}
    assert required(page) == {"nudity": 6}


@pytest.mark.parametrize("guarded", [True, False], ids=["1.10", "older"])
def test_a_request_that_is_being_drawn_does_not_undo_a_change_in_the_page_by_its_end(page_of, guarded):
    opts = Options()
    page = page_of(opts)
    with opts.overridden({ALWAYS: ""}, guarded):
        opts.set(ALWAYS, "nudity")
        assert required(page) == {"nudity": 3}
    assert required(page) == {"nudity": 3}


def test_the_api_cannot_set_what_is_always_kept_out(page_of):
    opts = Options(**{ALWAYS: "nudity"})
    page_of(opts)
    assert not opts.set(ALWAYS, "", is_api=True) and opts.data[ALWAYS] == "nudity"


@pytest.mark.parametrize("guarded", [True, False], ids=["1.10", "older"])
def test_no_request_says_into_which_folder_is_written(page_of, guarded):
    opts = Options(**{FOLDER: " maps "})
    page = page_of(opts)
    with opts.overridden({FOLDER: "/etc"}, guarded):
        assert page.heatmap_folder == "maps"
    assert not opts.set(FOLDER, "/etc", is_api=True) and page.heatmap_folder == "maps"
    opts.set(FOLDER, "other")
    assert page.heatmap_folder == "other"


def test_whoever_may_not_see_folders_may_not_see_this_one_either(page_of):
    for hidden in (False, True):
        opts = Options()
        page_of(opts, hide_ui_dir_config=hidden)
        assert opts.data_labels[FOLDER].component_args == {"visible": not hidden}


@pytest.mark.parametrize("value", ["nudity=much", "nudity=-1", 5, None, ["nudity"]])
def test_a_value_that_cannot_be_read_is_an_error_for_each_generation_wherever_it_stands(page_of, value):
    with pytest.raises(SettingsError, match="xpected"):
        page_of(Options(**{ALWAYS: value})).policy()
    with pytest.raises(SettingsError, match="xpected"):
        page_of(Options(), flag=value).policy()


def test_a_host_that_has_not_read_our_flag_yet_requires_nothing_by_it(page_of):
    page = page_of(Options(**{ALWAYS: "nudity"}))
    page._cmd_opts = SimpleNamespace()  # the extension came in by a reload of the page
    assert required(page) == {"nudity": 3}


@pytest.mark.parametrize(
    "text, begun",
    [
        ("nudity; blood", Settings(concepts=("nudity", "blood"), free_text=True)),
        ("nudity=6; Blood=6", Settings(concepts=("nudity", "Blood"), strength=6, free_text=True)),
        ("nudity=6; blood", Settings(concepts=("nudity", "blood"), strengths={"nudity": 6}, free_text=True)),
    ],
)
def test_the_form_begins_with_one_common_strength_where_there_is_one_so_that_its_slider_acts(page_of, text, begun):
    assert page_of(Options(**{DEFAULT: text})).initial() == begun


def test_a_beginning_that_cannot_be_read_leaves_the_form_empty_and_is_logged(page_of, monkeypatch):
    logged = []
    page = page_of(Options(**{DEFAULT: "nudity=much"}))
    monkeypatch.setattr("lib_gi.webui.options.logger.error", lambda text, *more: logged.append(text % more))
    assert page.initial() is None
    assert len(logged) == 1 and "much" in logged[0] and "Ticked" in logged[0]


def test_a_form_that_begins_with_something_keeps_it_from_the_hosts_own_defaults(monkeypatch):
    with fake_gradio.installed(monkeypatch, True) as (accordion, _):
        from lib_gi.concepts import load_catalogue

        for initial in (None, Settings(concepts=("nudity",))):
            form = accordion.build(False, load_catalogue, "gi", str, initial).components
            seen = [*form, form[FIELDS.index("enabled")].accordion]
            kept = [getattr(part, "do_not_save_to_config", False) for part in seen]
            assert set(kept) == {initial is not None}
