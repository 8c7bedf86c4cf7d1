"""Every error that pgvoice raises on purpose: one base, a message with value and remedy.

PgvoiceError
├── InvalidSegment (ValueError)       one segment that has no place on the grid
├── DatabaseError                     the database cannot be used as it is
│   ├── DatabaseUnreachable
│   │   └── WrongPassword
│   ├── EmbeddedServerError           the embedded server cannot be installed, started or placed
│   ├── PgvectorMissing
│   ├── PgvectorTooOld
│   ├── PgvectorCrashed               the server's processor is too old for its pgvector
│   ├── ExtensionForbidden
│   ├── SchemaForbidden
│   ├── RolesForbidden
│   ├── SchemaMismatch                the tables are missing, older or newer than this pgvoice
│   ├── DatabaseStopped               the server gave up in the middle; that step is not stored
│   │   ├── ConnectionLost
│   │   ├── DatabaseFull
│   │   ├── DatabaseTimeout
│   │   └── DatabaseDeadlock
│   ├── RowsStored                    somebody else stored the same segments meanwhile
│   ├── RowsRefused                   rows that the table does not take
│   ├── VideoErased                   a recording went while it was being filled
│   ├── TargetInUse                   a database to copy a store to that holds rows already
│   └── CopyDiffers                   what arrived is not what was sent; nothing of it is kept
├── AudioChanged                      a video's audio is not the audio that was filled
├── UnknownVideo
├── UnknownSpeaker
├── UnknownEncoder
├── UnknownRun
├── UnknownLabel                      a segment that has nothing to pin, or no pin
├── SpeakerExists
├── UnknownCalibration
├── CalibrationUnsupported            the labels do not carry the thresholds asked for
├── LabelIsNoName                     a diarizer's label where a name is needed
├── NoEmbedding                       a segment was asked for whose vector is not there
├── EnrollmentRefused                 exemplars that would make a profile of nobody
│   ├── IncoherentExemplars           they are of several voices
│   ├── SoundsLikeAnother             somebody enrolled has this voice
│   ├── SharedExemplars               somebody enrolled has this audio
│   ├── CancellingExemplars           their mean is zero
│   ├── ConsentMissing                nobody said that the person agreed
│   └── OptedOut                      a person who was erased, and is to stay out
└── IndexBusy                         another build of an index is under way
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: An exemplar in a message: its source, and start and end in milliseconds.
Exemplified = tuple[str, int, int]
#: How many exemplars a message names.
_NAMED = 3


class PgvoiceError(Exception):
    """Base of every error that pgvoice raises on purpose."""


class InvalidSegment(PgvoiceError, ValueError):
    """A segment that is not a span of time from zero onward."""

    def __init__(self, index: int, segment: Sequence[object], why: str) -> None:
        super().__init__(f"segment {index} {_span(segment)}: {why}")
        self.index = index
        self.segment = segment
        self.why = why


class DatabaseError(PgvoiceError):
    """The database cannot be used as it is."""


class DatabaseUnreachable(DatabaseError):
    """Nobody answers at the database URL, or the answer is a refusal."""


class WrongPassword(DatabaseUnreachable):
    """The server refused the user or the password."""


class EmbeddedServerError(DatabaseError):
    """The embedded Postgres cannot be installed, started or placed."""


class PgvectorMissing(DatabaseError):
    """The server has no pgvector to create the extension from."""


class PgvectorTooOld(DatabaseError):
    """The database's pgvector is older than pgvoice needs."""


class PgvectorCrashed(DatabaseError):
    """The server died in a vector function: its processor is too old for its pgvector."""


class ExtensionForbidden(DatabaseError):
    """The database user may not create the extension."""


class SchemaForbidden(DatabaseError):
    """The database user may not create or read the schema ``pgvoice``."""


class RolesForbidden(DatabaseError):
    """The database user may not create the roles, or give them their rights."""


class SchemaMismatch(DatabaseError):
    """The tables are missing, older or newer than this pgvoice."""


