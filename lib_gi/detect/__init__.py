"""Detectors: what says whether a concept is in a picture. `registry` lists and makes them."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the command line and the WebUI's page list detectors without waiting for numpy
    import numpy as np


class Detector(Protocol):
    """What says whether a concept is in a picture."""

    def found(self, pictures: "np.ndarray", concept: str) -> "np.ndarray":
        """For pictures (n, H, W, 3) uint8 whether the concept is found, or the picture broken, (n,) bool."""
