"""The real WebUI that GI_WEBUI_DIR names, started once for all tests of this folder."""

import os
import shutil
from pathlib import Path

import pytest
from server import REPOSITORY, Server

MODEL = REPOSITORY / "models" / "gi-tiny"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running WebUI with two checkpoints of gi-tiny and this extension."""
    folder = os.environ.get("GI_WEBUI_DIR")
    if not folder:
        pytest.skip("GI_WEBUI_DIR is not set; it names the folder of an installed AUTOMATIC1111 WebUI")
    webui = Path(folder)
    python = os.environ.get("GI_WEBUI_PYTHON", str(webui / "venv" / "bin" / "python"))
    from tools.gi_tiny.export import export

    data = tmp_path_factory.mktemp("webui")
    models = data / "models" / "Stable-diffusion"
    checkpoint = export(MODEL, models)
    shutil.copy(checkpoint, models / "second.safetensors")
    shutil.copy(checkpoint.with_suffix(".yaml"), models / "second.yaml")
    running = Server(webui, python, data, "--ckpt", str(checkpoint))
    yield running
    running.stop()
