"""LibriSpeech's speakers: some recordings to enroll, and the others cut into pieces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from pgvoice.hooks import Encoder
from pgvoice.store import Exemplar, SegmentKey, SegmentRow, Turn, VideoAudio, VoiceStore
from pgvoice_testkit.audio.podcast import EXEMPLARS
from pgvoice_testkit.audio.shared_recordings import SPEECH

#: Lengths of the pieces in seconds.
LENGTHS = (1.5, 3.0, 6.0)
#: Seconds from one piece to the next.
HOP = 1.2
RATE = 16_000
#: Pieces that are encoded at once.
BATCH = 64


def people() -> list[str]:
    """The ten speakers with several recordings."""
    return sorted(f.name for f in (SPEECH / "librispeech-test-other").iterdir() if f.is_dir())


def exemplars(encoder: Encoder, names: Collection[str]) -> dict[str, list[Exemplar]]:
    """An exemplar from each of these people's first recordings."""
    made: dict[str, list[Exemplar]] = {}
    for name in names:
        files = _recordings(name)[:EXEMPLARS]
        vectors = encoder.encode([_read(file) for file in files])
        made[name] = [
            Exemplar(vector, _sha256(file), SegmentKey(0, 60_000), file.name)
            for vector, file in zip(vectors, files, strict=True)
        ]
    return made


def fill_pieces(
    store: VoiceStore, encoder: Encoder, names: Collection[str]
) -> dict[str, list[Turn]]:
    """Fill pieces of these people's other recordings and of strangers; returns who speaks."""
    pieces = [
        (file.stem, person, SegmentKey(round(start * 1000), round(end * 1000)), file)
        for person, files in _probes(names).items()
        for file in files
        for start, end in _pieces(soundfile.info(file).duration)
    ]
    pieces.sort(key=lambda piece: piece[2].duration_ms)
    labels: dict[str, list[Turn]] = defaultdict(list)
    for at in range(0, len(pieces), BATCH):
        batch = pieces[at : at + BATCH]
        vectors = encoder.encode([_cut(_read(file), key) for _, _, key, file in batch])
        for (video, person, key, file), vector in zip(batch, vectors, strict=True):
            audio = VideoAudio(_sha256(file), 60_000, file.name)
            ids = store.recordings.register(
                video, audio, encoder.identity, encoder.default_threshold
            )
            store.recordings.write(ids, encoder.identity, [SegmentRow(key, "ok", vector)])
            labels[video].append(Turn(key.start_s, key.end_s, person))
    return labels


def _recordings(name: str) -> list[Path]:
    return sorted((SPEECH / "librispeech-test-other" / name).glob("*.flac"))


def _probes(names: Collection[str]) -> dict[str, list[Path]]:
    probes: dict[str, list[Path]] = defaultdict(list)
    for name in names:
        probes[name] += _recordings(name)[EXEMPLARS:]
    for file in sorted((SPEECH / "librispeech-strangers").glob("*.flac")):
        probes[file.stem.split("-")[0]].append(file)
    return probes


def _pieces(seconds: float) -> list[tuple[float, float]]:
    starts = np.arange(0, seconds, HOP).tolist()
    return [(at, at + long) for long in LENGTHS for at in starts if at + long <= seconds]


def _cut(samples: NDArray[np.float32], key: SegmentKey) -> NDArray[np.float32]:
    return samples[key.start_ms * RATE // 1000 : key.end_ms * RATE // 1000]


def _sha256(file: Path) -> str:
    """A hash that tells recordings apart, by their names."""
    return sha256(file.stem.encode()).hexdigest()


def _read(file: Path) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = soundfile.read(file, dtype="float32")[0]
    return samples