class DatabaseStopped(DatabaseError):
    """The server gave up in the middle of a step, of which nothing is stored."""

    #: What happened, and what helps.
    what = "the database gave up ({answer}): run it again"

    def __init__(self, answer: str, sqlstate: str | None = None) -> None:
        super().__init__(self.what.format(answer=answer))
        self.answer = answer
        self.sqlstate = sqlstate


class ConnectionLost(DatabaseStopped):
    """The server was stopped, crashed, or ended the connection."""

    what = (
        "the database went away ({answer}): what was stored before stays; run it again when the"
        " server is back"
    )


class DatabaseFull(DatabaseStopped):
    """The server has no room left: on its disk, in its memory, or within a limit set for it."""

    what = (
        "the database server has no room left ({answer}): nothing of this step was stored; make"
        " room there, then run it again"
    )


class DatabaseTimeout(DatabaseStopped):
    """The server stopped something that took longer than it may, or was told to stop it."""

    what = (
        "the database server did not wait any longer ({answer}): nothing of this step was stored;"
        " run it again, or raise the time-out that it names for this user"
    )


class DatabaseDeadlock(DatabaseStopped):
    """The server stopped a transaction in favour of others."""

    what = (
        "the database server put others first ({answer}): nothing of this step was stored; run it"
        " again"
    )


class RowsStored(DatabaseError):
    """Somebody else stored the same segments meanwhile."""

    def __init__(self) -> None:
        super().__init__(
            "some of these segments were stored by somebody else meanwhile: ask again which are"
            " missing"
        )


class RowsRefused(DatabaseError):
    """Rows that the table of vectors does not take."""

    def __init__(self, answer: str) -> None:
        super().__init__(
            f"the store does not take these rows ({answer}): a vector is finite, of unit length and"
            " of its encoder's dimension, and stands for a segment that is ok or partial"
        )


class VideoErased(DatabaseError):
    """A recording went out of the store while it was being filled."""

    def __init__(self) -> None:
        super().__init__(
            "the recording was erased while it was being filled: nothing more of it is stored;"
            " fill it again if it is still wanted"
        )


class TargetInUse(DatabaseError):
    """A database to copy a store to that holds rows already."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"the database to copy to has rows in {table} already, and nothing was changed there:"
            " name an empty database, or one where `pgvoice db upgrade` just ran"
        )


class CopyDiffers(DatabaseError):
    """What arrived is not what was sent; nothing of it is kept."""

    def __init__(self, differing: Sequence[str]) -> None:
        super().__init__(
            f"what arrived in {', '.join(differing)} is not what was sent, so nothing was kept:"
            " have `pgvoice db upgrade` make the tables in a new database, and copy there"
        )


class AudioChanged(PgvoiceError):
    """A video's audio is not the audio that its stored vectors come from."""

    def __init__(self, video: str, stored: str, given: str) -> None:
        super().__init__(
            f"the audio of {video!r} changed (sha256 {stored[:12]}… is stored, {given[:12]}… was"
            " given): say 'keep' to add to what is stored, 'replace' to delete it and start afresh,"
            " or use another video key"
        )


class UnknownVideo(PgvoiceError):
    """There is no such video in the store."""

    def __init__(self, video: str) -> None:
        super().__init__(f"no video {video!r} in the store: `pgvoice cache stats` lists them")


class UnknownSpeaker(PgvoiceError):
    """There is no such speaker in the store."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no speaker {name!r} in the store: `pgvoice enroll list` lists them")


class UnknownEncoder(PgvoiceError):
    """There is no such encoder in the store, or more than one fits."""


class UnknownRun(PgvoiceError):
    """There is no such run of labels in the store."""

    def __init__(self, run: int) -> None:
        super().__init__(f"no run {run} in the store: `pgvoice labels runs` lists them")


class UnknownLabel(PgvoiceError):
    """A segment that cannot be pinned because it is not there, or unpinned because it is not."""

    def __init__(self, video: str, segment: Sequence[object], what: str) -> None:
        super().__init__(
            f"no {what} {_span(segment)} in {video!r}: `pgvoice labels show` and"
            " `pgvoice identify` list the recording's segments"
        )


class UnknownCalibration(PgvoiceError):
    """There is no such calibration in the store."""

    def __init__(self, calibration: int) -> None:
        super().__init__(
            f"no calibration {calibration} in the store: `pgvoice calibrate --list` lists them"
        )


class CalibrationUnsupported(PgvoiceError):
    """There is too little labelled speech for the thresholds that were asked for."""


class LabelIsNoName(PgvoiceError):
    """A label that a diarizer made up, where it should be said who speaks."""

    def __init__(self, label: str) -> None:
        super().__init__(
            f"{label!r} is a diarizer's label, and may be an enrolled person: put names in its"
            " place (whoever is enrolled under none of them counts as a stranger), or leave these"
            " segments out"
        )


class SpeakerExists(PgvoiceError):
    """Another speaker has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is a speaker {name!r} already: merge the two with `pgvoice enroll merge`,"
            " or choose another name"
        )


