"""What follows a detector's name, such as threshold=0.4: names with numbers, separated by commas."""

from collections.abc import Iterable

from lib_gi.errors import SettingsError, did_you_mean


def numbers(text: str, known: Iterable[str], lowest: float) -> dict[str, float]:
    """The numbers by name, each from `lowest` to 1; nothing for an empty text.

    Raises SettingsError for a name that is not `known` or is there twice, and for what is no such number.
    """
    known, found = tuple(known), {}
    for part in text.split(",") if text else ():
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise SettingsError(
                f"the detector has no option {name!r}.{did_you_mean(name, known)} Expected NAME=NUMBER with one of:"
                f" {', '.join(known)}; correct it"
            )
        if name in found:
            raise SettingsError(f"the detector's option {name} is there twice; expected it once; remove one")
        found[name] = _number(name, value, lowest)
    return found


def _number(name: str, text: str, lowest: float) -> float:
    problem = f"the detector's option {name} is {text!r}; expected a number from {lowest:g} to 1; change it"
    try:
        number = float(text)
    except ValueError as error:
        raise SettingsError(problem) from error
    if not lowest <= number <= 1:  # NaN is not either
        raise SettingsError(problem)
    return number
