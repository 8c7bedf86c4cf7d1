"""Naming unknown voices, and other acts on them: what they change, and why they are refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database.failures import detail, first_line, refused_values, sqlstate
from pgvoice.store.errors import (
    CancellingExemplars,
    EnrollmentRefused,
    IncoherentExemplars,
    NoSuggestion,
    PgvoiceError,
    SharedExemplars,
    SoundsLikeAnother,
    TooLittleSpeech,
    UnknownVoiceNumber,
)
from pgvoice.store.labels.runs import LabelMove
from pgvoice.store.people.enrollments import MIN_SPEECH_SECONDS
from pgvoice.store.privacy import consents
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.voices.unknown import Clip

#: The SQLSTATEs with which the functions refuse a number, or to name a voice.
_UNKNOWN, _TOO_LITTLE, _NO_SUGGESTION, _CANCELLED = "PV005", "PV009", "PV010", "22000"
#: Which error each other one is, and what to do about it; a detail is the name of somebody else.
_REFUSED: Mapping[str, tuple[type[EnrollmentRefused], str]] = {
    "PV006": (
        IncoherentExemplars,
        "listen to it (`pgvoice voices play {number}`) and take out recordings of others (`pgvoice"
        " voices different {number} --video ...`)",
    ),
    "PV007": (SoundsLikeAnother, "`pgvoice voices name {number} {other!r}` adds it to that person"),
    "PV008": (SharedExemplars, "`pgvoice voices name {number} {other!r}` adds it to that person"),
    "PV011": (
        IncoherentExemplars,
        "listen to it (`pgvoice voices play {number}`)",
    ),
}
_NAME = text(
    "SELECT act, voices, left_out, exemplars, moves FROM pgvoice.name_voice(:number, :speaker,"
    " :granted_by, coalesce(:purpose, 'speaker identification'), :evidence,"
    " CAST(:granted_at AS timestamptz), CAST(:expires_at AS timestamptz), :force, :dry_run)"
)
_ACCEPT = text(
    "SELECT act, speaker, voices, left_out, exemplars, moves"
    " FROM pgvoice.accept_suggestion(:number, :force, :dry_run,"
    " CAST(:speaker AS text))"
)
_REJECT = text(
    "SELECT act, voices, moves"
    " FROM pgvoice.reject_suggestion(:number, :dry_run, CAST(:speaker AS text))"
)
_DISMISS = text("SELECT act, voices FROM pgvoice.dismiss_voice(:number, :why, :dry_run)")
_JOIN = text(
    "SELECT act, number, voices FROM pgvoice.join_voices(CAST(:numbers AS bigint[]), :dry_run)"
)
_PART = text("SELECT act, voices FROM pgvoice.part_voice(:number, :video, :dry_run)")


@dataclass(frozen=True, slots=True)
class Change:
    """What an act on an unknown voice changed, or would change."""

    #: None for a dry run.
    act: int | None
    #: The unknown voice; of several that became one, the one that is left.
    number: int
    #: How many voices of recordings it is about.
    voices: int
    #: Labels that changed, as in `Relabelling`.
    moves: tuple[LabelMove, ...]


@dataclass(frozen=True, slots=True)
class Naming(Change):
    """What naming an unknown voice changed, or would change; `voices` got the name."""

    speaker: str
    #: The spans that the person was enrolled with.
    exemplars: tuple[Clip, ...]
    #: How many voices do not sound enough like the others, and stay unknown.
    left_out: int


def name(
    connection: Connection,
    number: int,
    speaker: str,
    consent: Consent | None,
    *,
    force: bool,
    dry_run: bool,
) -> Naming:
    """Name an unknown voice."""
    values = {
        "number": number,
        "speaker": speaker,
        "granted_by": consent and consent.granted_by,
        "purpose": consent and consent.purpose,
        "evidence": consent and consent.evidence,
        "granted_at": consent and consent.granted_at,
        "expires_at": consent and consent.expires_at,
        "force": force,
        "dry_run": dry_run,
    }
    with _refusals(number, speaker):
        return _naming(number, speaker, connection.execute(_NAME, values).one())


def accept(
    connection: Connection, number: int, speaker: str | None, *, force: bool, dry_run: bool
) -> Naming:
    """Name an unknown voice as suggested."""
    values = {"number": number, "speaker": speaker, "force": force, "dry_run": dry_run}
    with _refusals(number):
        row = connection.execute(_ACCEPT, values).one()
        return _naming(number, row.speaker, row)


def reject(connection: Connection, number: int, speaker: str | None, *, dry_run: bool) -> Change:
    """Say that an unknown voice is not the person suggested."""
    values = {"number": number, "speaker": speaker, "dry_run": dry_run}
    with _refusals(number):
        row = connection.execute(_REJECT, values).one()
    return Change(row.act, number, row.voices, _moves(row.moves))


def dismiss(connection: Connection, number: int, why: str, *, dry_run: bool) -> Change:
    """Say what an unknown voice is that nobody names."""
    values = {"number": number, "why": why, "dry_run": dry_run}
    with _refusals(number), refused_values():
        row = connection.execute(_DISMISS, values).one()
    return Change(row.act, number, row.voices, ())


def join(connection: Connection, numbers: Sequence[int], *, dry_run: bool) -> Change:
    """Say that unknown voices are one person."""
    values = {"numbers": list(numbers), "dry_run": dry_run}
    with _refusals(), refused_values():
        row = connection.execute(_JOIN, values).one()
    return Change(row.act, row.number, row.voices, ())


def part(connection: Connection, number: int, video: str, *, dry_run: bool) -> Change:
    """Say that the voices in a video are somebody else."""
    values = {"number": number, "video": video, "dry_run": dry_run}
    with _refusals(number), refused_values():
        row = connection.execute(_PART, values).one()
    return Change(row.act, number, row.voices, ())


@contextmanager
def unknown_number() -> Iterator[None]:
    """Turn the functions' refusal of a number into `UnknownVoiceNumber`."""
    try:
        yield
    except DBAPIError as error:
        if sqlstate(error) != _UNKNOWN or error.orig is None:
            raise
        said = first_line(error.orig)
        raise UnknownVoiceNumber(said, ended=bool(detail(error))) from None


