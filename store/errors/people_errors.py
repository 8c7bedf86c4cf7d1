"""A speaker does not exist, or cannot be enrolled this way."""

from __future__ import annotations

from collections.abc import Sequence

from pgvoice.store.errors.base import PgvoiceError, Unknown

#: An exemplar in a message: its source, and its start and end in milliseconds.
Exemplified = tuple[str, int, int]
#: How many exemplars a message names.
_NAMED = 3


class UnknownSpeaker(Unknown):
    """The store has no such speaker."""

    kind, lister = "speaker", "pgvoice enroll list"


class SpeakerExists(PgvoiceError):
    """Another speaker already has the name."""


class EnrollmentRefused(PgvoiceError):
    """The exemplars would make a profile of nobody, or of somebody who is already enrolled."""


class IncoherentExemplars(EnrollmentRefused):
    """The exemplars do not sound like one person."""

    def __init__(
        self,
        name: str,
        apart: Sequence[Exemplified],
        similarity: float,
        needed: float,
        *,
        calibrated: bool = False,
    ) -> None:
        whose = "the calibrated threshold" if calibrated else "the encoder's threshold"
        super().__init__(
            f"the exemplars of {name!r} do not sound like one person: {_exemplars(apart)} and the"
            f" others have a similarity of {similarity:.3f}, below {whose} of {needed:.3f}; leave"
            " out the exemplars of other people, or force it (--force)"
        )
        self.similarity = similarity


class SoundsLikeAnother(EnrollmentRefused):
    """The profile is nearly identical to somebody else's."""

    def __init__(self, name: str, others: Sequence[tuple[str, float]], limit: float) -> None:
        named = ", ".join(f"{other!r} {similarity:.3f}" for other, similarity in others)
        super().__init__(
            f"{name!r} sounds like somebody who is already enrolled ({named}; different people stay"
            f" below {limit:.3f}): enroll under that name, or force it (--force)"
        )
        self.others = tuple(others)


class SharedExemplars(EnrollmentRefused):
    """Somebody else is enrolled with the same audio."""

    def __init__(self, name: str, other: str, shared: Sequence[Exemplified]) -> None:
        super().__init__(
            f"{other!r} is enrolled with the same audio as {name!r}: {_exemplars(shared)}; enroll"
            " under that name, choose other spans, or force it (--force)"
        )
        self.other = other


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


def _exemplars(found: Sequence[Exemplified]) -> str:
    named = ", ".join(f"{source} {_when(start, end)}" for source, start, end in found[:_NAMED])
    return named + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")


def _when(start_ms: int, end_ms: int) -> str:
    """The span in seconds; a vector that was imported without its audio has none."""
    return f"{start_ms / 1000:g} to {end_ms / 1000:g} s" if end_ms else "(imported)"
