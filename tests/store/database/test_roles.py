"""The rights of readers, writers and admins who are logged in; no reader sees a vector."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from pgvoice_testkit.servers.databases import engine_of, migrate, new_database, plain, role, run
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, Y, Z, put, unit
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import URL, Connection, make_url, text

from pgvoice.store import SegmentKey, Turn, VideoAudio, VoiceStore
from pgvoice.store.database import roles, schema
from pgvoice.store.errors import PrivilegeMissing, RolesForbidden, SchemaForbidden
from pgvoice.store.recordings.fills import FillRun
from pgvoice.store.upkeep.ingests import Outcome

FUNCTIONS = text(
    "SELECT DISTINCT proname::text FROM pg_proc p WHERE pronamespace = 'pgvoice'::regnamespace"
    " AND prorettype <> 'trigger'::regtype AND has_function_privilege(:role, p.oid, 'EXECUTE')"
)
PRIVILEGES = text(
    "SELECT CAST(nspname AS text), has_schema_privilege(:role, n.oid, 'USAGE'),"
    " has_function_privilege(:role, p.oid, 'EXECUTE'),"
    " EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl"
    " WHERE acl.grantee = 0) AS public, p.proname"
    " FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace"
    " WHERE nspname IN ('pgvoice', 'pgvoice_internal')"
)
TABLES = text(
    "SELECT relname::text FROM pg_class c WHERE relnamespace = 'pgvoice'::regnamespace"
    " AND relkind IN ('r', 'v', 'p') AND NOT relispartition"
    " AND has_any_column_privilege(:role, c.oid, 'SELECT')"
)


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Two recordings, ann enrolled, and labels."""
    _fill(store)
    return store


def _fill(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): unit(1, 0.5, 0), (2, 2.1): "too_short"})
    put(store, "w", {(0, 1): Y, (4, 6): unit(1, 0.1, 0)})
    store.recordings.record_fill("v", ENCODER, FillRun(3, 0, 2, {"too_short": 1}))
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    store.labels.label()
    run(
        store.database.engine,
        "INSERT INTO pgvoice.calibration"
        " (encoder_id, target_far, band_ms, thresholds, margins, gallery, labels_from, measured)"
        " SELECT id, 0.01, '{0}', '{0.5}', '{0}', 4, 'nowhere', '{}' FROM pgvoice.encoder",
    )


def _login(store_url: str, group: str) -> Iterator[str]:
    url = make_url(store_url)
    with role(url, f"{group}_of_a_test") as login:
        with engine_of(url) as engine:
            run(engine, f"GRANT {group} TO {group}_of_a_test")
        yield plain(login)


