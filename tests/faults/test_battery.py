"""Every statement about everything, as a reader, a writer and an admin, and what it may not do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from pgvoice_testkit.servers.battery import (
    REVEALING,
    Battery,
    Vectors,
    random_units,
    settings,
    statements,
)
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from sqlalchemy import URL

from pgvoice.store import (
    EncoderIdentity,
    SegmentKey,
    SegmentRow,
    Threshold,
    Turn,
    VideoAudio,
    VoiceStore,
)
from pgvoice.store.database.roles import ROLES
from pgvoice.store.recordings.fills import FillRun

ENCODER = EncoderIdentity("battery", "sha256:0123", "1", 24, 16_000)
SECONDS = 10
#: What a fill, an ingest or a prune by a writer changes; the rest is for admins.
WRITTEN = {
    "pgvoice.attribution",
    "pgvoice.audit_event",
    "pgvoice.ingest_video",
    "pgvoice.clean_part",
    "pgvoice.deleted_segment",
    "pgvoice.encoder",
    "pgvoice.fill_run",
    "pgvoice.library_tail",
    "pgvoice.linked_voice",
    "pgvoice.lock",
    "pgvoice.nearest",
    "pgvoice.segment_embedding",
    "pgvoice.turn",
    "pgvoice.turn_document",
    "pgvoice.unknown_voice",
    "pgvoice.unknown_voice_mean",
    "pgvoice.video",
    "pgvoice.voice",
    "pgvoice.voice_cohort",
}


class Attacked(NamedTuple):
    """A library, and logins who try everything on it."""

    url: URL
    battery: Battery
    vectors: Vectors
    #: A login in each role, by role.
    logins: dict[str, str]
    connection: psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def attacked(server_url: str, template: str) -> Iterator[Attacked]:
    with ExitStack() as opened:
        url = opened.enter_context(new_database(server_url, template))
        store = opened.enter_context(VoiceStore.open(plain(url)))
        _fill(store)
        logins = {}
        for group in ROLES:
            login = f"{group}_of_the_battery"
            opened.enter_context(role(url, login))
            with engine_of(url) as engine:
                run(engine, f"GRANT {group} TO {login}")
            logins[group] = login
        address = plain(url).replace("+psycopg", "")
        superuser, watcher = (opened.enter_context(psycopg.connect(address)) for _ in range(2))
        vectors = Vectors(watcher)
        watcher.rollback()
        yield Attacked(url, Battery(superuser, watcher), vectors, logins, watcher)


def _fill(store: VoiceStore) -> None:
    """A library with something in every table."""
    for seed, video in enumerate(("talk", "other", "third")):
        audio = VideoAudio(f"{seed:064x}", 600_000, f"{video}.wav")
        ids = store.recordings.register(video, audio, ENCODER, Threshold(0.5, "made up"))
        store.recordings.write(ids, ENCODER, _rows(seed))
        turns = [Turn(second, second + 1, f"S{second % 4}") for second in range(SECONDS)]
        store.recordings.store_turns(video, turns)
        store.recordings.record_fill(video, ENCODER, FillRun(SECONDS, 0, SECONDS, {}))
    for place, name in enumerate(("ann", "bea", "cyd", "dee")):
        spans = [(2 * place, 2 * place + 1), (2 * place + 1, 2 * place + 2)]
        for video in ("talk", "other"):
            consent = f"{name}'s letter"
            store.people.enroll_segments(name, video, spans, consent=consent, force=True)
    store.labels.label()
    store.labels.pin("other", (0, 1), "ann")
    store.privacy.erase_speaker("dee", with_segments=True, opt_out=True, opt_out_voice=True)
    run(
        store.database.engine,
        "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
        " gallery, labels_from, measured) SELECT id, 0.01, '{0}', '{0.5}', '{0}', 4, 'nowhere',"
        " '{}' FROM pgvoice.encoder",
    )
    store.voices.enable()
    one, other, *_, last = (each.number for each in store.voices.unknown())
    store.voices.dismiss(last, "tv")
    store.voices.same(one, other)
    store.people.drop("cyd", store.people.exemplars("cyd")[0].number)
    store.ingests.expect("night", {"talk": {"audio": "/private/talk.wav"}})
    store.index.build()


def _rows(seed: int) -> list[SegmentRow]:
    units = random_units(SECONDS, ENCODER.dimension, seed)
    return [SegmentRow(SegmentKey(1000 * n, 1000 * n + 1000), "ok", v) for n, v in enumerate(units)]


def test_the_battery_notices_what_it_looks_for(attacked: Attacked) -> None:
    """As the owner, who may do everything, each kind of leak and damage is seen."""
    look = "SELECT embedding FROM pgvoice.profile"
    owner = "postgres"
    for shown in (look, f"{look.replace('embedding', 'embedding::real[]')}"):
        assert attacked.vectors.found_in(attacked.battery.run(owner, shown).seen)
    printed = attacked.battery.run(
        owner,
        "SET debug_print_plan = on",
        "SET client_min_messages = log",
        "SET plan_cache_mode = force_custom_plan",
        "DO $$ DECLARE v public.vector := (SELECT embedding FROM pgvoice.profile LIMIT 1);"
        " BEGIN PERFORM count(*) FROM pgvoice.profile WHERE embedding = v; END $$",
    )
    assert attacked.vectors.found_in(printed.seen)
    for column, table in {
        "embedding": "voice",
        "embedding ": "unknown_voice_mean",
        "old": "act_change",
        "new": "act_change",
    }.items():
        shown = attacked.battery.run(owner, f"SELECT {column} FROM pgvoice.{table}").seen
        assert attacked.vectors.found_in(shown)
    assert attacked.battery.run(owner, "UPDATE pgvoice.video SET source = 'x'").changed == {
        "pgvoice.video"
    }
    assert attacked.battery.run(owner, "LOCK TABLE pgvoice.video IN SHARE MODE").locks
    assert attacked.battery.run(owner, "SELECT pg_advisory_xact_lock(1)").locks


@pytest.mark.parametrize("group", [name for name in ROLES if name not in ("pgvoice_admin",)])
def test_nobody_but_admins_sees_a_vector(attacked: Attacked, group: str) -> None:
    """Nor changes a row, unless it is a writer's, nor holds a lock that others wait for."""
    tried, problems, errors = 0, [], Counter[str]()
    for statement in statements(attacked.connection):
        outcome = attacked.battery.run(attacked.logins[group], statement)
        tried += 1
        errors[(outcome.error or "done").split(":")[0][:60]] += 1
        if attacked.vectors.found_in(outcome.seen):
            problems.append(f"shows a vector: {statement}")
        allowed = WRITTEN if group == "pgvoice_writer" else set()
        if outcome.changed - allowed:
            problems.append(f"changes {sorted(outcome.changed - allowed)}: {statement}")
        if outcome.locks and group != "pgvoice_writer":
            problems.append(f"holds {outcome.locks}: {statement}")
    attacked.connection.rollback()
    assert problems == []
    assert tried >= 150
    assert errors["done"] >= 50, errors


