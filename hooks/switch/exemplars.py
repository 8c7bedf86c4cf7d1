"""Exemplars for another encoder: computed from their own files and spans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import AudioError, AudioNotFound, AudioUnreadable
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass
from pgvoice.hooks.sources import resolve_audio
from pgvoice.hooks.switch.report import MissingExemplar
from pgvoice.store.encoders.carrying import ExemplarVector, LostExemplar
from pgvoice.store.errors import UnknownVideo
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.voice_store import VoiceStore


@dataclass(frozen=True, slots=True)
class Carried:
    """What the new encoder was given of people."""

    #: Exemplars with a stored vector at their span, and voices of recordings.
    exemplars: int
    voices: int
    #: Exemplars that had none, and those of them that have none now.
    lacking: int
    missing: tuple[MissingExemplar, ...]

    @property
    def computed(self) -> int:
        return self.lacking - len(self.missing)

    @property
    def is_new(self) -> bool:
        """Whether there are exemplars that were not there before."""
        return self.exemplars + self.computed > 0


def compute(
    store: VoiceStore,
    make: Callable[[], Encoder],
    lost: Sequence[LostExemplar],
    tell: Callable[[int], None],
) -> Iterator[MissingExemplar]:
    """Store their vectors, a file at a time, and give those that have none, with the reason.

    A file is only used if it is the same one. The encoder is made for the first that is there.
    `tell` is called with how many are done.
    """
    done = 0
    for _, group in groupby(sorted(lost, key=_file), _file):
        exemplars = list(group)
        try:
            rows = _rows(store, make, exemplars)
        except AudioError as error:
            yield from (missing(each, str(error)) for each in exemplars)
        else:
            yield from _keep(store, make(), exemplars, rows)
        done += len(exemplars)
        tell(done)


def missing(exemplar: LostExemplar, why: str) -> MissingExemplar:
    start, end = exemplar.key.start_s, exemplar.key.end_s
    return MissingExemplar(exemplar.number, exemplar.speaker, exemplar.source, start, end, why)


def _file(exemplar: LostExemplar) -> tuple[str, str, str]:
    return exemplar.video or "", exemplar.source, exemplar.audio_sha256


def _rows(
    store: VoiceStore, make: Callable[[], Encoder], exemplars: Sequence[LostExemplar]
) -> Sequence[SegmentRow]:
    """A row for each exemplar of a file, in order. Raises `AudioError`."""
    first = exemplars[0]
    with open_recording(_path(store, first)) as recording:
        if recording.info.sha256 != first.audio_sha256:
            raise AudioUnreadable(
                f"{recording.path} is another file by now: put back the one that {first.speaker}"
                " was enrolled from"
            )
        keys = [each.key for each in exemplars]
        batches = EmbeddingPass(make(), recording).rows(sorted(set(keys)))
        rows = {row.key: row for batch in batches for row in batch}
        return [rows[key] for key in keys]


def _path(store: VoiceStore, exemplar: LostExemplar) -> Path:
    """Where the audio is now. Raises `AudioError`."""
    video = exemplar.video
    source = exemplar.source if video is None else _source(store, video)
    if source is not None and Path(source).is_file():
        return Path(source)
    if video is None:
        raise AudioNotFound(f"{source} is gone: put it back, or enroll {exemplar.speaker} again")
    return resolve_audio(video)


def _source(store: VoiceStore, video: str) -> str | None:
    """The file that a recording was read from last."""
    try:
        audio = store.recordings.audio(video)
    except UnknownVideo:
        return None
    return None if audio is None else audio.source


def _keep(
    store: VoiceStore,
    encoder: Encoder,
    exemplars: Sequence[LostExemplar],
    rows: Sequence[SegmentRow],
) -> Iterator[MissingExemplar]:
    found = []
    for exemplar, row in zip(exemplars, rows, strict=True):
        if row.embedding is None:
            yield missing(exemplar, f"the encoder has no vector of it: {row.status}")
        else:
            found.append(ExemplarVector(exemplar.number, row.embedding))
    store.encoders.add_exemplars(encoder.identity, found)
