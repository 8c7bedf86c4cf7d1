"""Turns by what was said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores.filled import X, Y, Z, put
from sqlalchemy import text

from pgvoice.store import Turn, UnknownVideo, VoiceStore
from pgvoice.store.answers.text_search import FoundTurn

SAID = {
    "a": [
        Turn(2, 4, "S1", "100 % Wasser, said ann_b"),
        Turn(0, 2, "S0", "Straße, WASSER and ice"),
        Turn(4, 6, "S1", "100 times annxb"),
    ],
    "b": [Turn(0, 2, "S0", r"C:\water"), Turn(2, 4, None, None)],
}


@pytest.fixture(scope="module")
def spoken(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Two recordings with text; the first is filled, and one of its speakers enrolled."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        run(store.database.engine, "UPDATE pgvoice.setting SET keep_text = true")
        put(store, "a", {(0, 2): X, (2, 4): Y, (4, 6): Y})
        put(store, "b", {(0, 2): Z})
        for video, turns in SAID.items():
            store.recordings.store_turns(video, turns)
        store.people.enroll_segments("Ann", "a", [(0, 2)], force=True)
        store.labels.label()
        store.voices.enable()
        yield store


def _said(found: list[FoundTurn]) -> list[tuple[str, float]]:
    return [(each.video, each.start) for each in found]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("wasser", [("a", 0), ("a", 2)], id="without regard to case, in time order"),
        pytest.param("100 %", [("a", 2)], id="a percent sign is one"),
        pytest.param("ann_b", [("a", 2)], id="an underscore is one"),
        pytest.param("C:\\W", [("b", 0)], id="a backslash is one"),
        pytest.param("wat", [("b", 0)], id="part of a word"),
        pytest.param("annyb", [], id="nobody says it"),
    ],
)
def test_what_contains_the_query_is_found(
    spoken: VoiceStore, query: str, found: list[tuple[str, float]]
) -> None:
    assert _said(spoken.answers.search_text(query)) == found


def test_it_says_who_speaks(spoken: VoiceStore) -> None:
    ann, other = spoken.answers.search_text("wasser")
    assert (ann.speaker, ann.voice, ann.label, ann.text) == (
        *("Ann", None, "S0", "Straße, WASSER and ice"),
    )
    (voice,) = {each.number for each in spoken.voices.unknown() if each.last_video == "a"}
    assert (other.speaker, other.voice) == (None, voice)
    assert (other.start_ms, other.end_ms) == (2000, 4000)


def test_it_comes_in_pages_and_of_one_recording(spoken: VoiceStore) -> None:
    everything = spoken.answers.search_text("a", limit=None)
    assert len(everything) == 4
    pages = [spoken.answers.search_text("a", limit=3, skip=skip) for skip in (0, 3, 6)]
    assert [found for page in pages for found in page] == everything
    assert _said(spoken.answers.search_text("a", video="b")) == [("b", 0)]


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"query": " "}, "the query is empty"), ({"query": "a", "limit": -1}, "max_rows"),
     ({"query": "a", "skip": -1}, "skipped_rows")],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(
    spoken: VoiceStore, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        spoken.answers.search_text(**asked)  # type: ignore[arg-type]
    with pytest.raises(UnknownVideo):
        spoken.answers.search_text("a", video="c")


def test_readers_search_as_well(spoken: VoiceStore) -> None:
    with spoken.database.engine.begin() as connection:
        connection.execute(text("SET LOCAL ROLE pgvoice_reader"))
        found = connection.scalars(text("SELECT text FROM pgvoice.search_text('ann_b')"))
        assert found.all() == ["100 % Wasser, said ann_b"]