@pytest.mark.slow
@pytest.mark.parametrize("group", ["pgvoice_reader", "pgvoice_writer"])
def test_no_setting_reveals_a_vector(attacked: Attacked, group: str) -> None:
    """`test_leaks` asks a searcher's questions with each setting."""
    problems, answered = [], Counter[bool]()
    everything = list(settings(attacked.connection))
    attacked.connection.rollback()
    loud = [
        "SET client_min_messages = log",
        "SET plan_cache_mode = force_custom_plan",
        "SET jit = off",  # it would compile every plan that a setting makes expensive
    ]
    questions = REVEALING[:-2]  # only searchers may ask the last ones
    for setting in everything:
        outcome = attacked.battery.run(
            attacked.logins[group], *loud, setting, *questions, effects=False
        )
        answered[outcome.error is None] += 1
        if attacked.vectors.found_in(outcome.seen):
            problems.append(setting)
    assert problems == []
    assert answered[True] >= 150
    assert answered[False] <= answered[True] / 20


def test_the_servers_log_has_no_vector(
    attacked: Attacked, server_url: str, request: pytest.FixtureRequest
) -> None:
    """After everything that readers and writers did in the other tests, and in this one."""
    if request.config.getoption("--database-url"):
        pytest.skip("the log of a server elsewhere cannot be read")
    for group in ("pgvoice_reader", "pgvoice_writer", "pgvoice_searcher"):
        for setting in ("parse", "rewritten", "plan"):
            for question in REVEALING:
                attacked.battery.run(
                    attacked.logins[group],
                    f"SET debug_print_{setting} = on",
                    "SET plan_cache_mode = force_custom_plan",
                    question,
                    effects=False,
                )
    log = (Path(str(attacked.url.query["host"])) / "log").read_bytes()
    assert b"permission denied" in log  # the other statements' errors
    assert not attacked.vectors.found_in(log.decode("utf-8", "replace"))


