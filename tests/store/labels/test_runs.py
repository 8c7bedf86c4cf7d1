"""Kept labels: runs, what changes from whom to whom, taking runs back, pins, two at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, THRESHOLD, X, Y, Z, put, unit
from sqlalchemy import text

from pgvoice.store import (
    PruneSelection,
    Relabelling,
    Threshold,
    UnknownLabel,
    UnknownRun,
    UnknownSpeaker,
    UnknownVideo,
    VideoAudio,
    VoiceStore,
)
from pgvoice.store.database import schema

LEFT = unit(3, 1, 0)
TABLES = ("attribution", "attribution_run", "segment_embedding", "profile", "enrollment", "video")


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Two videos; ann is enrolled, bob and cyd are strangers in it."""
    put(store, "v", {(0, 1): X, (1, 3): Y, (3, 4): Z, (4, 4.2): "too_short"})
    put(store, "w", {(0, 2): LEFT, (2, 5): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    return store


def _named(store: VoiceStore, video: str = "v") -> list[tuple[float, str | None, str]]:
    return [(label.start, label.speaker, label.reason) for label in store.labels.current(video)]


def _moves(found: Relabelling) -> list[tuple[str | None, str | None, int, float, tuple[str, ...]]]:
    return [
        (move.from_speaker or move.from_reason, move.to_speaker, move.segments, move.seconds,
         move.videos)
        for move in found.moves
    ]  # fmt: skip


def _everything(store: VoiceStore) -> list[object]:
    with store.database.engine.connect() as connection:
        return [
            connection.execute(text(f"SELECT t FROM pgvoice.{table} t ORDER BY t::text")).all()
            for table in TABLES
        ]


def test_labels_of_an_encoder_that_does_not_answer_are_no_act(library: VoiceStore) -> None:
    put(library, "v", {(0, 1): X, (1, 3): Y}, OTHER_ENCODER)
    library.people.enroll_segments("ann", "v", [(0, 1)], OTHER_ENCODER, min_speech=1)
    newest = library.acts.list(limit=1)
    run = library.labels.label(["v"], encoder=OTHER_ENCODER).run
    assert run is not None
    assert library.acts.list(limit=1) == newest
    library.labels.label(["v"])
    assert library.acts.list(limit=1)[0].kind == "label"
    assert library.labels.revert(run) == 2


def test_a_run_keeps_what_identify_answers(library: VoiceStore) -> None:
    kept = library.labels.label(["v"])
    assert (kept.segments, kept.changed, kept.speakers) == (4, 4, 1)
    assert kept.seconds == pytest.approx(4.2)
    answers = library.answers.identify("v")
    assert [
        (a.start, a.end, a.speaker, a.similarity, a.runner_up, a.margin, a.reason) for a in answers
    ] == [
        (k.start, k.end, k.speaker, k.similarity, k.runner_up, k.margin, k.reason)
        for k in library.labels.current("v")
    ]
    assert library.labels.current("w") == []


def test_the_whole_library_is_judged_alike(library: VoiceStore) -> None:
    library.labels.label(["v", "w"])
    one_by_one = {video: library.labels.current(video) for video in ("v", "w")}
    library.labels.revert(1)
    library.labels.label()
    for video, before in one_by_one.items():
        after = library.labels.current(video)
        assert [(b.speaker, b.similarity, b.margin, b.reason) for b in before] == [
            (a.speaker, a.similarity, a.margin, a.reason) for a in after
        ]


def test_a_second_run_finds_nothing_to_change_and_is_none(library: VoiceStore) -> None:
    library.labels.label()
    again = library.labels.label()
    assert (again.run, again.changed, again.segments) == (None, 0, 6)
    assert [run.id for run in library.labels.runs()] == [1]


def test_a_first_run_comes_from_no_label(library: VoiceStore) -> None:
    moves = library.labels.label(["w"], dry_run=True).moves
    assert [(m.from_speaker, m.from_reason, m.to_speaker, m.to_reason) for m in moves] == [
        (None, None, None, "below_threshold"),
        (None, None, "ann", "matched"),
    ]


def test_enrolling_changes_labels_of_the_past(library: VoiceStore) -> None:
    library.labels.label()
    library.people.enroll_segments("bob", "v", [(1, 3)])
    found = library.labels.relabel()
    assert _moves(found) == [("below_threshold", "bob", 2, 5.0, ("w", "v"))]
    assert _named(library) == [
        (0, "ann", "matched"),
        (1, "bob", "matched"),
        (3, None, "below_threshold"),
        (4, None, "too_short"),
    ]


def test_a_dry_run_tells_the_same_and_changes_nothing(library: VoiceStore) -> None:
    library.labels.label()
    library.people.enroll_segments("bob", "v", [(1, 3)])
    before = _everything(library)
    told = library.labels.relabel(dry_run=True)
    assert _everything(library) == before
    assert told.run is None
    assert library.labels.relabel().moves == told.moves


def test_only_labelled_videos_are_relabelled(library: VoiceStore) -> None:
    assert library.labels.relabel().segments == 0
    library.labels.label(["v"])
    library.people.enroll_segments("bob", "v", [(1, 3)])
    assert [move.videos for move in library.labels.relabel().moves] == [("v",)]
    assert library.labels.relabel(["w"]).segments == 0
    assert library.labels.current("w") == []


def test_new_segments_of_a_labelled_video_are_labelled(library: VoiceStore) -> None:
    library.labels.label()
    put(library, "v", {(7, 8): X})
    assert _moves(library.labels.relabel()) == [(None, "ann", 1, 1.0, ("v",))]


def test_another_threshold(library: VoiceStore) -> None:
    library.labels.label()
    assert _moves(library.labels.relabel(threshold=0.95)) == [("ann", None, 1, 2.0, ("w",))]
    assert [(run.threshold, run.kind) for run in library.labels.runs()] == [
        (0.95, "relabel"),
        (None, "label"),
    ]
    library.recordings.register("v", None, ENCODER, Threshold(0.999, "measured"))
    assert library.labels.relabel(dry_run=True).changed == 0


def test_a_margin_makes_ambiguous(library: VoiceStore) -> None:
    library.people.enroll_segments("bob", "w", [(0, 2)], force=True)
    library.labels.label(["w"])
    moves = library.labels.relabel(min_margin=0.9).moves
    assert [(m.from_speaker, m.to_speaker, m.to_reason) for m in moves] == [
        ("bob", None, "ambiguous")
    ]


def test_renaming_changes_no_label_and_shows_everywhere(library: VoiceStore) -> None:
    library.labels.label()
    library.people.rename("ann", "anna")
    assert library.labels.relabel().changed == 0
    assert _named(library)[0] == (0, "anna", "matched")


def test_merging_moves_labels_past_ones_too(library: VoiceStore) -> None:
    library.people.enroll_segments("bob", "v", [(1, 3)])
    library.labels.label()
    library.people.enroll_segments("cyd", "v", [(3, 4)], min_speech=1)
    library.labels.relabel()
    library.people.merge("bob", "ann", force=True)
    assert [name for _, name, _ in _named(library)] == ["ann", "ann", "cyd", None]
    assert [label.runner_up for label in library.labels.current("v")][:2] == [None, None]
    library.labels.revert(2)
    assert [name for _, name, _ in _named(library)] == ["ann", "ann", None, None]


def test_removing_leaves_nobody_and_the_next_run_says_so(library: VoiceStore) -> None:
    library.labels.label()
    library.people.remove("ann")
    assert _named(library)[0] == (0, None, "removed")
    found = library.labels.relabel()
    assert _moves(found)[0][0] in ("removed", "below_threshold")
    assert {(m.from_reason, m.to_reason) for m in found.moves} == {
        ("removed", "no_profiles"),
        ("below_threshold", "no_profiles"),
    }


def test_what_was_compared_with_a_removed_speaker_goes_at_once(library: VoiceStore) -> None:
    library.people.enroll_segments("bob", "v", [(1, 3)])
    library.labels.label()
    library.people.remove("ann")
    with library.database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pgvoice.compared_profile")) == 1
        assert (
            connection.scalar(
                text("SELECT count(*) FROM pgvoice.nearest WHERE nearest_id IS NOT NULL")
            )
            == 0
        )


def test_revert_restores_exactly(library: VoiceStore) -> None:
    library.labels.label()
    before = {video: library.labels.current(video) for video in ("v", "w")}
    library.people.enroll_segments("bob", "v", [(1, 3)])
    run = library.labels.relabel(threshold=0.95).run
    assert run is not None
    assert _named(library, "w") != [(b.start, b.speaker, b.reason) for b in before["w"]]
    assert library.labels.revert(run) == 3
    assert {video: library.labels.current(video) for video in ("v", "w")} == before


def test_an_older_run_can_be_reverted(library: VoiceStore) -> None:
    library.labels.label(["v"])
    library.people.enroll_segments("bob", "v", [(1, 3)])
    library.labels.relabel()
    assert library.labels.revert(1) == 3
    assert _named(library) == [(1, "bob", "matched")]
    newest, oldest = library.labels.runs()
    assert (newest.current, newest.reverted_at) == (1, None)
    assert oldest.current == 0
    assert oldest.reverted_at is not None
    library.labels.revert(2)
    assert _named(library) == []


def test_reverting_what_cannot_be(library: VoiceStore) -> None:
    library.labels.label()
    library.labels.revert(1)
    with pytest.raises(ValueError, match="run 1 was reverted already"):
        library.labels.revert(1)
    with pytest.raises(UnknownRun, match=r"no run 7.*labels runs"):
        library.labels.revert(7)


def test_pins_are_never_touched(library: VoiceStore) -> None:
    library.people.enroll_segments("bob", "v", [(1, 3)])
    library.labels.label()
    library.labels.pin("v", (0, 1), "bob")
    library.labels.pin("v", (1, 3), None)
    found = library.labels.relabel(threshold=0.9)
    assert found.left_pinned == 2
    assert [(m.from_speaker, m.from_reason, m.to_speaker) for m in found.pinned] == [
        (None, "nobody", "bob"),
        ("bob", "pinned", "ann"),
    ]
    library.labels.label()
    library.labels.label(["v"], threshold=-1)
    assert _named(library)[:2] == [(0, "bob", "pinned"), (1, None, "nobody")]
    assert [label.pinned for label in library.labels.current("v")] == [True, True, False, False]


def test_a_pin_that_agrees_is_not_counted(library: VoiceStore) -> None:
    library.labels.label()
    library.labels.pin("v", (0, 1), "ann")
    assert library.labels.relabel().left_pinned == 0


def test_unpin_lets_the_run_count_again(library: VoiceStore) -> None:
    library.people.enroll_segments("bob", "v", [(1, 3)])
    library.labels.label()
    before = library.labels.current("v")
    library.labels.pin("v", (0, 1), "bob")
    library.labels.pin("v", (0, 1), None)
    assert _named(library)[0] == (0, None, "nobody")
    library.labels.unpin("v", (0.01, 0.99))
    assert library.labels.current("v") == before
    with pytest.raises(UnknownLabel, match=r"no pinned label \(0.0, 1.0\)"):
        library.labels.unpin("v", (0, 1))


def test_a_pin_is_a_run_that_can_be_reverted(library: VoiceStore) -> None:
    library.labels.pin("v", (0, 1), None)
    run = library.labels.pin("v", (0, 1), "ann")
    assert run is not None
    library.labels.revert(run)
    assert _named(library) == [(0, None, "nobody")]
    assert [(r.kind, r.threshold, r.changed) for r in library.labels.runs()] == [
        ("pin", None, 1),
        ("pin", None, 1),
    ]


def test_pins_need_a_segment_and_a_speaker(library: VoiceStore) -> None:
    with pytest.raises(UnknownLabel, match=r"no segment \(6.0, 9.0\) in 'v'"):
        library.labels.pin("v", (6, 9), "ann")
    with pytest.raises(UnknownSpeaker, match="'zoe'"):
        library.labels.pin("v", (0, 1), "zoe")
    with pytest.raises(UnknownVideo):
        library.labels.pin("x", (0, 1), "ann")
    assert library.labels.runs() == []


def test_a_pin_survives_its_speaker_as_nobody(library: VoiceStore) -> None:
    library.labels.pin("v", (1, 3), "ann")
    library.people.remove("ann")
    assert _named(library) == [(1, None, "removed")]
    assert library.labels.current("v")[0].pinned


def test_replaced_audio_takes_its_labels_but_pins_along(library: VoiceStore) -> None:
    library.labels.label()
    library.labels.pin("v", (1, 3), "ann")
    library.recordings.register(
        "v", VideoAudio("b" * 64, 9000, "v2.wav"), ENCODER, THRESHOLD, "replace"
    )
    assert _named(library) == [(1, "ann", "pinned")]


def test_pruned_segments_keep_their_labels(library: VoiceStore) -> None:
    library.labels.label()
    before = library.labels.current("v")
    library.recordings.prune(PruneSelection(video="v"))
    assert library.labels.relabel().changed == 0
    assert library.labels.current("v") == before


def test_speaker_time(library: VoiceStore) -> None:
    library.people.enroll_segments("bob", "v", [(1, 3)])
    library.labels.label()
    assert [(t.speaker, t.video, t.segments, t.seconds) for t in library.labels.speaker_time()] == [
        ("bob", "v", 1, 2.0),
        (None, "v", 2, 1.2),
        ("ann", "v", 1, 1.0),
        ("bob", "w", 1, 3.0),
        ("ann", "w", 1, 2.0),
    ]
    assert {t.video for t in library.labels.speaker_time("w")} == {"w"}
    with pytest.raises(UnknownVideo):
        library.labels.speaker_time("x")


def test_encoders_have_labels_of_their_own(library: VoiceStore) -> None:
    put(library, "v", {(0, 1): Y}, OTHER_ENCODER)
    library.labels.label()
    library.labels.label(encoder=OTHER_ENCODER)
    assert [label.reason for label in library.labels.current("v", encoder=OTHER_ENCODER)] == [
        "no_profiles"
    ]
    assert len(library.labels.current("v")) == 4
    assert library.labels.current("v") == library.labels.current("v", encoder=ENCODER)


def test_two_at_once_keep_each_label_once(library: VoiceStore) -> None:
    with ThreadPoolExecutor(6) as pool:
        kept = list(pool.map(lambda videos: library.labels.label(videos), [None, ["v"], ["w"]] * 4))
    assert sum(run.changed for run in kept) == 6
    assert sorted(run.current for run in library.labels.runs()) in ([6], [2, 4])
    assert len(library.labels.current("v")) == 4


def test_labelling_while_people_are_merged_and_removed(library: VoiceStore) -> None:
    library.people.enroll_segments("bob", "v", [(1, 3)])
    library.people.enroll_segments("cyd", "v", [(3, 4)], min_speech=1)
    merged = Event()

    def change(step: int) -> None:
        if step == 3:
            library.people.merge("cyd", "bob", force=True)
            merged.set()
        elif step == 6:
            assert merged.wait(60)
            library.people.remove("bob")
        elif step % 2:
            library.people.enroll_segments("ann", "w", [(0, 2)])
        else:
            library.labels.label()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(10)))
    library.labels.label()
    assert {name for _, name, _ in _named(library)} == {"ann", None}


