"""Turns that others overlap: answered by their clean parts, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from pgvoice_testkit.stores.filled import ENCODER, X, Y, Z, put, unit
from sqlalchemy import text

from pgvoice.store import Identification, Turn, VoiceStore
from pgvoice.store.recordings.segment_rows import Embedding

#: Sounds like both ann and bob.
BOTH = unit(1, 1, 0.1)
Span = tuple[float, float]


@pytest.fixture
def enrolled(store: VoiceStore) -> VoiceStore:
    """Ann is X, bob is Y."""
    put(store, "w", {(0, 5): X, (5, 10): Y})
    store.people.enroll_segments("ann", "w", [(0, 5)])
    store.people.enroll_segments("bob", "w", [(5, 10)])
    return store


def _answer(
    store: VoiceStore, others: list[Span], rows: dict[Span, Embedding | str]
) -> Identification:
    """The answer for a turn from 0 to 10 s that others overlap."""
    put(store, "v", rows)
    turns = [Turn(0, 10, "A"), *(Turn(*span, "B") for span in others)]
    store.recordings.store_turns("v", turns)
    return store.answers.identify("v", [(0, 10)])[0]


LATE: list[Span] = [(3, 4), (8, 10)]


@pytest.mark.parametrize(
    ("others", "rows", "reason", "speaker", "similarity"),
    [
        ([], {(0, 10): X}, "matched", "ann", 1.0),
        ([(6, 10)], {(0, 10): BOTH, (0, 6): X}, "matched", "ann", 1.0),
        ([(1, 10)], {(0, 10): X, (0, 1): Y}, "matched", "bob", 1.0),
        (LATE, {(0, 10): X, (0, 3): Z, (4, 8): Y}, "matched", "bob", 1.0),
        (LATE, {(0, 10): X, (0, 3): X, (4, 8): unit(3, 0, 1)}, "matched", "ann", 0.9487),
        (LATE, {(0, 10): X, (0, 3): X, (4, 8): Y}, "ambiguous", None, 1.0),
        (LATE, {(0, 10): X, (0, 3): Z, (4, 8): Z}, "below_threshold", None, 0.0),
        (LATE, {(0, 10): X, (0, 3): Z, (4, 8): BOTH}, "ambiguous", None, 0.7053),
        (LATE, {(0, 10): X, (0, 3): "silent", (4, 8): X}, "matched", "ann", 1.0),
        (LATE, {(0, 10): X, (0, 3): "silent", (4, 8): "silent"}, "overlapped", None, 1.0),
        ([(2, 10)], {(0, 10): X, (0, 2): Z}, "overlapped", None, 0.0),
        ([(0.5, 10)], {(0, 10): X}, "overlapped", None, 1.0),
        ([(0, 10)], {(0, 10): X}, "overlapped", None, 1.0),
        ([(6, 10)], {(0, 10): X}, "missing", None, 1.0),
        (LATE, {(0, 10): X, (0, 3): X}, "missing", None, 1.0),
        ([(6, 10)], {(0, 6): X}, "missing", None, 1.0),
        ([(6, 10)], {(0, 10): "silent", (0, 6): X}, "silent", None, 1.0),
    ],
)
def test_clean_parts_decide(
    enrolled: VoiceStore,
    others: list[Span],
    rows: dict[Span, Embedding | str],
    reason: str,
    speaker: str | None,
    similarity: float,
) -> None:
    answer = _answer(enrolled, others, rows)
    assert (answer.reason, answer.speaker) == (reason, speaker)
    assert answer.similarity == pytest.approx(similarity, abs=1e-4)
    assert (answer.start, answer.end) == (0, 10)


def test_whoever_overlaps_a_span_that_is_no_turn_is_unknown(enrolled: VoiceStore) -> None:
    _answer(enrolled, [(6, 10)], {(0, 10): X, (0, 6): X, (5, 9): X})
    assert enrolled.answers.identify("v", [(5, 9)])[0].reason == "matched"


def test_one_answer_everywhere(enrolled: VoiceStore) -> None:
    """identify, identify_clusters alone, the whole library's labels, and where somebody speaks."""
    noise = np.random.default_rng(3)
    for number in range(12):
        starts = np.sort(noise.choice(100, 14, replace=False))
        turns = [
            Turn(float(start), float(start + noise.integers(1, 16)), noise.choice(["A", "B", "C"]))
            for start in starts
        ]
        _fill(enrolled, f"v{number}", turns, noise)
    enrolled.labels.label(clusters=False)
    heard = {
        (place.video, place.key, name): place.similarity
        for name in ("ann", "bob")
        for place in enrolled.answers.appearances(name)
    }
    reasons = set()
    for number in range(12):
        video = f"v{number}"
        answers = enrolled.answers.identify(video)
        reasons |= {each.reason for each in answers}
        kept = {one.key: one for one in enrolled.labels.current(video)}
        assert {each.key for each in answers} == set(kept)
        for each in answers:
            label = kept[each.key]
            reason = "below_threshold" if each.reason == "suggested" else each.reason
            assert (label.speaker, label.reason) == (each.speaker, reason)
            assert (label.similarity, label.runner_up) == (each.similarity, each.runner_up)
            assert (label.margin is None) == (each.margin is None)
            found = {name for name in ("ann", "bob") if (video, each.key, name) in heard}
            assert found == ({each.speaker} if each.speaker else set())
        assert enrolled.labels.label([video], clusters=False, dry_run=True).changed == 0
    assert {"matched", "overlapped", "ambiguous", "below_threshold"} <= reasons
    assert len([key for key in heard if key[0] != "w"]) == sum(
        each.speaker is not None
        for number in range(12)
        for each in enrolled.answers.identify(f"v{number}")
    )


def _fill(store: VoiceStore, video: str, turns: list[Turn], noise: np.random.Generator) -> None:
    """Store turns and vectors of them and of their clean parts."""
    put(store, video, {})
    store.recordings.store_turns(video, turns)
    with store.database.engine.connect() as connection:
        spans = connection.execute(
            text(
                "SELECT DISTINCT s.start_ms, s.end_ms FROM pgvoice.video AS v, LATERAL (SELECT"
                " start_ms, end_ms FROM pgvoice.turn WHERE video_id = v.id UNION SELECT start_ms,"
                " end_ms FROM pgvoice.clean_part WHERE video_id = v.id) AS s WHERE v.key = :video"
            ),
            {"video": video},
        ).all()
    voices = [X, Y, Z, BOTH, unit(3, 1, 1)]
    rows: dict[Span, Embedding | str] = {
        (start / 1000, end / 1000): voices[noise.integers(len(voices))] for start, end in spans
    }
    put(store, video, rows, ENCODER)
