"""`python -m lib_gi …`: see `cli.py`."""

import sys

from lib_gi.cli import main

sys.exit(main())
