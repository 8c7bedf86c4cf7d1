"""``export_vectors``: the stored vectors of recordings, in a file that any program reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pgvoice.hooks.errors import ExtraMissing, FormatError, needs_extra
from pgvoice.hooks.new_files import OWNER, new_file
from pgvoice.hooks.vectors.parquet_vectors import EXTRA
from pgvoice.store.encoders.exporting import RecordingVectors
from pgvoice.store.recordings.encoders import IMPORTED_PER_LABEL, WhichEncoder
from pgvoice.store.voice_store import VoiceStore

Recordings = Iterator[RecordingVectors]


@dataclass(frozen=True, slots=True)
class VectorsExported:
    """What an export wrote."""

    path: str
    #: As it is shown; None if there are no vectors.
    encoder: str | None
    recordings: int
    vectors: int


def export_vectors(
    store: VoiceStore,
    path: Path,
    videos: Sequence[str] | None = None,
    *,
    encoder: WhichEncoder = None,
    file_format: str | None = None,
) -> VectorsExported:
    """Write the vectors of these recordings, or of all, to a new file that only its owner can read.

    The format is that of the suffix, or `file_format`: ``parquet``, ``npz`` or ``jsonl``. The file
    has its name when it is complete, and the audit trail records every export. Imported again, it
    gives the same vectors, bit for bit. Raises `FileExistsError`, `FormatError`, `ExtraMissing`,
    `UnknownVideo`, `UnknownEncoder`, and the database's error for anyone but an admin.
    """
    write = _writer(path, file_format)
    counted = _Counted()
    with new_file(path, mode=OWNER) as file:
        place = str(path.absolute())
        found = store.encoders.export_vectors(videos, encoder=encoder, destination=place)
        write(file, counted.count(found))
    return VectorsExported(str(path), counted.encoder, counted.recordings, counted.vectors)


class _Counted:
    def __init__(self) -> None:
        self.encoder: str | None = None
        self.recordings = self.vectors = 0

    def count(self, found: Recordings) -> Recordings:
        for each in found:
            exported = _importable(each)
            self.encoder = str(exported.encoder)
            self.recordings += 1
            self.vectors += len(exported.keys)
            yield exported


def _importable(found: RecordingVectors) -> RecordingVectors:
    """Without clean parts, if each label has one vector: an import gives them their label's."""
    if found.encoder.preprocessing != IMPORTED_PER_LABEL:
        return found
    places = [place for place, label in enumerate(found.labels) if label is not None]
    return RecordingVectors(
        found.video,
        found.encoder,
        tuple(found.keys[place] for place in places),
        tuple(found.labels[place] for place in places),
        found.embeddings[places],
    )


def _writer(path: Path, file_format: str | None) -> Callable[[BinaryIO, Recordings], None]:
    name = file_format or path.suffix.lower().removeprefix(".")
    if name not in WRITERS:
        raise FormatError(
            f"{path} does not end in {', '.join(f'.{each}' for each in WRITERS)}: name one of these"
            " formats (--format)"
        )
    if name == "parquet":
        with needs_extra(EXTRA, ExtraMissing):
            import pyarrow as pa  # noqa: F401
    return WRITERS[name]


def _write_parquet(file: BinaryIO, found: Recordings) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("video", pa.string()),
            ("start", pa.float64()),
            ("end", pa.float64()),
            ("speaker", pa.string()),
            ("encoder", pa.string()),
            ("embedding", pa.list_(pa.float32())),
        ]
    )
    with pq.ParquetWriter(file, schema) as writer:
        for each in found:
            count, dimension = each.embeddings.shape
            offsets = pa.array(range(0, (count + 1) * dimension, dimension), pa.int32())
            columns = [
                pa.array([each.video] * count, pa.string()),
                pa.array([key.start_s for key in each.keys], pa.float64()),
                pa.array([key.end_s for key in each.keys], pa.float64()),
                pa.array(each.labels, pa.string()),
                pa.array([str(each.encoder)] * count, pa.string()),
                pa.ListArray.from_arrays(offsets, pa.array(each.embeddings.ravel())),
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _write_npz(file: BinaryIO, found: Recordings) -> None:
    """As numpy writes no array piece by piece, all vectors are in memory at once."""
    import numpy as np

    every = [*found]
    keys = [key for each in every for key in each.keys]
    dimension = every[0].embeddings.shape[1] if every else 1
    np.savez(
        file,
        video=np.array([each.video for each in every for _ in each.keys], np.str_),
        start=np.array([key.start_s for key in keys], np.float64),
        end=np.array([key.end_s for key in keys], np.float64),
        speaker=np.array([label or "" for each in every for label in each.labels], np.str_),
        encoder=np.array(str(every[0].encoder) if every else ""),
        embeddings=np.concatenate(
            [np.empty((0, dimension), np.float32), *(each.embeddings for each in every)]
        ),
    )


def _write_jsonl(file: BinaryIO, found: Recordings) -> None:
    for each in found:
        for key, label, embedding in zip(each.keys, each.labels, each.embeddings, strict=True):
            row = {
                "video": each.video,
                "start": key.start_s,
                "end": key.end_s,
                "speaker": label,
                "encoder": str(each.encoder),
                # The shortest text that reads back as the same float32.
                "embedding": [float(str(number)) for number in embedding],
            }
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")


#: By suffix.
WRITERS: dict[str, Callable[[BinaryIO, Recordings], None]] = {
    "parquet": _write_parquet,
    "npz": _write_npz,
    "jsonl": _write_jsonl,
}
