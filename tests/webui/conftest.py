"""The real WebUI that GI_WEBUI_DIR names, started once for all tests of this folder, and what became of each cell."""

import os
from pathlib import Path

import data_folder
import pytest
import report as notes

from tools.webui_server import Server

LAST = "test_the_log_holds_no_error_of_the_extension"  # of all that went before


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running WebUI with this extension, the companion, and what `data_folder` makes."""
    folder = os.environ.get("GI_WEBUI_DIR")
    if not folder:
        pytest.skip("GI_WEBUI_DIR is not set; it names the folder of an installed AUTOMATIC1111 WebUI")
    webui = Path(folder).resolve()
    python = os.environ.get("GI_WEBUI_PYTHON", str(webui / "venv" / "bin" / "python"))
    data = tmp_path_factory.mktemp("webui")
    checkpoint = data_folder.fill(data, webui, python)
    running = Server(webui, python, data, "--ckpt", str(checkpoint)).start()
    yield running
    if notes.wanted():
        notes.versions.update(running.ask("/companion/lists")["versions"])
    running.stop()


@pytest.fixture
def check(request):
    """Notes whether a promise holds, and goes on; a test with one that does not has failed at its end."""
    broken = []

    def check(promise, holds, found=""):
        notes.note_check(request.node.nodeid, promise, bool(holds))
        if not holds:
            broken.append(f"{promise}: {found!r}")

    yield check
    assert not broken, "\n".join(broken)


@pytest.fixture
def page(server, check):
    """The WebUI's page in a browser, loaded anew."""
    from browser import opened  # a module that skips where there is no browser

    with opened(f"http://127.0.0.1:{server.port}") as page:
        yield page.load()
        check("the page logged no error", not page.problems, page.problems)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.name == LAST)


class Plugin:
    """Hears of each cell's outcome."""

    @staticmethod
    def pytest_runtest_logreport(report):  # pytest wants this name, which hides the module's
        notes.note(report)

    @staticmethod
    def pytest_sessionfinish():
        if notes.wanted():
            notes.write()


def pytest_configure(config):
    config.pluginmanager.register(Plugin, "webui-report")
