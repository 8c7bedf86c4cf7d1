"""Recordings, turns, statistics, thresholds and ingests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from pgvoice.cli.serve.api.shapes.fields import Shown, Similarity


def _as_times(pairs: Iterable[tuple[str, float]]) -> list[dict[str, object]]:
    return [{"speaker": speaker, "seconds": seconds} for speaker, seconds in pairs]


class Recording(Shown):
    """A recording; the fields are the columns of `pgvoice.videos`."""

    video: str = Field(description="The recording's key.", examples=["talk"])
    source: str | None = Field(description="The file that the audio was read from last.")
    seconds: float | None = Field(description="Length of the audio, in seconds.", examples=[30.0])
    turns_source: str | None = Field(description="The file of the turns.")
    segmenter: str | None = Field(description="What found the turns in the audio, if anything did.")
    turns: int
    labels: int = Field(description="Different labels of the diarizer.")
    filled: int = Field(description="Segments with a vector.")
    labelled: int = Field(description="Segments with a current label.")
    changed_at: datetime = Field(description="When a turn, a vector or a label was stored last.")
    encoder: str | None = Field(description="Whose vectors and labels are counted.")


class Coverage(Shown):
    """Which segments of a recording an encoder filled; the columns of `pgvoice.coverage`."""

    video: str = Field(examples=["talk"])
    encoder: str = Field(examples=["campplus@sha256:92f29b94e694"])
    segments: int
    embedded: int = Field(description="Segments with a vector.")
    not_embedded: int = Field(description="Segments without.")
    statuses: dict[str, int] = Field(description="Segments by status.", examples=[{"ok": 16}])
    seconds: float = Field(description="Of the segments, in seconds.")
    embedded_seconds: float = Field(description="Of those with a vector, in seconds.")
    bytes: int = Field(description="Size of the rows, without indexes.")
    source: str | None = Field(description="The file that vectors were imported from, if any were.")


class RecordingDetail(Recording):
    """A recording, and what an encoder filled of it."""

    coverage: list[Coverage]


class SpeakingTime(Shown):
    """How long somebody speaks."""

    speaker: str
    seconds: float = Field(description="In seconds.")


class RecordingSummary(Shown):
    """How much of a recording has a name; the columns of `pgvoice.video_summaries`."""

    video: str = Field(examples=["talk"])
    source: str | None = Field(description="The file that the audio was read from last.")
    seconds: float | None = Field(description="Length of the audio, in seconds.")
    last_end: float | None = Field(description="When the last segment ends, in seconds.")
    turns: int
    segments: int
    filled: int = Field(description="Segments with a vector.")
    labelled: int = Field(description="Segments with a current label.")
    filled_at: datetime | None = Field(description="When a fill ended last.")
    speech_seconds: float = Field(description="All speech, in seconds.")
    named_seconds: float = Field(description="Speech with a name, in seconds.")
    voice_seconds: float = Field(description="Speech of unknown voices, in seconds.")
    speakers: Annotated[
        list[SpeakingTime],
        BeforeValidator(_as_times),
        Field(description="Who speaks for how long, the longest first."),
    ]
    encoder: str | None = Field(description="Whose vectors, labels and voices these are.")


class Turn(Shown):
    """A stored turn."""

    start: float = Field(description="In seconds, exactly as it was given.", examples=[10.57])
    end: float = Field(description="In seconds, exactly as it was given.", examples=[14.7])
    label: str | None = Field(description="The diarizer's label.", examples=["SPEAKER_00"])
    text: str | None = Field(description="What is said, if the store keeps text.")


class Hits(Shown):
    """Distinct segments that were asked for, and how many of them were stored before."""

    requested: int
    hits: int
    misses: int
    rate: float | None = Field(description="Hits per request in [0, 1].")


class LastFill(Shown):
    """The newest fill."""

    video: str
    hits: Hits
    finished_at: datetime


class Statistics(Shown):
    """All fills, and the size of what is stored."""

    all_time: Hits
    last_fill: LastFill | None
    bytes_on_disk: int = Field(description="Of the segments' table with its indexes.")


class EncoderShown(Shown):
    """An encoder whose vectors the store has."""

    encoder: str = Field(examples=["campplus@sha256:92f29b94e694"])
    threshold: float = Field(description="Its own threshold, as a cosine similarity.")
    threshold_source: str
    is_default: bool = Field(description="Whether it answers unless another one is named.")
    calibrated: bool = Field(description="Whether thresholds were measured on this library.")


class Band(Shown):
    """The threshold for segments of some length."""

    min_s: float = Field(description="In seconds.")
    max_s: float | None = Field(description="In seconds; null if the band has no end.")
    threshold: float = Field(description="As a cosine similarity.")
    suggested: float = Field(description="From this similarity on, a person is suggested.")


class Required(Shown):
    """What a name requires."""

    encoder: str
    threshold: float | None = Field(description="Null if it depends on the segment.")
    kind: str = Field(
        description="given, calibrated, library or encoder default.", examples=["library"]
    )
    source: str = Field(description="The kind, and what it was measured on.")
    margin: float
    gallery: int = Field(description="People whom each segment is compared with.")
    bands: list[Band]


class LibraryTail(Shown):
    """What thresholds from the library's own turns rest on."""

    recordings: int
    voices: int
    comparisons: int
    over_split: int
    fitted_at: datetime | None
    needed_recordings: int
    needed_voices: int
    missing_recordings: int
    missing_voices: int


class Thresholds(Required):
    """Which thresholds apply now, and what they rest on."""

    target_far: float = Field(
        description="The share of speech by people who are not enrolled that may get a name."
    )
    library: LibraryTail


class ScoreBin(Shown):
    """How many comparisons have a similarity in a stretch."""

    kind: str = Field(description="Of the same person, or of different people.")
    start: float = Field(description="As a cosine similarity; inclusive.")
    end: float = Field(description="As a cosine similarity; exclusive but for 1.")
    comparisons: int


class Totals(Shown):
    """What the recordings come to."""

    recordings: int
    seconds: float = Field(description="Length of their audio, in seconds.")
    requested: int = Field(description="Segments that all fills of the store asked for.")
    hits: int = Field(description="How many of these were stored before.")
    keeps_text: bool = Field(description="Whether the store keeps what was said.")


class Ingest(Shown):
    """The progress of an ingest."""

    ingest: str
    videos: int
    done: int
    failed: int
    waiting: int
    unlabelled: int = Field(description="Recordings that are filled and wait for their labels.")
    filled: int = Field(description="Vectors that were computed.")
    audio_seconds: float = Field(description="Speech that was filled, in seconds.")
    wall_seconds: float = Field(description="Time in which somebody worked, in seconds.")
    vectors_per_second: float | None
    seconds_left: float | None = Field(description="In seconds; null before the first.")


class FailedRecording(Shown):
    """A recording that an ingest could not fill, or whose segments are partly invalid."""

    video: str
    filled: bool
    attempts: int
    error: str


class SimilarSegment(Shown):
    """A segment that sounds like another one."""

    video: str
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")
    similarity: Similarity
    encoder: str


class Similar(Shown):
    """What sounds like a stored segment, the most similar first."""

    video: str
    start: float = Field(description="Of the segment that is compared, in seconds.")
    end: float = Field(description="In seconds.")
    segments: list[SimilarSegment]
