"""What a card shows, and which one comes next."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pgvoice.cli.serve.reviewing.refusals import Refusal
from pgvoice.cli.serve.reviewing.sittings import Sitting
from pgvoice.store.voice_store import VoiceStore
from pgvoice.store.voices.reviewing import QueueSize, SpokenTurn, VoiceCard

#: Voices of the queue that a sitting keeps.
_KEPT = 20


@dataclass(frozen=True, slots=True)
class ShownCard:
    """All that a card shows."""

    card: VoiceCard
    #: The next voice in the queue; None if this is the last one.
    following: int | None
    left: QueueSize
    refused: Refusal | None
    needs_consent: bool

    @property
    def near(self) -> list[SpokenTurn]:
        """What is said around the first clip."""
        return [each for each in self.card.turns if each.near_clip]

    @property
    def more(self) -> list[SpokenTurn]:
        """What the voice says elsewhere."""
        return [each for each in self.card.turns if not each.near_clip]


def shown_card(store: VoiceStore, sitting: Sitting, number: int, *, ahead: bool) -> ShownCard:
    """A voice's card; one that is fetched `ahead` comes after the one on the screen.

    Raises `UnknownVoiceNumber`.
    """
    card = store.voices.card(number)
    if ahead and sitting.is_stale:
        # Nobody waits for this page, so it is the one to ask for the order again.
        sitting.waiting.clear()
    if not ahead:
        sitting.show(number)
    return ShownCard(
        card,
        following(store, sitting, number),
        store.voices.left(),
        sitting.refusal_of(number),
        store.privacy.consent_required,
    )


def first(store: VoiceStore, sitting: Sitting) -> int | None:
    """The voice to ask about first; None if nothing is left."""
    return _next(store, sitting, sitting.skipped) or _next(store, sitting, ())


def following(store: VoiceStore, sitting: Sitting, number: int) -> int | None:
    """The voice to ask about after this one, and after the one on the screen."""
    here = {number, sitting.shown or number}
    return _next(store, sitting, here | sitting.skipped) or _next(store, sitting, here)


def skip(store: VoiceStore, sitting: Sitting, number: int) -> None:
    """Ask about a voice later: once all others were answered or skipped."""
    sitting.skipped.add(number)
    if _next(store, sitting, sitting.skipped) is None:
        sitting.skipped.clear()


def _next(store: VoiceStore, sitting: Sitting, passed: Collection[int]) -> int | None:
    """The first voice in the queue besides those; each is looked at again when it is shown."""
    for number in sitting.waiting:
        if number not in passed:
            return number
    queue = store.voices.queue(limit=_KEPT, skip=passed)
    sitting.waiting, sitting.is_stale = [each.number for each in queue], False
    return next(iter(sitting.waiting), None)
