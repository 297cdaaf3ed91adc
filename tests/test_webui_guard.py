"""With --growth-inhibitors-always, a WebUI in which the extension does not run is stopped."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
from webui_fakes import host_modules

ROOT = Path(__file__).parents[1]
FILE = ROOT / "scripts" / "growth_inhibitors_guard.py"


@pytest.fixture()
def host(monkeypatch):
    """A WebUI's lists of extensions and scripts; `load` gives the guard's callbacks, by name."""
    host = SimpleNamespace(
        active=[SimpleNamespace(path=str(ROOT))],
        scripts=[SimpleNamespace(path=str(ROOT / "scripts" / "growth_inhibitors.py"))],
        listed=[],
    )

    def load(always):
        callbacks = {}
        contents = {
            "extensions": {"list_extensions": lambda: host.listed.extend(host.active), "active": lambda: host.listed},
            "script_callbacks": {
                name: lambda callback, name=name: callbacks.update({name: callback})
                for name in ("on_script_unloaded", "on_before_ui")
            },
            "scripts": {"scripts_data": host.scripts},
            "shared": {"cmd_opts": SimpleNamespace(growth_inhibitors_always=always)},
        }
        host_modules(monkeypatch, contents)
        spec = importlib.util.spec_from_file_location("growth_inhibitors_guard", FILE)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        return callbacks

    host.load = load
    return host


def test_without_the_flag_nothing_is_watched(host):
    assert host.load("") == {}


def test_where_all_is_as_it_should_be_nothing_happens(host):
    for callback in host.load("nudity").values():
        callback()


def test_a_reload_from_which_the_extension_is_left_out_ends_the_process(host, caplog):
    host.active = [SimpleNamespace(path=str(ROOT.parent / "another"))]
    with pytest.raises(SystemExit) as ended:
        host.load("nudity")["on_script_unloaded"]()
    assert ended.value.code == 1 and "disabled or removed" in caplog.text


def test_a_script_of_ours_that_could_not_be_loaded_ends_the_process_before_a_request_is_answered(host, caplog):
    host.scripts[:] = [SimpleNamespace(path=str(ROOT / "scripts" / "growth_inhibitors_guard.py"))]
    with pytest.raises(SystemExit):
        host.load("nudity")["on_before_ui"]()
    assert "could not be loaded" in caplog.text
