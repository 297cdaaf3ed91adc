"""docs/guide.md: what it says of settings, keys and messages is so."""

import re
from pathlib import Path

import fake_gradio
from webui_fakes import OptionInfo, Options

from lib_gi.concepts import load_catalogue
from lib_gi.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "guide.md").read_text(encoding="utf-8")


def section(title):
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_it_tells_every_setting_of_the_settings_page(monkeypatch):
    with fake_gradio.installed(monkeypatch, True):
        from lib_gi.webui.options import SECTION, Page

        opts = Options()
        Page(opts, None).add(OptionInfo)
    rows = re.findall(r"^\| (\w[^|]*?) \|", section("What the page begins with"), re.M)
    assert [option.label for option in opts.data_labels.values()] == rows[1:]
    assert f"--freeze-settings-in-sections {SECTION[0]}" in PAGE


def test_the_forms_keys_in_the_hosts_file_are_its_labels_which_are_stable_and_there_once(monkeypatch):
    with fake_gradio.installed(monkeypatch, True) as (accordion, _):
        made = accordion.build(False, load_catalogue, "growth_inhibitors", str).components
    labels = [component.label for component in made]
    assert labels == [
        *("Growth Inhibitors", "Concepts", "Other concepts", "Strength", "Strength per concept", "Weighting"),
        *("First step", "Last step", "In the hires pass", "Bound", "Adapter", "Heat maps"),
    ]
    [named] = re.findall(r"`customscript/growth_inhibitors\.py/txt2img/(.+?)/value`", PAGE)
    assert named in labels


def test_its_links_lead_somewhere():
    files = {"guide.md": PAGE} | {file.name: file.read_text(encoding="utf-8") for file in DOCS.glob("*.md")}
    for name, text in files.items():
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
            path = (DOCS / target) if target else DOCS / name
            assert path.exists(), f"{name}: {target}"
            if anchor:
                titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
                found = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
                assert anchor in found, f"{name}: {target}#{anchor}"


def test_the_default_strength_is_the_one_that_it_tells():
    assert f"the default is {Settings.defaults()['strength']:g}" in section("Choosing a strength")
