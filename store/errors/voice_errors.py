"""An unknown voice does not exist (any more), or an act cannot be undone."""

from __future__ import annotations

from pgvoice.store.errors.base import PgvoiceError, Unknown


class UnknownVoiceNumber(PgvoiceError):
    """No unknown voice has this number; the message says what became of one that ended."""

    def __init__(self, said: str, *, ended: bool) -> None:
        super().__init__(said if ended else f"{said}: `pgvoice voices` lists them")
        self.ended = ended


class LinkingDisabled(PgvoiceError):
    """Voices are not linked, because nobody enabled it for this store."""

    def __init__(self) -> None:
        super().__init__(
            "unknown voices are not linked in this store: `pgvoice voices enable` turns it on, for"
            " voices of people who were not asked"
        )


class NoSuggestion(PgvoiceError):
    """Nobody is suggested for an unknown voice, or not the person who was expected."""

    def __init__(self, number: int, other: str | None = None) -> None:
        told = other or f"nobody is suggested for voice {number}"
        super().__init__(f"{told}: `pgvoice voices name {number} NAME` names it")


class ActNotUndoable(PgvoiceError):
    """A later act depends on what an act did, or what it changed is not kept any more."""


class UnknownAct(Unknown):
    """The store has no such act."""

    kind, lister = "act", "pgvoice acts"
