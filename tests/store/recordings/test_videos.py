"""A video's audio: remembered, and noticed when it changes."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, put

from pgvoice.store import AudioChanged, SegmentKey, VideoAudio, VoiceStore

KEYS = [SegmentKey(0, 1000)]
NEW_AUDIO = VideoAudio("b" * 64, 1000, "new.wav")


def test_changed_audio_is_an_error_and_changes_nothing(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    with pytest.raises(AudioChanged, match=r"'v' changed.*4c94485e0c21….*bbbbbbbbbbbb…"):
        store.recordings.register("v", NEW_AUDIO, ENCODER, THRESHOLD)
    assert store.recordings.missing("v", ENCODER, KEYS) == []
    put(store, "v", {(1, 2): X})


def test_changed_audio_can_be_kept(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    assert not store.recordings.register("v", NEW_AUDIO, ENCODER, THRESHOLD, "keep").replaced
    assert store.recordings.missing("v", ENCODER, KEYS) == []
    store.recordings.register("v", NEW_AUDIO, ENCODER, THRESHOLD)


def test_changed_audio_can_replace(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    put(store, "w", {(0, 1): X})
    assert store.recordings.register("v", NEW_AUDIO, ENCODER, THRESHOLD, "replace").replaced
    assert store.recordings.missing("v", ENCODER, KEYS) == KEYS
    assert store.recordings.missing("w", ENCODER, KEYS) == []


def test_the_same_audio_replaces_nothing(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X}, audio=NEW_AUDIO.sha256)
    assert not store.recordings.register("v", NEW_AUDIO, ENCODER, THRESHOLD, "replace").replaced
    assert store.recordings.missing("v", ENCODER, KEYS) == []


def test_a_video_without_audio_takes_the_first_that_comes(store: VoiceStore) -> None:
    store.recordings.register("v", None, ENCODER, THRESHOLD)
    store.recordings.register("v", NEW_AUDIO, ENCODER, THRESHOLD)
    store.recordings.register("v", None, ENCODER, THRESHOLD)
    with pytest.raises(AudioChanged):
        store.recordings.register("v", VideoAudio("c" * 64, 1, "x"), ENCODER, THRESHOLD)


@pytest.mark.parametrize("key", ["", " ", "a\0b"])
def test_a_key_that_cannot_be(store: VoiceStore, key: str) -> None:
    with pytest.raises(ValueError, match="a video's key must not"):
        store.recordings.register(key, None, ENCODER, THRESHOLD)