@pytest.fixture(scope="module")
def reader(server_url: str, template: str) -> Iterator[str]:
    """A reader of one library for all tests, as a reader changes nothing."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            _fill(store)
            store.recordings.store_turns("w", [Turn(0, 1, "A"), Turn(4, 6, "B")])
            store.voices.enable()
            # Its speech is too short to be linked by itself.
            run(
                store.database.engine,
                "INSERT INTO pgvoice.unknown_voice DEFAULT VALUES",
                "INSERT INTO pgvoice.linked_voice"
                " (video_id, label, encoder_id, unknown_voice_id, impostor_mean, level)"
                " SELECT video_id, label, encoder_id, 1, 0, 0.2 FROM pgvoice.voice"
                " WHERE label = 'A'",
            )
        yield from _login(plain(url), "pgvoice_reader")


@pytest.fixture
def writer(library: VoiceStore, store_url: str) -> Iterator[str]:
    yield from _login(store_url, "pgvoice_writer")


@pytest.fixture
def admin(library: VoiceStore, store_url: str) -> Iterator[str]:
    yield from _login(store_url, "pgvoice_admin")


def _ask(url: str, *statements: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


# Readers


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("SELECT ingest FROM ingest_progress()", []),
        ("SELECT unrecognised_opt_outs()", [(0,)]),
        ("SELECT start_s, speaker FROM identify('w')", [(0, None), (4, "ann")]),
        ("SELECT start_s, speaker FROM identify('v', ARRAY[0], ARRAY[1])", [(0, "ann")]),
        ("SELECT threshold, source FROM required(1000)", [(0.5, "encoder default: made up")]),
        ("SELECT place, overlapped_ms, clean::text"
         " FROM clean_speech(ARRAY[0, 500], ARRAY[1000, 2000], ARRAY['a', 'b'])",
         [(1, 500, "{}"), (2, 500, "{[1000,2000)}")]),
        ("SELECT * FROM segments_to_fill('v', ARRAY[0], ARRAY[1000], ARRAY['a'])",
         [(0, 1000, False)]),
        ("SELECT is_by_library(3, 10), is_by_library(2, 10)", [(True, False)]),
        ("SELECT recordings, voices FROM library_needs()", [(3, 10)]),
        ("SELECT min_ms, max_ms, threshold FROM required_by_duration(threshold => 0.7)",
         [(0, None, 0.7)]),
        ("SELECT cluster, speaker FROM identify_clusters('v', ARRAY[0], ARRAY[1], ARRAY['S0'])",
         [("S0", "ann")]),
        ("SELECT video FROM speaker_segments('ann')", [("v",), ("w",), ("v",)]),
        ("SELECT video FROM speaker_segments('ann', ordered => 'time')",
         [("v",), ("v",), ("w",)]),
        ("SELECT video, embedded, not_embedded FROM coverage()", [("v", 2, 1), ("w", 2, 0)]),
        ("SELECT requested, hits, last_video FROM cache_stats()", [(3, 0, "v")]),
        ("SELECT speaker, segments FROM speaker_time('w')", [("ann", 1), (None, 1)]),
        ("SELECT source, similarity FROM exemplar_similarity(1)", [("v", 1.0)]),
        ("SELECT speaker, seconds, nearest_other FROM profile_quality()", [("ann", 1, None)]),
        ("SELECT speaker, exemplars, segments, consent, nearest_other, sample_video FROM people()",
         [("ann", 1, 3, "valid", None, "v")]),
        ("SELECT other FROM similar_people('ann')", []),
        ("SELECT video, segments FROM speaker_recordings('ann') ORDER BY 1", [("v", 2), ("w", 1)]),
        ("SELECT exemplar_seconds(1, 1), profile_cohesion(1, 1)", [(1, 1)]),
        ("SELECT sees_vectors(), shown(0.999, false), shown(0.999, true)", [(False, 0.99, 0.999)]),
        ("SELECT default_encoder() = encoder_id('toy')", [(True,)]),
        ("SELECT video, segments FROM unfilled(1, 1)", []),
        ("SELECT to_speaker FROM label_changes(1, 1)", []),
        ("SELECT segments, seconds FROM confirmed_speech()", [(0, 0)]),
        ("SELECT snap_ms(0.26), snap_ms(0.26, 10), similarity(2)", [(300, 260, 1)]),
        ("SELECT snap_all_ms(ARRAY[0.26, 0.1, NULL])", [([300, 100, None],)]),
        ("SELECT label_reason(NULL, 'matched')", [("removed",)]),
        ("SELECT start_ms FROM erased_segments('v', ARRAY[0], ARRAY[1000])", []),
        ("SELECT erased_videos(ARRAY['v'])", []),
        ("SELECT start_ms, end_ms, is_erased FROM hearable('v', 0, 1000)", [(0, 1000, False)]),
        ("SELECT is_current(1, 0, 1000), is_current(1, 5, 6)", [(True, True)]),
        ("SELECT place, overlapped_ms FROM clean_speech(ARRAY[0, 1], ARRAY[9, 5], ARRAY['A', 'B'])",
         [(1, 4), (2, 4)]),
        ("SELECT start_ms FROM segments_to_fill('v', ARRAY[0], ARRAY[900], ARRAY['A'])", [(0,)]),
        ("SELECT count(*) FROM clean_part", [(0,)]),
        ("SELECT video, filled, labelled FROM videos()", [("v", 2, 3), ("w", 2, 2)]),
        ("SELECT label FROM turn JOIN turn_document USING (video_id)", [("A",), ("B",)]),
        ("SELECT start_s, end_s FROM resolve_span('w', 3.9, 6.02)", [(4, 6)]),
        ("SELECT start_s FROM label_segments('w', 'A')", [(0,)]),
        ("SELECT start_s FROM clear_segments('w', 'B')", [(4,)]),
        ("SELECT count(*) FROM label WHERE speaker = 'ann'", [(3,)]),
        ("SELECT count(*) FROM segment_index WHERE valid", [(0,)]),
        ("SELECT segments, outgrown FROM segment_index_tail(1)", [(None, None)]),
        ("SELECT index_covers_before('alembic_version_pkc') > now()", [(True,)]),
        ("SELECT status, count(*) FROM segment_embedding GROUP BY 1 ORDER BY 1",
         [("ok", 4), ("too_short", 1)]),
        ("SELECT exemplars FROM profile", [(1,)]),
        ("SELECT source FROM enrollment", [("v",)]),
        ("SELECT name FROM speaker", [("ann",)]),
        ("SELECT key FROM video ORDER BY 1", [("v",), ("w",)]),
        ("SELECT name FROM encoder", [("toy",)]),
        ("SELECT requested FROM fill_run", [(3,)]),
        ("SELECT number, voices, nearest, similarity FROM unknown_voices()", [(1, 1, "ann", 0)]),
        ("SELECT video, label, segments, similarity FROM voice_appearances(1)", [("w", "A", 1, 1)]),
        ("SELECT number, speaker FROM suggestions()", []),
        ("SELECT number, nearest, similarity, uncertainty FROM review_queue()", [(1, "ann", 0, 1)]),
        ("SELECT number, speech_seconds FROM review_voice(1)", [(1, 1)]),
        ("SELECT voices, speech_seconds FROM review_left()", [(1, 1)]),
        ("SELECT uncertainty(0.45, 0.4, 0.5, NULL)", [(0.75,)]),
        ("SELECT video, start_s, end_s, similarity FROM voice_clips(1)", [("w", 0, 1, 1)]),
        ("SELECT speaker, similarity, video, start_s FROM voice_people(1)", [("ann", 0, "v", 0)]),
        ("SELECT number FROM similar_voices(1)", []),
        ("SELECT text FROM voice_turns(1)", []),
        ("SELECT video, segments, filled, named_seconds, voice_seconds FROM video_summaries()",
         [("v", 3, 2, 2, 0), ("w", 2, 2, 2, 1)]),
        ("SELECT recordings, seconds, requested, hits FROM library_totals()", [(2, 1200, 3, 0)]),
        ("SELECT label, speaker, voice FROM names_of_segments('{w}', '{0}', '{1000}')",
         [("A", None, 1)]),
        ("SELECT text FROM search_text('hello')", []),
        ("SELECT holds, speaker FROM words('w')", []),
        ("SELECT kind, video FROM happened('filled', 1)", [("filled", "v")]),
        ("SELECT kind, speaker, voice FROM happened('named', 1)", [("named", "ann", None)]),
        ("SELECT kind, video, voice FROM happened('heard', 1)", [("heard", "w", 1)]),
        ("SELECT kind, video, speaker FROM happened('labelled', 1) ORDER BY video",
         [("heard", "v", "ann"), ("heard", "w", "ann")]),
        ("SELECT kind FROM happened('filled', 99) UNION SELECT kind FROM happened('x', 1)", []),
        ("SELECT start_s, label, voice FROM voices_of_segments('w')", [(0, "A", 1)]),
    ],
)  # fmt: skip
def test_a_reader_asks(reader: str, question: str, answer: list[tuple[object, ...]]) -> None:
    read_only = "SET TRANSACTION READ ONLY"
    assert _ask(reader, read_only, "SET search_path = pgvoice, public", question) == answer


#: Calls of every public function that neither readers nor writers may use.
REFUSED = [
    "keep_labels()",
    "keep_labels(ARRAY['w'], dry_run => true)",
    "pin_label('v', 0, 1, 'ann')",
    "pin_labels('v', ARRAY[0], ARRAY[1000], 'ann')",
    "pin_voice('w', 'A', 'ann')",
    "unpin_label('v', 0, 1)",
    "unpin_labels('v', ARRAY[0], ARRAY[1000])",
    "unpin_voice('w', 'A')",
    "revert_labels(1)",
    "refresh_nearest()",
    "drop_exemplar('ann', 1)",
    "drop_outliers('ann', dry_run => true)",
    "restore_exemplars('ann')",
    "segment_trials(ARRAY['v'], ARRAY[0], ARRAY[1000], ARRAY['ann'])",
    "exemplar_trials()",
    "score_histogram()",
    "activate_calibration((SELECT min(id) FROM pgvoice.calibration))",
    "reset_calibration()",
    "segment_index_statements(1)",
    "verify()",
]
#: By public function, a call of it, and the roles besides admins that may call it.
SPECIAL: dict[str, set[str]] = {
    "similar_segments('v', 0, 1, 1)": {"pgvoice_searcher"},
    "replace_audio('v', 'x')": {"pgvoice_writer"},
    "prune_segments('v')": {"pgvoice_writer"},
    "differing_segments('v', 1, '{0}', '{1000}', ARRAY[NULL::bytea])": {"pgvoice_writer"},
    "store_turns('v', '{}', '{}', '{}', '{}')": {"pgvoice_writer"},
    "refresh_voices(ARRAY['v'])": {"pgvoice_writer"},
    "join_labels('v', 1, ARRAY[0], ARRAY[1000], ARRAY['a'])": {"pgvoice_writer"},
    "link_voices(ARRAY['v'])": {"pgvoice_writer"},
    "refit_library()": {"pgvoice_writer"},
    "name_voice(1, 'ann')": set(),
    "accept_suggestion(1)": set(),
    "reject_suggestion(1)": set(),
    "dismiss_voice(1, 'tv')": set(),
    "join_voices(ARRAY[1, 2])": set(),
    "part_voice(1, 'v')": set(),
    "set_linking(true)": set(),
    "make_default_encoder(1)": set(),
    "undo(1)": set(),
    "carry_over(1, 1)": set(),
    "drop_encoder(1)": set(),
}


@pytest.mark.parametrize("call", [*REFUSED, *SPECIAL])
def test_a_reader_is_refused(reader: str, call: str) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied"):
        _ask(reader, f"SELECT pgvoice.{call}")


def test_every_public_function_is_asked_or_refused_above(connection: Connection) -> None:
    asked = [q for q, _ in test_a_reader_asks.pytestmark[0].args[1]]  # type: ignore[attr-defined]
    functions = connection.scalars(FUNCTIONS, {"role": "pgvoice_reader"}).all()
    assert [name for name in functions if not any(f"{name}(" in q for q in asked + REFUSED)] == []
    assert [call for call in REFUSED if call.partition("(")[0] not in functions] == []


@pytest.mark.parametrize("group", ["pgvoice_reader", "pgvoice_searcher", "pgvoice_writer"])
def test_few_public_functions_are_not_for_everybody(connection: Connection, group: str) -> None:
    """Those that run with the owner's rights and do or tell more than a reader may."""
    functions = set(connection.scalars(FUNCTIONS, {"role": group}))
    everything = set(connection.scalars(FUNCTIONS, {"role": "pgvoice_admin"}))
    special = {call.partition("(")[0]: allowed for call, allowed in SPECIAL.items()}
    assert everything - functions == {name for name in special if group not in special[name]}


