"""``Sittings``: what each session of a browser has answered and skipped, kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from pgvoice.cli.serve.reviewing.refusals import Refusal

#: Sessions that are remembered; one more forgets the one that was away for longest.
MOST_SITTINGS = 1_000
#: Answers that a session can take back one after the other.
_MOST_ANSWERS = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An act on an unknown voice."""

    voice: int
    act: int
    #: Whether the voice was decided: it is in the queue no more.
    is_final: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What the last act did."""

    text: str
    is_error: bool = False
    is_undo: bool = False


@dataclass(slots=True)
class Sitting:
    """One person's review, for as long as the session lasts."""

    #: Those that were not undone, the newest last.
    answers: list[Answer] = field(default_factory=list)
    #: Until nothing else is left.
    skipped: set[int] = field(default_factory=set)
    #: The voices to ask about next, in order,
    waiting: list[int] = field(default_factory=list)
    #: and whether an answer may have changed that order since.
    is_stale: bool = False
    told: Told | None = None
    #: The last name that was refused, and that nothing was said about since.
    refused: Refusal | None = None
    #: Where the last consent was documented.
    consent: str = ""
    #: The voice whose card is on the screen.
    shown: int | None = None

    @property
    def done(self) -> int:
        """How many voices were decided."""
        return sum(each.is_final for each in self.answers)

    def answer(self, voice: int, act: int | None, text: str, *, is_final: bool = True) -> None:
        """Note what was said about a voice."""
        self.told, self.refused = Told(text), None
        self.is_stale = True
        if is_final:
            self.leave(voice)
        if act is not None:
            self.answers.append(Answer(voice, act, is_final))
            del self.answers[:-_MOST_ANSWERS]

    def show(self, voice: int) -> None:
        """Note which card is on the screen now."""
        self.shown = voice
        self.skipped.discard(voice)

    def leave(self, voice: int) -> None:
        """Do not ask about a voice again: it was answered, or has ended."""
        self.waiting = [each for each in self.waiting if each != voice]

    def refusal_of(self, voice: int) -> Refusal | None:
        """Why the voice did not get its name; None unless that was the last thing said."""
        return self.refused if self.refused and self.refused.voice == voice else None


class Sittings:
    """Sittings by session; threads may share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sittings: OrderedDict[str, Sitting] = OrderedDict()

    def of(self, session: str) -> Sitting:
        """The sitting of a session, begun if there is none."""
        with self._lock:
            found = self._sittings.setdefault(session, Sitting())
            self._sittings.move_to_end(session)
            while len(self._sittings) > MOST_SITTINGS:
                self._sittings.popitem(last=False)
            return found
