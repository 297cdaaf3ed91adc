"""What the setting `adapter` can say; for those who choose an adapter and load none."""

from collections.abc import Sequence

from lib_gi.errors import AdapterError, did_you_mean
from lib_gi.settings import AUTO, NONE

TO_DO = f"set the adapter to {NONE} and choose a strength, or calibrate one for this model (train-adapter)"


def adapter_choices(names: Sequence[str]) -> list[str]:
    """What can be chosen where there are adapters of these names."""
    return [NONE, AUTO, *names]


def unknown_error(name: str, names: Sequence[str], problems: str = "") -> AdapterError:
    """The error for a name that none of these adapters has; `problems` is added to it."""
    choices = adapter_choices(names)
    return AdapterError(
        f"there is no adapter {name!r}.{did_you_mean(name, choices)} Expected one of {', '.join(choices)};"
        f" {TO_DO}{problems}"
    )