def test_psql_asks_the_view_and_the_same_functions(library: VoiceStore) -> None:
    with library.database.engine.begin() as connection:
        connection.execute(text("SELECT pgvoice.keep_labels(ARRAY['v'])"))
        connection.execute(text("SELECT pgvoice.pin_label('v', 3.0, 4.0, 'ann')"))
        rows = connection.execute(
            text(
                "SELECT start_s, end_s, speaker, reason, pinned, encoder FROM pgvoice.label"
                " WHERE video = 'v' ORDER BY start_s"
            )
        ).all()
        assert rows[2] == (3.0, 4.0, "ann", "pinned", True, "toy@sha256:0123456789ab")
        seconds = connection.execute(text("SELECT speaker, seconds FROM pgvoice.speaker_time('v')"))
        assert {row.speaker: row.seconds for row in seconds} == {None: 2.2, "ann": 2.0}


def test_the_view_reads_one_video_by_an_index(store: VoiceStore) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            connection.scalars(text("EXPLAIN SELECT * FROM pgvoice.label WHERE video = 'v'"))
        )
    assert "video_key_key" in plan
    assert "attribution_current_idx" in plan or "attribution_pkey" in plan


def test_older_tables_keep_the_labels(library: VoiceStore) -> None:
    library.labels.label()
    library.people.enroll_segments("bob", "v", [(1, 3)])
    library.labels.relabel()
    library.labels.pin("w", (0, 2), None)
    library.labels.revert(2)
    before = {video: library.labels.current(video) for video in ("v", "w")}
    runs = library.labels.runs()
    schema.downgrade(library.database.engine, "0024")
    schema.upgrade(library.database.engine)
    assert {video: library.labels.current(video) for video in ("v", "w")} == before
    assert [(run.id, run.changed, run.current, run.reverted_at) for run in runs] == [
        (run.id, run.changed, run.current, run.reverted_at) for run in library.labels.runs()
    ]
    assert library.labels.relabel(dry_run=True).changed == 2
