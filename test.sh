#!/usr/bin/env bash
# Sets up, then lints and runs all tests. Arguments go to pytest.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$repo/setup.sh"
set_up "$repo"
cd "$repo"
"$venv_python" -m ruff check .
exec "$venv_python" -m pytest "$@"
