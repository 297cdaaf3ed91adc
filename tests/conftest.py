"""Fixtures that several tests share."""

import pytest
import tiny_pipelines


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory):
    return tiny_pipelines.write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture()
def sd1(tokenizer_folder):
    return tiny_pipelines.sd1(tokenizer_folder)


@pytest.fixture()
def sdxl(tokenizer_folder):
    return tiny_pipelines.sdxl(tokenizer_folder)
