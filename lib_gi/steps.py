"""The first and the last inhibited step, and whether a sampling pass has them. Both are inhibited, and count from 0."""

from lib_gi.errors import StepRangeError


def check_steps(
    first: int,
    last: int | None,
    total: int,
    *,
    open_end: bool = False,
    names: tuple[str, str] = ("first_step", "last_step"),
) -> None:
    """Nothing, where a pass of `total` steps has both; else StepRangeError. `last` None is the end.

    open_end: a `last` past the end is the end too, for hosts with passes whose number of steps no user chose.
    names: what the user calls the two.
    """
    has = f"this sampling pass has only the steps 0 to {total - 1}"
    if first >= total:
        raise StepRangeError(
            f"{names[0]} is {first}, but {has}, so nothing would be inhibited; lower {names[0]} to one of them"
        )
    if last is not None and last >= total and not open_end:
        raise StepRangeError(
            f"{names[1]} is {last}, but {has}; leave {names[1]} out to inhibit to the end, or lower it to one of them"
        )


def acts_in(step: int, first: int, last: int | None) -> bool:
    """Whether a step is inhibited; `last` None is the end."""
    return first <= step and (last is None or step <= last)
