"""Every error that this package raises on purpose.

A message has three parts: what was wrong, what was expected, and what to do about it.
"""


class GrowthInhibitorError(Exception):
    """The common base: catch this one to catch all of ours."""


class SettingsError(GrowthInhibitorError, ValueError):
    """A setting has the wrong name, type or value."""


class StepRangeError(SettingsError):
    """The first and last step leave no step of this sampling pass to act in."""


class ConceptError(GrowthInhibitorError, ValueError):
    """A concept is unknown, empty, too long, or its catalogue entry is broken."""


class RowCountError(GrowthInhibitorError, ValueError):
    """The rows of a UNet call do not add up to what the host announced."""


class UnsupportedModelError(GrowthInhibitorError):
    """The model has no cross-attention that can be reached, or is compiled."""


class ContextWidthError(UnsupportedModelError):
    """The concept's text context is not as wide as the layer's `to_k` takes it."""


class AdapterError(GrowthInhibitorError):
    """An adapter's file is broken or foreign, or the adapter does not belong to this model."""


class SearchStopped(GrowthInhibitorError):
    """A search for labels was stopped by its user; what it had found is kept."""


class DetectorError(GrowthInhibitorError):
    """A detector's file or class is not there or cannot be used, or its answer is not what it should be."""


class NeverHitError(GrowthInhibitorError):
    """The inhibitor was armed, and no cross-attention layer ever called it."""


class LayerMissedError(GrowthInhibitorError):
    """A cross-attention layer was not reached in a call of the UNet, or only by half."""


class NonFiniteError(GrowthInhibitorError):
    """An inhibitor came out as NaN or infinite."""


def did_you_mean(word: str, known, limit: int = 3) -> str:
    """A sentence that offers the closest known words, or an empty string when nothing is close."""
    from difflib import get_close_matches

    by_key = {str(k).casefold(): str(k) for k in known}
    key = word.casefold()
    close = get_close_matches(key, by_key, n=limit, cutoff=0.6)
    close += [k for k in by_key if key and k not in close and (key in k or k in key)][: limit - len(close)]
    if not close:
        return ""
    return f" Did you mean {' or '.join(repr(by_key[k]) for k in close)}?"
