"""What the extension does is in the host's log, unless the operator chose otherwise."""

import logging

import pytest

from lib_gi.webui import log

pytestmark = pytest.mark.usefixtures("loggers")


def lines(capsys):
    logging.getLogger("growth_inhibitors").info("drawn")
    logging.getLogger("lib_gi.session").info("hooked")
    return capsys.readouterr().err.splitlines()


def test_without_a_chosen_level_each_line_is_written_once_also_after_a_reload(monkeypatch, capsys):
    monkeypatch.delenv(log.LEVEL_VARIABLE, raising=False)
    log.make_audible(None)
    log.make_audible(None)
    assert lines(capsys) == ["drawn", "hooked"]


@pytest.mark.parametrize("flag, variable", [("ERROR", None), (None, "WARNING")])
def test_a_level_that_the_operator_chose_is_left_as_it_is(monkeypatch, capsys, loggers, flag, variable):
    monkeypatch.delenv(log.LEVEL_VARIABLE, raising=False)
    if variable:
        monkeypatch.setenv(log.LEVEL_VARIABLE, variable)
    log.make_audible(flag)
    assert not any(logger.handlers for logger in loggers)
    assert lines(capsys) == []
