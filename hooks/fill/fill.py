"""``fill``: compute the vectors that the store is missing for a video, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pgvoice.hooks.audio.stream import OnAudio
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import InvalidSegments
from pgvoice.hooks.fill.filling import Filling, Handed, Progress
from pgvoice.hooks.fill.from_audio import fill_from_audio
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.hooks.turns import as_turns, snap_turns
from pgvoice.store.keys import SnappedSegments
from pgvoice.store.recordings.turns import OnTurns
from pgvoice.store.recordings.videos import OnAudioChange
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore


def fill(
    store: VoiceStore,
    encoder: Encoder,
    *,
    video: str,
    audio: str | Path | None = None,
    segments: Iterable[Any] | None = None,
    segmenter: Segmenter | None = None,
    on_audio_change: OnAudioChange = "raise",
    on_turns: OnTurns = "replace",
    source: str | None = None,
    progress: Progress | None = None,
    on_segmenting: OnAudio | None = None,
) -> FillReport:
    """Compute and store the vectors that `video` is missing for `segments`, and keep them as turns.

    Segments can have any shape that `as_turns` accepts, with times in seconds. Those that segments
    with other labels overlap also get a vector for each of their clean parts. If no vector is
    missing, the audio is not opened and no model is loaded. Otherwise the file is `audio`, or
    without it the one that an audio source finds. Repeated segments count once. Speech that was
    erased is not computed, and reported as ``erased``. Each batch is committed, so an interrupted
    fill continues where it stopped; another fill of the same video waits. If the database goes
    away, the fill waits for it, up to half a minute, and goes on. At the end the plugins'
    ``after_fill`` is called. Before it stores vectors of an encoder that does not answer by
    default, it warns (`NotTheDefaultEncoder`), once per process and store.

    The segments replace the turns that the video has, or with `on_turns` are added to them, or
    leave them as they are (``ignore``). `source` is the file that they come from.

    Without `segments`, the stored turns are filled if they were given, or if this `segmenter` found
    them (by default that of `make_segmenter`). Otherwise it finds them, and they are filled while
    the audio is being decoded; `on_segmenting` is called with the milliseconds that are done and
    those of the whole. Turns that another segmenter found are replaced at the end.

    Raises `AudioError`, `SegmenterUnavailable` and `EncoderUnavailable` before anything is stored
    if the file, the segmenter or the encoder cannot be used, and `TimesBeyondAudio` if nearly all
    segments lie beyond the end of the file, as milliseconds do; `AudioChanged` if the file is not
    the one that was filled before; `SegmenterFailed` for what is no turn; `DatabaseError` in one of
    its kinds if the database does not come back: stored batches stay, and the next call does the
    rest; and, after the other segments are stored, `InvalidSegments` (a `ValueError` with the
    report) for segments that are not spans of time.
    """
    if segments is None:
        _check_unasked(on_turns)
        report = fill_from_audio(
            *(store, encoder, video, audio, segmenter),
            *(on_audio_change, progress, on_segmenting),
        )
        calls.after_fill(report)
        return report
    given = as_turns(segments)
    snapped = snap_turns(given, store.grid_ms)
    report = fill_turns(
        store, encoder, video, audio, given, snapped, on_audio_change, on_turns, source, progress
    )
    if snapped.invalid:
        raise InvalidSegments(snapped.invalid, report)
    return report


def _check_unasked(on_turns: OnTurns) -> None:
    if on_turns != "replace":
        raise ValueError(
            f"on_turns={on_turns!r} says what becomes of the stored turns when others are given:"
            " give segments, or leave it out"
        )


def fill_turns(
    store: VoiceStore,
    encoder: Encoder,
    video: str,
    audio: str | Path | None,
    turns: Sequence[Turn],
    snapped: SnappedSegments,
    on_audio_change: OnAudioChange = "raise",
    on_turns: OnTurns = "replace",
    source: str | None = None,
    progress: Progress | None = None,
) -> FillReport:
    """What `fill` does for turns and their keys; invalid ones are left out."""
    valid = [(turn, key) for turn, key in zip(turns, snapped.keys, strict=True) if key]
    handed = Handed([turn for turn, _ in valid], [key for _, key in valid], on_turns, source)
    report = Filling(store, encoder, video, audio, handed, on_audio_change, progress).run()
    calls.after_fill(report)
    return report
