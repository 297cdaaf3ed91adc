# Sourced by demo.sh and test.sh: `set_up REPO` makes REPO/.venv fit requirements-dev.txt and sets `venv_python`.
# PYTHON chooses the interpreter that the environment is made with. Nothing is done where all is there already.

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

supported() { # whether the interpreter "$1" runs and is Python 3.10 to 3.13
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

find_python() { # prints the interpreter to use
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        supported "$PYTHON" || fail "PYTHON=$PYTHON is no Python 3.10 to 3.13 that runs"
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.10 python; do
        if supported "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "no Python 3.10 to 3.13 was found. Install one (Debian, Ubuntu: apt install python3 python3-venv;" \
        "macOS: brew install python@3.12), or name one: PYTHON=/path/to/python3 bash $0"
}

venv_interpreter() { # prints the environment's interpreter (Scripts is where Windows has it)
    if [ -e "$venv/Scripts/python.exe" ]; then
        printf '%s\n' "$venv/Scripts/python.exe"
    else
        printf '%s\n' "$venv/bin/python"
    fi
}

make_venv() {
    local python
    python=$(find_python) || exit 1
    echo "Making the virtual environment .venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" || fail "could not make $venv" \
        "(Debian, Ubuntu: apt install python3-venv; and is the folder writable?)"
    venv_python=$(venv_interpreter)
    # Old pips cannot report what they would install.
    pip_install --upgrade pip
}

pip_install() {
    "$venv_python" -m pip install --quiet --no-input --disable-pip-version-check "$@" ||
        fail "pip could not install: $*. Its message is above; run this again when the cause is gone."
}

has_gpu() {
    command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1
}

brings_cuda() { # whether pip would install a CUDA build of "$1"; no when that cannot be told
    "$venv_python" -m pip install --dry-run --quiet --no-input --disable-pip-version-check --report - "$1" 2>/dev/null |
        "$venv_python" -c 'import json, sys
names = [item["metadata"]["name"].lower() for item in json.load(sys.stdin)["install"]]
sys.exit(not any(name.startswith(("nvidia", "cuda", "triton")) for name in names))' 2>/dev/null
}

install_torch() { # the build of torch that suits this machine
    local torch
    torch=$(grep '^torch==' "$repo/requirements-dev.txt")
    if "$venv_python" -c 'import importlib.metadata, sys
sys.exit("torch==" + importlib.metadata.version("torch").split("+")[0] != sys.argv[1])' "$torch" 2>/dev/null; then
        return
    fi
    if has_gpu; then
        echo "An NVIDIA GPU is here: installing $torch with CUDA (several gigabytes)"
        pip_install "$torch"
    elif brings_cuda "$torch"; then
        echo "No NVIDIA GPU is here: installing the CPU build of $torch"
        pip_install uv
        "$venv_python" -m uv pip install --quiet --python "$venv_python" --torch-backend=cpu "$torch" || {
            echo "The CPU build could not be had: installing pip's build with CUDA instead (several gigabytes)" >&2
            pip_install "$torch"
        }
    else
        echo "Installing $torch"
        pip_install "$torch"
    fi
}

set_up() {
    repo=$1
    venv=$repo/.venv
    venv_python=$(venv_interpreter)
    if ! supported "$venv_python" || ! "$venv_python" -m pip --version >/dev/null 2>&1; then
        make_venv
    fi
    local wanted
    wanted=$(cat "$repo/requirements-dev.txt" "$repo/setup.sh" | cksum)
    if [ "$(cat "$venv/set-up-stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    install_torch
    echo "Installing what requirements-dev.txt names"
    pip_install --requirement "$repo/requirements-dev.txt"
    printf '%s\n' "$wanted" >"$venv/set-up-stamp"
}
