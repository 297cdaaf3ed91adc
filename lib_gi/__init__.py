"""Growth inhibitors: keep a concept from growing in a diffusion model's pictures, without training it.

Nothing heavy is imported here: `growth_inhibitors` is looked up on first use.
"""

from lib_gi.errors import (
    AdapterError,
    ConceptError,
    ContextWidthError,
    GrowthInhibitorError,
    LayerMissedError,
    NeverHitError,
    NonFiniteError,
    RowCountError,
    SettingsError,
    StepRangeError,
    UnsupportedModelError,
)

__version__ = "0.1.0"

__all__ = [
    "AdapterError",
    "ConceptError",
    "ContextWidthError",
    "GrowthInhibitorError",
    "LayerMissedError",
    "NeverHitError",
    "NonFiniteError",
    "RowCountError",
    "SettingsError",
    "StepRangeError",
    "UnsupportedModelError",
    "__version__",
    "growth_inhibitors",
]


def __getattr__(name: str):
    """The diffusers context manager, imported when it is first asked for (PEP 562)."""
    if name == "growth_inhibitors":
        from lib_gi.hosts.diffusers import growth_inhibitors

        return growth_inhibitors
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
