"""An audio file opened for one question: what it is, or the waveforms of some spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pgvoice.hooks.audio.recording import AudioInfo, open_recording
from pgvoice.hooks.encoders.encoder import Waveform


def probe(path: Path) -> AudioInfo:
    with open_recording(path) as recording:
        return recording.info


def cut(
    path: Path, spans: Sequence[tuple[int, int]], sample_rate: int
) -> Iterator[tuple[int, Waveform]]:
    with open_recording(path) as recording:
        yield from recording.cut(spans, sample_rate)