@contextmanager
def _refusals(number: int = 0, speaker: str = "") -> Iterator[None]:
    """Turn what the functions refuse into our errors."""
    try:
        with unknown_number(), consents.refusals(speaker):
            yield
    except DBAPIError as error:
        raise _refused(error, number, speaker) or error from None


def _refused(error: DBAPIError, number: int, speaker: str) -> PgvoiceError | None:
    state, said = sqlstate(error) or "", detail(error)
    if state == _NO_SUGGESTION:
        return NoSuggestion(number, f"{first_line(error.orig)}" if said and error.orig else None)
    if state == _CANCELLED:
        return CancellingExemplars(speaker)
    refused = _refusal(state, said, error, number, speaker)
    if refused is not None and error.orig is not None:
        refused.fact = first_line(error.orig)
    return refused


def _refusal(
    state: str, said: str, error: DBAPIError, number: int, speaker: str
) -> EnrollmentRefused | None:
    if state == _TOO_LITTLE:
        remedy = f"Wait until more of voice {number} is heard, or force it (--force)"
        return TooLittleSpeech(speaker, f"{said} s", MIN_SPEECH_SECONDS, remedy)
    if state not in _REFUSED or error.orig is None:
        return None
    kind, remedy = _REFUSED[state]
    told = remedy.format(number=number, other=said)
    refused = kind(f"{first_line(error.orig)}: {told}, or force it (--force)")
    refused.other = said or None
    return refused


def _naming(number: int, speaker: str, row: Row[Any]) -> Naming:
    exemplars = tuple(
        Clip(each["video"], each["source"], each["start_s"], each["end_s"])
        for each in row.exemplars
    )
    return Naming(row.act, number, row.voices, _moves(row.moves), speaker, exemplars, row.left_out)


def _moves(rows: Iterable[Mapping[str, Any]]) -> tuple[LabelMove, ...]:
    return tuple(
        LabelMove(
            row["from_speaker"],
            row["from_reason"],
            row["to_speaker"],
            row["to_reason"],
            row["segments"],
            row["seconds"],
            row["video_count"],
            tuple(row["videos"]),
        )
        for row in rows
    )
