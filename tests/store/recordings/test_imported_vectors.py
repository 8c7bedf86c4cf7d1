"""Vectors of other engines: kept under their own encoder, and never taken for a model's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, Y, put, unit
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import (
    CalibrationUnsupported,
    EncoderImported,
    Exemplar,
    FillRun,
    GivenVector,
    ImportedEncoder,
    SegmentKey,
    SegmentRow,
    Threshold,
    VectorsImport,
    VectorsImported,
    VectorsRefused,
    VoiceStore,
)
from pgvoice.store.recordings.recordings import Registered

ENGINE = ImportedEncoder("engine", "2")
PER_LABEL = ImportedEncoder("engine", "2", per_label=True)
A, B = [3.0, 0.3, 0.0], [0.1, 2.0, 0.0]
GIVEN = [GivenVector(0, 2, A, "A"), GivenVector(2, 5, B, "B")]


def bring(
    store: VoiceStore,
    vectors: Sequence[GivenVector] = GIVEN,
    encoder: ImportedEncoder = ENGINE,
    video: str = "v",
    *,
    dry_run: bool = False,
    **options: object,
) -> VectorsImported:
    given = VectorsImport(video, encoder, vectors, "talk.json", **options)  # type: ignore[arg-type]
    return store.encoders.import_vectors(given, dry_run=dry_run)


def _count(store: VoiceStore, table: str) -> int:
    with store.database.engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM pgvoice.{table}")) or 0)


def test_vectors_are_stored_at_unit_length_under_an_encoder_of_their_own(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X})
    done = bring(store)
    assert str(done.encoder) == "engine@2/imported"
    assert (done.requested, done.hits, done.added, done.skipped) == (2, 0, 2, {})
    rows = store.recordings.read("v", done.encoder, [SegmentKey(0, 2000), SegmentKey(2000, 5000)])
    np.testing.assert_array_equal(rows[SegmentKey(0, 2000)].embedding, unit(*A))
    np.testing.assert_array_equal(rows[SegmentKey(2000, 5000)].embedding, unit(*B))
    mine = store.recordings.read("v", ENCODER, [SegmentKey(0, 2000)])
    np.testing.assert_array_equal(mine[SegmentKey(0, 2000)].embedding, X)
    assert store.encoders.find("engine").threshold == Threshold(
        0.5, "a guess, as the import named none"
    )


def test_where_they_come_from_is_recorded_and_is_no_fill(store: VoiceStore) -> None:
    bring(store)
    (covered,) = store.recordings.coverage("v")
    assert (covered.source, covered.statuses) == ("talk.json", {"ok": 2})
    found = store.recordings.statistics()
    assert (found.all_time.requested, found.last_fill) == (0, None)
    assert [held.source for held in found.holdings] == ["talk.json"]
    assert all(not check.problems for check in store.upkeep.verify())


def test_a_second_import_finds_everything(store: VoiceStore) -> None:
    bring(store)
    again = bring(store)
    assert (again.requested, again.hits, again.added, again.turns) == (2, 2, 0, 0)


def test_other_vectors_of_the_same_segments_are_refused_or_replace_these(store: VoiceStore) -> None:
    bring(store)
    changed = [GIVEN[0], GivenVector(2, 5, [0, 0, 1])]
    with pytest.raises(VectorsRefused, match=r"1 of its segments .* 2.0 to 5.0 s.*--replace"):
        bring(store, changed)
    assert (_count(store, "segment_embedding"), _count(store, "fill_run")) == (2, 1)
    done = bring(store, changed, replace=True)
    assert (done.replaced, done.added, done.hits) == (2, 2, 0)


def test_a_dry_run_stores_nothing(store: VoiceStore) -> None:
    assert bring(store, dry_run=True).added == 2
    for table in ("video", "encoder", "segment_embedding", "turn", "fill_run"):
        assert _count(store, table) == 0


def test_labels_make_turns_only_if_there_are_none(store: VoiceStore) -> None:
    assert bring(store).turns == 2
    assert [turn.label for turn in store.recordings.turns("v") or []] == ["A", "B"]
    later = bring(store, [GivenVector(5, 7, [0, 1, 1], "C")], ImportedEncoder("other"))
    assert (later.turns, later.besides_turns) == (0, 1)
    assert bring(store, [GivenVector(0, 2, A)], video="w").turns == 0
    assert store.recordings.turns("w") is None


@pytest.mark.parametrize("bad", [[0.0, 0.0, 0.0], [1.0, float("nan"), 0.0], [float("inf"), 0, 0],
                                 [1e-9, 0, 0]])  # fmt: skip
def test_what_has_no_direction_is_a_status(store: VoiceStore, bad: list[float]) -> None:
    for added, hits in ((1, 0), (0, 2)):
        done = bring(store, [GIVEN[0], GivenVector(2, 5, bad)])
        assert (done.added, done.hits) == (added, hits)
        assert done.skipped == ({} if hits else {"non_finite": 1})
    assert store.recordings.coverage("v")[0].statuses == {"ok": 1, "non_finite": 1}


def test_huge_and_tiny_numbers_keep_their_direction(store: VoiceStore) -> None:
    bring(store, [GivenVector(0, 2, [1e300, 1e300, 0]), GivenVector(2, 4, [1e-4, 0, 1e-4])])
    keys = [SegmentKey(0, 2000), SegmentKey(2000, 4000)]
    rows = store.recordings.read("v", ENGINE.identity(3), keys)
    for key, expected in zip(keys, (unit(1, 1, 0), unit(1, 0, 1)), strict=True):
        found = rows[key].embedding
        assert found is not None
        np.testing.assert_allclose(found, expected, atol=1e-7)


def _row(
    start: float = 2, end: float = 5, vector: object = B, label: str | None = None
) -> GivenVector:
    return GivenVector(start, end, vector, label, "row 7")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (_row(vector=[1.0, 2.0]), r"row 7 \(2 to 5 s\) has 2 numbers, and .* has 3"),
        (_row(vector="x"), "row 7 .* not a list of numbers"),
        (_row(vector=[[1, 2, 3]]), "row 7 .* has 2 dimensions"),
        (_row(vector=["a", 2, 3]), "row 7 .* not a list of numbers"),
        (_row(vector=[10**400, 2, 3]), "row 7 .* not a list of numbers"),
        (_row(start=-3), "row 7: it starts before the audio does"),
        (_row(start=6), "row 7: it ends before it starts"),
        (_row(end=float("nan")), "row 7: nan is not a time"),
        (_row(end=1e12), "row 7: .* is not a time"),
        (_row(start=0, end=2.01), "row 7 .*two vectors of one segment"),
        (_row(vector=A), "row 7 .* have the same vector.*--per-label"),
    ],
)
def test_a_refusal_names_the_row_and_stores_nothing(
    store: VoiceStore, row: GivenVector, message: str
) -> None:
    with pytest.raises(VectorsRefused, match=message):
        bring(store, [GIVEN[0], row])
    assert _count(store, "video") == 0


def test_a_vector_too_long_for_postgres_is_refused(store: VoiceStore) -> None:
    with pytest.raises(VectorsRefused, match="16,001 numbers, and a vector has 1 to 16,000"):
        bring(store, [GivenVector(0, 2, np.ones(16_001))])


def test_no_vector_at_all_is_refused(store: VoiceStore) -> None:
    with pytest.raises(VectorsRefused, match="no vector of 'v'"):
        bring(store, [GivenVector(0, 2, None, "A")])


def test_another_length_needs_another_revision(store: VoiceStore) -> None:
    bring(store)
    with pytest.raises(VectorsRefused, match=r"have 2 numbers, .* have 3: give another revision"):
        bring(store, [GivenVector(0, 2, [1, 0])], video="w")
    with (
        pytest.raises(DBAPIError, match="encoder_imported_key"),
        store.database.engine.begin() as c,
    ):
        c.execute(text("INSERT INTO pgvoice.encoder (name, revision, preprocessing, dimension,"
                       " sample_rate, default_threshold, threshold_source)"
                       " VALUES ('engine', '2', 'imported', 2, 16000, 0.5, 'mine')"))  # fmt: skip
    assert bring(store, [GivenVector(0, 2, [1, 0])], ImportedEncoder("engine", "3"), "w").added == 1


def test_a_model_of_the_store_gives_no_import_its_name(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X})
    with pytest.raises(VectorsRefused, match=r"'toy' is the model .*: call .* toy-imported"):
        bring(store, encoder=ImportedEncoder("toy"))


@pytest.mark.parametrize("name", ["", " ", "a@b", "a/b", "a:b", "a\0b", "x" * 501, " a"])
def test_a_name_that_could_mean_something_else_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="encoder's name"):
        ImportedEncoder(name)


@pytest.mark.parametrize("encoder", [ENGINE, PER_LABEL])
def test_a_model_that_claims_to_be_imported_stores_nothing(
    store: VoiceStore, encoder: ImportedEncoder
) -> None:
    claimed = encoder.identity(3)
    for known in (False, True):
        if known:
            bring(store, encoder=encoder)
        with pytest.raises(EncoderImported, match="fill and enroll with a model"):
            store.recordings.register("v", None, claimed, THRESHOLD)
        with pytest.raises(EncoderImported):
            store.encoders.register(claimed, THRESHOLD)
        exemplar = Exemplar(X, "0" * 64, SegmentKey(0, 3000), "a.wav")
        with pytest.raises(EncoderImported):
            store.people.enroll("Ada", [exemplar], claimed, THRESHOLD)


def test_the_database_refuses_vectors_of_an_imported_encoder_without_a_source(
    store: VoiceStore,
) -> None:
    done = bring(store)
    encoder = store.encoders.find(done.encoder)
    video_id = store.recordings.register("v", None, ENCODER, THRESHOLD).video_id
    row = SegmentRow(SegmentKey(7000, 9000), "ok", X)
    with pytest.raises(DBAPIError, match="no fill computes"):
        store.recordings.record_fill("v", done.encoder, FillRun(1, 0, 1))
    with pytest.raises(Exception, match="only with a record of their source"):
        store.recordings.write(Registered(video_id, encoder.id, False), done.encoder, [row])
    insert = (
        "INSERT INTO pgvoice.fill_run (video_id, encoder_id, requested, hits, filled, skipped,"
        " decode_seconds, encode_seconds, source) VALUES (:video, 1 + (SELECT min(id) FROM"
        " pgvoice.encoder), 0, 0, 0, '{}', 0, 0, 'x.json')"
    )
    refused = pytest.raises(DBAPIError, match="not imported under the identity")
    with refused, store.database.engine.begin() as connection:
        connection.execute(text(insert), {"video": video_id})
    assert _count(store, "segment_embedding") == 2


def test_erased_speech_is_left_out(store: VoiceStore) -> None:
    bring(store)
    store.privacy.erase_video("v")
    done = bring(store)
    assert (done.requested, done.added, done.skipped) == (2, 0, {"erased": 2})
    assert _count(store, "video") == 0


def test_speech_of_an_erased_person_is_left_out(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (2, 5): Y})
    store.people.enroll_segments("Ada", "v", [(0, 2)], encoder=ENCODER)
    store.privacy.erase_speaker("Ada", with_segments=True)
    done = bring(store)
    assert (done.added, done.skipped) == (1, {"erased": 1})
    assert all(not check.problems for check in store.upkeep.verify())


def test_everything_answers_with_an_imported_encoder(store: VoiceStore) -> None:
    bring(store)
    bring(store, [GivenVector(0, 3, [2.9, 0.1, 0.1], "X"), GivenVector(3, 6, [0, 0, 1], "Y")],
          video="w")  # fmt: skip
    enrolled = store.people.enroll_segments("Ada", "v", [(0, 2)], encoder="engine")
    assert (enrolled.added, enrolled.exemplars) == (1, 1)
    again = store.people.enroll_segments("Ada", "v", [(0, 2)], encoder="engine")
    assert (again.added, again.known) == (0, 1)
    answers = store.answers.identify("w", encoder="engine")
    assert [(each.speaker, each.reason) for each in answers] == [
        ("Ada", "matched"), (None, "below_threshold")
    ]  # fmt: skip
    store.labels.label(encoder="engine")
    assert [label.speaker for label in store.labels.current("w", encoder="engine")] == [
        "Ada", None
    ]  # fmt: skip
    assert store.people.exemplars("Ada")[0].video == "v"
    with store.database.engine.connect() as connection:
        voices = connection.scalar(text("SELECT count(*) FROM pgvoice.voice"))
    assert voices == 4
    assert store.answers.similar("v", (0, 2), encoder="engine")[0].video == "w"
    assert all(not check.problems for check in store.upkeep.verify())


def test_overlapped_turns_are_not_missing(store: VoiceStore) -> None:
    """A clean part is a segment that the engine has no vector of, and nothing will compute."""
    bring(store, [GivenVector(0, 4, A, "A"), GivenVector(3, 8, B, "B")])
    store.people.enroll_segments("Ada", "v", [(0, 4)], encoder="engine", force=True)
    assert [each.reason for each in store.answers.identify("v", encoder="engine")] == [
        "overlapped", "overlapped"
    ]  # fmt: skip
    store.labels.label(encoder="engine")
    assert {each.reason for each in store.labels.current("v", encoder="engine")} == {"overlapped"}


SHARED = [
    GivenVector(0, 4, A, "A"),
    GivenVector(3, 8, B, "B"),
    GivenVector(9, 12, A, "A"),
    GivenVector(13, 14, None, "C"),
]


def test_a_vector_per_label_is_given_to_its_segments_and_says_so(store: VoiceStore) -> None:
    done = bring(store, SHARED, PER_LABEL)
    assert str(done.encoder) == "engine@2/imported-per-label"
    # Three turns and the clean parts of two.
    assert (done.requested, done.added, done.turns) == (5, 5, 4)
    store.people.enroll_segments("Ada", "v", [(9, 12)], encoder="engine")
    answers = store.answers.identify("v", encoder="engine")
    assert [each.reason for each in answers] == ["matched", "below_threshold", "matched", "missing"]
    assert store.recordings.coverage("v")[0].encoder == "engine@2/imported-per-label"
    assert all(not check.problems for check in store.upkeep.verify())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (GivenVector(9, 12, [1, 2, 3], "A", "row 3"), "row 3 .*two vectors of 'A'"),
        (GivenVector(9, 12, A, None, "row 3"), "row 3 .* no label"),
    ],
)
def test_each_label_has_one_vector(store: VoiceStore, row: GivenVector, message: str) -> None:
    with pytest.raises(VectorsRefused, match=message):
        bring(store, [*SHARED[:2], row], PER_LABEL)


def test_a_span_of_two_labels_gets_the_vector_of_neither(store: VoiceStore) -> None:
    both = [GivenVector(0, 4, A, "A"), GivenVector(0, 4, B, "B"), GivenVector(5, 8, B, "B")]
    assert bring(store, both, PER_LABEL).added == 1


def test_segments_that_share_a_vector_calibrate_nothing(store: VoiceStore) -> None:
    for video in ("v", "w"):
        bring(store, SHARED, PER_LABEL, video)
    store.people.enroll_segments("Ada", "v", [(0, 4), (9, 12)], encoder="engine", force=True)
    with pytest.raises(CalibrationUnsupported, match="engine@2/imported-per-label has one vector"):
        store.thresholds.calibrate(0.05, encoder="engine", exemplars=True)
    with pytest.raises(CalibrationUnsupported):
        store.thresholds.trials(encoder="engine", exemplars=True)
    with store.database.engine.connect() as connection:
        left_out = connection.scalars(
            text("SELECT left_out_similarity FROM pgvoice.exemplar_similarity((SELECT id FROM"
                 " pgvoice.speaker))"))  # fmt: skip
        assert list(left_out) == [None, None]
        independent = connection.scalar(
            text("SELECT count(*) FROM pgvoice_internal.independent_segments((SELECT min(id) FROM"
                 " pgvoice.video), (SELECT min(id) FROM pgvoice.encoder))"))  # fmt: skip
        assert independent == 2
        blended = connection.scalar(
            text("SELECT count(*) FROM pgvoice_internal.blended_segments('v', ARRAY[0, 9000],"
                 " ARRAY[4000, 12000], (SELECT min(id) FROM pgvoice.encoder))"))  # fmt: skip
        assert blended == 0
    refused = pytest.raises(DBAPIError, match="calibrate nothing")
    with refused, store.database.engine.connect() as connection:
        connection.execute(text("SELECT * FROM pgvoice.exemplar_trials()"))


def test_a_library_goes_over_to_a_model(store: VoiceStore) -> None:
    """Who was enrolled from segments without audio is enrolled with the model's vectors of them."""
    bring(store)
    store.people.enroll_segments("Ada", "v", [(0, 2)], encoder="engine")
    store.encoders.register(ENCODER, THRESHOLD)
    (lacking,) = store.encoders.unfilled("toy", like="engine")
    assert (lacking.video, lacking.segments) == ("v", 2)
    put(store, "v", {(0, 2): X, (2, 5): Y})
    assert store.encoders.unfilled("toy", like="engine") == []
    assert store.encoders.carry("toy", like="engine").exemplars == 1
    assert store.encoders.missing_exemplars("toy", like="engine") == []
    store.encoders.make_default("toy")
    assert [each.speaker for each in store.answers.identify("v")] == ["Ada", None]
    assert store.encoders.unfilled("engine", like="toy") == []
    store.encoders.make_default("engine")
    assert [each.speaker for each in store.answers.identify("v")] == ["Ada", None]
