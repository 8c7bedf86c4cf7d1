"""What can go wrong between an audio file and a vector.

PgvoiceError
├── AudioError          the file cannot be heard: missing, empty, not audio, truncated
│   ├── AudioNotFound
│   ├── AudioSourceFailed
│   ├── AudioUnreadable
│   └── AudioTruncated
├── EncoderUnavailable  unknown name, missing extra, missing or altered weights
├── ExtraMissing        a package of an extra is not installed
├── FormatError         a segments file that is not what it should be
├── InvalidSegments     (ValueError) segments of a fill that are no spans of time
├── NotEvaluable        a recording or a reference that no figures can be had of
├── NotEnrollable       a span without usable speech
├── PluginError         a plugin that cannot be loaded, or fails to register what it brings
├── ProfileRefused      a profile in a file that is of another encoder, or made up
└── TooLittleSpeech     recordings that are not enough to enroll somebody with
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pgvoice.store.errors import InvalidSegment, PgvoiceError

if TYPE_CHECKING:
    from pgvoice.hooks.fill.report import FillReport
    from pgvoice.store.keys import SegmentKey


class AudioError(PgvoiceError):
    """The audio file cannot be used as it is."""


class AudioNotFound(AudioError):
    """There is no file at this path."""


class AudioSourceFailed(AudioError):
    """An audio source cannot tell where the file of a video is."""


class AudioUnreadable(AudioError):
    """The file is empty, is not audio, or holds no audio stream that can be decoded."""


class AudioTruncated(AudioError):
    """The file ends before the length that its own header promises."""


class EncoderUnavailable(PgvoiceError):
    """The encoder cannot be built or loaded here."""


class ClusterUnavailable(PgvoiceError):
    """There is no Ray, or no cluster that answers."""


class ExtraMissing(PgvoiceError):
    """A package that is only needed for this is not installed; the message installs it."""


class MetricsRefused(PgvoiceError):
    """Metrics cannot be served at an address."""


class FormatError(PgvoiceError):
    """The segments file is not of the format that it was read as."""


class NotEvaluable(PgvoiceError):
    """A recording without the answers, or a reference without the names, to be compared."""


class PluginError(PgvoiceError):
    """A plugin does not do what it is for; the message names it, and how to leave it out."""


class InvalidSegments(PgvoiceError, ValueError):
    """Some of a fill's segments are no spans of time; the others were filled, see `report`."""

    def __init__(self, errors: Sequence[InvalidSegment], report: FillReport) -> None:
        named = "; ".join(str(error) for error in errors)
        super().__init__(f"{len(errors)} invalid, the others are stored: {named}")
        self.errors = tuple(errors)
        self.report = report


class NotEnrollable(PgvoiceError):
    """A span that nobody can be enrolled with."""

    def __init__(self, path: Path, span: SegmentKey, status: str) -> None:
        super().__init__(
            f"{path}, {span.start_s} to {span.end_s} s, is {status}: choose at least half a second"
            " of clear speech of one person"
        )
        self.status = status


class TooLittleSpeech(PgvoiceError):
    """Recordings with less speech than somebody is to be enrolled with."""

    def __init__(self, name: str, heard: Mapping[Path, float], known: float, needed: float) -> None:
        found = ", ".join(f"{seconds:.1f} s in {path}" for path, seconds in heard.items())
        enrolled = f" and {known:.1f} s enrolled before" if known else ""
        super().__init__(
            f"too little speech to enroll {name!r} with: {found}{enrolled}; {needed:g} s are"
            " needed: add recordings, or ask for less (--min-speech)"
        )


class ProfileRefused(PgvoiceError):
    """A profile in a file that is of another encoder, or of no voice."""
