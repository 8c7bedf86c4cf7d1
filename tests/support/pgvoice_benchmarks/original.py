"""What pgvoice replaces: each segment is loaded, written, loaded again and encoded alone."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from audioread import NoBackendError  # type: ignore[import-untyped]

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice_benchmarks.encoding.models import SAMPLE_RATE, PlainModel
from pgvoice_benchmarks.material import Span
from pgvoice_benchmarks.timing import Progress


def embed(model: PlainModel, path: Path, spans: Sequence[Span], progress: Progress) -> Embeddings:
    """A row per span."""
    rows = []
    for done, span in enumerate(spans):
        progress(done, len(spans))
        rows.append(_embed_one(model, path, span))
    return np.concatenate(rows)


def _embed_one(model: PlainModel, path: Path, span: Span) -> Embeddings:
    segment = _load(path, span)
    with tempfile.NamedTemporaryFile(suffix=".wav", delete=False) as file:
        temporary = Path(file.name)
    try:
        soundfile.write(temporary, segment, SAMPLE_RATE)
        samples, _ = soundfile.read(temporary, dtype="float32")
        return model.encode(torch.from_numpy(samples)[None])
    finally:
        temporary.unlink()


def _load(path: Path, span: Span) -> Waveform:
    start, end = span
    samples: Waveform
    samples, _ = librosa.load(path, sr=SAMPLE_RATE, mono=True, offset=start, duration=end - start)
    return samples


def readable(path: Path) -> bool:
    """Whether librosa can read the file; some formats need the program ffmpeg."""
    for message in ("PySoundFile failed", "librosa.core.audio.__audioread_load"):
        warnings.filterwarnings("ignore", message)
    try:
        _load(path, (0.0, 0.1))
    except NoBackendError:
        return False
    return True
