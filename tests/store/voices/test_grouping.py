"""Voices of recordings whose turns have no labels."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import put, unit
from pgvoice_testkit.stores.voices import DIMENSION, ENCODER, PEOPLE, enroll, talk, write
from sqlalchemy import text

from pgvoice.store import FillRun, Turn, VoiceStore

LINKING = "UPDATE pgvoice.setting SET linking = true"
NOT_LINKING = "UPDATE pgvoice.setting SET linking = false"
GROUPED = text(
    "SELECT o.label, g.start_ms, g.end_ms FROM pgvoice.voice o JOIN pgvoice.video v"
    " ON v.id = o.video_id CROSS JOIN unnest(o.starts_ms, o.ends_ms) AS g(start_ms, end_ms)"
    " WHERE v.key = :video ORDER BY 2"
)
#: What the library's thresholds are made of.
EVIDENCE = text(
    "SELECT CAST(c AS text) FROM pgvoice.voice_cohort c JOIN pgvoice.turn_document USING (video_id)"
    " UNION ALL SELECT CAST(row(recordings, voices, comparisons, across_mean, within_mean, starts,"
    " mean_excesses) AS text) FROM pgvoice.library_tail ORDER BY 1"
)
X = unit(1, *[0] * (DIMENSION - 1))
Spoken = dict[tuple[int, int], str]


def _link(store: VoiceStore, setting: str = LINKING) -> None:
    run(store.database.engine, setting)


def _unlabelled(
    store: VoiceStore, video: str, people: Iterable[str], *, turns: bool = True, seed: int = 5
) -> Spoken:
    """Fill a recording with turns without labels, or without any; returns who speaks when."""
    spoken = write(store, video, people, each=6, seed=seed)
    if turns:
        store.recordings.store_turns(video, [Turn(t.start, t.end) for t in spoken])
    store.recordings.record_fill(video, ENCODER, FillRun(len(spoken), 0, len(spoken)))
    return {(round(t.start * 1000), round(t.end * 1000)): str(t.label) for t in spoken}


def _groups(store: VoiceStore, video: str) -> Spoken:
    with store.database.engine.connect() as connection:
        rows = connection.execute(GROUPED, {"video": video})
        return {(start, end): label for label, start, end in rows}


def _evidence(store: VoiceStore) -> list[str]:
    with store.database.engine.connect() as connection:
        return list(connection.scalars(EVIDENCE))


@pytest.mark.parametrize("turns", [True, False])
def test_segments_are_grouped_by_who_speaks(store: VoiceStore, turns: bool) -> None:
    _link(store)
    spoken = _unlabelled(store, "v", PEOPLE[:3], turns=turns)
    groups = _groups(store, "v")
    pairs = {(groups[key], spoken[key]) for key in groups}
    assert sorted(pairs) == [("?1", "person 0"), ("?2", "person 1"), ("?3", "person 2")]
    assert len(groups) == len(spoken)
    assert not any(check.problems for check in store.upkeep.verify())


def test_only_if_voices_are_linked(store: VoiceStore) -> None:
    """Nobody else needs them: the next refresh groups once linking is on, and they go with it."""
    for turns in (True, False):
        _unlabelled(store, f"turns {turns}", PEOPLE[:2], turns=turns, seed=turns)
    videos = ("turns True", "turns False")
    assert not any(_groups(store, video) for video in videos)
    _link(store)
    store.thresholds.refresh()
    assert all(_groups(store, video) for video in videos)
    _link(store, NOT_LINKING)
    assert not any(_groups(store, video) for video in videos)


def test_a_second_refresh_groups_nothing(store: VoiceStore) -> None:
    _link(store)
    for turns in (True, False):
        _unlabelled(store, f"turns {turns}", PEOPLE[:2], turns=turns, seed=turns)
    with store.database.engine.begin() as connection:
        assert connection.scalar(text("SELECT pgvoice.refresh_voices(encoder => 1)")) == 0


def test_groups_follow_their_segments(store: VoiceStore) -> None:
    _link(store)
    spoken = _unlabelled(store, "v", PEOPLE[:2], turns=False)
    ones = [start for (start, _end), person in spoken.items() if person == PEOPLE[0]]
    run(
        store.database.engine,
        f"DELETE FROM pgvoice.segment_embedding WHERE start_ms IN ({', '.join(map(str, ones))})",
    )
    assert _groups(store, "v") == {}
    store.thresholds.refresh()
    assert set(_groups(store, "v").values()) == {"?1"}
    store.recordings.store_turns(
        "v", [Turn(start / 1000, end / 1000, "A") for start, end in spoken]
    )
    store.thresholds.refresh()
    assert _groups(store, "v") == {}


def test_a_label_is_enough_for_no_groups(store: VoiceStore) -> None:
    """Whoever is labelled has a voice; those without a label may be anybody."""
    _link(store)
    spoken = write(store, "v", PEOPLE[:2], each=3)
    labels = [turn.label if turn.label == PEOPLE[0] else None for turn in spoken]
    turns = [Turn(t.start, t.end, label) for t, label in zip(spoken, labels, strict=True)]
    store.recordings.store_turns("v", turns)
    store.thresholds.refresh()
    with store.database.engine.connect() as connection:
        assert connection.scalars(text("SELECT label FROM pgvoice.voice")).all() == [PEOPLE[0]]


def test_groups_are_no_evidence_of_impostors(store: VoiceStore) -> None:
    """Thresholds are the same with them and without."""
    for seed in range(4):
        turns = talk(store, f"v{seed}", PEOPLE[seed : seed + 4], each=3, seed=seed)
    enroll(store, "v3", turns, PEOPLE[3:4])
    _unlabelled(store, "w", PEOPLE[2:6], seed=8)
    _unlabelled(store, "x", PEOPLE[:4], seed=9)
    with store.database.engine.begin() as connection:
        connection.execute(text("SELECT pgvoice.refit_library()"))
    before, answers = _evidence(store), store.answers.identify("w", encoder=ENCODER)
    _link(store)
    store.thresholds.refresh()
    with store.database.engine.begin() as connection:
        connection.execute(text("SELECT pgvoice.refit_library()"))
    assert _groups(store, "w")
    assert _evidence(store) == before
    assert store.answers.identify("w", encoder=ENCODER) == answers


def test_overlapped_segments_make_no_groups(store: VoiceStore) -> None:
    """They join the nearest, or are left out; if all overlap, they make groups."""
    _link(store)
    spoken = _unlabelled(store, "v", PEOPLE[:2])
    put(store, "v", {(0.5, 1.2): X, (1.3, 2.1): X}, ENCODER, audio=f"{5:064x}")
    turns = [*(store.recordings.turns("v") or []), Turn(0.5, 1.2), Turn(1.3, 2.1)]
    store.recordings.store_turns("v", turns)
    store.thresholds.refresh()
    assert sorted(_groups(store, "v")) == sorted(spoken)
    put(store, "w", {(0, 2): X, (1, 3): X}, ENCODER)
    store.thresholds.refresh()
    assert set(_groups(store, "w").values()) == {"?1"}
