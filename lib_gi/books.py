"""The books of a sampling pass: which layers were reached in which UNet call, and with which rows."""

from lib_gi.errors import LayerMissedError, RowCountError
from lib_gi.layers import Layer
from lib_gi.rows import RowCounter, RowMap


class Books:
    """Tells each layer its rows, and notices a layer that a UNet call left out.

    No signal for the start of a call is needed: a layer that is reached for the second time opens a new one.
    """

    def __init__(self, layers: list[Layer]) -> None:
        self._layers = layers
        self.forget()

    def forget(self) -> None:
        """Begin a new pass, whatever state the last one was left in."""
        self._counter: RowCounter | None = None
        self._reached: set[Layer] = set()
        self.rows = RowMap(())  # of the call that is under way
        self.step = -1
        self.count = 0

    @property
    def image_count(self) -> int:
        """How many images the announced rows are of."""
        return 0 if self._counter is None else self._counter.rows.image_count

    def begin_step(self, rows: RowMap) -> None:
        """The calls that follow share out these rows."""
        self.close()
        self._counter = RowCounter(rows)
        self.step += 1

    def reach(self, layer: Layer, count: int) -> None:
        """A layer was reached with that many rows; RowCountError or LayerMissedError when it cannot be."""
        if self._counter is None:
            raise untold_error()
        if layer in self._reached:
            self.close()
        if not self._reached:
            self.rows = self._counter.take(count)
            self.count += 1
        elif count != len(self.rows):
            raise RowCountError(
                f"{layer.name} has {count} rows in a call of {len(self.rows)}; expected as many in all;"
                " switch off what splits or joins rows inside the UNet"
            )
        self._reached.add(layer)
        layer.hits += 1

    def coming(self, count: int) -> RowMap:
        """The rows of a call of `count` rows that is about to begin; RowCountError as for `reach`."""
        self.close()
        if self._counter is None:
            raise untold_error()
        return self._counter.rows.part(self._counter.taken, count)

    def take_back(self) -> None:
        """The call that is under way does not count: its rows are those of the next call."""
        self.close()
        self._counter.taken -= len(self.rows)
        self.count -= 1

    def close(self) -> None:
        """End the call that is under way; LayerMissedError when not all layers were reached in it."""
        missed = [layer.name for layer in self._layers if layer not in self._reached]
        if self._reached and missed:
            names = ", ".join(missed[:3]) + (", ..." if len(missed) > 3 else "")
            raise missed_error(f"{len(missed)} of {len(self._layers)} layers were not reached ({names})")
        self._reached = set()


def untold_error() -> RowCountError:
    """The error for a call of rows that the host did not tell."""
    return RowCountError("the UNet ran before the host told its rows; expected begin_step before; report the host")


def missed_error(what: str) -> LayerMissedError:
    """The error for a layer that was left out, or reached by half."""
    return LayerMissedError(
        f"{what} in a call of the UNet, so a concept could have come through; expected every cross-attention"
        " layer in every call; switch off what skips or replaces layers (a cache such as DeepCache)"
    )
