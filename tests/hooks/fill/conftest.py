"""A conversation, and its rows where its turns are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from pgvoice_testkit.audio.conversations import write_turns
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.stores.exact_rows import Bits
from pgvoice_testkit.stores.segmented import SECONDS, TURNS, rows

from pgvoice.hooks import fill
from pgvoice.store import SegmentKey, VoiceStore


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audio of `TURNS`."""
    return write_turns(tmp_path_factory.mktemp("talk") / "talk.wav", TURNS, SECONDS)


@pytest.fixture
def given(store: VoiceStore, talk: Path) -> dict[SegmentKey, Bits]:
    """The rows of the same turns where they are given."""
    fill(store, CountingEncoder(), video="given", audio=talk, segments=TURNS)
    return rows(store, "given")
