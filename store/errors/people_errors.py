"""A speaker does not exist, or cannot be enrolled this way."""

from __future__ import annotations

from collections.abc import Sequence

from pgvoice.store.errors.base import PgvoiceError, Unknown


class UnknownSpeaker(Unknown):
    """The store has no such speaker."""

    kind, lister = "speaker", "pgvoice enroll list"


class NewName(UnknownSpeaker):
    """Nobody has the name that a person gave, who did not say that it is new."""

    def __init__(self, name: str, close: Sequence[str]) -> None:
        meant = f" Did you mean {' or '.join(close)}?" if close else ""
        PgvoiceError.__init__(
            self,
            f"{name[:100]!r} is new: nobody is enrolled by that name.{meant} Check the spelling,"
            " or add the name with --new (new=True)",
        )


class UnknownExemplar(Unknown):
    """The speaker has no such exemplar."""

    kind, lister = "exemplar", "pgvoice enroll show"


class LastExemplar(PgvoiceError):
    """The profile would be left without exemplars."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(
            f"exemplar {number} is the last one in the profile of {name!r}: add another one first,"
            " or delete the person with `pgvoice enroll remove`"
        )


class NothingToSplit(PgvoiceError):
    """No exemplars of a speaker were chosen that somebody else could get."""


class SpeakerExists(PgvoiceError):
    """Another speaker already has the name."""


class EnrollmentRefused(PgvoiceError):
    """The exemplars would make a profile of nobody, or of somebody who is already enrolled."""

    #: What was found, without the remedy of the command line; empty if the message has none.
    fact: str = ""
    #: Who is enrolled with this voice already; None unless that is why.
    other: str | None = None


class IncoherentExemplars(EnrollmentRefused):
    """The exemplars do not sound like one person."""


class SoundsLikeAnother(EnrollmentRefused):
    """The profile is nearly identical to somebody else's."""


class SharedExemplars(EnrollmentRefused):
    """Somebody else is enrolled with the same audio."""


class OverlappedSpeech(EnrollmentRefused):
    """Several people speak in a segment, by the stored turns."""


class TooLittleSpeech(EnrollmentRefused):
    """There is less speech than an enrollment needs."""

    def __init__(
        self,
        name: str,
        found: str,
        needed: float,
        remedy: str = "Add speech of this person, or lower the minimum (--min-speech)",
    ) -> None:
        super().__init__(
            f"too little speech to enroll {name!r}: {found}; {needed:g} s are needed. {remedy}"
        )


class CancellingExemplars(EnrollmentRefused):
    """The mean of the exemplars is zero, so it has no direction."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the exemplars of {name!r} cancel each other out (their mean is zero), so there is no"
            " profile: leave out the exemplars of other people"
        )


class ConsentMissing(EnrollmentRefused):
    """The store requires consent, and the speaker has none that is valid."""


class OptedOut(EnrollmentRefused):
    """The person was erased, and asked not to be enrolled again."""
