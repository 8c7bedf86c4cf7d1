"""Files of vectors: every kind is read alike, and what is wrong is named with its place."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.vectors.opening import files_in, open_vectors
from pgvoice.hooks.vectors.vectors_file import VectorsFile

SEGMENTS: list[dict[str, Any]] = [
    {"start": 0.0, "end": 2.0, "speaker": "SPEAKER_00"},
    {"start": 2.0, "end": 5.0, "speaker": "SPEAKER_01"},
    {"start": 5.0, "end": 6.0, "speaker": "SPEAKER_00"},
]
VECTORS = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.25, 0]], np.float32)
ROWS = [
    each | {"embedding": vector.tolist()} for each, vector in zip(SEGMENTS, VECTORS, strict=True)
]
OF_LABELS = VECTORS[:2]
SHARED = [VECTORS[0], VECTORS[1], VECTORS[0]]
RTTM = "".join(
    f"SPEAKER talk 1 {each['start']} {each['end'] - each['start']} <NA> <NA>"
    f" {each['speaker']} <NA> <NA>\n"
    for each in SEGMENTS
)


def _json(document: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "talk.json"
        path.write_text(json.dumps(document))
        return path

    return write


def _lines(*documents: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "talk.jsonl"
        path.write_text("".join(f"{json.dumps(each)}\n\n" for each in documents))
        return path

    return write


def _npz(**arrays: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "talk.npz"
        np.savez(path, **arrays)
        return path

    return write


def _npy(array: Any, beside: str = "talk.rttm", text: str = RTTM) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / beside).write_text(text)
        np.save(folder / "talk.npy", array)
        return folder / "talk.npy"

    return write


def _parquet(kind: Any = None, **columns: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "talk.parquet"
        table = {
            **columns,
            "embedding": pa.array(columns["embedding"], kind or pa.list_(pa.float32())),
        }
        pq.write_table(pa.table(table), path)
        return path

    return write


TIMES = {name: [each[name] for each in SEGMENTS] for name in ("start", "end", "speaker")}
SPANS = np.array([[each["start"], each["end"]] for each in SEGMENTS])
EACH = {
    "a list": _json(ROWS),
    "segments": _json({"segments": ROWS, "language": "en"}),
    "a recording": _json({"video": "talk", "segments": ROWS}),
    "recordings": _json([{"video": "talk", "segments": ROWS}]),
    "by recording": _json({"talk": ROWS}),
    "by recording, as objects": _json({"talk": {"segments": ROWS}}),
    "vector and label": _json(
        [{"start": r["start"], "end": r["end"], "label": r["speaker"], "vector": r["embedding"]}
         for r in ROWS]
    ),
    "lines of segments": _lines(*[row | {"video": "talk"} for row in ROWS]),
    "lines of recordings": _lines({"video": "talk", "segments": ROWS}),
    "npz": _npz(embeddings=VECTORS, **TIMES),
    "npz with spans": _npz(vectors=VECTORS.astype(np.float16), spans=SPANS, video=np.array("talk"),
                           speaker=TIMES["speaker"]),
    "npy": _npy(VECTORS),
    "npy beside JSON": _npy(VECTORS.astype(np.float64), "talk.json", json.dumps(SEGMENTS)),
    "parquet": _parquet(embedding=VECTORS.tolist(), **TIMES),
    "parquet of fixed lists": _parquet(pa.list_(pa.float64(), 3), embedding=VECTORS.tolist(),
                                       video=["talk"] * 3, **TIMES),
}  # fmt: skip
OF_EACH_LABEL = {
    "WhisperX": _json(
        {"segments": SEGMENTS, "word_segments": [], "language": "en",
         "speaker_embeddings": {"SPEAKER_00": OF_LABELS[0].tolist(),
                                "SPEAKER_01": OF_LABELS[1].tolist()}}
    ),
    "pyannote": _json({"diarization": SEGMENTS, "exclusive_diarization": SEGMENTS,
                       "speaker_embeddings": OF_LABELS.tolist()}),
    "npy of labels": _npy(OF_LABELS),
    "npz of labels": _npz(speaker_embeddings=OF_LABELS, **TIMES),
}  # fmt: skip


def _read(file: VectorsFile) -> list[tuple[object, ...]]:
    rows = [found.vector for found in file.read()]
    return [(row.start, row.end, row.label, list(row.embedding)) for row in rows]


@pytest.mark.parametrize("write", EACH.values(), ids=EACH)
def test_a_vector_per_segment(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    file = open_vectors(write(tmp_path))
    assert (file.per_label, file.total) in ((False, 3), (False, None))
    expected = [
        (*each.values(), list(vector)) for each, vector in zip(SEGMENTS, VECTORS, strict=True)
    ]
    assert _read(file) == _read(file) == expected
    assert {found.video for found in file.read()} <= {None, "talk"}
    assert all(found.vector.place for found in file.read())


@pytest.mark.parametrize("write", OF_EACH_LABEL.values(), ids=OF_EACH_LABEL)
def test_a_vector_per_label(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    file = open_vectors(write(tmp_path))
    assert file.per_label
    assert [row[3] for row in _read(file)] == [list(vector) for vector in SHARED]


def test_what_has_no_vector(tmp_path: Path) -> None:
    unassigned = {"start": 6, "end": 7, "text": "hm"}
    whisperx = {"segments": [*SEGMENTS, unassigned], "speaker_embeddings": {"SPEAKER_00": [1, 0]}}
    found = [row.vector.embedding for row in open_vectors(_json(whisperx)(tmp_path)).read()]
    assert found == [[1, 0], None, [1, 0], None]
    path = _parquet(start=[0.0, 1.0], end=[1.0, 2.0], embedding=[None, [1.0, None]])(tmp_path)
    first, second = (row.vector.embedding for row in open_vectors(path).read())
    assert first is None
    assert np.isnan(second[1])


def test_an_export_of_vectors_per_label_says_so(tmp_path: Path) -> None:
    encoder = "x@1/imported-per-label"
    for write in (
        _lines(ROWS[0] | {"encoder": encoder}),
        _npz(embeddings=VECTORS, encoder=np.array(encoder), **TIMES),
        _parquet(embedding=VECTORS.tolist(), encoder=[encoder] * 3, **TIMES),
    ):
        assert open_vectors(write(tmp_path)).per_label


def test_nan_in_json_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text('[{"start": 0, "end": 1, "embedding": [NaN, 1]}]')
    assert np.isnan(next(iter(open_vectors(path).read())).vector.embedding[0])


def _text(text: str | bytes, name: str = "talk.json") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def _lying_header(folder: Path) -> Path:
    """An array of a hundred terabytes, by its header."""
    path = _npy(VECTORS)(folder)
    header = path.read_bytes()
    path.write_bytes(header.replace(b"(3, 3), }" + b" " * 22, b"(3, 3000000000000), }" + b" " * 10))
    return path


def _lying_archive(folder: Path) -> Path:
    path = folder / "talk.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(_lying_header(folder), "embeddings.npy")
    return path


WRONG = {
    "nothing": (_text(""), "is empty"),
    "no JSON": (_text("{"), "is not JSON"),
    "deep": (_text("[" * 100_000), "is not JSON"),
    "a number": (_text("7"), "found 7, expected a list"),
    "a string": (_text('["x"]'), "segment 1: found 'x'"),
    "no segments": (_text('{"text": "x"}'), "found 'text', expected segments"),
    "segments that are none": (_text('{"segments": 7}'), "segments: found 7, expected a list"),
    "no end": (_text('[{"start": 1, "embedding": [1]}]'), "segment 1: found None, expected end"),
    "a time as text": (_text('[{"start": "1", "end": 2}]'), "segment 1: found '1', expected start"),
    "a bool as a time": (_text('[{"start": true, "end": 2}]'), "segment 1: found True"),
    "a key that is none": (_text('[{"start": 1, "end": 2, "video": 7}]'), "segment 1: found 7"),
    "labels that are none": (
        _json({"segments": SEGMENTS, "speaker_embeddings": 7}), "speaker_embeddings: found 7"),
    "too few of labels": (
        _json({"segments": SEGMENTS, "speaker_embeddings": [[1, 2]]}),
        "1 vectors, and the segments have 2 labels"),
    "a line": (_text('{"start": 0, "end": 1}\n{', "t.jsonl"), "line 2 is not JSON"),
    "a line in Latin 1": (_text(b'{"video": "\xe9"}', "t.jsonl"), "line 1 is not UTF-8"),
    "no times": (_npz(embeddings=VECTORS), "no array 'start'; there is: embeddings"),
    "no vectors": (_npz(**TIMES), "no array 'embeddings'; there is: end, speaker, start"),
    "a flat array": (_npz(embeddings=VECTORS[0], **TIMES), r"shape \(3,\)"),
    "other times": (_npz(embeddings=VECTORS, start=[0], end=[1]), "3 vectors, and 1 segments"),
    "fewer ends": (_npz(embeddings=VECTORS, start=[0, 1, 2], end=[1]), "3 starts and 1 ends"),
    "texts as times": (_npz(embeddings=VECTORS, start=["0"] * 3, end=["1"] * 3), "times are of"),
    "spans": (_npz(embeddings=VECTORS, spans=[1, 2, 3]), "spans have the shape"),
    "other labels": (
        _npz(embeddings=VECTORS, **(TIMES | {"speaker": ["a"]})), "speaker has the shape"),
    "objects": (_npz(embeddings=np.array([object()]), **TIMES), "no archive of arrays of numbers"),
    "objects alone": (_npy(np.array([object()])), "is no array of numbers"),
    "texts": (_npy(np.array([["a"]])), "expected \\(segments, dimension\\) of numbers"),
    "an archive of nothing": (_text(b"PK\x03\x04xx", "t.npz"), "no archive of arrays"),
    "a huge array": (_lying_header, "is no array of numbers"),
    "a huge array in an archive": (_lying_archive, "no archive of arrays"),
    "other segments": (_npy(np.ones((5, 3))), "5 vectors, and the segments beside it are 3 with 2"),
    "no Parquet": (_text(b"PAR1 no", "t.parquet"), "is not Parquet"),
    "other columns": (_parquet(embedding=[[1.0]]), "no column 'start'; its columns are: embedding"),
    "no list": (_parquet(pa.float32(), start=[0.0], end=[1.0], embedding=[1.0]), "expected a list"),
    "texts in Parquet": (_parquet(start=["x"], end=["y"], embedding=[[1.0]]), "after row 0"),
}  # fmt: skip


@pytest.mark.parametrize(("write", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong(tmp_path: Path, write: Callable[[Path], Path], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        list(open_vectors(write(tmp_path)).read())


def test_an_array_needs_times(tmp_path: Path) -> None:
    np.save(tmp_path / "talk.npy", VECTORS)
    with pytest.raises(
        FormatError, match=r"no times: put .* talk.rttm, or name one \(--segments\)"
    ):
        open_vectors(tmp_path / "talk.npy")
    (tmp_path / "other.rttm").write_text(RTTM)
    assert open_vectors(tmp_path / "talk.npy", tmp_path / "other.rttm").total == 3
    with pytest.raises(FormatError, match="has times of its own"):
        open_vectors(_json(ROWS)(tmp_path), tmp_path / "other.rttm")


def test_an_array_whose_order_could_be_that_of_segments_or_of_labels(tmp_path: Path) -> None:
    turned = "".join(RTTM.splitlines(keepends=True)[:2][::-1])
    with pytest.raises(FormatError, match="as many vectors as there are segments and labels"):
        open_vectors(_npy(OF_LABELS, text=turned)(tmp_path))


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="has no file of vectors"):
        list(files_in(tmp_path))
    _npy(VECTORS, "talk.json", json.dumps(SEGMENTS))(tmp_path)
    (tmp_path / "news.json").write_text(json.dumps(ROWS))
    (tmp_path / "notes.txt").write_text("x")
    assert [path.name for path in files_in(tmp_path)] == ["news.json", "talk.npy"]
