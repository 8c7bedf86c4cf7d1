"""Everything that can go wrong in the hooks; every error is a `PgvoiceError`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pgvoice.hooks.results import FillReport
from pgvoice.store.errors import InvalidSegment, PgvoiceError
from pgvoice.store.keys import SegmentKey


class AudioError(PgvoiceError):
    """The audio file cannot be used."""


class AudioNotFound(AudioError):
    """There is no file at this path."""


class OtherAudio(AudioError):
    """A file is not the one that a recording was filled from, or an exemplar comes from."""

    def __init__(self, of: str, path: object) -> None:
        there = f"the file {path}" if path else "the file that an audio source has"
        super().__init__(
            f"{there} is not the audio that {of!r} was filled from: put that file back, or"
            " fill the recording again from this one"
        )


class AudioSourceFailed(AudioError):
    """An audio source failed to find the file of a video."""


class AudioUnreadable(AudioError):
    """The file is empty, is not audio, or has no audio stream that can be decoded."""


class AudioTruncated(AudioError):
    """The file ends before the length in its own header."""


class NothingToHear(AudioError):
    """A voice has no clip, or its clip is silent."""


class NotPlayable(PgvoiceError):
    """No program on this machine plays a clip, or it fails."""


class TimesBeyondAudio(PgvoiceError):
    """Nearly all segments are beyond the end of the audio: one of the two is not what it seems."""


class NotTheDefaultEncoder(UserWarning):
    """Vectors are stored of an encoder that does not answer by default; not an error."""


class EncoderUnavailable(PgvoiceError):
    """The encoder cannot be created or loaded."""


class SwitchRefused(PgvoiceError):
    """A library cannot be switched to an encoder."""


class SwitchStopped(PgvoiceError):
    """A switch of encoders was told to stop; what it did is kept."""

    def __init__(self, answers: object) -> None:
        super().__init__(
            f"stopped: {answers} answers as before, and what was done is kept; the same command"
            " goes on from there"
        )


class SegmenterUnavailable(PgvoiceError):
    """The segmenter cannot be created or loaded."""


class SegmenterFailed(PgvoiceError):
    """A segmenter returned what is no turn, or turns in disorder."""


class ClusterUnavailable(PgvoiceError):
    """Ray is not installed, or no cluster answers."""


class ExtraMissing(PgvoiceError):
    """An optional package is not installed; the message shows the command that installs it."""


class QueueFull(PgvoiceError):
    """Too many fills wait already."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} fills wait already: send this one again later")


class UnknownJob(PgvoiceError):
    """There is no such fill job, or it ended long ago."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"no job {number}: only the last ones are remembered, until the server ends"
        )


class JobStarted(PgvoiceError):
    """A fill job cannot be cancelled any more."""

    def __init__(self, number: int, state: str) -> None:
        super().__init__(f"job {number} is {state} and cannot be cancelled: only a queued one can")


class MetricsRefused(PgvoiceError):
    """Metrics cannot be served at an address."""


class FormatError(PgvoiceError):
    """The file does not have the format that it was read as, or cannot be written in it."""


class NotLabelled(PgvoiceError):
    """A recording has no stored labels."""


class NotEvaluable(PgvoiceError):
    """A recording has no answers, or a reference has no names, to compare."""


class PluginError(PgvoiceError):
    """A plugin cannot be used; the message names it, and how to run without it."""


class InvalidSegments(PgvoiceError, ValueError):
    """Some segments of a fill are not spans of time; the others were filled, see `report`."""

    def __init__(self, errors: Sequence[InvalidSegment], report: FillReport) -> None:
        super().__init__(invalid_text(errors, "stored"))
        self.errors = tuple(errors)
        self.report = report


#: The number of invalid segments that a message names.
NAMED = 20


def invalid_text(errors: Sequence[InvalidSegment], done: str) -> str:
    """The segments that are not spans of time, and what was `done` with the others."""
    named = "; ".join(map(str, errors[:NAMED]))
    more = f"; and {len(errors) - NAMED:,} more" if len(errors) > NAMED else ""
    return f"{len(errors):,} invalid, the others are {done}: {named}{more}"


class NotEnrollable(PgvoiceError):
    """A span has no usable speech to enroll someone with."""

    def __init__(self, path: Path, span: SegmentKey, status: str) -> None:
        super().__init__(
            f"{path}, {span.start_s} to {span.end_s} s, is {status}: choose at least half a second"
            " of clear speech of one person"
        )
        self.status = status


class ProfileRefused(PgvoiceError):
    """A profile in a file comes from another encoder, or is not of a voice."""


@contextmanager
def needs_extra(name: str, unavailable: type[PgvoiceError] = EncoderUnavailable) -> Iterator[None]:
    """Turn an `ImportError` inside into `unavailable` with the command that installs the extra."""
    try:
        yield
    except ImportError as error:
        raise unavailable(
            f'{error}. This needs the extra "{name}": pip install "pgvoice[{name}]"'
        ) from error
