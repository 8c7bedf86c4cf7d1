"""What may be heard of a recording: speech and a little around it, nothing that was erased."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.filled import X, put
from sqlalchemy import text

from pgvoice.store import NotHearable, Turn, UnknownVideo, VoiceStore
from pgvoice.store.recordings.hearing import Hearable

#: The recording has 600 s; the last turn ends beyond it, as those of lossy files do.
TURNS = [Turn(0.5, 4, "A"), Turn(6, 9, "B"), Turn(20, 22.5, "A"), Turn(598, 600.04, "B")]


@pytest.fixture
def talk(store: VoiceStore) -> VoiceStore:
    put(store, "talk", {(0.5, 4): X, (40, 42): X})
    store.recordings.store_turns("talk", TURNS)
    return store


def _erase(store: VoiceStore, start_ms: int, end_ms: int) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO pgvoice.erased_span (audio, person, start_ms, end_ms)"
                " SELECT audio_sha256, '\\x00', :start, :end FROM pgvoice.video"
            ),
            {"start": start_ms, "end": end_ms},
        )


def _heard(store: VoiceStore, *span: float, context: float = 0.0) -> tuple[int, int]:
    found: Hearable = store.recordings.hearable("talk", *span[:2], context=context)
    return found.span.start_ms, found.span.end_ms


@pytest.mark.parametrize(
    ("span", "context", "heard"),
    [
        ((0.5, 4), 0, (500, 4000)),
        ((1.2345, 3), 0, (1235, 3000)),
        ((0.5, 4), 1, (0, 5000)),
        ((20, 22.5), 0.25, (19_750, 22_750)),
        # Across turns that are at most two seconds apart.
        ((0.5, 9), 0, (500, 9000)),
        ((5, 9), 0, (5000, 9000)),
        # What is asked for besides a turn counts as context.
        ((5, 9.9), 1, (4000, 10_000)),
        ((598, 600.04), 1, (597_000, 600_000)),
        # A stored segment that is no turn.
        ((40, 42), 0.5, (39_500, 42_500)),
    ],
)
def test_speech_is_heard_with_context(
    talk: VoiceStore, span: tuple[float, float], context: float, heard: tuple[int, int]
) -> None:
    assert _heard(talk, *span, context=context) == heard


@pytest.mark.parametrize("span", [(0, 60), (9, 20), (12, 13), (100, 101), (601, 602), (22, 24)])
def test_nothing_else_is_heard(talk: VoiceStore, span: tuple[float, float]) -> None:
    with pytest.raises(NotHearable, match="no turn and no stored segment is near all of"):
        _heard(talk, *span)


@pytest.mark.parametrize(
    ("span", "context"),
    [
        ((1, 1), 0),
        ((2, 1), 0),
        ((-1, 1), 0),
        ((float("nan"), 1), 0),
        ((0, float("inf")), 0),
        ((0, 3e6), 0),
        ((1, 2), 1.001),
        ((1, 2), -0.1),
    ],
)
def test_what_is_no_span_is_refused(
    talk: VoiceStore, span: tuple[float, float], context: float
) -> None:
    with pytest.raises(ValueError, match=r"ms|seconds"):
        _heard(talk, *span, context=context)


def test_unknown_recordings(talk: VoiceStore) -> None:
    for video in ("../../etc/passwd", "/etc/passwd", "a\0b", "\ud800", ""):
        with pytest.raises(UnknownVideo):
            talk.recordings.hearable(video, 0, 1)


def test_erased_speech_is_not_heard(talk: VoiceStore) -> None:
    _erase(talk, 6200, 8000)
    with pytest.raises(NotHearable, match="was erased"):
        _heard(talk, 6, 9)
    with pytest.raises(NotHearable, match="was erased"):
        _heard(talk, 7, 7.5)
    # Beside it, what was erased is silent.
    found = talk.recordings.hearable("talk", 8, 9, context=1)
    assert (found.span, found.silent) == ((7000, 10_000), ((7000, 8000),))
    assert talk.recordings.hearable("talk", 0.5, 4, context=1).silent == ()


def test_a_recording_whose_audio_was_never_read(store: VoiceStore) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text("INSERT INTO pgvoice.video (key) VALUES ('talk')"))
    store.recordings.store_turns("talk", TURNS)
    with pytest.raises(NotHearable, match="no audio of 'talk' was read yet: fill it"):
        _heard(store, 0.5, 4)
