"""Acts on unknown voices: undoing them, who may, and several encoders."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pgvoice_testkit.servers.databases import plain, role, run
from pgvoice_testkit.stores.unknown_voices import (
    CONSENT,
    changed_tables,
    checksums,
    enroll_near,
    names_in,
    number_of,
)
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import text

from pgvoice.store import (
    Change,
    VoiceStore,
)

# Undoing


@pytest.mark.parametrize("kind", ["name", "dismiss", "same", "different", "accept", "reject"])
def test_each_is_one_act_that_can_be_undone(library: VoiceStore, kind: str) -> None:
    number, other = (number_of(library, person) for person in PEOPLE[:2])
    enroll_near(library, "Bob", PEOPLE[0], 0.42)
    before = checksums(library)
    acts: dict[str, Callable[[], Change]] = {
        "name": lambda: library.voices.name(other, "Ada", consent=CONSENT),
        "dismiss": lambda: library.voices.dismiss(number, "tv"),
        "same": lambda: library.voices.same(number, other),
        "different": lambda: library.voices.different(number, "monday"),
        "accept": lambda: library.voices.accept(number),
        "reject": lambda: library.voices.reject(number),
    }
    done = acts[kind]()
    assert {each.kind for each in library.acts.list()} == {"enroll", kind}
    assert checksums(library)["verdict"] != before["verdict"] or kind == "dismiss"
    library.acts.undo(done.act)
    assert changed_tables(before, checksums(library)) <= {"nearest", "compared_profile"}
    assert [each for each in library.upkeep.verify() if each.problems] == []


# Who may


def test_admins_may_do_it_all(library: VoiceStore) -> None:
    url = library.database.url
    number, other = (number_of(library, person) for person in PEOPLE[:2])
    with role(url, "admin_of_voices") as login:
        run(library.database.engine, "GRANT pgvoice_admin TO admin_of_voices")
        with VoiceStore.open(plain(login)) as store:
            store.voices.enable(days=9)
            named = store.voices.name(number, "Ada", consent=CONSENT)
            store.voices.dismiss(other, "tv")
            store.acts.undo()
            store.acts.undo(named.act)
            assert {each.number for each in store.voices.unknown()} >= {number, other}
            assert store.voices.same(number, other).voices == 5
            assert store.voices.different(min(number, other), "friday").voices == 1
            assert store.voices.disable() >= 5


def test_sql_is_enough(library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    with library.database.engine.begin() as connection:
        row = connection.execute(
            text(
                "SELECT voices, left_out, jsonb_array_length(exemplars) FROM"
                " pgvoice.name_voice(:number, 'Ada', granted_by => 'Ada')"
            ),
            {"number": number},
        ).one()
    assert row == (3, 0, 5)
    assert names_in(library, "friday") == {"Ada", None}


# Several encoders


@pytest.fixture
def twice(library: VoiceStore) -> VoiceStore:
    """The library with all vectors once more, of a second encoder."""
    run(
        library.database.engine,
        "INSERT INTO pgvoice.encoder (name, revision, preprocessing, dimension, sample_rate,"
        " default_threshold, threshold_source) SELECT 'second', revision, preprocessing, dimension,"
        " sample_rate, default_threshold, threshold_source FROM pgvoice.encoder",
        "INSERT INTO pgvoice.segment_embedding (video_id, start_ms, end_ms, encoder_id, dimension,"
        " embedding, status) SELECT video_id, start_ms, end_ms, (SELECT max(id) FROM"
        " pgvoice.encoder), dimension, embedding, status FROM pgvoice.segment_embedding",
    )
    library.voices.link()
    return library


def test_a_name_holds_for_every_encoder(twice: VoiceStore) -> None:
    number = number_of(twice, PEOPLE[0])
    for encoder in (None, "second"):
        assert len(twice.voices.show(number, encoder=encoder)) == 3
        assert len(twice.voices.clips(number, encoder=encoder)) == 3
    done = twice.voices.name(number, "Ada", consent=CONSENT)
    assert (done.voices, len(done.exemplars)) == (3, 5)
    for encoder in (None, "second"):
        assert len(twice.people.exemplars("Ada", encoder=encoder)) == 5
    for encoder in ("voices", "second"):
        names = {label.speaker for label in twice.labels.current("friday", encoder=encoder)}
        assert names == {"Ada", None}
    named = [move for move in done.moves if move.to_speaker == "Ada"]
    assert sum(move.segments for move in named) <= 3 * 6


def test_whom_one_encoder_suggests_is_rejected_for_every_encoder(twice: VoiceStore) -> None:
    number = number_of(twice, PEOPLE[0])
    enroll_near(twice, "Ada", PEOPLE[0], 0.42)
    assert [each.number for each in twice.voices.suggestions()] == [number]
    twice.voices.reject(number)
    run(
        twice.database.engine,
        "INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding, start_ms,"
        " end_ms, audio_sha256, source) SELECT speaker_id, (SELECT max(id) FROM pgvoice.encoder),"
        " dimension, embedding, start_ms, end_ms, audio_sha256, source FROM pgvoice.enrollment",
        "SELECT pgvoice_internal.refresh_profile(s.id, e.id) FROM pgvoice.speaker AS s"
        " CROSS JOIN pgvoice.encoder AS e",
    )
    assert twice.voices.suggestions() == []
    assert twice.voices.unknown(encoder="second")[0].nearest is None
