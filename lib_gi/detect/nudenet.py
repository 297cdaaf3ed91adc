"""NudeNet: nudity and faces, by the detector of the package `nudenet` where the user has installed it.

Nothing here imports the package before a detector is made, and nothing ever installs it: its needs (numpy 2 for a
new opencv, onnxruntime) do not fit beside a WebUI, and the licence in it is not ours; see docs/detectors.md.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib_gi.concepts import key_of
from lib_gi.detect.options import numbers
from lib_gi.errors import ConceptError, SettingsError, did_you_mean
from lib_gi.loading import MissingPackageError

EXPOSED = (
    "FEMALE_BREAST_EXPOSED",
    "FEMALE_GENITALIA_EXPOSED",
    "MALE_GENITALIA_EXPOSED",
    "BUTTOCKS_EXPOSED",
    "ANUS_EXPOSED",
)
CLASSES = (
    *EXPOSED,
    *("MALE_BREAST_EXPOSED", "BELLY_EXPOSED", "ARMPITS_EXPOSED", "FEET_EXPOSED", "FACE_FEMALE", "FACE_MALE"),
    *("FEMALE_BREAST_COVERED", "FEMALE_GENITALIA_COVERED", "BUTTOCKS_COVERED", "ANUS_COVERED", "BELLY_COVERED"),
    *("ARMPITS_COVERED", "FEET_COVERED"),
)
CONCEPTS = {  # what of the catalogue its classes tell
    "nudity": EXPOSED,
    "naked person": EXPOSED,
    "bare breasts": EXPOSED[:1],
    "genitals": EXPOSED[1:3],
}
LOWEST = 0.25  # the package itself drops what scores less
THRESHOLD = 0.5


class NudeNetDetector:
    """The package's detector as a `detect.Detector`: one box of a class that scores enough, and it is found.

    It cannot tell that a picture is broken.
    """

    def __init__(self, detector: Any, threshold: float = THRESHOLD, classes: Mapping[str, float] | None = None) -> None:
        """`classes` with a threshold each count in place of those of the concept, whatever the concept is."""
        self.detector, self.threshold, self.classes = detector, threshold, classes or {}

    @classmethod
    def load(cls, options: str = "") -> "NudeNetDetector":
        """The detector with the package's own model; options are threshold=0.4, say, or FACE_MALE=0.3,FEET_COVERED=0.4.

        Raises SettingsError for other options, MissingPackageError where the package or what it needs is not installed.
        """
        classes = numbers(options, ("threshold", *CLASSES), LOWEST)
        threshold = classes.pop("threshold", None)
        if threshold is not None and classes:
            raise SettingsError(
                "the detector's option threshold is given beside classes that have their own; expected one or the"
                " other; remove one"
            )
        return cls(_package().NudeDetector(), THRESHOLD if threshold is None else threshold, classes)

    def found(self, pictures: np.ndarray, concept: str) -> np.ndarray:
        """See `detect.Detector`. Raises ConceptError for what its classes do not tell."""
        thresholds = self.classes or self._of(concept)
        blue_first = [np.ascontiguousarray(picture[..., ::-1]) for picture in pictures]  # as opencv has them
        answers = [
            any(box["score"] >= thresholds.get(box["class"], np.inf) for box in boxes)
            for boxes in self.detector.detect_batch(blue_first)
        ]
        return np.array(answers, bool)

    def _of(self, concept: str) -> dict[str, float]:
        if key_of(concept) not in CONCEPTS:
            raise ConceptError(
                f"NudeNet does not tell {concept!r}.{did_you_mean(concept, CONCEPTS)} Expected one of:"
                f" {', '.join(CONCEPTS)}; choose one, name the classes that count (nudenet:FACE_MALE=0.5), or take"
                " another detector"
            )
        return dict.fromkeys(CONCEPTS[key_of(concept)], self.threshold)


def _package() -> Any:
    try:
        import nudenet
    except ImportError as error:
        raise MissingPackageError(
            f"a package is missing ({error}); the detector nudenet needs nudenet with onnxruntime, opencv and numpy 2;"
            " install it into an environment of its own, never into the WebUI's:"
            " pip install 'sd-webui-growth-inhibitors[diffusers,nudenet]',"
            " or in a clone: pip install '.[diffusers,nudenet]'"
        ) from error
    return nudenet
