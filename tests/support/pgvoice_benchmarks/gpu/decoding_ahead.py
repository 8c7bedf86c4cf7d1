"""What it brings that a thread decodes the next batch while a card encodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile

from pgvoice.hooks import Encoder
from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass
from pgvoice.store.keys import SegmentKey, snap_segments
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice_benchmarks.encoding.findings import Findings
from pgvoice_benchmarks.encoding.subject import Subject
from pgvoice_benchmarks.gpu.parity import REORDERED, difference
from pgvoice_benchmarks.material import FILE_RATE, RATE, Span
from pgvoice_benchmarks.tables import Table, seconds
from pgvoice_benchmarks.timing import Progress, Run, Timed, in_turns, timed

#: Batches of the recording, so that there is a next one to decode.
BATCHES = 6


class InBatches:
    """An encoder for batches of another size; a device that is no CPU gets a thread."""

    def __init__(self, encoder: Encoder, batch_samples: int, device: str) -> None:
        self._encoder, self.batch_samples, self.device = encoder, batch_samples, device

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


def write_flac(folder: Path, samples: Waveform) -> Path:
    """`samples` at 44.1 kHz in two channels."""
    path = folder / "speech.flac"
    resampled = librosa.resample(samples, orig_sr=RATE, target_sr=FILE_RATE, res_type="soxr_hq")
    soundfile.write(path, np.stack([resampled, 0.9 * resampled], axis=1), FILE_RATE)
    return path


def measure_ahead(subject: Subject, audio: Path, spans: Sequence[Span], findings: Findings) -> None:
    """The embedding pass of a fill with and without a thread; nothing is stored."""
    keys = snap_segments(spans).distinct
    table = Table(
        f"{subject.name}: embedding pass over {len(keys)} segments of a FLAC file",
        ("decoding", "seconds", "of them decoding", "of them encoding", "batches"),
    )
    passes = in_turns(
        f"{subject.name}, embedding pass",
        {
            "in turn with encoding": _pass(subject, audio, keys, "cpu"),
            "ahead, in a thread": _pass(subject, audio, keys, "cuda"),
        },
    )
    for name, (taken, (_, embedding)) in passes.items():
        parts = (taken, embedding.decode_seconds, embedding.encode_seconds)
        table.add(name, *map(seconds, parts), str(embedding.batches))
    findings.tables.append(table)
    worst = difference(*(_vectors(rows) for _, (rows, _) in passes.values()))
    findings.judge(f"{subject.name}, decoded ahead: largest difference", worst, REORDERED)


Embedded = tuple[list[SegmentRow], EmbeddingPass]


def _pass(subject: Subject, audio: Path, keys: Sequence[SegmentKey], device: str) -> Run[Embedded]:
    """A pass with an encoder that says it is on this device."""
    size = sum(waveform.size for waveform in subject.waveforms) // BATCHES

    def run(_progress: Progress) -> Timed[Embedded]:
        encoder: Any = InBatches(subject.encoder, size, device)
        with open_recording(audio) as recording:
            embedding = EmbeddingPass(encoder, recording)
            rows = timed(lambda: [row for batch in embedding.rows(keys) for row in batch])
        return Timed(rows.seconds, (rows.result, embedding))

    return run


def _vectors(rows: Sequence[SegmentRow]) -> Embeddings:
    return np.stack([row.embedding for row in rows if row.embedding is not None])
