"""What a given strength is to a model: whether anybody found it there, or it is the one that is there unasked."""

from collections.abc import Sequence

from lib_gi.settings import Settings

UNCALIBRATED = "uncalibrated default"  # all that an infotext says: a comma would be a code in it


def fixed(settings: Settings, names: Sequence[str]) -> str:
    """What given strengths are to a model that the adapters of these names were trained on."""
    if names:
        return f"a fixed strength, not the one that {' or '.join(names)}, trained on this model, would infer"
    if is_default(settings):
        return f"{UNCALIBRATED}, never run on this model"
    return "a fixed strength, not calibrated for this model"


def is_default(settings: Settings) -> bool:
    """Whether some strength that acts is the one that is there before anybody chooses."""
    return Settings.defaults()["strength"] in settings.acting.values()
