"""A store that is as it should be is called that; every way to be wrong is found and named."""

from __future__ import annotations

import pytest
from databases import run
from filled import ENCODER, X, Y, put, unit

from pgvoice.store import FillRun, VoiceStore


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Segments of two recordings, two people, labels, a pin, an index and fills."""
    put(store, "v", {(0, 1): X, (1, 2): unit(1, 0.5, 0), (2, 2.1): "too_short"})
    put(store, "w", {(0, 1): Y, (4, 6): unit(1, 0.1, 0)})
    store.record_fill("v", ENCODER, FillRun(3, 0, 2, {"too_short": 1}))
    store.enroll_segments("ann", "v", [(0, 1), (1, 2)])
    store.enroll_segments("bob", "w", [(0, 1)])
    store.label()
    store.pin("v", (1, 2), "bob")
    store.revert(store.pin("v", (0, 1), "bob"))
    store.build_index()
    return store


def _problems(store: VoiceStore) -> dict[str, tuple[int, str | None]]:
    return {check.what: (check.problems, check.example) for check in store.verify()}


def test_a_store_in_use_is_clean(library: VoiceStore) -> None:
    found = library.verify()
    assert [check for check in found if check.problems] == []
    assert all(check.looked_at for check in found)


def test_an_empty_store_is_clean(store: VoiceStore) -> None:
    assert not any(check.problems for check in store.verify())


def test_after_erasing_it_is_clean(library: VoiceStore) -> None:
    library.remove("ann")
    with library.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM pgvoice.video WHERE key = 'w'")
    assert not any(check.problems for check in library.verify())


LOOSE = "ALTER TABLE pgvoice.{} DROP CONSTRAINT {}"


@pytest.mark.parametrize(
    ("damage", "what", "example"),
    [
        ([LOOSE.format("segment_embedding", "segment_embedding_status_embedding_check"),
          "UPDATE pgvoice.segment_embedding SET status = 'silent' WHERE end_ms = 2000"],
         "segments: a vector exactly", "v, 1000 to 2000 ms"),
        ([LOOSE.format("segment_embedding", "segment_embedding_dimension_check"),
          LOOSE.format("segment_embedding", "segment_embedding_encoder_id_dimension_fkey"),
          "UPDATE pgvoice.segment_embedding SET dimension = 2 WHERE end_ms = 6000"],
         "segments: vectors of their encoder's", "w, 4000 to 6000 ms"),
        ([LOOSE.format("segment_embedding", "segment_embedding_unit_length_check"),
          "UPDATE pgvoice.segment_embedding SET embedding = '[1,1,0]' WHERE end_ms = 6000"],
         "segments: vectors of unit", "w, 4000 to 6000 ms"),
        (["UPDATE pgvoice.segment_embedding SET start_ms = 4010 WHERE end_ms = 6000"],
         "segments: spans on the grid", "w, 4010 to 6000 ms"),
        ([LOOSE.format("segment_embedding", "segment_embedding_video_id_fkey"),
          "ALTER TABLE pgvoice.video DISABLE TRIGGER ALL", "UPDATE pgvoice.segment_embedding"
          " SET video_id = 99 WHERE end_ms = 6000"],
         "segments: of a recording", "video 99, 4000 to 6000 ms"),
        ([LOOSE.format("enrollment", "enrollment_unit_length_check"),
          "UPDATE pgvoice.enrollment SET embedding = '[2,0,0]' WHERE id = 1"],
         "exemplars", "exemplar 1 of ann"),
        (["UPDATE pgvoice.profile SET embedding = '[0,0,1]' WHERE speaker_id = 1"],
         "profiles", "ann"),
        (["UPDATE pgvoice.enrollment SET excluded = true WHERE id = 1"], "profiles", "ann"),
        (["DELETE FROM pgvoice.profile WHERE speaker_id = 2"], "profiles", "bob"),
        (["ALTER TABLE pgvoice.segment_embedding DISABLE TRIGGER USER",
          "DELETE FROM pgvoice.segment_embedding WHERE end_ms = 6000"],
         "comparisons: of segments", "4000 to 6000 ms"),
        (["UPDATE pgvoice.nearest SET similarity = 0.5 WHERE end_ms = 6000"],
         "comparisons: the two", "w, 4000 to 6000 ms"),
        (["UPDATE pgvoice.attribution SET current = false WHERE end_ms = 6000"],
         "labels", "4000 to 6000 ms"),
        (["UPDATE pgvoice.attribution SET current = NOT current WHERE video_id = 1"
          " AND end_ms = 1000"], "labels", "0 to 1000 ms"),
        (["UPDATE pgvoice.attribution_run SET changed = 1"], "label runs", "run 1"),
        (["UPDATE pgvoice.fill_run SET filled = 3"], "fills", "fill 1"),
        (["ALTER TABLE pgvoice.segment_embedding DISABLE TRIGGER segment_embedding_deleted"],
         "indexes and", "segment_embedding_deleted"),
        (["UPDATE pg_index SET indisvalid = false WHERE indexrelid ="
          " 'pgvoice.attribution_run_id_idx'::regclass"], "indexes and", "attribution_run_id_idx"),
        (["ALTER TABLE pgvoice.fill_run ADD CONSTRAINT new CHECK (requested > 9) NOT VALID"],
         "indexes and", "new"),
    ],
)  # fmt: skip
def test_damage_is_found(library: VoiceStore, damage: list[str], what: str, example: str) -> None:
    run(library.database.engine, *damage)
    found = {key: value for key, value in _problems(library).items() if key.startswith(what)}
    ((problems, named),) = found.values()
    assert problems
    assert named is not None
    assert example in named
