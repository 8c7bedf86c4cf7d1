"""Files of vectors become rows of a store, and leave it as they are."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, put, unit
from sqlalchemy import text

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.vectors import importing
from pgvoice.hooks.vectors.exporting import export_vectors
from pgvoice.hooks.vectors.importing import import_vectors
from pgvoice.store import ImportedEncoder, Turn, UnknownVideo, VectorsRefused, VoiceStore

ENGINE = ImportedEncoder("engine", "2")


def _vectors(count: int, dimension: int = 4) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(count, dimension)).astype(np.float32)


def _write(path: Path, rows: list[tuple[str, float, float, str]], vectors: np.ndarray) -> Path:
    videos, starts, ends, labels = zip(*rows, strict=True)
    pq.write_table(
        pa.table(
            {
                "video": videos,
                "start": starts,
                "end": ends,
                "speaker": labels,
                "embedding": pa.array(vectors.tolist(), pa.list_(pa.float32())),
            }
        ),
        path,
    )
    return path


def _everything(store: VoiceStore, name: str) -> list[tuple[object, ...]]:
    with store.database.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT v.key, s.start_ms, s.end_ms, s.status, s.embedding::text"
                 " FROM pgvoice.segment_embedding s JOIN pgvoice.video v ON v.id = s.video_id"
                 " JOIN pgvoice.encoder e ON e.id = s.encoder_id"
                 " WHERE e.name = :name ORDER BY 1, 2, 3"),
            {"name": name})  # fmt: skip
        return [tuple(row) for row in rows]


def test_recordings_that_take_turns_in_a_file(
    store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(f"v{n % 3}", n // 3 * 2.0, n // 3 * 2.0 + 1.5, f"S{n // 3 % 2}") for n in range(60)]
    path = _write(tmp_path / "x.parquet", rows, _vectors(60))
    whole = import_vectors(store, [path], ENGINE)
    assert [(one.video, one.added, one.turns) for one in whole] == [
        ("v0", 20, 20), ("v1", 20, 20), ("v2", 20, 20)
    ]  # fmt: skip
    monkeypatch.setattr(importing, "WINDOW", 7)
    seen: list[tuple[int, int]] = []
    pieces = import_vectors(store, [path], ImportedEncoder("pieces"),
                            progress=lambda *done: seen.append(done))  # fmt: skip
    assert sorted((one.video, one.added, one.turns) for one in pieces) == [
        ("v0", 20, 0), ("v1", 20, 0), ("v2", 20, 0)
    ]  # fmt: skip
    assert seen[-1] == (60, 60)
    assert len(seen) > 3
    assert _everything(store, "pieces") == _everything(store, "engine")
    again = import_vectors(store, [path], ImportedEncoder("pieces"), replace=True)
    assert [(one.replaced, one.added) for one in again] == [(20, 20)] * 3


def test_parts_of_a_recording_store_all_its_turns(
    store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "WINDOW", 2)
    rows = [(f"v{n % 2}", n * 1.0, n + 1.0, "S") for n in range(10)]
    import_vectors(store, [_write(tmp_path / "x.parquet", rows, _vectors(10))], ENGINE)
    assert [len(store.recordings.turns(video) or []) for video in ("v0", "v1")] == [5, 5]


def test_where_they_come_from(store: VoiceStore, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text('[{"start": 0, "end": 2, "embedding": [1, 2]}]')
    (done,) = import_vectors(store, [tmp_path], ENGINE)
    assert (done.video, done.added) == ("talk", 1)
    source = store.recordings.coverage("talk")[0].source or ""
    assert source.startswith(f"{path} sha256:")
    assert len(source.rpartition(":")[2]) == 64


def test_a_recording_by_name(store: VoiceStore, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('[{"start": 0, "end": 2, "embedding": [1, 2]}]')
    assert import_vectors(store, [path], ENGINE, video="talk")[0].video == "talk"
    with pytest.raises(FormatError, match="2 files: --video and --segments are for one file"):
        import_vectors(store, [path, path], ENGINE, video="talk")
    path.write_text('{"a": [{"start": 0, "end": 2, "embedding": [1, 2]}],'
                    ' "b": [{"start": 0, "end": 2, "embedding": [1, 2]}]}')  # fmt: skip
    with pytest.raises(FormatError, match="several recordings: leave --video out"):
        import_vectors(store, [path], ENGINE, video="talk")


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ({"embedding": [1, 2, 3]}, r"x.json: .*has 2 numbers, and .* has 3"),
        ({"start": -1}, "x.json: 'b' segment 1: it starts before the audio"),
        ({"end": 1e300}, "x.json: 'b' segment 1: .* is not a time"),
        ({"video": "a\0b"}, "x.json: 'b' segment 1: a video's key must not contain a NUL"),
        ({"video": "x" * 501}, "x.json: 'b' segment 1: .* longer than 500"),
        ({"video": " "}, "must not be empty"),
        ({"embedding": ["x", 2]}, "'b' segment 1 .*not a list of numbers"),
    ],
)
def test_nothing_of_a_file_is_stored_if_anything_is_wrong(
    store: VoiceStore, tmp_path: Path, last: dict[str, object], message: str
) -> None:
    good = {"start": 0, "end": 2, "embedding": [1, 2]}
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"a": [good], "b": [good | last]}))
    with pytest.raises((FormatError, VectorsRefused), match=message):
        import_vectors(store, [path], ENGINE)
    assert store.recordings.videos() == []
    assert store.encoders.list() == []


def test_a_file_without_vectors(store: VoiceStore, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('[{"start": 0, "end": 2}]')
    with pytest.raises(FormatError, match=r"x.json: it has no vectors"):
        import_vectors(store, [path], ENGINE)


def test_vectors_of_labels_are_not_mixed_with_others(store: VoiceStore, tmp_path: Path) -> None:
    segments = [{"start": 0, "end": 2, "speaker": "A"}, {"start": 3, "end": 5, "speaker": "A"}]
    (tmp_path / "a.json").write_text(
        json.dumps({"segments": segments, "speaker_embeddings": {"A": [1, 2]}})
    )
    (tmp_path / "b.json").write_text(json.dumps([segments[0] | {"embedding": [1, 2]}]))
    with pytest.raises(FormatError, match=r"a.json has a vector per label, and .*b.json one per"):
        import_vectors(store, [tmp_path], ENGINE)
    (done,) = import_vectors(store, [tmp_path / "a.json"], ENGINE)
    assert (str(done.encoder), done.added) == ("engine@2/imported-per-label", 2)
    copies = [each | {"embedding": [1, 2]} for each in segments]
    (tmp_path / "b.json").write_text(json.dumps(copies))
    with pytest.raises(VectorsRefused, match=r"segment 1 .* and segment 2 .*have the same vector"):
        import_vectors(store, [tmp_path / "b.json"], ENGINE)
    per_label = ImportedEncoder("engine", "2", per_label=True)
    assert import_vectors(store, [tmp_path / "b.json"], per_label)[0].added == 2


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    put(store, "v", {(0, 2): X, (2, 5): unit(0.3, 0.1, 0.7), (5, 6): "silent"})
    put(store, "w", {(0, 1): Y, (1, 3): unit(1, 1e-3, 5)})
    put(store, "v", {(0, 2): Y}, OTHER_ENCODER)
    store.recordings.store_turns("v", [Turn(0, 2, "A"), Turn(2, 5, "Zoë\0")])
    return store


@pytest.fixture(params=["parquet", "npz", "jsonl"])
def exported(library: VoiceStore, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"x.{request.param}"
    done = export_vectors(library, path, encoder=ENCODER)
    assert (done.encoder, done.recordings, done.vectors) == (str(ENCODER), 2, 4)
    return path


def test_an_export_comes_back_bit_for_bit(library: VoiceStore, exported: Path) -> None:
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    done = import_vectors(library, [exported], ENGINE)
    assert [(one.video, one.added, one.besides_turns) for one in done] == [("v", 2, 0), ("w", 2, 0)]
    mine = [
        row for row in _everything(library, "toy") if row[3] == "ok" and row[:3] != ("v", 0, 2000)
    ]
    theirs = [row for row in _everything(library, "engine") if row[:3] != ("v", 0, 2000)]
    assert theirs == mine
    (event, *_) = library.privacy.audit()
    assert (event.action, event.details["to"]) == ("export vectors", str(exported))


def test_an_export_is_never_partial(library: VoiceStore, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(UnknownVideo):
        export_vectors(library, path, ["nobody"], encoder=ENCODER)
    with pytest.raises(FormatError, match=r"does not end in .parquet, .npz, .jsonl"):
        export_vectors(library, tmp_path / "x.csv", encoder=ENCODER)
    assert list(tmp_path.iterdir()) == []
    export_vectors(library, path, ["w"], encoder=ENCODER)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        export_vectors(library, path, encoder=ENCODER)
    assert path.read_bytes() == before
    assert len([each for each in library.privacy.audit() if each.action == "export vectors"]) == 1


@pytest.mark.parametrize("suffix", ["parquet", "npz", "jsonl"])
def test_an_export_of_nothing(library: VoiceStore, tmp_path: Path, suffix: str) -> None:
    put(library, "silence", {(0, 1): "silent"})
    done = export_vectors(library, tmp_path / f"x.{suffix}", ["silence"], encoder=ENCODER)
    assert (done.recordings, done.vectors) == (0, 0)
    with pytest.raises(FormatError, match="no vectors"):
        import_vectors(library, [tmp_path / f"x.{suffix}"], ENGINE)


@pytest.mark.parametrize("suffix", ["parquet", "npz", "jsonl"])
def test_vectors_of_labels_stay_those_of_labels(
    store: VoiceStore, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / "talk.json"
    turns = [(0, 4, "A"), (3, 8, "B"), (9, 12, "A")]
    segments = [{"start": start, "end": end, "speaker": label} for start, end, label in turns]
    path.write_text(json.dumps({"segments": segments,
                                "speaker_embeddings": {"A": [1, 2], "B": [2, 1]}}))  # fmt: skip
    (first,) = import_vectors(store, [path], ENGINE)
    assert first.added == 5
    out = tmp_path / f"x.{suffix}"
    assert export_vectors(store, out).vectors == 3
    (second,) = import_vectors(store, [out], ImportedEncoder("other"))
    assert (str(second.encoder), second.added) == ("other@unknown/imported-per-label", 5)
    assert _everything(store, "other") == _everything(store, "engine")
