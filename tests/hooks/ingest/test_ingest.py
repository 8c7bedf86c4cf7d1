"""Ingests store the rows of single fills, in one process or several, even if workers die."""

from __future__ import annotations

import csv
import json
import math
import socket
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.dying_encoder import DyingEncoder
from prometheus_client.parser import text_string_to_metric_families

from pgvoice.hooks import FormatError, fill
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.errors import MetricsRefused
from pgvoice.hooks.ingest import metrics
from pgvoice.hooks.ingest.engine import Here, Processes
from pgvoice.hooks.ingest.manifest import Manifest, ManifestRow
from pgvoice.hooks.ingest.running import IngestReport, ingest
from pgvoice.store import SegmentKey, SegmentRow, VoiceStore
from pgvoice.store.turns import Turn
from pgvoice.store.upkeep.ingests import IngestStatus

SPANS = ((0.0, 1.0), (1.0, 2.5), (2.5, 2.6))
VIDEOS = 6


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of 3 s, each with another voice."""
    folder = tmp_path_factory.mktemp("library")
    return [write(folder / f"{n}.wav", voice(90 + 10 * n, 3, n)) for n in range(VIDEOS)]


@pytest.fixture
def rows(recordings: list[Path]) -> list[ManifestRow]:
    return [ManifestRow(f"v{n}", str(path), SPANS) for n, path in enumerate(recordings)]


@pytest.fixture
def expected(recordings: list[Path], store: VoiceStore) -> list[list[SegmentRow]]:
    """The rows of single fills, stored under other keys."""
    for number, path in enumerate(recordings):
        fill(store, CountingEncoder(), video=f"alone {number}", audio=path, segments=SPANS)
    return _stored(store, "alone ")


def _stored(store: VoiceStore, prefix: str) -> list[list[SegmentRow]]:
    keys = [SegmentKey(round(start * 1000), round(end * 1000)) for start, end in SPANS]
    found = []
    for number in range(VIDEOS):
        read = store.recordings.read(f"{prefix}{number}", CountingEncoder().identity, keys)
        found.append([read[key] for key in keys if key in read])
    return found


def _same(found: list[list[SegmentRow]], expected: list[list[SegmentRow]]) -> bool:
    def plain(rows: list[list[SegmentRow]]) -> list[object]:
        return [
            (row.key, row.status, None if row.embedding is None else row.embedding.tobytes())
            for each in rows
            for row in each
        ]

    return plain(found) == plain(expected)


def test_the_rows_are_those_of_fills(
    store: VoiceStore, rows: list[ManifestRow], expected: list[list[SegmentRow]]
) -> None:
    report = ingest(Here(store, CountingEncoder), "library", rows)
    assert (report.complete, report.filled, report.vectors) == (0, VIDEOS, 2 * VIDEOS)
    assert _same(_stored(store, "v"), expected)
    (status,) = store.ingests.status()
    assert (status.videos, status.done, status.filled) == (VIDEOS, VIDEOS, 2 * VIDEOS)
    assert status.audio_seconds == pytest.approx(VIDEOS * 2.6 * 2 / 3)
    again = ingest(Processes(store, _Unused, 2), "library", rows)
    assert (again.complete, again.filled) == (VIDEOS, 0)
    assert store.ingests.status() == [status]


class _Unused(CountingEncoder):
    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        raise AssertionError


def test_what_a_broken_pool_had_ends_no_later_pool(
    store: VoiceStore, rows: list[ManifestRow]
) -> None:
    with Processes(store, CountingEncoder, 1) as engine:
        lost = engine.submit(rows[0])
        assert lost.result().error is None
        engine.replace(lost)
        others = [engine.submit(row) for row in rows[1:]]
        engine.replace(lost)
        assert [each.result(timeout=60).error for each in others] == [None] * 5


def test_a_worker_that_is_killed_is_replaced(
    store: VoiceStore, rows: list[ManifestRow], expected: list[list[SegmentRow]], tmp_path: Path
) -> None:
    with Processes(store, partial(DyingEncoder, str(tmp_path / "died")), 2) as engine:
        report = ingest(engine, "library", rows)
    assert (tmp_path / "died").exists()
    assert report.failed == []
    assert report.filled == VIDEOS
    assert _same(_stored(store, "v"), expected)


def test_what_is_wrong_is_kept_and_the_rest_is_filled(
    store: VoiceStore, rows: list[ManifestRow], tmp_path: Path
) -> None:
    wrong = [
        ManifestRow("nowhere", str(tmp_path / "nowhere.wav"), SPANS),
        ManifestRow("unread", rows[0].audio, str(tmp_path / "nowhere.rttm")),
    ]
    report = ingest(Here(store, CountingEncoder), "library", [*wrong, *rows], retries=1)
    assert {each.video for each in report.failed} == {each.video for each in wrong}
    assert report.filled == VIDEOS
    failed = {each.video: each for each in store.ingests.failed("library")}
    assert "nowhere.wav" in failed["nowhere"].error
    assert "nowhere.rttm" in failed["unread"].error
    assert failed["nowhere"].document["audio"] == str(tmp_path / "nowhere.wav")
    write(tmp_path / "nowhere.wav", voice(90, 3))
    again = ingest(Here(store, CountingEncoder), "library", [*wrong[:1], *rows])
    assert (again.complete, again.filled) == (VIDEOS, 1)
    assert {each.video for each in store.ingests.failed()} == {"unread"}


def test_invalid_segments_are_named_each_time_and_the_others_filled(
    store: VoiceStore, rows: list[ManifestRow]
) -> None:
    wrong = replace(rows[0], segments=((0.0, 1.0), (2.0, 1.0), (math.nan, 3.0), (1.0, 2.5)))
    encoder = CountingEncoder()
    for complete, filled in ((0, 2), (2, 0)):
        report = ingest(Here(store, lambda: encoder), "library", [wrong, rows[1]])
        assert (report.complete, report.filled, report.failed) == (complete, filled, [])
        (named,) = report.invalid
        assert (named.video, named.error) == ("v0", None)
        assert named.invalid is not None
        assert "2 invalid, the others are stored: segment 1 (2.0, 1.0): it ends" in named.invalid
        assert "; segment 2 (nan, 3.0): " in named.invalid
        (listed,) = store.ingests.failed("library")
        assert (listed.video, listed.filled, listed.attempts) == ("v0", True, 1)
        assert listed.error == named.invalid
        (status,) = store.ingests.status()
        assert (status.done, status.failed, status.invalid) == (2, 0, 1)
        assert status.audio_seconds == pytest.approx(2.5 + 2.6 * 2 / 3, abs=0.001)
    assert len(encoder.calls) == 2
    right = ingest(Here(store, lambda: encoder), "library", rows[:2])
    assert (right.complete, right.filled, right.invalid) == (1, 1, [])
    assert store.ingests.failed("library") == []
    assert store.ingests.status()[0].invalid == 0


def test_a_complete_recording_gets_the_turns_of_a_new_document(
    store: VoiceStore, rows: list[ManifestRow], tmp_path: Path
) -> None:
    document, encoder = tmp_path / "turns.json", CountingEncoder()
    row = replace(rows[0], segments=str(document))
    for label in ("S0", "S1"):
        given = [{"start": 0.03, "end": 1, "speaker": label}, {"start": 2, "end": 1}]
        document.write_text(json.dumps(given))
        ingest(Here(store, lambda: encoder), "library", [row])
        assert store.recordings.turns("v0") == [Turn(0.03, 1, label)]
    assert len(encoder.calls) == 1
    assert store.recordings.stale_turns({"v0": [Turn(0.03, 1, "S1")], "unknown": []}) == set()
    assert store.recordings.stale_turns({"v0": []}) == {"v0"}


def test_parts_make_the_whole(store: VoiceStore, rows: list[ManifestRow]) -> None:
    parts = [
        ingest(Here(store, CountingEncoder), "library", rows, shard=(part, 3)).filled
        for part in (1, 2, 3)
    ]
    assert sum(parts) == VIDEOS
    assert max(parts) < VIDEOS


def test_a_limit_and_a_stop(store: VoiceStore, rows: list[ManifestRow]) -> None:
    assert ingest(Here(store, CountingEncoder), "library", rows, limit=2).filled == 2
    told: list[IngestReport] = []
    stopped = ingest(
        Here(store, CountingEncoder),
        "library",
        rows,
        stop=lambda: len(told) >= 2,
        on_progress=told.append,
    )
    assert stopped.stopped
    assert (stopped.complete, stopped.filled) == (2, 1)
    (status,) = store.ingests.status()
    assert (status.done, status.waiting) == (3, 3)


def _manifests(folder: Path) -> Iterator[Path]:
    (folder / "a.rttm").write_text("SPEAKER a 1 0.5 1.5 <NA> <NA> S0 <NA> <NA>\n")
    with (folder / "m.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["video", "audio", "segments"])
        writer.writerow(["a", "a.wav", "a.rttm"])
        writer.writerow(["b", "", "[[1, 2]]"])
    yield folder / "m.csv"
    documents = [
        {"video": "a", "audio": "a.wav", "segments": "a.rttm"},
        {"video": "b", "segments": [[1, 2]]},
    ]
    (folder / "m.jsonl").write_text("\n".join(map(json.dumps, documents)))
    yield folder / "m.jsonl"


def test_manifests(tmp_path: Path) -> None:
    for path in _manifests(tmp_path):
        first, second = Manifest(path)
        assert (first.video, first.audio) == ("a", str((tmp_path / "a.wav").resolve()))
        assert first.turns() == [Turn(0.5, 2.0, "S0")]
        assert (second.audio, second.turns()) == (None, [Turn(1.0, 2.0)])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1"),
        ("[]", "row 1: no text under 'video'"),
        ('{"video": ""}', "no text under 'video'"),
        ('{"video": "a", "segments": {}}', "found {}, expected segments"),
        ('{"video": "a", "segments": [1]}', "expected segments as a file or as a list of"),
        ('{"video": "a", "segments": "[1"}', "not valid JSON"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(line)
    with pytest.raises(FormatError, match=said):
        list(Manifest(path))
    with pytest.raises(FormatError, match=r"\.csv, \.jsonl"):
        list(Manifest(tmp_path / "m.txt"))


STATUS = IngestStatus(
    'a "library"', 201, 50, 1, 149, 1, 300, 7200.0, 60.0, 30.0, 10.0, 240.0, 120.0, None,
    datetime(2026, 3, 1, tzinfo=UTC), 2,
)  # fmt: skip


def _samples(text: str) -> dict[tuple[str, str | None], float]:
    return {
        (sample.name.removeprefix("pgvoice_ingest_"), sample.labels.get("state")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("ingest") == STATUS.ingest
    }


EXPECTED = {
    ("recordings", "done"): 50,
    ("recordings", "failed"): 1,
    ("recordings", "waiting"): 149,
    ("recordings", "filled"): 1,
    ("vectors_total", None): 300,
    ("speech_seconds_total", None): 7200,
    ("work_seconds_total", None): 60,
    ("wall_seconds", None): 30,
    ("invalid", None): 2,
    ("changed_timestamp_seconds", None): 1_772_323_200,
}


def test_text() -> None:
    text = metrics.exposition([STATUS])
    assert _samples(text) == EXPECTED
    kinds = {each.name: each.type for each in text_string_to_metric_families(text)}
    assert kinds["pgvoice_ingest_vectors"] == "counter"
    assert kinds["pgvoice_ingest_left_seconds"] == "gauge"
    assert all(each.documentation for each in text_string_to_metric_families(text))
    assert _samples(metrics.exposition([])) == {}


def test_served() -> None:
    with metrics.served("127.0.0.1", 0, lambda: [STATUS]) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
        with (
            pytest.raises(MetricsRefused, match=f"127.0.0.1:{port}"),
            metrics.served("127.0.0.1", port, list),
        ):
            pass
    assert _samples(text) == EXPECTED
    names = {each.name for each in text_string_to_metric_families(text)}
    assert "process_resident_memory_bytes" in names
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