@pytest.mark.parametrize(
    ("group", "schemas"),
    [
        ("pgvoice_reader", {"pgvoice"}),
        ("pgvoice_searcher", {"pgvoice"}),
        ("pgvoice_writer", {"pgvoice"}),
        ("pgvoice_admin", {"pgvoice", "pgvoice_internal"}),
    ],
)
def test_rights_on_functions_follow_the_schema(
    connection: Connection, group: str, schemas: set[str]
) -> None:
    """A role may call all functions of a schema but the special ones, or none; nobody else may."""
    rows = [
        row
        for row in connection.execute(PRIVILEGES, {"role": group})
        if row.proname not in {call.partition("(")[0] for call in SPECIAL}
    ]
    assert {name for name, *_ in rows} == {"pgvoice", "pgvoice_internal"}
    assert {(name, usage, may) for name, usage, may, *_ in rows} == {
        (name, name in schemas, name in schemas) for name in ("pgvoice", "pgvoice_internal")
    }
    assert not any(row.public for row in rows)


def test_a_public_definer_takes_and_returns_no_vector(connection: Connection) -> None:
    """Nor does any other function in pgvoice, so nobody can compare with their own vectors."""
    types = connection.scalars(
        text(
            "SELECT DISTINCT CAST(CAST(type AS regtype) AS text) FROM pg_proc p"
            " CROSS JOIN LATERAL unnest(coalesce(p.proallargtypes, CAST(p.proargtypes AS oid[]))"
            " || p.prorettype) AS type WHERE pronamespace = 'pgvoice'::regnamespace"
        )
    ).all()
    assert not any("vec" in name for name in types), types


