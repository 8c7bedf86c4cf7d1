"""Enrollment from audio: windows of files, or spans of a video, become exemplars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Encoder, Waveform
from pgvoice.hooks.errors import NotEnrollable, TooLittleSpeech
from pgvoice.hooks.fill.embedding_pass import SILENCE_RMS, EmbeddingPass
from pgvoice.hooks.fill.fill import Progress, fill
from pgvoice.store.keys import SegmentKey, snap_segment
from pgvoice.store.people.enrollments import Enrollment, Exemplar
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.voice_store import VoiceStore

WINDOW_MS = 3_000
HOP_MS = 1_500
#: More windows say nothing new about a voice; of a longer recording this many are chosen evenly.
MAX_WINDOWS = 200
#: Speech is what is at most this much quieter than the loud parts of its recording: the level that
#: one in twenty frames exceeds.
SPEECH_RANGE_DB = 30.0
LOUD_QUANTILE = 0.95
#: Windows with a smaller share of speech are left out.
MIN_SPEECH_SHARE = 1 / 3
FRAME_MS = 100

#: Root mean squares of a waveform's frames.
Frames = NDArray[np.float64]


def windows(span: SegmentKey) -> list[SegmentKey]:
    """Windows of 3 s, every 1.5 s; a shorter span is one window.

    If half a hop or more is left over, another window ends where the span ends.
    """
    if span.duration_ms <= WINDOW_MS:
        return [span]
    last = span.end_ms - WINDOW_MS
    starts = list(range(span.start_ms, last + 1, HOP_MS))
    if 2 * (last - starts[-1]) >= HOP_MS:
        starts.append(last)
    return [SegmentKey(start, start + WINDOW_MS) for start in starts]


def spread(found: Sequence[SegmentKey], most: int) -> list[SegmentKey]:
    """At most `most` of the windows, evenly spaced from the first to the last."""
    if len(found) <= most:
        return list(found)
    return [found[round(place)] for place in np.linspace(0, len(found) - 1, most)]


def frames(waveform: Waveform, sample_rate: int) -> Frames:
    """The levels of frames of 100 ms; the last frame includes the remainder."""
    length = FRAME_MS * sample_rate // 1000
    whole = max(1, len(waveform) // length)
    starts = np.arange(whole) * length
    squares = np.square(waveform, dtype=np.float64)
    counts = np.diff([*starts, len(waveform)])
    levels: Frames = np.sqrt(np.add.reduceat(squares, starts) / counts)
    return levels


class Speech:
    """The windows of a recording that contain speech, by the levels of their frames."""

    def __init__(self, levels: Mapping[SegmentKey, Frames]) -> None:
        self._levels = levels
        self._needed = 0.0
        if levels:
            loud = float(np.quantile(np.concatenate(list(levels.values())), LOUD_QUANTILE))
            self._needed = max(loud * 10 ** (-SPEECH_RANGE_DB / 20), SILENCE_RMS)
        shares = {key: float(np.mean(found >= self._needed)) for key, found in levels.items()}
        #: The share of speech in each window that contains enough of it, in (0, 1].
        self.shares = {key: share for key, share in shares.items() if share >= MIN_SPEECH_SHARE}

    @property
    def milliseconds(self) -> int:
        """The length of the speech in these windows; what several of them share counts once."""
        heard: set[int] = set()
        for key in self.shares:
            for place in np.flatnonzero(self._levels[key] >= self._needed):
                # In steps of 10 ms, because a window may start between two frames of another.
                first = key.start_ms + int(place) * FRAME_MS
                heard.update(range(first // 10, (first + FRAME_MS) // 10))
        return 10 * len(heard)


#: Seconds of speech that an enrollment needs, in all recordings together. CAM++ on LibriSpeech, one
#: exemplar against others' windows: equal error rate 2.5 % from 1 s, 0.3 % from 1.5 s, 0.1 % from
#: 2 s.
MIN_SPEECH_SECONDS = 2.0


class Recording(NamedTuple):
    """Speech of one person: a file, and the (start, end) in seconds of their speech in it."""

    path: Path
    #: None is the whole file.
    span: Sequence[float] | None = None


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
    """Enroll a speaker from audio files, with an exemplar from each window that contains speech.

    Raises `AudioError`, `NotEnrollable` for a span without usable speech, `TooLittleSpeech` if the
    speaker's new and earlier exemplars contain less than `min_speech` seconds of speech, and
    `EnrollmentRefused` unless `force`. After an error nobody is enrolled.
    """
    exemplars: list[Exemplar] = []
    heard: dict[Path, float] = {}
    spans: dict[Path, list[Sequence[float] | None]] = {}
    for path, span in recordings:
        spans.setdefault(path, []).append(span)
    for done, (path, of_file) in enumerate(spans.items(), 1):
        found, heard[path] = _hear(store, encoder, path, of_file)
        exemplars += found
        if progress:
            progress(done, len(spans))
    identity = (name, str(encoder.identity))
    known = sum(
        person.seconds
        for person in store.people.speakers()
        if (person.speaker, person.encoder) == identity
    )
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
    """Enroll a speaker from spans of a video, (start, end) in seconds; fills missing ones.

    Each span is one exemplar, a segment as it is stored.
    """
    fill(
        store,
        encoder,
        video=video,
        audio=audio,
        segments=spans,
        on_turns="ignore",
        progress=progress,
    )
    return store.people.enroll_segments(
        name, video, spans, encoder.identity, consent=consent, force=force
    )


def _hear(
    store: VoiceStore, encoder: Encoder, path: Path, spans: Sequence[Sequence[float] | None]
) -> tuple[list[Exemplar], float]:
    """The exemplars of one file, and its seconds of speech."""
    with open_recording(path) as recording:
        info, listening = recording.info, EmbeddingPass(encoder, recording)
        keys = [_key(span, info.duration_ms, store.grid_ms) for span in spans]
        for key in keys:
            if status := listening.refused(key):
                raise NotEnrollable(path, key, status)
        wanted = {key: spread(windows(key), max(1, MAX_WINDOWS // len(keys))) for key in keys}
        heard = dict(listening.heard(sorted({each for of in wanted.values() for each in of})))
    waveforms = {key: found for key, found in heard.items() if not isinstance(found, str)}
    sample_rate = encoder.identity.sample_rate
    speech = Speech({key: frames(found, sample_rate) for key, found in waveforms.items()})
    for key, of_key in wanted.items():
        if not any(window in speech.shares for window in of_key):
            raise NotEnrollable(path, key, _why_not(heard, of_key))
    exemplars = []
    for row in _embedded(encoder, listening, waveforms, speech):
        if row.embedding is None:
            raise NotEnrollable(path, row.key, row.status)
        share = speech.shares[row.key]
        exemplars.append(Exemplar(row.embedding, info.sha256, row.key, str(path), share))
    return exemplars, speech.milliseconds / 1000


def _why_not(heard: Mapping[SegmentKey, Waveform | str], of_key: Sequence[SegmentKey]) -> str:
    statuses = [found for window in of_key if isinstance(found := heard[window], str)]
    return statuses[0] if len(statuses) == len(of_key) else "nearly without speech"


def _embedded(
    encoder: Encoder,
    listening: EmbeddingPass,
    waveforms: Mapping[SegmentKey, Waveform],
    speech: Speech,
) -> list[SegmentRow]:
    """A row for each window with speech, in as few calls as the encoder asks for."""
    batches: list[list[tuple[SegmentKey, Waveform]]] = [[]]
    samples = 0
    for key in filter(speech.shares.__contains__, waveforms):
        if samples >= encoder.batch_samples:
            batches.append([])
            samples = 0
        batches[-1].append((key, waveforms[key]))
        samples += len(waveforms[key])
    return [row for batch in batches for row in listening.embedded(batch)]


def _key(span: Sequence[float] | None, duration_ms: int, grid_ms: int) -> SegmentKey:
    if span is None:
        return SegmentKey(0, duration_ms - duration_ms % grid_ms)
    return snap_segment(span, grid_ms)
