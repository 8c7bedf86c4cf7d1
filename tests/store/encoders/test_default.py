"""Which encoder answers, and what another one lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from pgvoice_testkit.servers.databases import plain, role, run
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, THRESHOLD, X, Y, Z, put
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text

from pgvoice.store import EncoderIdentity, Turn, VoiceStore
from pgvoice.store.encoders.default import Unfilled
from pgvoice.store.errors import UnknownEncoder

#: The same weights with other preprocessing.
LATER = replace(ENCODER, preprocessing="2")
OTHER_NAME = replace(ENCODER, name="plaything", dimension=5)


@pytest.fixture
def two(store: VoiceStore) -> VoiceStore:
    """Two encoders, registered in the order ENCODER, OTHER_ENCODER."""
    for identity in (ENCODER, OTHER_ENCODER):
        store.encoders.register(identity, THRESHOLD)
    return store


def _default(store: VoiceStore) -> EncoderIdentity:
    return store.encoders.find().identity


# What an encoder lacks


def test_recordings_with_segments_that_another_encoder_lacks(store: VoiceStore) -> None:
    put(store, "b", {(0, 1): X, (1, 2): Y, (2, 2.1): "too_short", (3, 4): "silent"})
    put(store, "a", {(0, 2): X})
    put(store, "done", {(0, 1): X})
    put(store, "done", {(0, 1): "non_finite"}, OTHER_ENCODER)
    put(store, "b", {(1, 2): Y, (9, 10): Z}, OTHER_ENCODER)
    lacks = store.encoders.unfilled(OTHER_ENCODER)
    assert lacks == [
        Unfilled("a", 1, 2, "a.wav", has_turns=False),
        Unfilled("b", 3, 2.1, "b.wav", has_turns=False),
    ]
    assert store.encoders.unfilled(ENCODER, like=OTHER_ENCODER) == [
        Unfilled("b", 1, 1, "b.wav", has_turns=False)
    ]
    assert store.encoders.unfilled(ENCODER) == []


def test_of_a_recording_with_turns_only_these_and_their_clean_parts(store: VoiceStore) -> None:
    """Others are left from turns before."""
    put(store, "v", {(0, 4): X, (3, 8): Y, (0, 3): X, (4, 8): Y, (20, 21): Z})
    store.recordings.store_turns("v", [Turn(0, 4, "A"), Turn(3, 8, "B"), Turn(30, 31, "B")])
    store.encoders.register(OTHER_ENCODER, THRESHOLD)
    assert store.encoders.unfilled(OTHER_ENCODER) == [
        Unfilled("v", 4, 4 + 5 + 3 + 4, "v.wav", has_turns=True)
    ]
    put(store, "v", {(0, 4): X, (3, 8): Y, (4, 8): Y}, OTHER_ENCODER)
    assert store.encoders.unfilled(OTHER_ENCODER) == [Unfilled("v", 1, 3, "v.wav", has_turns=True)]


def test_erased_speech_is_not_missing(two: VoiceStore) -> None:
    put(two, "v", {(0, 1): X, (1, 2): "erased"})
    assert [each.segments for each in two.encoders.unfilled(OTHER_ENCODER)] == [1]


# The default encoder


def test_the_first_encoder_answers_until_the_library_switches(two: VoiceStore) -> None:
    two.encoders.register(LATER, THRESHOLD)
    assert _default(two) == ENCODER
    for new, was in [(OTHER_ENCODER, ENCODER), (ENCODER, OTHER_ENCODER), (LATER, ENCODER)]:
        assert two.encoders.make_default(new).identity == was
        assert _default(two) == new
    ordered = sorted(
        (each for each in two.encoders.list() if each.default_since),
        key=lambda each: str(each.default_since),
    )
    assert [each.identity for each in ordered] == [OTHER_ENCODER, ENCODER, LATER]
    assert [each.identity for each in two.encoders.list() if each.is_default] == [LATER]


def test_making_the_default_encoder_the_default_changes_nothing(two: VoiceStore) -> None:
    assert two.encoders.make_default(ENCODER).identity == ENCODER
    assert [each.default_since for each in two.encoders.list()] == [None, None]
    assert two.privacy.audit() == []


def test_a_clock_set_back_brings_no_older_encoder_back(two: VoiceStore) -> None:
    run(
        two.database.engine,
        "UPDATE pgvoice.encoder SET default_since = '2100-01-01' WHERE id = 1",
    )
    two.encoders.make_default(OTHER_ENCODER)
    assert _default(two) == OTHER_ENCODER


def test_an_unknown_encoder_does_not_become_the_default(two: VoiceStore) -> None:
    with pytest.raises(UnknownEncoder):
        two.encoders.make_default("nobody")
    with two.database.engine.begin() as connection, pytest.raises(Exception, match="no encoder 99"):
        connection.execute(text("SELECT pgvoice.make_default_encoder(99)"))


@pytest.mark.parametrize(
    ("statement", "events"),
    [
        (
            "SELECT pgvoice.make_default_encoder(2)",
            [("change default encoder", "toy@sha256:fedcba987654", "toy@sha256:0123456789ab")],
        ),
        (
            "UPDATE pgvoice.encoder SET default_since = now() WHERE id = 2",
            [("change default encoder", "toy@sha256:fedcba987654", "toy@sha256:0123456789ab")],
        ),
        (
            "DELETE FROM pgvoice.encoder WHERE id = 1",
            [("change default encoder", "toy@sha256:fedcba987654", "toy@sha256:0123456789ab")],
        ),
        ("UPDATE pgvoice.encoder SET default_since = now() WHERE id = 1", []),
        ("DELETE FROM pgvoice.encoder WHERE id = 2", []),
        ("DELETE FROM pgvoice.encoder", []),
    ],
)
def test_another_default_leaves_an_event(
    two: VoiceStore, statement: str, events: list[tuple[str, str, str]]
) -> None:
    run(two.database.engine, statement)
    told = two.privacy.audit()
    assert [(each.action, each.subject, each.details["from"]) for each in told] == events


@pytest.fixture(params=["pgvoice_writer", "pgvoice_admin"])
def login(two: VoiceStore, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"{request.param}_of_defaults"
    with role(two.database.url, name) as url:
        run(two.database.engine, f"GRANT {request.param} TO {name}")
        yield plain(url).replace("+psycopg", "")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pgvoice.encoder SET default_since = now()",
        "UPDATE pgvoice.encoder SET name = 'other'",
        "INSERT INTO pgvoice.encoder (name, revision, preprocessing, dimension, sample_rate,"
        " default_threshold, threshold_source, default_since)"
        " VALUES ('n', '1', '1', 3, 16000, 0.5, 'mine', now())",
    ],
)
def test_nobody_sets_the_default_or_an_identity_by_hand(login: str, statement: str) -> None:
    with psycopg.connect(login) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement.encode())


def test_only_admins_make_an_encoder_the_default(two: VoiceStore, login: str) -> None:
    with psycopg.connect(login) as connection:
        if "writer" in login:
            with pytest.raises(InsufficientPrivilege):
                connection.execute("SELECT pgvoice.make_default_encoder(2)")
        else:
            connection.execute("SELECT pgvoice.make_default_encoder(2)")
    assert _default(two) == (ENCODER if "writer" in login else OTHER_ENCODER)


# Which encoder a name means


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("toy", ENCODER),
        ("toy@sha256:0123456789ab", ENCODER),
        ("toy@sha256:0123456789ab/2", LATER),
        ("toy@sha256:0123456789abcdef/2", LATER),
        ("toy@sha256:01/2", LATER),
        ("toy@sha256:fedc", OTHER_ENCODER),
        ("plaything", OTHER_NAME),
        (LATER, LATER),
        (None, ENCODER),
    ],
)
def test_what_a_name_means(
    two: VoiceStore, asked: EncoderIdentity | str | None, meant: EncoderIdentity
) -> None:
    for identity in (LATER, OTHER_NAME):
        two.encoders.register(identity, THRESHOLD)
    assert two.encoders.find(asked).identity == meant


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ("toy", "several encoders are called 'toy': name one of toy@sha256:0123456789ab, toy@"),
        ("toy@sha256:9", "no vectors of 'toy@sha256:9' in the store"),
        ("toys", "no vectors of 'toys'"),
        (replace(ENCODER, dimension=4), "no vectors of 'toy@sha256:0123456789ab' in the store"),
    ],
)
def test_a_name_that_means_none_or_several(
    two: VoiceStore, asked: EncoderIdentity | str, problem: str
) -> None:
    two.encoders.register(OTHER_NAME, THRESHOLD)
    two.encoders.make_default(OTHER_NAME)
    with pytest.raises(UnknownEncoder) as refused:
        two.encoders.find(asked)
    assert problem in str(refused.value)


def test_sql_means_the_same_by_a_name(two: VoiceStore) -> None:
    two.encoders.register(LATER, THRESHOLD)
    two.encoders.register(OTHER_NAME, THRESHOLD)
    ids = {str(each.identity): each.id for each in two.encoders.list()}
    ask = text("SELECT pgvoice.encoder_id(:name)")
    with two.database.engine.connect() as connection:
        for name in ids:
            assert connection.scalar(ask, {"name": name}) == ids[name]
        assert connection.scalar(ask, {"name": "toy"}) == ids[str(ENCODER)]
        connection.rollback()
        two.encoders.make_default(OTHER_NAME)
        with pytest.raises(Exception, match="3 encoders are named toy"):
            connection.scalar(ask, {"name": "toy"})
