"""Nobody without the right to see a vector gets one through a message, a setting or the log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import LiteralString, NamedTuple

import numpy as np
import psycopg
import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, put, unit
from psycopg.errors import InsufficientPrivilege, UndefinedFile
from sqlalchemy import make_url, text

from pgvoice.store import Turn, VideoAudio, VoiceStore
from pgvoice.store.database import exposure, schema
from pgvoice.store.recordings.segment_rows import Embedding

VECTORS = [unit(*row) for row in np.random.default_rng(8).normal(0.7, 0.1, (6, 3))]
#: Calls of every public function that reads vectors, and of others beside them.
CALLS: tuple[LiteralString, ...] = (
    "SELECT * FROM pgvoice.identify('v')",
    "SELECT * FROM pgvoice.identify('v', ARRAY[0], ARRAY[1], threshold => 0.3)",
    "SELECT * FROM pgvoice.identify_clusters('v', ARRAY[0, 1, 2], ARRAY[1, 2, 3],"
    " ARRAY['a', 'a', 'b'], threshold => 0.9999)",
    "SELECT * FROM pgvoice.speaker_segments('ann')",
    "SELECT * FROM pgvoice.speaker_segments('bob', ordered => 'time')",
    "SELECT * FROM pgvoice.similar_segments('v', 0, 1, 5)",
    "SELECT * FROM pgvoice.similar_segments('v', 0, 1, 5, exact => true)",
    "SELECT * FROM pgvoice.similar_segments('v', 0, 1, 5, exact => false)",
    "SELECT * FROM pgvoice.similar_segments('v', 0, 1, 5, excluded_speakers => ARRAY['bob'])",
    "SELECT * FROM pgvoice.profile_quality()",
    "SELECT * FROM pgvoice.exemplar_similarity(1)",
    "SELECT * FROM pgvoice.people(ordered => 'resemblance')",
    "SELECT * FROM pgvoice.similar_people('ann')",
    "SELECT * FROM pgvoice.speaker_recordings('ann')",
    "SELECT * FROM pgvoice.score_histogram()",
    "SELECT * FROM pgvoice.coverage()",
    "SELECT * FROM pgvoice.label",
    "SELECT pgvoice.store_turns('v', ARRAY[0, 1, 2], ARRAY[1, 2, 3], ARRAY['a', 'b', NULL],"
    " ARRAY[NULL, NULL, NULL])",
    "SELECT pgvoice.join_labels('v', 1, ARRAY[0, 1000, 2000], ARRAY[1000, 2000, 3000],"
    " ARRAY['a', 'b', 'c'])",
    "SELECT pgvoice.refresh_voices()",
    "SELECT pgvoice.link_voices()",
    "SELECT pgvoice.refit_library()",
    "SELECT * FROM pgvoice.unknown_voices()",
    "SELECT * FROM pgvoice.voice_appearances(1)",
    "SELECT * FROM pgvoice.suggestions()",
    "SELECT * FROM pgvoice.review_queue()",
    "SELECT * FROM pgvoice.review_voice(1)",
    "SELECT * FROM pgvoice.voice_clips(1)",
    "SELECT * FROM pgvoice.voice_people(1)",
    "SELECT * FROM pgvoice.similar_voices(1)",
    "SELECT * FROM pgvoice.voice_turns(1)",
    "SELECT * FROM pgvoice.voices_of_segments('v')",
    "SELECT pgvoice.name_voice(1, 'ann', dry_run => true)",
    "SELECT pgvoice.undo()",
    "SELECT * FROM pgvoice.linked_voice",
    "SELECT * FROM pgvoice.unknown_voice_mean",
    "SELECT * FROM pgvoice.act_change",
    "SELECT * FROM pgvoice.required(1000)",
    "SELECT * FROM pgvoice.voice",
    "SELECT * FROM pgvoice.voice_cohort",
    "SELECT * FROM pgvoice.library_tail",
    "EXPLAIN (ANALYZE, VERBOSE, BUFFERS) SELECT * FROM pgvoice.speaker_segments('ann')",
    "SELECT * FROM pg_stats WHERE schemaname = 'pgvoice'",
    "SELECT query FROM pg_stat_activity",
)
CALIBRATED = (
    "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
    " gallery, labels_from, measured, active)"
    " VALUES (1, 0.01, '{0}', '{0.5}', '{0}', 2, 'nowhere', '{}', true)"
)
#: What makes a server tell most.
TELLING = {
    "client_min_messages": "debug5",
    "debug_print_raw_parse": "on",
    "debug_print_parse": "on",
    "debug_print_rewritten": "on",
    "debug_print_plan": "on",
    "debug_pretty_print": "off",
    "log_parameter_max_length_on_error": "-1",
    "plan_cache_mode": "force_custom_plan",
    "plpgsql.print_strict_params": "on",
    "plpgsql.extra_warnings": "all",
    "trace_sort": "on",
}


class Login(NamedTuple):
    url: str
    #: The server's log; None if it is not on this machine.
    log: Path | None


@pytest.fixture(scope="module")
def owner(server_url: str, template: str) -> Iterator[VoiceStore]:
    """A store with vectors whose digits are in no other place, two people, and labels."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        put(store, "v", {(n, n + 1): vector for n, vector in enumerate(VECTORS[:3])})
        put(store, "w", {(n, n + 1): vector for n, vector in enumerate(VECTORS[3:])})
        store.people.enroll_segments("ann", "v", [(0, 1), (1, 2)], force=True)
        store.people.enroll_segments("bob", "w", [(0, 1)], force=True)
        store.labels.label()
        put(store, "late", {(0, 1): VECTORS[0]})
        for video in ("v", "w"):
            store.recordings.store_turns(video, [Turn(n, n + 1, f"S{n}") for n in range(3)])
        store.voices.enable()
        store.thresholds.refresh()
        run(store.database.engine, CALIBRATED)
        named = {answer.threshold_source for answer in store.answers.identify("v")}
        assert all(str(source).startswith("calibrated") for source in named)
        yield store


