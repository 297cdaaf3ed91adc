#!/usr/bin/env bash
# Sets up, then draws the off/on picture (default: demo.png in the current folder). Arguments go to the demo: --help.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$repo/setup.sh"
set_up "$repo"
PYTHONPATH="$repo${PYTHONPATH:+:$PYTHONPATH}" exec "$venv_python" -m tools.gi_tiny.demo "$@"
