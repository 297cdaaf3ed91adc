"""docs/extension-index.json, the entry for the WebUI's index of extensions, is valid by that index's rules.

Whoever publishes puts the account in the place of OWNER, and offers the file there as extensions/NAME.json.
"""

import json
import re
from pathlib import Path

FILE = Path(__file__).parents[1] / "docs" / "extension-index.json"
ENTRY = json.loads(FILE.read_text(encoding="utf-8"))
TAGS = {  # the index's tags.json, 2026-11
    *("script", "localization", "tab", "dropdown", "ads", "installed", "training", "models", "UI related", "prompting"),
    *("editing", "manipulations", "online", "animation", "query", "science", "extras"),
}


def test_it_has_the_required_keys_and_no_others():
    assert set(ENTRY) == {"name", "url", "description", "tags"}
    assert all(isinstance(ENTRY[key], str) and ENTRY[key].strip() for key in ("name", "url", "description"))


def test_its_tags_are_known_and_each_is_there_once():
    assert ENTRY["tags"] and set(ENTRY["tags"]) <= TAGS
    assert len(set(ENTRY["tags"])) == len(ENTRY["tags"])


def test_its_url_is_one_that_git_can_clone_over_https():
    assert re.fullmatch(r"https://[^ ]+?\.git", ENTRY["url"])


def test_its_description_is_plain_and_promotes_nothing():
    assert ENTRY["description"].isascii() and "http" not in ENTRY["description"]