@pytest.fixture(scope="module")
def login(owner: VoiceStore) -> Iterator[Login]:
    url, name = owner.database.url, "pgvoice_curious"
    with role(url, name) as mine, engine_of(url) as engine:
        run(engine, f"GRANT pgvoice_writer, pgvoice_searcher TO {name}")
        with engine.connect() as connection:
            data = connection.scalar(text("SHOW data_directory"))
        log = Path(str(data)) / "log"
        yield Login(plain(mine).replace("+psycopg", ""), log if log.is_file() else None)


def _told(login: Login, settings: dict[str, str], options: str = "") -> str:
    """All that the server says to somebody with these settings, and what its log keeps."""
    return _asked(login, settings, options).told


class Told(NamedTuple):
    told: str
    #: How many calls were answered.
    answered: int


def _asked(login: Login, settings: dict[str, str], options: str = "") -> Told:
    said: list[str] = []
    answered = 0
    before = login.log.stat().st_size if login.log else 0
    with psycopg.connect(login.url, autocommit=True, options=options) as connection:
        connection.add_notice_handler(lambda notice: said.append(_everything(notice)))
        for name, value in settings.items():
            with suppress(psycopg.Error):  # a server that does not know the setting
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        for call in CALLS:
            try:
                said.append(str(connection.execute(call).fetchall()))
                answered += 1
            except psycopg.Error as error:
                said.append(_everything(error.diag))
    if login.log:
        with login.log.open("rb") as lines:
            lines.seek(before)
            said.append(lines.read().decode(errors="replace"))
    return Told("\n".join(said), answered)


def _everything(notice: psycopg.errors.Diagnostic) -> str:
    parts = ("primary", "detail", "hint")
    told = [str(getattr(notice, f"message_{part}")) for part in parts]
    return "\n".join([*told, str(notice.context), str(notice.internal_query)])


def _traces(vector: Embedding) -> list[str]:
    """The elements of a vector as text, and its bytes as the parts of plans and in hex."""
    as_bytes = vector.astype("<f4").tobytes()
    network = vector.astype(">f4").tobytes()
    elements = [str(float(np.float32(element)))[:6] for element in vector]
    return [
        " ".join(str(int(byte)) for byte in np.frombuffer(as_bytes, np.int8)),
        " ".join(map(str, as_bytes)),
        as_bytes.hex(),
        network.hex(),
        *elements,
    ]


