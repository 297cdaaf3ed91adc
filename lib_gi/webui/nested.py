"""What a generation inherits that an extension draws inside one of the user's, such as the repair of a face.

Extensions draw it with some of the WebUI's scripts, with none, or with forms as they are when the page opens, so that
our script is not asked, or asked for nothing. It becomes part of a picture for which the user did ask.
"""

import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from lib_gi.hosts.webui import Protection


class Running:
    """The generations of the host's job that have begun and not ended, the outermost first, and what protects each.

    A job is what one press of a button or one call of the API starts, and the host runs one at a time. A generation
    that fails tells no end: what is open is forgotten with the next job, or when its object is gone.
    """

    def __init__(self) -> None:
        self._job: Any = None
        self._asked: Callable[[], Protection | None] = lambda: None
        self._open: list[tuple[weakref.ref, Protection | None]] = []

    def ask(self, job: Any, asked: Callable[[], Protection | None]) -> None:
        """A generation was set up, and its form asks for `asked`. A script may draw without ever beginning it."""
        self._come_to(job)
        if not self._open:  # else it is one that an extension draws inside
            self._asked = cache(asked)

    def begin(self, job: Any, p: Any, protection: Protection | None) -> None:
        """The generation `p` begins, inside those that are open."""
        self._come_to(job)
        self.end(p)  # of which there was no end, where it begins a second time
        self._open.append((weakref.ref(p), protection))

    def end(self, p: Any) -> None:
        """The generation is over, and whatever was drawn inside it."""
        self._open = self._before(p)

    def around(self, job: Any, p: Any) -> Protection | None:
        """What protects the generation inside which `p` is drawn; None where there is none, or none of ours acts."""
        self._come_to(job)
        before = self._before(p)
        return before[-1][1] if before else None

    def inherited(self, job: Any, p: Any) -> Protection | None:
        """What protects a generation that our script was not told of; None for one that it was told of."""
        around = self.around(job, p)
        return around if self._open else self._asked()

    def _before(self, p: Any) -> list[tuple[weakref.ref, Protection | None]]:
        # By identity: the host's objects compare by their fields, some of which are tensors.
        place = next((i for i, (other, _) in enumerate(self._open) if other() is p), len(self._open))
        return self._open[:place]

    def _come_to(self, job: Any) -> None:
        if job != self._job:
            self._job, self._asked, self._open = job, lambda: None, []
        self._open = [one for one in self._open if one[0]() is not None]


def joined(own: Protection | None, around: Protection | None) -> Protection | None:
    """The protection of a generation that asks for `own`, inside one that has `around`; a refusal stays one."""
    return own if around is None or (own is not None and own.refusal) else within(around, own)


def within(around: Protection, own: Protection | None = None) -> Protection:
    """A protection as around, for a generation inside it, to which concepts of its own are added that around lacks.

    It acts in all steps: those of the outer generation say nothing of this one, which has its own, and often fewer.
    """
    if around.refusal:
        kind, text = around.refusal
        return Protection.refused(around.host, kind(text))
    known = {concept.key for concept in around.concepts}
    added = [concept for concept in own.concepts if concept.key not in known] if own else []
    strengths = {concept.name: own.settings.strength_of(concept.name) for concept in added}
    settings = replace(
        around.settings,
        concepts=(*around.settings.concepts, *strengths),
        strengths=around.settings.strengths | {name: s for name, s in strengths.items() if s is not None},
        first_step=0,
        last_step=None,
        hires=True,
        heatmap=None,
    )
    return Protection(around.host, settings, (*around.concepts, *added), around.adapters)
