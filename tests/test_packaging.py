"""What set-up installs: the same packages that pyproject.toml names, by pip's own index alone."""

import re
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
SCRIPTS = ("demo.sh", "test.sh", "setup.sh", ".ci/run")


def name_of(requirement: str) -> str:
    """A requirement's package."""
    return re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower()


def test_set_up_installs_every_package_that_is_declared_but_those_that_are_never_installed_unasked():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    unasked = ("nudenet", "webui")  # the user's own choice; what only a run in a real WebUI needs
    declared = [*project["dependencies"], *sum((extras[name] for name in extras if name not in unasked), [])]
    lines = (REPO / "requirements-dev.txt").read_text().splitlines()
    installed = {name_of(line) for line in lines if line and not line.startswith("#")}
    assert {name_of(requirement) for requirement in declared} <= installed
    assert not installed & {"nudenet", "onnxruntime", "opencv-python-headless"}


def test_what_only_the_suite_in_a_real_webui_imports_is_declared_as_its_extra():
    tomllib = pytest.importorskip("tomllib")
    extra = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["optional-dependencies"]["webui"]
    sources = "".join(path.read_text() for path in (REPO / "tests" / "webui").glob("*.py"))
    assert {name_of(requirement) for requirement in extra} == {"webuiapi", "playwright"}
    assert all(name in sources for name in ("webuiapi", "playwright"))
    assert ".[webui]" in (REPO / "README.md").read_text()


def test_the_version_is_the_same_everywhere():
    import lib_gi

    assert f'version = "{lib_gi.__version__}"' in (REPO / "pyproject.toml").read_text()
    assert f"## {lib_gi.__version__}" in (REPO / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_well_formed_and_name_no_index(script):
    text = (REPO / script).read_text()
    assert subprocess.run(["bash", "-n", REPO / script]).returncode == 0
    assert "index-url" not in text and "http" not in text


def test_a_python_that_is_too_old_or_missing_is_refused_by_name():
    command = f'. "{REPO}/setup.sh"; PYTHON=/no/such/python find_python'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 1 and "/no/such/python" in done.stderr
    command = f'. "{REPO}/setup.sh"; supported() {{ return 1; }}; unset PYTHON; find_python'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 1 and "3.10 to 3.13" in done.stderr


@pytest.mark.parametrize(
    ("gpu", "cuda_build", "cpu_build_fails", "expected"),
    [
        (True, True, False, ["pip torch==1"]),
        (False, False, False, ["pip torch==1"]),
        (False, True, False, ["pip uv", "uv torch==1"]),
        (False, True, True, ["pip uv", "uv torch==1", "pip torch==1"]),
    ],
)
def test_the_build_of_torch_suits_the_machine(tmp_path, gpu, cuda_build, cpu_build_fails, expected):
    (tmp_path / "requirements-dev.txt").write_text("# comment\ntorch==1\nnumpy\n")
    log = tmp_path / "log"
    python = tmp_path / "python"  # stands for the environment's interpreter: torch is not there, uv is recorded
    python.write_text(
        f'#!/bin/bash\nif [ "$1" = -c ]; then exit 1; fi\necho "uv ${{@: -1}}" >>"{log}"\nexit {int(cpu_build_fails)}\n'
    )
    python.chmod(0o755)
    command = f"""
        . "{REPO}/setup.sh"
        has_gpu() {{ return {int(not gpu)}; }}
        brings_cuda() {{ return {int(not cuda_build)}; }}
        pip_install() {{ echo "pip $*" >>"{log}"; }}
        repo={tmp_path} venv_python={python} install_torch
    """
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert log.read_text().splitlines() == expected
    assert ("gigabytes" in done.stdout + done.stderr) is (gpu or cpu_build_fails)
