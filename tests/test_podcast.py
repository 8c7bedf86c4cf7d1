"""The whole way on real speech: four people enrolled, a podcast named, a stranger left alone."""

from __future__ import annotations

from pathlib import Path

from podcast import STRANGER, enroll, fill_turns, identified

from pgvoice.hooks import make_encoder
from pgvoice.store import VoiceStore


def test_the_podcast_is_named_right_and_the_stranger_never(store: VoiceStore, speech: Path) -> None:
    encoder = make_encoder("campplus")
    enroll(store, encoder, speech)
    first = fill_turns(store, encoder, speech)
    assert (first.missing, first.encoder_calls > 0) == (46, True)
    judged = identified(store, speech)
    assert sum(turn.right for turn in judged) / len(judged) >= 0.95
    named = {turn.answer.speaker for turn in judged if turn.reference.label == STRANGER}
    assert named == {None}
    second = fill_turns(store, make_encoder("campplus"), speech)
    assert (second.missing, second.encoder_calls, second.decoded) == (0, 0, False)
