"""Whoever may create functions and operators beside pgvector's obtains nothing, and is reported."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from pgvoice_testkit.stores.filled import X, Y, put, unit
from sqlalchemy import URL, text

from pgvoice.store import VoiceStore
from pgvoice.store.database import exposure, schema
from pgvoice.store.errors import SchemaOpen

#: Types that operands of the functions' operators have, in pairs.
PAIRS = [
    ("integer", "numeric"),
    ("integer", "integer"),
    ("bigint", "numeric"),
    ("double precision", "integer"),
    ("double precision", "numeric"),
    ("integer", "double precision"),
    ("numeric", "integer"),
    ("text", "text"),
    ("text", "integer"),
    ("bigint[]", "bigint"),
]
OPERATORS = ("/", "*", "+", "-", "=", "<>", "<", ">", ">=", "<=", "||")
#: Functions that are called with arguments for which Postgres' own takes any type.
OVERLOADS = (
    "unnest(integer[])",
    "unnest(double precision[])",
    "cardinality(integer[])",
    "array_agg(bigint)",
    "greatest(double precision, double precision)",
    "round(double precision, integer)",
    "format(text, integer)",
    "array_fill(real, integer[])",
    "width_bucket(integer, integer[])",
    "count(integer)",
    "coalesce(integer, integer)",
)
QUESTIONS = (
    "identify('v')",
    "identify('v', ARRAY[0], ARRAY[1])",
    "identify_clusters('v', ARRAY[0, 1], ARRAY[1, 2], ARRAY['a', 'a'], threshold => 0.9999)",
    "speaker_segments('ann')",
    "similar_segments('v', 0, 1)",
    "similar_segments('v', 0, 1, excluded_speakers => ARRAY['ann'])",
    "profile_quality()",
    "exemplar_similarity(1)",
    "people()",
    "similar_people('ann')",
    "speaker_recordings('ann')",
    "coverage()",
    "cache_stats()",
    "speaker_time()",
    "required_by_duration()",
    "ingest_progress()",
    "label",
)


@pytest.fixture
def url(server_url: str, template: str) -> Iterator[URL]:
    with new_database(server_url, template) as database:
        yield database


@pytest.fixture
def attacker(url: URL) -> Iterator[URL]:
    """A reader who may create in pgvector's schema, as everybody could up to Postgres 14."""
    with role(url, "pgvoice_attacker") as login, engine_of(url) as engine:
        run(
            engine,
            "GRANT pgvoice_writer, pgvoice_searcher TO pgvoice_attacker",
            "GRANT CREATE ON SCHEMA public TO PUBLIC",
        )
        yield login


def _traps() -> Iterator[str]:
    """Functions and operators that tell whoever calls them that they ran, and as whom."""
    body = "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped %', current_user; END $$"
    for number, (left, right) in enumerate(PAIRS):
        name = f"public.trap_{number}"
        yield f"CREATE FUNCTION {name}({left}, {right}) RETURNS boolean {body}"
        for operator in OPERATORS:
            yield (
                f"CREATE OPERATOR public.{operator}"
                f" (leftarg = {left}, rightarg = {right}, function = {name})"
            )
    for call in OVERLOADS:
        name, _, arguments = call.partition("(")
        yield f'CREATE FUNCTION public."{name}"({arguments} RETURNS boolean {body}'


def _attack(login: URL) -> list[str]:
    """Set the traps, ask everything, and return how many traps were sprung."""
    sprung = []
    with psycopg.connect(plain(login).replace("+psycopg", ""), autocommit=True) as connection:
        for statement in _traps():
            connection.execute(statement.encode())
        for path in ("public, pgvoice", "public, pg_catalog, pgvoice", "pgvoice"):
            connection.execute(f"SET search_path = {path}".encode())
            for question in QUESTIONS:
                try:
                    connection.execute(f"SELECT count(*) FROM pgvoice.{question}".encode())
                except psycopg.Error as error:
                    sprung.append(f"{question}: {error}")
    return sprung


def test_traps_beside_pgvector_are_never_sprung(url: URL, attacker: URL) -> None:
    with VoiceStore.open(plain(url)) as store:
        put(store, "v", {(0, 1): X, (1, 2): unit(1, 0.5, 0), (2, 3): Y})
        store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
        store.labels.label()
        assert _attack(attacker) == []
        # What writers, admins and the owner do calls none of them either.
        put(store, "w", {(0, 1): X, (1, 2): Y})
        store.people.enroll_segments("bob", "v", [(2, 3)], min_speech=1)
        store.labels.label()
        assert store.people.quality()
        assert [check for check in store.upkeep.verify() if check.problems] == []
        assert [who.speaker for who in store.answers.identify("w")] == ["ann", "bob"]


