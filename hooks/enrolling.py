"""Enrollment from audio: files, or spans of a video, to exemplars in the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks import audio as audio_files
from pgvoice.hooks.embedding import MAX_MS, EmbeddingPass
from pgvoice.hooks.encoder import Encoder
from pgvoice.hooks.errors import NotEnrollable
from pgvoice.hooks.filling import Progress, fill
from pgvoice.store.enrollments import Enrollment, Exemplar
from pgvoice.store.keys import SegmentKey, snap_segment
from pgvoice.store.voice_store import VoiceStore


class Recording(NamedTuple):
    """Speech of one person: a file, and the (start, end) in seconds in which they speak in it."""

    path: Path
    #: None is all of it, up to its first 60 seconds.
    span: Sequence[float] | None = None


def enroll_recordings(
    store: VoiceStore,
    encoder: Encoder,
    name: str,
    recordings: Sequence[Recording],
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> Enrollment:
    """Enroll a speaker from audio files, an exemplar from each.

    Raises `AudioError`, and `NotEnrollable` for a span without usable speech; then nobody is
    enrolled.
    """
    exemplars = []
    for done, recording in enumerate(recordings, 1):
        exemplars.append(_exemplar(store, encoder, recording))
        if progress:
            progress(done, len(recordings))
    return store.enroll(name, exemplars, encoder.identity, encoder.default_threshold, force=force)


def enroll_video(
    store: VoiceStore,
    encoder: Encoder,
    name: str,
    video: str,
    spans: Sequence[Sequence[float]],
    *,
    audio: str | Path,
    force: bool = False,
    progress: Progress | None = None,
) -> Enrollment:
    """Enroll a speaker from spans of a video, (start, end) in seconds, filled where missing."""
    fill(store, encoder, video=video, audio=audio, segments=spans, progress=progress)
    return store.enroll_segments(name, video, spans, encoder.identity, force=force)


def _exemplar(store: VoiceStore, encoder: Encoder, recording: Recording) -> Exemplar:
    info = audio_files.probe(recording.path)
    if recording.span is None:
        end_ms = min(info.duration_ms, MAX_MS)
        key = SegmentKey(0, end_ms - end_ms % store.grid_ms)
    else:
        key = snap_segment(recording.span, store.grid_ms)
    passed = EmbeddingPass(encoder, recording.path, info)
    (row,) = (row for rows in passed.rows([key]) for row in rows)
    if row.embedding is None:
        raise NotEnrollable(recording.path, (key.start_s, key.end_s), row.status)
    return Exemplar(row.embedding, info.sha256, key, str(recording.path))