def _found(told: str, vectors: Sequence[Embedding] = VECTORS) -> list[str]:
    lowered = told.lower()
    traces = [trace for vector in vectors for trace in _traces(vector) if trace in lowered]
    return [trace for trace in traces if _is_whole(trace, lowered)]


def _is_whole(trace: str, told: str) -> bool:
    """Whether it is not only the end of a longer decimal number, such as a plan's costs."""
    return "." not in trace or bool(re.search(rf"(?<!\d){re.escape(trace)}", told))


def test_traces_are_found(owner: VoiceStore) -> None:
    """The tests below would notice a vector that is told in any of these ways."""
    with owner.database.engine.connect() as connection:
        for told in ("CAST(embedding AS text)", "CAST(CAST(embedding AS real[]) AS text)"):
            (vector,) = connection.execute(
                text(
                    f"SELECT {told} FROM pgvoice.segment_embedding s JOIN pgvoice.video v"
                    " ON v.id = video_id WHERE key = 'v' AND start_ms = 0"
                )
            ).one()
            assert len(_found(vector)) == 3


def test_a_plan_shows_no_vector(login: Login) -> None:
    assert _found(_told(login, TELLING)) == []


def test_a_plan_has_no_vector_even_without_guards(login: Login, owner: VoiceStore) -> None:
    """No function that readers reach has a vector as a parameter or variable of a statement."""
    with engine_of(owner.database.url) as engine:
        with engine.connect() as connection:
            definers = [name for name, _ in connection.execute(CONFIGURED)]
        guards = ("debug_print_parse", "debug_print_rewritten", "debug_print_plan")
        resets = " ".join(f"RESET {guard}" for guard in (*guards, "client_min_messages"))
        run(engine, *(f"ALTER FUNCTION {name} {resets}" for name in definers))
        try:
            told = _told(login, TELLING)
        finally:
            run(engine, "UPDATE pgvoice.setting SET functions = ''")
            schema.upgrade(engine)
    assert ":constvalue" in told
    assert _found(told) == []


def _extremes(login: Login) -> dict[str, list[str]]:
    """By name of each setting that everybody may change the values to try."""
    with psycopg.connect(login.url) as connection:
        settings = connection.execute(
            "SELECT name, vartype, enumvals, min_val, max_val FROM pg_settings"
            " WHERE context = 'user' AND name <> ALL (%s) ORDER BY name",
            (["temp_buffers", "default_text_search_config", *TELLING],),
        ).fetchall()
    fixed = {"bool": ["on", "off"], "string": []}
    return {
        name: fixed.get(kind, choices if kind == "enum" else [least, most])
        for name, kind, choices, least, most in settings
    }


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_no_setting_alone_makes_the_server_tell(login: Login, part: int) -> None:
    """Whatever somebody may set, each to its extremes, beside those that tell most."""
    for name, values in list(_extremes(login).items())[part::8]:
        for value in values:
            told = _told(login, {**TELLING, name: value})
            assert _found(told) == [], (name, value)


#: How many groups the settings are changed in.
GROUPS = 10


