"""What the suite against a real WebUI is made of, where no WebUI is needed: its report, its log, its start-up times."""

import json
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tools.webui_server import Server

SUITE = Path(__file__).parent / "webui"


@pytest.fixture()
def report(monkeypatch, tmp_path):
    """The suite's report module, writing below tmp_path."""
    monkeypatch.syspath_prepend(str(SUITE))
    sys.modules.pop("report", None)
    import report

    monkeypatch.setattr(report, "DOCUMENT", tmp_path / "tested-hosts.md")
    save = report.described

    def described(*args):
        figure = save(*args)
        return SimpleNamespace(save=lambda: figure.save(tmp_path))

    monkeypatch.setattr(report, "described", described)
    yield report
    sys.modules.pop("report", None)


def outcome(name, when, result):
    return SimpleNamespace(
        nodeid=f"tests/webui/{name}", when=when, **{kind: kind == result for kind in ("passed", "failed", "skipped")}
    )


def test_each_cell_is_named_and_one_that_fails_at_any_time_has_failed(report, tmp_path):
    for name, steps in {
        "test_matrix.py::test_txt2img[plain]": (("setup", "passed"), ("call", "passed"), ("teardown", "passed")),
        "test_matrix.py::test_txt2img[a|b]": (("setup", "passed"), ("call", "failed"), ("teardown", "passed")),
        "test_faults.py::test_an_error": (("setup", "passed"), ("call", "passed"), ("teardown", "failed")),
        "test_faults.py::test_a_start": (("setup", "failed"), ("teardown", "passed")),
        "test_scripts.py::test_client": (("setup", "passed"), ("call", "skipped"), ("teardown", "passed")),
    }.items():
        for when, result in steps:
            report.note(outcome(name, when, result))
    report.note(SimpleNamespace(nodeid="tests/test_other.py::test", failed=True))
    report.versions.update({"WebUI": "v1.10.1", "Python": "3.10.6"})
    report.write()
    figure = json.loads((tmp_path / "webui.matrix.failed.json").read_text())
    assert (figure["value"], figure["n"]) == (3, 4)
    text = (tmp_path / "tested-hosts.md").read_text()
    for line in (
        "| txt2img: plain | passed |",
        "| txt2img: a/b | failed |",
        "| an error | failed |",
        "| a start | failed |",
        "| client | skipped |",
    ):
        assert line in text.splitlines()
    assert "WebUI v1.10.1, Python 3.10.6" in text and "4 cells, 3 failed" in text


def test_each_check_of_the_page_counts_and_a_test_that_ends_early_is_one_that_failed(report, tmp_path):
    ticked, pasted, sent = (f"tests/webui/test_browser.py::test_{name}" for name in ("ticked", "pasted", "sent"))
    for test, promise, held in ((ticked, "it is on", True), (ticked, "<b> is text", False), (pasted, "it is on", True)):
        report.note_check(test, promise, held)
    for test, when in ((ticked, "teardown"), (pasted, "call"), (sent, "setup")):
        report.note(outcome(test.rpartition("/")[2], when, "failed"))
    report.versions["WebUI"] = "v1.10.1"
    report.write()
    figure = json.loads((tmp_path / "ui.browser.failed.json").read_text())
    assert (figure["value"], figure["n"]) == (3, 5)
    assert [file.name for file in tmp_path.iterdir()] == ["ui.browser.failed.json"], "no cell of the matrix was run"
    report.note(outcome("test_matrix.py::test_txt2img[plain]", "call", "passed"))
    report.write()
    lines = (tmp_path / "tested-hosts.md").read_text().splitlines()
    assert "| it is on | held |" in lines and "| /b/ is text | failed |" in lines


def test_the_report_says_what_was_not_run_as_long_as_that_is_so(report):
    report.versions["WebUI"] = "v1.10.1"
    text = report.document(1, 0)
    assert "not run here: half precision, any GPU" in text and "--use-cpu all --no-half --precision full" in text


def test_without_a_host_nothing_is_written(report, tmp_path):
    report.note(outcome("test_matrix.py::test_txt2img[plain]", "setup", "skipped"))
    report.write()
    assert not list(tmp_path.iterdir())


LAUNCH = """
import socket, sys, time
if "--bad" in sys.argv:
    sys.exit("no luck")
print("Startup time: 1.0s")
if "--shut" in sys.argv:
    time.sleep(60)
time.sleep(0.3)
with socket.create_server(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1]))):
    time.sleep(60)
"""


@pytest.fixture()
def server(tmp_path):
    """A server whose process only logs its start, and opens the port a little later."""
    (tmp_path / "launch.py").write_text(LAUNCH)
    server = Server(tmp_path, sys.executable, tmp_path)
    yield server
    server.stop()


def test_a_start_is_waited_for_in_the_log_and_at_the_port(server):
    for starts in (1, 2):
        server.restart()
        assert server.log.read_text().count("Startup time") == starts
        socket.create_connection(("127.0.0.1", server.port)).close()


def test_a_start_that_ends_is_told_with_its_last_lines(server):
    with pytest.raises(RuntimeError, match="did not log 'Startup time', and the process ended(?s:.*)no luck"):
        server.start("--bad", extension=False)
    assert not server.extension.exists()


def test_a_port_that_stays_shut_is_told_after_the_time_that_a_start_has(server, monkeypatch):
    monkeypatch.setattr("tools.webui_server.START_SECONDS", 1)
    with pytest.raises(RuntimeError, match=f"port {server.port} is not open, and 1 s have passed"):
        server.start("--shut")


def test_what_the_extension_adds_is_the_median_difference_of_the_rounds():
    pytest.importorskip("diffusers")
    from benchmarks.webui_startup import added, seconds

    begun = []
    fake = SimpleNamespace(start=lambda extension: begun.append(extension), stop=lambda: None)
    without, with_it = seconds(fake, 3)
    assert begun == [True, False, False, True, True, False, False, True]
    assert without.shape == with_it.shape == (3,)
    figure = added(np.array([5.0, 6.0, 7.0]), np.array([5.2, 6.1, 9.0]))
    assert figure.value == pytest.approx(0.2) and figure.low <= figure.value <= figure.high
    assert (figure.n, figure.repeats, figure.unit) == (3, 3, "s, of 6.0")