def test_an_admin_cannot_rewrite_what_was_done(attacked: Attacked) -> None:
    """An admin may do much, but no statement of theirs breaks the server or the trail."""
    problems, tried = [], 0
    for statement in statements(attacked.connection):
        outcome = attacked.battery.run(attacked.logins["pgvoice_admin"], statement, effects=False)
        tried += 1
        if outcome.error and any(
            words in outcome.error
            for words in ("cache lookup failed", "unexpected", "invalid memory")
        ):
            problems.append(f"{outcome.error}: {statement}")
        is_change = statement.startswith(("UPDATE", "DELETE", "TRUNCATE", "INSERT"))
        if "audit_event" in statement and is_change and outcome.error is None:
            problems.append(f"changes the trail: {statement}")
    attacked.connection.rollback()
    assert problems == []
    assert tried >= 150


@contextmanager
def _impatient(url: URL) -> Iterator[None]:
    """New sessions of the database wait five seconds for a lock, not for ever."""
    with engine_of(url) as engine:
        run(engine, f"ALTER DATABASE {url.database} SET lock_timeout = '5s'")
        try:
            yield
        finally:
            run(engine, f"ALTER DATABASE {url.database} RESET lock_timeout")


def test_a_reader_who_takes_every_lock_stops_nobody(attacked: Attacked) -> None:
    """Advisory locks of every name that pgvoice has used, and each lock that Postgres grants."""
    address = plain(attacked.url.set(username=attacked.logins["pgvoice_reader"], password="right"))
    names = ("schema", "labels", "enrollment", "index", "fill talk", "fill new")
    with (
        psycopg.connect(address.replace("+psycopg", "")) as reader,
        _impatient(attacked.url),
        VoiceStore.open(plain(attacked.url)) as store,
    ):
        for name in names:
            reader.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"pgvoice.{name}",)
            )
        for statement in statements(attacked.connection):
            if statement.startswith("LOCK") or " FOR " in statement:
                try:
                    with reader.transaction():
                        reader.execute(statement.encode())
                except psycopg.Error:
                    continue
        attacked.connection.rollback()
        with store.recordings.filling("new"):
            ids = store.recordings.register(
                "new", VideoAudio("9" * 64, 600_000, "new.wav"), ENCODER, Threshold(0.5, "made up")
            )
            store.recordings.write(ids, ENCODER, _rows(9))
        store.people.enroll_segments("eve", "new", [(0, 1)], consent="a letter", force=True)
        store.labels.label()
        store.index.build()
        store.privacy.erase_speaker("eve", with_segments=True)
        store.privacy.erase_video("new")
