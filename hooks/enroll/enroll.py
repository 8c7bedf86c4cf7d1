"""Enrollment from audio: windows of files, or spans of a video, to exemplars in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks.audio import probing
from pgvoice.hooks.audio.probing import AudioInfo
from pgvoice.hooks.encoders.encoder import Encoder, Waveform
from pgvoice.hooks.enroll.windows import MAX_WINDOWS, Frames, Speech, frames, spread, windows
from pgvoice.hooks.errors import NotEnrollable, TooLittleSpeech
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass
from pgvoice.hooks.fill.fill import Progress, fill
from pgvoice.store.keys import SegmentKey, snap_segment
from pgvoice.store.people.enrollments import Enrollment, Exemplar
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.voice_store import VoiceStore

#: Speech that a person is enrolled with, all recordings together, in seconds. CAM++ on LibriSpeech,
#: one exemplar against others' windows: equal error rate 2.5 % from 1 s, 0.3 % from 1.5 s, 0.1 %
#: from 2 s.
MIN_SPEECH_SECONDS = 2.0


class Recording(NamedTuple):
    """Speech of one person: a file, and the (start, end) in seconds in which they speak in it."""

    path: Path
    #: None is all of it.
    span: Sequence[float] | None = None


class _Heard(NamedTuple):
    """What enrolling heard in one file."""

    exemplars: list[Exemplar]
    speech_ms: int


def enroll_recordings(
    store: VoiceStore,
    encoder: Encoder,
    name: str,
    recordings: Sequence[Recording],
    *,
    min_speech: float = MIN_SPEECH_SECONDS,
    consent: Consent | str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Enrollment:
    """Enroll a speaker from audio files, an exemplar from each window that holds speech.

    Raises `AudioError`, `NotEnrollable` for a span without usable speech, `TooLittleSpeech` for
    less than `min_speech` seconds together with what the speaker is enrolled with, and
    `EnrollmentRefused` unless `force`; then nobody is enrolled.
    """
    exemplars: list[Exemplar] = []
    heard: dict[Path, float] = {}
    spans = _by_file(recordings)
    for done, (path, of_file) in enumerate(spans.items(), 1):
        found = _hear(store, encoder, path, of_file)
        exemplars += found.exemplars
        heard[path] = found.speech_ms / 1000
        if progress:
            progress(done, len(spans))
    known = _known_seconds(store, encoder, name)
    if sum(heard.values()) + known < min_speech:
        raise TooLittleSpeech(name, heard, known, min_speech)
    return store.people.enroll(
        name,
        exemplars,
        encoder.identity,
        encoder.default_threshold,
        consent=consent,
        force=force,
    )


def enroll_video(
    store: VoiceStore,
    encoder: Encoder,
    name: str,
    video: str,
    spans: Sequence[Sequence[float]],
    *,
    audio: str | Path,
    consent: Consent | str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Enrollment:
    """Enroll a speaker from spans of a video, (start, end) in seconds, filled where missing.

    Nothing but these spans: an exemplar is a segment as it is stored.
    """
    fill(store, encoder, video=video, audio=audio, segments=spans, progress=progress)
    return store.people.enroll_segments(
        name, video, spans, encoder.identity, consent=consent, force=force
    )


def _by_file(recordings: Sequence[Recording]) -> dict[Path, list[Sequence[float] | None]]:
    spans: dict[Path, list[Sequence[float] | None]] = {}
    for path, span in recordings:
        spans.setdefault(path, []).append(span)
    return spans


def _known_seconds(store: VoiceStore, encoder: Encoder, name: str) -> float:
    label = str(encoder.identity)
    return sum(
        person.seconds
        for person in store.people.speakers()
        if (person.speaker, person.encoder) == (name, label)
    )


def _hear(
    store: VoiceStore, encoder: Encoder, path: Path, spans: Sequence[Sequence[float] | None]
) -> _Heard:
    info = probing.probe(path)
    listening = EmbeddingPass(encoder, path, info)
    keys = [_key(span, info, store.grid_ms) for span in spans]
    for key in keys:
        if status := listening.refused(key):
            raise NotEnrollable(path, key, status)
    wanted = {key: spread(windows(key), max(1, MAX_WINDOWS // len(keys))) for key in keys}
    heard = dict(listening.heard(sorted({window for of in wanted.values() for window in of})))
    levels = _levels(heard, encoder.identity.sample_rate)
    speech = Speech(levels)
    for key, of_key in wanted.items():
        if not any(window in speech.shares for window in of_key):
            raise NotEnrollable(path, key, _why_not(heard, of_key))
    rows = _embedded(encoder, listening, heard, speech)
    for row in rows:
        if row.embedding is None:
            raise NotEnrollable(path, row.key, row.status)
    return _Heard(
        [
            Exemplar(row.embedding, info.sha256, row.key, str(path), speech.shares[row.key])
            for row in rows
            if row.embedding is not None
        ],
        speech.milliseconds,
    )


def _levels(
    heard: Mapping[SegmentKey, Waveform | str], sample_rate: int
) -> dict[SegmentKey, Frames]:
    return {key: frames(w, sample_rate) for key, w in heard.items() if not isinstance(w, str)}


def _why_not(heard: Mapping[SegmentKey, Waveform | str], of_key: Sequence[SegmentKey]) -> str:
    statuses = [found for window in of_key if isinstance(found := heard[window], str)]
    return statuses[0] if len(statuses) == len(of_key) else "nearly without speech"


def _embedded(
    encoder: Encoder,
    listening: EmbeddingPass,
    heard: Mapping[SegmentKey, Waveform | str],
    speech: Speech,
) -> list[SegmentRow]:
    """All windows that hold speech, in as few calls as the encoder asks for."""
    batches: list[list[tuple[SegmentKey, Waveform]]] = [[]]
    samples = 0
    for key, waveform in heard.items():
        if key not in speech.shares or isinstance(waveform, str):
            continue
        if samples >= encoder.batch_samples:
            batches.append([])
            samples = 0
        batches[-1].append((key, waveform))
        samples += len(waveform)
    return [row for batch in batches for row in listening.embedded(batch)]


def _key(span: Sequence[float] | None, info: AudioInfo, grid_ms: int) -> SegmentKey:
    if span is None:
        return SegmentKey(0, info.duration_ms - info.duration_ms % grid_ms)
    return snap_segment(span, grid_ms)
