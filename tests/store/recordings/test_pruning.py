"""Pruning deletes the selected vectors and nothing else, and never everything by mistake."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, put
from sqlalchemy import text

from pgvoice.store import PruneSelection, VoiceStore
from pgvoice.store.keys import SegmentKey


@pytest.fixture
def filled_store(store: VoiceStore) -> VoiceStore:
    put(store, "v", {(0, 1): X, (1, 2): "silent"})
    put(store, "w", {(0, 1): X})
    put(store, "w", {(0, 1): X}, OTHER_ENCODER)
    return store


def _left(store: VoiceStore) -> int:
    return sum(holding.segments for holding in store.recordings.statistics().holdings)


def test_by_video(filled_store: VoiceStore) -> None:
    assert filled_store.recordings.prune(PruneSelection(video="v")) == 2
    assert _left(filled_store) == 2
    assert filled_store.recordings.missing("v", ENCODER, [SegmentKey(0, 1000)]) == [
        SegmentKey(0, 1000)
    ]


def test_by_encoder_and_video(filled_store: VoiceStore) -> None:
    encoder_id = filled_store.encoders.list()[1].id
    assert filled_store.recordings.prune(PruneSelection(video="v", encoder_id=encoder_id)) == 0
    assert filled_store.recordings.prune(PruneSelection(encoder_id=encoder_id)) == 1


def test_by_age(filled_store: VoiceStore) -> None:
    assert filled_store.recordings.prune(PruneSelection(older_than=timedelta(days=1))) == 0
    with filled_store.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE pgvoice.segment_embedding SET created_at = now() - interval '2 days'")
        )
    assert filled_store.recordings.prune(PruneSelection(older_than=timedelta(days=1))) == 4


def test_a_dry_run_only_counts(filled_store: VoiceStore) -> None:
    assert filled_store.recordings.prune(PruneSelection(video="w"), dry_run=True) == 2
    assert _left(filled_store) == 4


def test_nothing_selected_is_an_error(filled_store: VoiceStore) -> None:
    for dry_run in (False, True):
        with pytest.raises(ValueError, match="nothing selected"):
            filled_store.recordings.prune(PruneSelection(), dry_run=dry_run)
    assert _left(filled_store) == 4


def test_profiles_outlive_their_cached_segments(filled_store: VoiceStore) -> None:
    filled_store.people.enroll_segments("ann", "v", [(0, 1)], ENCODER, min_speech=1)
    filled_store.recordings.prune(PruneSelection(video="v"))
    assert filled_store.answers.identify("w", encoder=ENCODER)[0].speaker == "ann"