class NoEmbedding(PgvoiceError):
    """A vector was asked for that the store does not have."""

    def __init__(
        self,
        video: str,
        segments: Iterable[tuple[Sequence[object], str]],
        *,
        purpose: str = "enroll from",
    ) -> None:
        named = ", ".join(f"{_span(segment)} is {reason}" for segment, reason in segments)
        super().__init__(
            f"no vector to {purpose} in {video!r}: {named}; fill these spans first (give the"
            " audio), or choose others"
        )


class EnrollmentRefused(PgvoiceError):
    """Exemplars that would make a profile of nobody, or of somebody who is enrolled already."""


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
            f" others are {similarity:.3f} similar, under {whose} of {needed:.3f};"
            " leave out what is of somebody else, or force it (--force)"
        )
        self.similarity = similarity


class SoundsLikeAnother(EnrollmentRefused):
    """The profile is nearly that of somebody else."""

    def __init__(self, name: str, others: Sequence[tuple[str, float]], limit: float) -> None:
        named = ", ".join(f"{other!r} {similarity:.3f}" for other, similarity in others)
        super().__init__(
            f"{name!r} sounds like somebody who is enrolled already ({named}; different people are"
            f" under {limit:.3f}): enroll under that name, or force it (--force)"
        )
        self.others = tuple(others)


class ConsentMissing(EnrollmentRefused):
    """The store enrolls nobody who did not agree."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no consent that counts is kept of {name!r}: say where they agreed (--consent, or"
            " `pgvoice consent grant`); a store that asks for none is created by"
            " `pgvoice db upgrade --no-consent`"
        )


class OptedOut(EnrollmentRefused):
    """Somebody who was erased, and asked not to be enrolled again."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} has the name or the voice of somebody who was erased and asked not to be"
            " enrolled again: `pgvoice erase allow` lets them in, if they ask for that"
        )


class SharedExemplars(EnrollmentRefused):
    """Somebody else is enrolled with the same audio."""

    def __init__(self, name: str, other: str, shared: Sequence[Exemplified]) -> None:
        super().__init__(
            f"{other!r} is enrolled with the same audio as {name!r}: {_exemplars(shared)}; enroll"
            " under that name, choose other spans, or force it (--force)"
        )
        self.other = other


class CancellingExemplars(EnrollmentRefused):
    """The mean of the exemplars is zero, which is no direction."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the exemplars of {name!r} cancel each other out (their mean is zero), so there is no"
            " profile: leave out those that are of somebody else"
        )


class IndexBusy(PgvoiceError):
    """Another build of an index is under way in this database."""

    def __init__(self) -> None:
        super().__init__(
            "another build of an index is under way in this database: wait until it is done"
            " (`pgvoice index status`), or stop it"
        )


def _span(segment: Sequence[object]) -> str:
    return "(" + ", ".join(str(time) for time in segment) + ")"


def _exemplars(found: Sequence[Exemplified]) -> str:
    named = ", ".join(f"{source} {_when(start, end)}" for source, start, end in found[:_NAMED])
    return named + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")


def _when(start_ms: int, end_ms: int) -> str:
    """Nothing for a vector that came without its audio."""
    return f"{start_ms / 1000:g} to {end_ms / 1000:g} s" if end_ms else "(imported)"