@pytest.mark.parametrize("table", ["segment_embedding", "enrollment", "profile"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT embedding FROM {}",
        "SELECT * FROM {}",
        "SELECT x FROM {} AS x",
        "TABLE {}",
        "SELECT row_to_json(x) FROM {} AS x",
        "SELECT x.embedding::text FROM {} AS x",
        "SELECT CAST(embedding AS real[]) FROM {}",
        "SELECT embedding::halfvec(3) FROM {}",
        "SELECT avg(embedding) FROM {}",
        "SELECT array_agg(embedding) FROM {}",
        "SELECT embedding <#> '[1,0,0]' FROM {}",
        "SELECT count(*) FROM {} WHERE embedding <#> '[1,0,0]' < -0.5",
        "SELECT dimension FROM {} ORDER BY embedding",
        "SELECT min(dimension) FROM {} GROUP BY embedding",
        "COPY {} TO STDOUT",
        "COPY {} (embedding) TO STDOUT",
        "COPY (SELECT embedding FROM {}) TO STDOUT",
        "CREATE TEMPORARY VIEW seen AS SELECT * FROM {}; SELECT * FROM seen",
        "CREATE TEMPORARY TABLE mine AS SELECT * FROM {}",
        "SELECT a.* FROM {} AS a JOIN {} AS b USING (embedding)",
    ],
)
def test_a_reader_sees_no_vector(reader: str, table: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        _ask(reader, statement.replace("{}", f"pgvoice.{table}"))


@pytest.mark.parametrize("group", ["pgvoice_reader", "pgvoice_searcher", "pgvoice_writer"])
def test_no_function_that_takes_or_gives_a_vector(connection: Connection, group: str) -> None:
    of_vectors = connection.scalars(
        text(
            "SELECT proname FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass"
            " AND d.objid = p.oid AND d.refclassid = 'pg_type'::regclass"
            " WHERE has_function_privilege(:role, p.oid, 'EXECUTE') AND pronamespace IN"
            " ('pgvoice'::regnamespace, 'pgvoice_internal'::regnamespace)"
        ),
        {"role": group},
    ).all()
    assert of_vectors == []
    columns = connection.execute(
        text(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute a JOIN pg_class c"
            " ON c.oid = a.attrelid WHERE relnamespace = 'pgvoice'::regnamespace AND attnum > 0"
            " AND relkind IN ('r', 'p', 'v', 'm') AND a.atttypid::regtype::text ~ 'vec'"
            " AND has_column_privilege(:role, c.oid, attnum, 'SELECT')"
        ),
        {"role": group},
    ).all()
    assert columns == []


def test_the_planners_statistics_hold_no_vector(library: VoiceStore, store_url: str) -> None:
    held = "SELECT DISTINCT attname FROM pg_stats WHERE schemaname = 'pgvoice'"
    with engine_of(store_url) as engine:
        run(engine, "ANALYZE pgvoice.profile", "ANALYZE pgvoice.segment_embedding")
    names = {name for (name,) in _ask(store_url, held)}
    assert "dimension" in names
    assert "embedding" not in names


@pytest.mark.parametrize(
    "name",
    ["' OR true --", "ann'; DROP TABLE pgvoice.video; --", "%s", "$1", "{embedding}", "\\"],
)
def test_names_are_only_names(reader: str, name: str) -> None:
    for call in ("identify(%s)", "speaker_segments(%s)", "coverage(%s)", "speaker_time(%s)"):
        with psycopg.connect(reader.replace("+psycopg", "")) as connection:
            (quoted,) = connection.execute("SELECT quote_literal(%s)", [name]).fetchone() or ()
            with pytest.raises(psycopg.errors.NoDataFound) as refused:
                connection.execute(f"SELECT * FROM pgvoice.{call}", [name])
        what = "speaker" if call.startswith("speaker_segments") else "video"
        assert refused.value.diag.message_primary == f"no {what} {quoted} in the store"


def test_nobody_slips_an_operator_under_what_runs_as_the_owner(reader: str) -> None:
    (answer,) = _ask(
        reader,
        "CREATE FUNCTION pg_temp.seen(vector, vector) RETURNS float8 LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'seen %', $1; END $$",
        "CREATE OPERATOR pg_temp.<#>"
        " (leftarg = vector, rightarg = vector, function = pg_temp.seen)",
        "CREATE TEMPORARY TABLE segment_embedding (embedding text)",
        "SET search_path = pg_temp, pgvoice, public",
        "SELECT speaker FROM pgvoice.identify('v', ARRAY[0], ARRAY[1])",
    )
    assert answer == ("ann",)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO pgvoice.video (key) VALUES ('x')",
        "UPDATE pgvoice.encoder SET default_threshold = -1",
        "DELETE FROM pgvoice.speaker",
        "DELETE FROM pgvoice.segment_embedding",
        "TRUNCATE pgvoice.attribution",
        "SELECT pgvoice.keep_labels()",
        "SELECT pgvoice_internal.refresh_profile(1, 1)",
        "SELECT pgvoice.refresh_nearest()",
        "SELECT * FROM pgvoice_internal.best_two('[1,0,0]', 1, false)",
        "SELECT * FROM pgvoice_internal.near_segments"
        "(1, 0, 1000, 1, 1, NULL, NULL, NULL, true, true, false)",
        "SELECT * FROM pgvoice_internal.identified('v', NULL, NULL, 1, NULL, NULL)",
        "SELECT * FROM pgvoice.audit_event",
        "SELECT * FROM pgvoice.consent",
        "SELECT * FROM pgvoice.nearest",
        "CREATE TABLE pgvoice.mine ()",
        "CREATE FUNCTION pgvoice.mine() RETURNS integer LANGUAGE sql RETURN 1",
        "ALTER FUNCTION pgvoice.identify SECURITY INVOKER",
    ],
)
def test_a_reader_changes_nothing(reader: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        _ask(reader, statement)


def test_a_reader_by_the_python_api(reader: str) -> None:
    with VoiceStore.open(reader) as store:
        assert [who.speaker for who in store.answers.identify("w")] == [None, "ann"]
        assert [found.video for found in store.answers.appearances("ann", order="time")] == [
            "v",
            "v",
            "w",
        ]
        assert store.recordings.statistics().all_time.requested == 3
        assert [label.speaker for label in store.labels.current("w")] == [None, "ann"]
        assert len(store.labels.speaker_time()) == 4
        assert len(store.labels.runs()) == 1
        assert store.index.status()[0].segments > 0
        assert store.people.speakers()[0].exemplars == 1
        assert store.people.exemplars("ann")[0].similarity == 1
        for forbidden in (
            lambda: store.answers.similar("v", (0, 1), limit=1),
            lambda: put(store, "x", {(0, 1): X}),
            lambda: store.people.enroll_segments("bob", "w", [(0, 1)], min_speech=1),
            lambda: store.people.remove("ann"),
            lambda: store.labels.label(),
            lambda: store.recordings.read("v", ENCODER, [SegmentKey(0, 1000)]),
            lambda: store.people.export_speakers(destination="x.json"),
            lambda: store.people.drop_outliers("ann"),
            lambda: store.people.restore_exemplars("ann"),
        ):
            with pytest.raises(PrivilegeMissing, match=r"denied.*needs the role pgvoice_"):
                forbidden()


# Writers


def test_a_writer_fills(writer: str) -> None:
    with VoiceStore.open(writer) as store:
        with store.recordings.filling("x"):
            assert store.recordings.missing("x", ENCODER, [SegmentKey(0, 1000)])
            put(store, "x", {(0, 1): X, (1, 1.1): "too_short"})
            store.recordings.record_fill("x", ENCODER, FillRun(2, 0, 1, {"too_short": 1}))
        assert [who.reason for who in store.answers.identify("x")] == ["matched", "too_short"]
        assert store.recordings.statistics().all_time.requested == 5
        audio = VideoAudio("b" * 64, 1000, "other.wav")
        store.recordings.register("v", audio, ENCODER, THRESHOLD, "replace")
        assert (store.answers.identify("v"), store.labels.current("v")) == ([], [])


def test_a_writer_ingests_from_audio_alone(writer: str) -> None:
    """It joins labels by vectors that it may not read, and all it learns is who is one person."""
    with VoiceStore.open(writer) as store:
        store.ingests.expect("library", {"x": {}})
        put(store, "x", {(0, 2): X, (2, 4): Y, (4, 6): X})
        turns = [Turn(0, 2, "a"), Turn(2, 4, "b"), Turn(4, 6, "c")]
        labels = store.recordings.join_labels("x", ENCODER, turns)
        assert labels == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00"]
        joined = [Turn(t.start, t.end, label) for t, label in zip(turns, labels, strict=True)]
        store.recordings.store_turns("x", joined, segmenter="s@1")
        assert store.ingests.complete_from_store(ENCODER, ["x"], "s@1") == {"x"}
        store.ingests.settle("library", [Outcome("x", None, 3, 3, 6.0, 1.0)])
        assert store.ingests.unlabelled("library") == ["x"]
        store.ingests.finish("library", ["x"])
        assert store.ingests.status("library")[0].done == 1


@pytest.mark.parametrize("call", REFUSED)
def test_a_writer_is_refused(writer: str, call: str) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied"):
        _ask(writer, f"SELECT pgvoice.{call}")


def test_a_writer_neither_enrolls_nor_erases(writer: str) -> None:
    with VoiceStore.open(writer) as store:
        for forbidden in (
            lambda: store.people.enroll_segments("bob", "w", [(0, 1)], min_speech=1),
            lambda: store.people.rename("ann", "eve"),
            lambda: store.people.remove("ann"),
            lambda: store.labels.label(),
            lambda: store.recordings.read("v", ENCODER, [SegmentKey(0, 1000)]),
            lambda: store.people.export_speakers(destination="x.json"),
        ):
            with pytest.raises(PrivilegeMissing, match=r"denied.*needs the role pgvoice_"):
                forbidden()
    for statement in (
        "SELECT embedding FROM pgvoice.segment_embedding",
        "DELETE FROM pgvoice.video",
        "DELETE FROM pgvoice.segment_embedding RETURNING embedding",
        "UPDATE pgvoice.segment_embedding SET embedding = embedding",
        "UPDATE pgvoice.video SET key = 'y'",
        "INSERT INTO pgvoice.audit_event (action, subject) VALUES ('x', 'y')",
    ):
        with pytest.raises(InsufficientPrivilege):
            _ask(writer, statement)


# Admins


def test_an_admin_enrolls_labels_and_erases(admin: str) -> None:
    with VoiceStore.open(admin) as store:
        assert store.people.enroll_segments("bob", "w", [(0, 1)], min_speech=1).added == 1
        put(store, "x", {(0, 1): Z}, audio="b" * 64)
        (exported,) = store.people.export_speakers(["bob"], destination="x.json")
        assert len(exported.profiles[ENCODER]) == 1
        assert (store.people.drop_outliers("bob"), store.people.restore_exemplars("bob")) == ([], 0)
        store.people.rename("bob", "rob")
        run_id = store.labels.label().run
        assert run_id is not None
        store.labels.pin("x", (0, 1), "rob")
        store.labels.unpin("x", (0, 1))
        store.labels.revert(run_id)
        store.people.enroll_segments("eve", "x", [(0, 1)], min_speech=1)
        store.people.merge("eve", "rob", force=True)
        assert store.people.remove("rob") == 2
    for statement in (
        "DROP VIEW pgvoice.label",
        "CREATE TABLE pgvoice.mine ()",
        "UPDATE pgvoice.setting SET grid_ms = 10",
        "INSERT INTO pgvoice.audit_event (actor, action, subject) VALUES ('you', 'x', 'y')",
        "DELETE FROM pgvoice.audit_event",
    ):
        with pytest.raises(InsufficientPrivilege):
            _ask(admin, statement)
    assert ("remove", "pgvoice_admin_of_a_test") in _ask(
        admin, "SELECT action, actor FROM pgvoice.audit_event"
    )


# The lists and the roles themselves


def test_every_table_is_in_the_grants(connection: Connection) -> None:
    everything = connection.scalars(
        text(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'pgvoice'::regnamespace"
            " AND relkind IN ('r', 'v', 'p', 'm') AND NOT relispartition"
        )
    ).all()
    granted = connection.scalars(TABLES, {"role": "pgvoice_admin"}).all()
    assert sorted(set(everything) - set(granted)) == [], "to be listed in alembic/grants.sql"


def test_a_login_without_a_role_gets_nothing(library: VoiceStore, store_url: str) -> None:
    with role(make_url(store_url), "pgvoice_test_nobody") as login:
        with pytest.raises(SchemaForbidden, match="needs the role pgvoice_reader: `GRANT"):
            VoiceStore.open(plain(login))
        with engine_of(store_url) as engine:
            run(engine, "GRANT USAGE ON SCHEMA pgvoice TO pgvoice_test_nobody")
        with pytest.raises(InsufficientPrivilege):
            _ask(plain(login), "SELECT * FROM pgvoice.identify('v', encoder => 1)")


def test_definers_have_the_fixed_search_path(connection: Connection) -> None:
    rows = connection.execute(
        text(
            "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace IN"
            " ('pgvoice'::regnamespace, 'pgvoice_internal'::regnamespace)"
        )
    ).all()
    assert {"identify", "speaker_segments", "similar_segments"} <= {name for name, _ in rows}
    for _, settings in rows:
        (path,) = [entry for entry in settings if entry.startswith("search_path=")]
        assert path == "search_path=pg_catalog, pgvoice, pg_temp"


def test_granting_again_changes_nothing(store: VoiceStore) -> None:
    acl = text(
        "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'pgvoice'::regnamespace"
        " UNION ALL SELECT oid::regprocedure::text, proacl::text FROM pg_proc"
        " WHERE pronamespace IN ('pgvoice'::regnamespace, 'pgvoice_internal'::regnamespace)"
        " UNION ALL SELECT nspname, nspacl::text FROM pg_namespace"
        " WHERE nspname IN ('pgvoice', 'pgvoice_internal') ORDER BY 1"
    )
    with store.database.engine.connect() as connection:
        before = connection.execute(acl).all()
    schema.upgrade(store.database.engine)
    schema.give_roles(store.database.engine)
    with store.database.engine.connect() as connection:
        assert connection.execute(acl).all() == before
        assert roles.lacking(connection) is None


def test_two_databases_create_them_at_once(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"pgvoice_test_raced_{number}" for number in range(20)]
    monkeypatch.setattr(roles, "ROLES", dict.fromkeys(names, "is raced for"))
    with new_database(server_url) as one, new_database(server_url) as two:
        with ThreadPoolExecutor() as pool:
            list(pool.map(_create_roles, (one, two, one, two)))
        with engine_of(one) as engine:
            with engine.connect() as connection:
                assert all(role.exists for role in roles.status(connection))
            run(engine, *(f"DROP ROLE {name}" for name in names))


def _create_roles(url: URL) -> None:
    with engine_of(url) as engine, engine.begin() as connection:
        roles.create(connection)


def test_somebody_who_may_not_create_roles(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "ROLES", {"pgvoice_test_missing": "is not there"})
    with new_database(server_url) as url, role(url, "pgvoice_test_owner") as owner:
        with engine_of(url) as engine:
            run(
                engine,
                "CREATE EXTENSION vector",
                "CREATE SCHEMA pgvoice AUTHORIZATION pgvoice_test_owner",
                "CREATE SCHEMA pgvoice_internal AUTHORIZATION pgvoice_test_owner",
            )
        migrate(owner)
        with engine_of(owner) as engine:
            with engine.connect() as connection:
                found = roles.lacking(connection)
            assert found is not None
            assert "run `CREATE ROLE pgvoice_test_missing NOLOGIN;`" in found
            with pytest.raises(RolesForbidden, match="CREATE ROLE pgvoice_test_missing"):
                schema.give_roles(engine)
