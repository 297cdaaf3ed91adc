"""What the suite against a real WebUI is made of, where no WebUI is needed: its report, its log, its start-up times."""

import json
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


def test_without_a_host_nothing_is_written(report, tmp_path):
    report.note(outcome("test_matrix.py::test_txt2img[plain]", "setup", "skipped"))
    report.write()
    assert not list(tmp_path.iterdir())


def test_a_start_is_waited_for_in_the_log_and_one_that_ends_is_told_with_its_last_lines(tmp_path):
    (tmp_path / "launch.py").write_text(
        "import sys, time\nprint('no luck' if '--bad' in sys.argv else 'Startup time: 1.0s')\n"
        "time.sleep(0 if '--bad' in sys.argv else 60)\n"
    )
    server = Server(tmp_path, sys.executable, tmp_path)
    try:
        server.start()
        server.restart()
        assert server.log.read_text().count("Startup time") == 2
        with pytest.raises(RuntimeError, match="no luck"):
            server.restart("--bad", extension=False)
        assert not server.extension.exists()
    finally:
        server.stop()


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
