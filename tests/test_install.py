"""What the WebUI runs when it starts: install.py installs nothing, and preload.py only adds its flag."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]

# Runs a file twice, as the WebUI does at two starts, and tells which modules it imported and what it asked the system
# for that could install something, use the network or change a file. Even a try would be told.
RUN = """
import json, os, sys
told = []
def hear(event, args):
    writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork")):
        told.append(event)
path = sys.argv.pop(1)
with open(path, encoding="utf-8") as file:
    code = compile(file.read(), path, "exec")
before = set(sys.modules)
sys.addaudithook(hear)
for _ in range(2):
    exec(code, {"__name__": "__main__", "__file__": path})
sys.stdout.write(json.dumps({"imported": sorted(set(sys.modules) - before), "asked": told}))
"""
NOTHING = {"imported": [], "asked": []}


def done_by(path, *flags):
    """What two runs of the file with these flags on the command line imported and asked for."""
    run = subprocess.run(
        [sys.executable, "-I", "-c", RUN, path, *flags], capture_output=True, text=True, check=True, cwd=path.parent
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize("flags", [(), ("--skip-install",)], ids=str)
def test_installing_imports_nothing_and_starts_nothing_however_often_and_whatever_the_flags(flags):
    assert done_by(REPO / "install.py", *flags) == NOTHING


def test_loading_the_flag_does_neither():
    assert done_by(REPO / "preload.py") == NOTHING


@pytest.mark.parametrize(
    "line",
    [
        "import subprocess, sys; subprocess.run([sys.executable, '-c', ''])",
        "import socket; socket.socket()",
        "open('left', 'w').close()",
        "import os; os.system('true')",
    ],
)
def test_an_installer_that_does_something_would_be_noticed(tmp_path, line):
    (tmp_path / "install.py").write_text(line)
    assert done_by(tmp_path / "install.py")["asked"]


def test_nothing_of_the_extension_asks_for_an_order_in_which_extensions_are_loaded():
    assert not (REPO / "metadata.ini").exists()
    assert "metadata.ini" in (REPO / "install.py").read_text(encoding="utf-8"), "the reason why there is none"