# Refusals


def _found(url: URL) -> str | None:
    with engine_of(url) as engine, engine.connect() as connection:
        return exposure.open_schema(connection)


@pytest.mark.parametrize("grantee", ["PUBLIC", "pgvoice_test_maker"])
@pytest.mark.parametrize("place", ["public", "pgvoice", "pgvoice_internal"])
def test_others_may_create(url: URL, grantee: str, place: str) -> None:
    with role(url, "pgvoice_test_maker"), engine_of(url) as engine:
        assert _found(url) is None
        run(engine, f"GRANT CREATE ON SCHEMA {place} TO {grantee}")
        remedy = f"`REVOKE CREATE ON SCHEMA {place} FROM {grantee}`"
        for refused in (schema.upgrade, schema.give_roles):
            with pytest.raises(SchemaOpen) as caught:
                refused(engine)
            assert remedy in str(caught.value)
            assert ("ALTER EXTENSION vector SET SCHEMA" in str(caught.value)) is (place == "public")
        run(engine, remedy.strip("`"))
        schema.upgrade(engine)
        schema.give_roles(engine)


def test_moving_pgvector_helps(url: URL) -> None:
    with engine_of(url) as engine:
        run(engine, "GRANT CREATE ON SCHEMA public TO PUBLIC")
        with pytest.raises(SchemaOpen):
            schema.upgrade(engine)
        run(engine, "CREATE SCHEMA vectors", "ALTER EXTENSION vector SET SCHEMA vectors")
        schema.upgrade(engine)
    with VoiceStore.open(plain(url)) as store:
        put(store, "v", {(0, 1): X})
        assert store.answers.identify("v")[0].reason == "no_profiles"


def test_the_extension_is_not_created_where_others_may_create(server_url: str) -> None:
    with new_database(server_url) as database, engine_of(database) as engine:
        run(engine, "GRANT CREATE ON SCHEMA public TO PUBLIC")
        with pytest.raises(SchemaOpen, match="REVOKE CREATE ON SCHEMA public FROM PUBLIC"):
            schema.upgrade(engine)
        with engine.connect() as connection:
            left = "SELECT count(*) FROM pg_extension WHERE extname = 'vector'"
            assert connection.scalar(text(left)) == 0


@pytest.mark.parametrize(
    ("place", "made", "dropped"),
    [
        ("public", "OPERATOR public./ (leftarg = integer, rightarg = numeric, function = {f})",
         "DROP OPERATOR public./ (integer, numeric)"),
        ("public", "FUNCTION public.round(double precision, integer) RETURNS integer"
         " LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION public.round(double precision, integer)"),
        ("pgvoice", "FUNCTION pgvoice.other() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
         "DROP FUNCTION pgvoice.other()"),
    ],
)  # fmt: skip
def test_what_others_left_behind(url: URL, place: str, made: str, dropped: str) -> None:
    """Somebody was allowed to create, and is no longer."""
    with role(url, "pgvoice_test_maker"), engine_of(url) as engine:
        run(
            engine,
            f"GRANT CREATE ON SCHEMA {place}, public TO pgvoice_test_maker",
            "SET LOCAL ROLE pgvoice_test_maker",
            "CREATE FUNCTION public.mine(integer, numeric) RETURNS integer LANGUAGE sql"
            " AS 'SELECT 1'",
            f"CREATE {made}".replace("{f}", "public.mine"),
            "RESET ROLE",
            f"REVOKE CREATE ON SCHEMA {place}, public FROM pgvoice_test_maker",
        )
        with pytest.raises(SchemaOpen, match="the role pgvoice_test_maker made") as caught:
            schema.upgrade(engine)
        assert f"`{dropped}`" in str(caught.value)


def test_what_others_have_beside_pgvector_is_no_danger(url: URL) -> None:
    """Functions with names of their own."""
    with role(url, "pgvoice_test_maker"), engine_of(url) as engine:
        run(
            engine,
            "GRANT CREATE ON SCHEMA public TO pgvoice_test_maker",
            "SET LOCAL ROLE pgvoice_test_maker",
            "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "RESET ROLE",
            "REVOKE CREATE ON SCHEMA public FROM pgvoice_test_maker",
        )
        schema.upgrade(engine)
