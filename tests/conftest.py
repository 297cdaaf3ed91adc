"""Fixtures that several tests share."""

import logging

import pytest
import tiny_pipelines

from lib_gi.webui import log


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory):
    return tiny_pipelines.write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture()
def sd1(tokenizer_folder):
    return tiny_pipelines.sd1(tokenizer_folder)


@pytest.fixture()
def sdxl(tokenizer_folder):
    return tiny_pipelines.sdxl(tokenizer_folder)


@pytest.fixture()
def loggers():
    """Our loggers, without handlers, and put back afterwards to what they were."""
    found = [logging.getLogger(name) for name in log.NAMES]
    stored = [(logger.handlers[:], logger.level, logger.propagate) for logger in found]
    for logger in found:
        logger.handlers[:] = []
    yield found
    for logger, (handlers, level, propagate) in zip(found, stored):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
