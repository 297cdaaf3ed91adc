"""Heat maps and curves beside the WebUI's pictures: two sheets for each picture that was recorded.

Nothing of the host is imported: what it saves pictures with is handed in.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from PIL import Image

from lib_gi import curves, heatmaps
from lib_gi.errors import NeverHitError
from lib_gi.recording import Recording

KINDS = ("heatmap", "curve")
"""What the file names of a picture's two sheets end with."""


class Sheet(NamedTuple):
    """A sheet of one picture; number: which of its generation's pictures, counted from 0."""

    number: int
    kind: str
    image: Image.Image


class Growth:
    """The sheets of one generation, drawn picture by picture; kind: of the heat maps, M_star or agreement."""

    def __init__(self, kind: str) -> None:
        self.sheets: list[Sheet] = []
        self._kind = kind
        self._recording: Recording | None = None
        self._pictures = 0

    def begin_batch(self, recording: Recording | None) -> None:
        """The batch of which this is the recording has been sampled, and its pictures follow."""
        self._recording = recording

    def see(self, image: int, picture: Image.Image) -> None:
        """Draws the sheets of the next picture, the batch's one of this number; none where no step was recorded.

        Raises UnsupportedModelError as `heatmaps.sheet` does.
        """
        number, self._pictures = self._pictures, self._pictures + 1
        if self._recording is None:
            return
        try:
            drawn = heatmaps.sheet(self._recording, image, picture, self._kind), curves.sheet(self._recording, image)
        except NeverHitError:  # interrupted before its first step, or no step was to be inhibited: told elsewhere
            return
        self.sheets += [Sheet(number, *pair) for pair in zip(KINDS, drawn)]

    def hand_over(
        self, p: Any, processed: Any, opts: Any, folder: str, save_image: Callable[..., Any]
    ) -> list[str]:
        """Shows the sheets behind the host's results, and saves them in the folder if it has a name; what went wrong.

        p, processed, opts: the host's generation, what came of it, and its options. save_image: of its modules.images.
        Some of the host's scripts, such as the prompt matrix, take all results for pictures of theirs and would set a
        sheet into a grid or a larger picture: under a script the sheets are only saved.
        """
        problems = []
        if self.sheets and _is_of_a_script(p):
            problems.append(
                "heat maps are not shown while a script puts pictures together; expected a generation without one;"
                " set Script to None, or name a folder of heat maps in the settings page to have them saved"
            )
        elif self.sheets:
            _show(self.sheets, processed, opts.enable_pnginfo)
        if folder and p.save_samples():
            try:
                for number, kind, image in self.sheets:
                    told = {"info": infotext_of(processed, number), "p": p, "suffix": f"-{kind}"}
                    named_by = p.all_seeds[number], p.all_prompts[number], opts.samples_format
                    save_image(image, folder, "", *named_by, **told)
            except OSError as error:
                problems.append(
                    f"the heat maps could not be saved in {folder} ({error.strerror or error}); expected a folder that"
                    " can be written to; choose another in the settings page"
                )
        return problems


def infotext_of(processed: Any, number: int) -> str:
    """The infotext of the generation's picture of this number; a grid's goes before them, and masks have none."""
    texts = processed.infotexts[processed.index_of_first_image :]
    return texts[number] if number < len(texts) else processed.info


def _show(sheets: list[Sheet], processed: Any, with_infotext: bool) -> None:
    """Puts the sheets behind the results, each with its picture's infotext, which is told by index."""
    texts = [infotext_of(processed, sheet.number) for sheet in sheets]
    processed.infotexts += [processed.info] * (len(processed.images) - len(processed.infotexts))  # for masks
    for sheet, text in zip(sheets, texts):
        if with_infotext:  # the host writes this into the file that it makes of what it shows
            sheet.image.info["parameters"] = text
        processed.images.append(sheet.image)
        processed.infotexts.append(text)


def _is_of_a_script(p: Any) -> bool:
    """Whether one of the host's scripts, such as X/Y/Z plot, runs this generation for what it puts together."""
    args = getattr(p, "script_args", None)
    return bool(args and args[0])  # which one is chosen in the page
