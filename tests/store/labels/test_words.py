"""Which of a person's words apply to a segment or a voice, and which of them still hold."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pgvoice_testkit.stores.filled import X, Y, put
from sqlalchemy import Connection, text

from pgvoice.store import Turn, VoiceStore
from pgvoice.store.recordings.segment_rows import Embedding

Spans = Sequence[tuple[float, float]]
#: A talks from 0 to 10 and from 20 to 30 s; B alone from 10 to 20 s, and in between.
A1, A2, B1 = (0, 10), (20, 30), (10, 20)
WITHIN = (4, 5)
ACROSS = (28, 32)


@pytest.fixture
def talk(store: VoiceStore) -> VoiceStore:
    """Filled turns of A and B; ann and bob are known."""
    spans: dict[tuple[float, float], Embedding | str] = {A1: X, A2: X, B1: Y, WITHIN: Y, ACROSS: Y,
             (0, 4): X, (5, 10): X, (20, 28): X,
             (30, 32): Y}  # fmt: skip
    put(store, "v", spans)
    store.recordings.store_turns(
        "v",
        [Turn(*A1, "A"), Turn(*A2, "A"), Turn(*B1, "B"), Turn(*WITHIN, "B"), Turn(*ACROSS, "B")],
    )
    with store.database.engine.begin() as connection:
        connection.execute(text("INSERT INTO pgvoice.speaker (name) VALUES ('ann'), ('bob')"))
        connection.execute(text("SELECT pgvoice.refresh_voices()"))
    return store


def _say(
    connection: Connection, spans: Spans, holds: bool, name: str | None, unknown: int | None = None
) -> int:
    """Keep a word; returns its number."""
    ranges = ", ".join(f"[{round(start * 1000)}, {round(end * 1000)})" for start, end in spans)
    kept: int = connection.scalar(
        text(
            "SELECT pgvoice_internal.keep_word(v.id, CAST(:spans AS int4multirange), :holds,"
            " (SELECT s.id FROM pgvoice.speaker s WHERE s.name = :name), :unknown)"
            " FROM pgvoice.video v WHERE v.key = 'v'"
        ),
        {"spans": f"{{{ranges}}}", "holds": holds, "name": name, "unknown": unknown},
    )
    return kept


Word = tuple[bool | None, str | None, tuple[str, ...]]


def _on(connection: Connection, span: tuple[float, float]) -> Word | None:
    """Whether the words on a segment say who speaks, who, and who does not."""
    row = connection.execute(
        text(
            "SELECT w.verdict_id IS NOT NULL, s.name, ARRAY(SELECT n.name FROM pgvoice.speaker n"
            "  WHERE n.id = ANY (w.denied) ORDER BY 1)"
            " FROM pgvoice.video v CROSS JOIN LATERAL pgvoice_internal.segment_words("
            "  v.id, ARRAY[CAST(:start AS integer)], ARRAY[CAST(:end AS integer)]) w"
            " LEFT JOIN pgvoice.speaker s ON s.id = w.speaker_id WHERE v.key = 'v'"
        ),
        {"start": round(span[0] * 1000), "end": round(span[1] * 1000)},
    ).one_or_none()
    return row and (row[0], row[1], tuple(row[2]))


def _of_voices(connection: Connection) -> set[tuple[str, bool, str | None, int | None]]:
    return {
        tuple(row)
        for row in connection.execute(
            text(
                "SELECT w.label, w.holds, s.name, w.unknown_voice_id"
                " FROM pgvoice_internal.voice_words(ARRAY(SELECT id FROM pgvoice.video),"
                "  (SELECT id FROM pgvoice.encoder)) w"
                " LEFT JOIN pgvoice.speaker s ON s.id = w.speaker_id"
            )
        )
    }


ANN, NOT_ANN, NOBODY = (True, "ann"), (False, "ann"), (True, None)
BOB, NOT_BOB = (True, "bob"), (False, "bob")


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ([], None),
        ([ANN], (True, "ann", ())),
        ([NOBODY], (True, None, ())),
        ([NOT_ANN], (False, None, ("ann",))),
        ([NOT_ANN, NOT_BOB, NOT_ANN], (False, None, ("ann", "bob"))),
        ([BOB, ANN], (True, "ann", ())),
        ([ANN, NOBODY], (True, None, ())),
        ([ANN, NOT_ANN], (False, None, ("ann",))),
        ([NOT_ANN, ANN], (True, "ann", ())),
        ([BOB, ANN, NOT_ANN], (False, None, ("ann",))),
        ([NOT_ANN, BOB], (True, "bob", ("ann",))),
        ([ANN, NOT_BOB], (True, "ann", ("bob",))),
    ],
)
def test_of_contradicting_words_the_newest_holds(
    talk: VoiceStore, said: list[tuple[bool, str | None]], held: Word | None
) -> None:
    with talk.database.engine.begin() as connection:
        for holds, name in said:
            _say(connection, [A1, A2], holds, name)
        assert _on(connection, A2) == held
        names = {(True, held[1])} if held and held[0] else set()
        denied = {(False, name) for name in held[2]} if held else set()
        assert _of_voices(connection) == {("A", *word, None) for word in names | denied}


@pytest.mark.parametrize(
    ("spans", "on"),
    [
        ([(0, 10)], {A1}),
        ([(0, 6)], {A1}),
        ([(0, 5)], set()),
        ([(0, 4)], set()),
        ([(4, 5)], {WITHIN}),
        ([A1, A2], {A1, A2}),
        ([B1, WITHIN, ACROSS], {B1, WITHIN, ACROSS}),
        ([(28, 32)], {ACROSS}),
        ([(20, 32)], {A2, ACROSS}),
        ([(20, 30)], {A2}),
        ([(9, 40)], {B1, A2, ACROSS}),
    ],
)
def test_a_word_applies_to_what_it_covers_half_of(
    talk: VoiceStore, spans: Spans, on: set[tuple[float, float]]
) -> None:
    """A turn within another label's is meant only by words that fit it best."""
    with talk.database.engine.begin() as connection:
        _say(connection, spans, True, "ann")
        turns = (A1, A2, B1, WITHIN, ACROSS)
        assert {each for each in turns if _on(connection, each) is not None} == on


def test_a_word_about_a_merged_or_named_unknown_voice(talk: VoiceStore) -> None:
    talk.voices.enable()
    with talk.database.engine.begin() as connection:
        for _ in range(3):
            connection.execute(text("INSERT INTO pgvoice.unknown_voice DEFAULT VALUES"))
        _say(connection, [B1], True, None, 3)
        assert _of_voices(connection) == {("B", True, None, 3)}
        assert _on(connection, B1) == (False, None, ())
        connection.execute(
            text(
                "UPDATE pgvoice.unknown_voice SET ended_at = now(), ended_as = 'merged',"
                " merged_into = id - 1 WHERE id > 1"
            )
        )
        assert _of_voices(connection) == {("B", True, None, 1)}
        connection.execute(
            text(
                "UPDATE pgvoice.unknown_voice SET ended_at = now(), ended_as = 'named',"
                " speaker_id = (SELECT id FROM pgvoice.speaker WHERE name = 'bob') WHERE id = 1"
            )
        )
        assert _of_voices(connection) == {("B", True, "bob", None)}
        assert _on(connection, B1) == (True, "bob", ())
        connection.execute(text("DELETE FROM pgvoice.speaker WHERE name = 'bob'"))
        assert _of_voices(connection) == set()
        assert _on(connection, B1) is None