@pytest.mark.parametrize("place", range(5))
def test_no_settings_make_the_server_tell(login: Login, place: int) -> None:
    """Many settings at once, and fewer of them wherever they keep a call from its answer."""
    usual = _asked(login, TELLING).answered
    tried = {name: each[place] for name, each in _extremes(login).items() if len(each) > place}
    assert len(tried) > (100 if place < 2 else 0)
    groups = [names for start in range(GROUPS) if (names := list(tried)[start::GROUPS])]
    while groups:
        group = groups.pop()
        told, answered = _asked(login, {**TELLING, **{name: tried[name] for name in group}})
        assert _found(told) == [], group
        if answered < usual and len(group) > 1:
            groups += [group[: len(group) // 2], group[len(group) // 2 :]]


def test_nobody_loads_a_module_that_tells(login: Login) -> None:
    with psycopg.connect(login.url, autocommit=True) as connection:
        for setting in ("auto_explain.log_min_duration", "auto_explain.log_nested_statements"):
            connection.execute("SELECT set_config(%s, '0', false)", (setting,))
        with pytest.raises((InsufficientPrivilege, UndefinedFile)):
            connection.execute("LOAD 'auto_explain'")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(login.url, options="-c session_preload_libraries=auto_explain")


def test_what_a_refused_row_shows(login: Login, owner: VoiceStore) -> None:
    """A row that a constraint refuses is quoted in the error, if it is the caller's own."""
    audio = VideoAudio("c" * 64, 1000, "other.wav")
    with psycopg.connect(login.url, autocommit=True) as connection:
        for statement in (
            "DELETE FROM pgvoice.segment_embedding RETURNING *",
            "UPDATE pgvoice.segment_embedding SET end_ms = -1",
            "INSERT INTO pgvoice.segment_embedding (video_id, start_ms, end_ms, encoder_id,"
            " dimension, embedding, status) SELECT video_id, start_ms, end_ms, encoder_id,"
            " dimension, embedding, 'ok' FROM pgvoice.segment_embedding",
        ):
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(statement)
            assert _found(_everything(caught.value.diag)) == []
    assert owner.recordings.register("w", audio, ENCODER, THRESHOLD, "keep").replaced is False


# What protects definers


GUARDS = {
    "debug_print_parse=off",
    "debug_print_rewritten=off",
    "debug_print_plan=off",
    "client_min_messages=warning",
}
CONFIGURED = text(
    "SELECT CAST(p.oid AS regprocedure), coalesce(proconfig, '{}') FROM pg_proc p WHERE prosecdef"
    " AND pronamespace IN ('pgvoice'::regnamespace, 'pgvoice_internal'::regnamespace)"
)


def test_every_definer_is_guarded(owner: VoiceStore) -> None:
    with owner.database.engine.connect() as connection:
        found = connection.execute(CONFIGURED).all()
    assert len(found) > 5
    for name, settings in found:
        assert set(settings) >= GUARDS | {"auto_explain.log_min_duration=-1"}, name


@pytest.mark.parametrize("granted", [False, True])
def test_an_owner_who_may_not_set_auto_explain(server_url: str, granted: bool) -> None:
    """Functions work without that guard, and a loaded auto_explain is reported."""
    parameter = "SET ON PARAMETER auto_explain.log_min_duration"
    with new_database(server_url) as database, role(database, "pgvoice_test_plain") as plain_owner:
        with engine_of(database) as engine:
            run(
                engine,
                "CREATE EXTENSION vector",
                f"GRANT CREATE ON DATABASE {database.database} TO pgvoice_test_plain",
                *([f"GRANT {parameter} TO pgvoice_test_plain"] if granted else []),
            )
        try:
            with engine_of(plain_owner) as engine:
                schema.upgrade(engine, consent=False)
            with engine_of(database) as engine, engine.connect() as connection:
                for name, settings in connection.execute(CONFIGURED):
                    assert set(settings) >= GUARDS, name
                    assert ("auto_explain.log_min_duration=-1" in settings) is granted
                assert exposure.logged_plans(connection) is None
                connection.execute(text("SET auto_explain.log_min_duration = 0"))
                connection.execute(text("SET session_preload_libraries = 'auto_explain'"))
                remedy = exposure.logged_plans(connection)
            assert (remedy is None) is granted
            if remedy is not None:
                assert f"`GRANT {parameter} TO pgvoice_test_plain`" in remedy
        finally:
            if granted:
                with engine_of(make_url(plain(database))) as engine:
                    run(engine, f"REVOKE {parameter} FROM pgvoice_test_plain")


def test_auto_explain_logs_no_vector(login: Login, owner: VoiceStore) -> None:
    """A server may log every plan of every statement, nested ones included."""
    with owner.database.engine.connect() as connection:
        try:
            connection.execute(text("LOAD 'auto_explain'"))
        except Exception as error:
            pytest.skip(f"no auto_explain on this server: {error}")
    if login.log is None:
        pytest.skip("the server's log is elsewhere")
    loading = {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_nested_statements": "on",
        "auto_explain.log_verbose": "on",
        "auto_explain.log_analyze": "on",
    }
    with engine_of(owner.database.url) as engine:
        run(engine, *(f"ALTER ROLE pgvoice_curious SET {n} = '{v}'" for n, v in loading.items()))
        try:
            told = _told(login, {})
        finally:
            run(engine, "ALTER ROLE pgvoice_curious RESET ALL")
    assert "plan:" in told
    assert _found(told) == []
