"""Recordings without segments are segmented, filled and labelled; once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import pytest
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.dying_encoder import DyingEncoder
from pgvoice_testkit.encoders.pitch_encoder import PitchEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter
from pgvoice_testkit.servers.databases import plain, role
from pgvoice_testkit.servers.databases import run as run_sql
from pgvoice_testkit.stores.ingested import everything

from pgvoice.hooks import SegmenterUnavailable, fill
from pgvoice.hooks.ingest import labelling
from pgvoice.hooks.ingest.engine import Here, Processes
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.running import ingest
from pgvoice.hooks.ingest.steps import Step
from pgvoice.hooks.ingest.worker import Worker
from pgvoice.hooks.segmenters.segmenter import SegmenterAudio, SegmenterIdentity
from pgvoice.store import VoiceStore
from pgvoice.store.turns import Turn

ADA, BOB = voice(110, 3), voice(310, 3, 1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[ManifestRow]:
    """Two recordings of Ada and Bob, and a silent one."""
    folder = tmp_path_factory.mktemp("library")
    parts = {
        "one": [ADA, silence(1), BOB],
        "two": [BOB, silence(1), ADA, silence(1), BOB],
        "silent": [silence(2)],
    }
    files = {name: write(folder / f"{name}.wav", *each) for name, each in parts.items()}
    return [ManifestRow(name, str(file)) for name, file in files.items()]


class _Models:
    """Counts what an ingest computes."""

    def __init__(self) -> None:
        self.encoder, self.segmenter = PitchEncoder(), CountingSegmenter()

    def here(self, store: VoiceStore) -> Here:
        return Here(store, lambda: self.encoder, lambda: self.segmenter)


def test_a_recording_is_segmented_filled_and_labelled_once(
    store: VoiceStore, rows: list[ManifestRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "BATCH", 1)
    sample = Path(str(rows[0].audio))
    fill(store, PitchEncoder(), video="sample", audio=sample, segments=[(0.0, 3.0, "A")])
    store.people.enroll_segments("Ada", "sample", [(0.0, 3.0)], min_speech=1)
    models = _Models()
    report = ingest(models.here(store), "library", rows)
    assert (report.filled, report.vectors, report.failed) == (3, 5, [])
    assert (report.labelled, report.people, report.seconds) == (3, ["Ada"], 7 + 11 + 2)
    assert models.segmenter.calls == 3
    turns = store.recordings.turns("two") or []
    assert [(turn.start, turn.end) for turn in turns] == [(0, 3), (4, 7), (8, 11)]
    first, second, third = (turn.label for turn in turns)
    assert first == third != second
    named = [each.speaker for each in store.labels.current("two")]
    assert named == [None, "Ada", None]
    assert store.recordings.turns("silent") == []
    (status,) = store.ingests.status("library")
    assert (status.done, status.unlabelled, status.waiting) == (3, 0, 0)
    assert status.audio_seconds == pytest.approx(15)
    before = everything(store)
    again = _Models()
    report = ingest(again.here(store), "library", rows)
    assert (report.complete, report.filled, report.labelled) == (3, 0, 0)
    assert (again.segmenter.calls, again.encoder.calls, again.encoder.loads) == (0, [], 0)
    assert everything(store) == before


def test_turns_that_somebody_gave_are_used(store: VoiceStore, rows: list[ManifestRow]) -> None:
    given = [(0.0, 1.0, "A"), (1.0, 2.0, "B")]
    fill(store, PitchEncoder(), video="one", audio=rows[0].audio, segments=given)
    models = _Models()
    report = ingest(models.here(store), "library", rows[:1])
    assert (report.complete, models.segmenter.calls) == (1, 0)
    assert len(store.recordings.turns("one") or []) == 2


def test_another_segmenter_finds_other_turns(store: VoiceStore, rows: list[ManifestRow]) -> None:
    ingest(_Models().here(store), "library", rows[:1])
    models = _Models()
    models.segmenter = CountingSegmenter("another")
    report = ingest(models.here(store), "library", rows[:1])
    assert (report.filled, report.vectors) == (1, 0)
    assert models.segmenter.calls == 1


def test_segments_that_come_later_replace_those_found(
    store: VoiceStore, rows: list[ManifestRow]
) -> None:
    ingest(_Models().here(store), "library", rows[:1])
    later = ManifestRow("one", rows[0].audio, ((0.0, 3.0),))
    models = _Models()
    report = ingest(models.here(store), "library", [later])
    assert (report.complete, report.labelled, models.encoder.calls) == (1, 1, [])
    assert len(store.recordings.turns("one") or []) == 1
    assert len(store.labels.current("one")) == 1


def test_workers_segment_too_and_one_that_is_killed_is_replaced(
    store: VoiceStore, rows: list[ManifestRow], tmp_path: Path
) -> None:
    make = partial(DyingEncoder, str(tmp_path / "died"))
    with Processes(store, make, 2, CountingSegmenter) as engine:
        under_way = list[Step]()
        report = ingest(
            engine, "library", rows, on_progress=lambda _report: under_way.extend(engine.steps)
        )
        assert engine.steps == []
    assert {step.video for step in under_way} <= {row.video for row in rows}
    assert {step.what for step in under_way} == {None}
    assert (tmp_path / "died").exists()
    assert (report.filled, report.vectors, report.failed) == (3, 5, [])
    assert len(store.recordings.turns("two") or []) == 3


def test_a_worker_with_another_segmenter_refuses(
    store: VoiceStore, rows: list[ManifestRow]
) -> None:
    identity = PitchEncoder().identity
    worker = Worker(lambda: store, PitchEncoder, identity, CountingSegmenter)
    outcome = worker.fill(rows[0], SegmenterIdentity("pitches", "2"))
    assert outcome.error == (
        "SegmenterUnavailable: a worker has the segmenter pitches@fake people instead of pitches@2;"
        " install the same pgvoice, plugins and weights on every machine"
    )


class _Broken(CountingSegmenter):
    """Fails as only a mistake does."""

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        return self._labels["SPEAKER_00"]

    _labels: Mapping[str, Iterator[Turn]] = MappingProxyType({})


def test_a_mistake_in_a_segmenter_fails_its_recording_only(
    store: VoiceStore, rows: list[ManifestRow]
) -> None:
    given = ManifestRow("given", rows[0].audio, ((0.0, 1.0),))
    engine = Here(store, PitchEncoder, _Broken)
    report = ingest(engine, "library", [rows[0], given], retries=0)
    assert report.filled == 1
    (failed,) = store.ingests.failed("library")
    assert (failed.video, failed.error) == ("one", "KeyError: 'SPEAKER_00'")


def test_a_segmenter_that_is_not_there_is_said_once(
    store: VoiceStore, rows: list[ManifestRow]
) -> None:
    def make() -> CountingSegmenter:
        raise SegmenterUnavailable("no such segmenter")

    given = ManifestRow("given", rows[0].audio, ((0.0, 1.0),))
    assert ingest(Here(store, PitchEncoder, make), "library", [given]).filled == 1
    with pytest.raises(SegmenterUnavailable, match="no such segmenter"):
        ingest(Here(store, PitchEncoder, make), "library", rows)


def test_the_recording_in_progress_is_told(store: VoiceStore, rows: list[ManifestRow]) -> None:
    engine, told = _Models().here(store), list[Step]()
    engine.on_step = told.append
    ingest(engine, "library", rows[1:2])
    assert engine.steps == []
    assert told[0] == Step("two")
    segmenting = [step for step in told if step.what == "segmenting"]
    assert segmenting[-1] == Step("two", "segmenting", 11_000, 11_000)
    assert segmenting == sorted(segmenting)


def test_a_writer_keeps_no_labels_and_is_told(
    store: VoiceStore, store_url: str, rows: list[ManifestRow]
) -> None:
    with role(store_url, "writer_of_a_test") as login:
        run_sql(store.database.engine, "GRANT pgvoice_writer TO writer_of_a_test")
        with VoiceStore.open(plain(login)) as opened:
            report = ingest(_Models().here(opened), "library", rows[:1])
            assert (report.filled, report.labelled) == (1, 0)
            assert "needs the role pgvoice_admin" in str(report.unlabelled)
            assert opened.ingests.status("library")[0].unlabelled == 1
    report = ingest(_Models().here(store), "library", rows[:1])
    assert (report.complete, report.labelled) == (1, 1)
    assert store.ingests.status("library")[0].done == 1
