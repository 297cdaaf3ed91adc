"""Which rows of a UNet call are conditional, and of which image.

A batch mixes rows that follow the prompt (conditional) with rows that follow the negative prompt. Only the
former are inhibited, each by the scales of its own image. Hosts put them in different orders; a `RowMap`
states the order once, and everything after it works on that statement alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lib_gi.errors import RowCountError


@dataclass(frozen=True)
class RowMap:
    """The image index of each row, or None for a row that is not conditional."""

    images: tuple[int | None, ...]

    def __post_init__(self) -> None:
        for image in self.images:
            if image is not None and (not isinstance(image, int) or isinstance(image, bool) or image < 0):
                raise RowCountError(
                    f"a row map holds {image!r}; expected an image index from 0, or None; fix the host"
                )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def conditional(self) -> tuple[int, ...]:
        """The numbers of the conditional rows, ascending."""
        return tuple(r for r, image in enumerate(self.images) if image is not None)

    @property
    def image_of_conditional(self) -> tuple[int, ...]:
        """The image of each conditional row, in the order of `conditional`."""
        return tuple(image for image in self.images if image is not None)

    @property
    def image_count(self) -> int:
        """One more than the highest image index; 0 when no row is conditional."""
        return max((image + 1 for image in self.images if image is not None), default=0)

    def part(self, start: int, count: int) -> "RowMap":
        """The map of `count` rows from row `start` on; RowCountError when there are not that many left."""
        if start < 0 or count < 1 or start + count > len(self):
            raise RowCountError(
                f"a UNet call with {count} rows after {start} of {len(self)} announced rows does not add up;"
                " expected calls that share out the announced rows in order;"
                " switch off what runs the UNet a second time, or report the host's row order"
            )
        return RowMap(self.images[start : start + count])

    @classmethod
    def all_conditional(cls, rows: int) -> "RowMap":
        """[cond of image 0, cond of image 1, ...]: guidance is off."""
        _check_count(rows)
        return cls(tuple(range(rows)))

    @classmethod
    def guided(cls, rows: int, cond_first: bool = False) -> "RowMap":
        """[uncond.., cond..] as in diffusers, or [cond.., uncond..]; one row of each kind per image.

        With several images per prompt diffusers still has one row of each kind per image.
        """
        images = _share(rows, 2, "one conditional and one unconditional row per image")
        cond, uncond = tuple(range(images)), (None,) * images
        return cls(cond + uncond if cond_first else uncond + cond)

    @classmethod
    def edit(cls, rows: int) -> "RowMap":
        """[cond.., uncond.., uncond..]: instruct-pix2pix, whose middle part keeps the picture only."""
        images = _share(rows, 3, "three rows per image (cond, uncond, uncond) of an edit model")
        return cls(tuple(range(images)) + (None,) * (2 * images))

    @classmethod
    def grouped(cls, cond_rows_per_image: Sequence[int], uncond_rows: int) -> "RowMap":
        """[cond rows of image 0.., cond rows of image 1.., .., uncond..] as in AUTOMATIC1111.

        An image has as many conditional rows as its prompt has parts joined by AND.
        """
        if uncond_rows < 0 or any(n < 1 for n in cond_rows_per_image):
            raise RowCountError(
                f"{list(cond_rows_per_image)} conditional rows per image and {uncond_rows} unconditional rows"
                " cannot be; expected at least one conditional row for each image; fix the host's counts"
            )
        cond = tuple(i for i, n in enumerate(cond_rows_per_image) for _ in range(n))
        return cls(cond + (None,) * uncond_rows)

    @classmethod
    def from_cond_or_uncond(cls, flags: Sequence[int], rows: int) -> "RowMap":
        """The map that Forge's `cond_or_uncond` states: equal blocks of rows, flag 0 conditional, 1 not.

        Each block holds one row per image; several conditional blocks are the parts of an AND prompt.
        """
        if not flags or any(flag not in (0, 1) for flag in flags):
            raise RowCountError(
                f"cond_or_uncond is {list(flags)}; expected a list of 0 (cond) and 1 (uncond);"
                " report the host"
            )
        images = _share(rows, len(flags), f"equal blocks for cond_or_uncond = {list(flags)}")
        return cls(tuple(None if flag else i for flag in flags for i in range(images)))

    @classmethod
    def concatenated(cls, maps: Iterable["RowMap"]) -> "RowMap":
        """One map for the rows of several, one after the other; image indices stay as they are."""
        return cls(tuple(image for part in maps for image in part.images))


class RowCounter:
    """Shares a joint map out over consecutive UNet calls.

    A host may announce all rows of a step at once and then run the UNet on some of them at a time. Make a new
    counter, or `reset` it, at each announcement.
    """

    def __init__(self, rows: RowMap) -> None:
        self.reset(rows)

    def reset(self, rows: RowMap) -> None:
        """Start over with the rows of a new step."""
        self.rows = rows
        self.taken = 0

    @property
    def left(self) -> int:
        """How many announced rows no call has taken yet."""
        return len(self.rows) - self.taken

    def take(self, count: int) -> RowMap:
        """The map of the next `count` rows; RowCountError when fewer are left."""
        part = self.rows.part(self.taken, count)
        self.taken += count
        return part


def _check_count(rows: int) -> None:
    if rows < 1:
        raise RowCountError(f"a UNet call with {rows} rows; expected at least one; fix the host's counts")


def _share(rows: int, parts: int, expected: str) -> int:
    """rows / parts, which has to be a whole number of images."""
    _check_count(rows)
    if rows % parts:
        raise RowCountError(
            f"{rows} rows in a UNet call do not divide by {parts}; expected {expected};"
            " switch off what adds rows (another guidance, a script), or tell the row order"
        )
    return rows // parts
