"""An error of ours that is kept until the UNet's forward can raise it.

A host may swallow what its callbacks raise, and draw on unprotected. So an error is raised where it is found, and once
more from within the next layer that is called.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from lib_gi.errors import GrowthInhibitorError


class Faults:
    """The last error of a sampling pass, and whether whoever runs the UNet was told."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """A pass begins: nothing is wrong yet."""
        self.last: GrowthInhibitorError | None = None
        self.told = False

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep an error of ours, for the layers to raise it again."""
        try:
            yield
        except GrowthInhibitorError as error:
            self.last = error
            raise

    @contextmanager
    def inside_forward(self) -> Iterator[None]:
        """Raise an error that is kept; one that is raised in here has been told to whoever runs the UNet."""
        with self.keeping():
            if self.last is not None:
                self.told = True
                raise self.last
            try:
                yield
            except GrowthInhibitorError:
                self.told = True
                raise
