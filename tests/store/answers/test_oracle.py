"""Who may not read vectors gets similarities with two digits, from which no vector is computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import psycopg
import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from pgvoice_testkit.stores.filled import put, unit
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue
from sqlalchemy import Connection, text

from pgvoice.store import VoiceStore

NUMBERS = np.random.default_rng(3)
#: What an attacker has the audio of, so that they can compute its vectors.
KNOWN = [unit(*row) for row in np.eye(3) + NUMBERS.normal(scale=0.3, size=(3, 3))]
SECRET = unit(0.4, 0.7, 0.6)
OTHERS = [unit(*row) for row in NUMBERS.normal(0.6, 0.2, (40, 3))]
ANSWERS = {
    "identify": "SELECT * FROM pgvoice.identify('known', min_margin => 0.001)",
    "clusters": "SELECT * FROM pgvoice.identify_clusters('others', ARRAY[0, 1, 2, 3],"
    " ARRAY[1, 2, 3, 4], ARRAY['a', 'a', 'a', 'a'], threshold => 0.99)",
    "segments": "SELECT * FROM pgvoice.speaker_segments('ann')",
    "similar": "SELECT * FROM pgvoice.similar_segments('others', 0, 1, 40)",
    "quality": "SELECT * FROM pgvoice.profile_quality()",
    "exemplars": "SELECT * FROM pgvoice.exemplar_similarity(1)",
    "people": "SELECT * FROM pgvoice.people()",
    "likeness": "SELECT * FROM pgvoice.similar_people('ann')",
    "recordings": "SELECT * FROM pgvoice.speaker_recordings('ann')",
    "cohesion": "SELECT pgvoice.profile_cohesion(1, 1) AS cohesion",
    "labels": "SELECT * FROM pgvoice.label",
}
#: Columns of exact similarities, or of what follows from them.
TELLING = ("similarity", "margin", "cohesion", "threshold")


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        put(store, "known", {(n, n + 1): vector for n, vector in enumerate(KNOWN)})
        put(store, "others", {(n, n + 1): vector for n, vector in enumerate(OTHERS)})
        put(store, "secret", {(0, 1): SECRET})
        store.people.enroll_segments("ann", "secret", [(0, 1)], force=True)
        store.people.enroll_segments("ann", "others", [(30, 31), (31, 32)], force=True)
        store.people.enroll_segments("bob", "others", [(20, 21)], force=True)
        store.labels.label()
        yield store


@pytest.fixture(scope="module")
def searcher(library: VoiceStore) -> Iterator[str]:
    url = library.database.url
    with role(url, "pgvoice_searcher_of_a_test") as login, engine_of(url) as engine:
        run(engine, "GRANT pgvoice_searcher TO pgvoice_searcher_of_a_test")
        yield plain(login).replace("+psycopg", "")


def _ask(url: str, question: str, *before: str) -> tuple[list[str], list[tuple[object, ...]]]:
    """The columns and rows of an answer."""
    with psycopg.connect(url) as connection:
        for statement in before:
            connection.execute(statement.encode())
        cursor = connection.execute(question.encode())
        return [column.name for column in cursor.description or ()], cursor.fetchall()


def _figures(answer: tuple[list[str], list[tuple[object, ...]]]) -> list[float]:
    columns, rows = answer
    places = [n for n, name in enumerate(columns) if name.endswith(TELLING)]
    return [row[n] for row in rows for n in places if isinstance(row[n], float)]  # type: ignore[misc]


@pytest.mark.parametrize("what", ANSWERS)
def test_figures_have_two_digits(library: VoiceStore, searcher: str, what: str) -> None:
    """Owners, superusers and admins get exact ones; of these, no role's set for the moment."""
    owner = plain(library.database.url).replace("+psycopg", "")
    told = _figures(_ask(searcher, ANSWERS[what]))
    exact = _figures(_ask(owner, ANSWERS[what]))
    assert told
    assert [figure for figure in told if figure != round(figure, 2)] == []
    assert [figure for figure in exact if figure != round(figure, 2)] != []
    assert sorted(told) == sorted(np.floor(round(figure * 100, 9)) / 100 for figure in exact)
    assert _figures(_ask(owner, ANSWERS[what], "SET ROLE pgvoice_searcher")) == told
    assert _figures(_ask(owner, ANSWERS[what], "SET ROLE pgvoice_admin")) == exact
    for parallel in ("SET debug_parallel_query = on", "SET force_parallel_mode = on"):
        try:
            assert _figures(_ask(searcher, ANSWERS[what], parallel)) == told
        except psycopg.errors.UndefinedObject:
            continue  # each server has one of the two


def test_the_secret_is_not_computed(library: VoiceStore, searcher: str) -> None:
    """As many equations as elements: exact similarities give the profile, these do not."""
    with library.database.engine.connect() as connection:
        profile = connection.scalar(
            text("SELECT CAST(embedding AS real[]) FROM pgvoice.profile ORDER BY speaker_id")
        )
    owner = plain(library.database.url).replace("+psycopg", "")
    figures = "SELECT CASE WHEN nearest = 'ann' THEN similarity ELSE runner_up_similarity END"
    figures += " FROM pgvoice.identify('known')"
    solved = {
        who: np.linalg.solve(
            np.array(KNOWN, np.float64), np.array([row[0] for row in _ask(url, figures)[1]])
        )
        for who, url in {"owner": owner, "searcher": searcher}.items()
    }
    assert np.abs(solved["owner"] - profile).max() < 1e-6
    assert np.abs(solved["searcher"] - profile).max() > 1e-3


def test_trying_thresholds_tells_no_more(library: VoiceStore, searcher: str) -> None:
    """Bisection, with thresholds and with margins."""
    for given, similarity in (("threshold", "similarity"), ("min_margin", "margin")):
        other = "min_margin => 0" if given == "threshold" else "threshold => 0.1"
        low, high = 0.0, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            ((reason,),) = _ask(
                searcher,
                f"SELECT reason FROM pgvoice.identify('known', ARRAY[0], ARRAY[1],"
                f" {given} => {middle!r}, {other})",
            )[1]
            low, high = (middle, high) if reason == "matched" else (low, middle)
        ((exact,),) = _ask(
            plain(library.database.url).replace("+psycopg", ""),
            f"SELECT {similarity} FROM pgvoice.identify('known', ARRAY[0], ARRAY[1])",
        )[1]
        shown = np.floor(float(str(exact)) * 100) / 100
        assert low == pytest.approx(shown + 0.005, abs=1e-6)


def test_the_order_tells_no_more(searcher: str) -> None:
    rows = _ask(searcher, ANSWERS["segments"])[1]
    assert [row[:2] for row in rows] == _sorted(rows, similarity=3)
    similar = _ask(searcher, ANSWERS["similar"])[1]
    figures = [float(str(row[3])) for row in similar]
    assert figures == sorted(figures, reverse=True)
    first = [_ask(searcher, ANSWERS["similar"].replace("40)", f"{n})"))[1] for n in range(1, 12)]
    assert first == [similar[:n] for n in range(1, 12)]


def _sorted(rows: Sequence[tuple[object, ...]], similarity: int) -> list[tuple[object, ...]]:
    return [
        row[:2] for row in sorted(rows, key=lambda row: (-float(str(row[similarity])), row[:2]))
    ]


@pytest.mark.parametrize("limit", ["101", "NULL", "2147483647"])
def test_a_search_ends_after_a_hundred(library: VoiceStore, searcher: str, limit: str) -> None:
    question = f"SELECT count(*) FROM pgvoice.similar_segments('known', 0, 1, {limit})"
    with pytest.raises(InvalidParameterValue, match="too many"):
        _ask(searcher, question)
    with VoiceStore.open(searcher) as store:
        assert store.answers.similar("known", (0, 1), limit=100)
        with pytest.raises(ValueError, match="at most 100"):
            store.answers.similar("known", (0, 1), limit=101)
    assert _ask(plain(library.database.url).replace("+psycopg", ""), question)[1] == [(43,)]


@pytest.mark.parametrize(
    "question",
    [
        "SELECT similarity FROM pgvoice.attribution",
        "SELECT margin FROM pgvoice.attribution",
        "SELECT count(*) FROM pgvoice.attribution WHERE similarity > 0.5",
        "SELECT cohesion FROM pgvoice.profile",
        "SELECT a FROM pgvoice.attribution AS a",
        "TABLE pgvoice.nearest",
    ],
)
def test_exact_figures_in_tables(searcher: str, question: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        _ask(searcher, question)
    assert _ask(searcher, "SELECT count(reason) FROM pgvoice.attribution")[1] != [(0,)]


def test_the_planner_does_not_tell(library: VoiceStore, searcher: str) -> None:
    """Nor does a function of the caller's own, which sees what the view shows."""
    with engine_of(library.database.url) as engine:
        run(engine, "ANALYZE pgvoice.attribution", "ANALYZE pgvoice.profile")
    columns = "SELECT attname FROM pg_stats WHERE schemaname = 'pgvoice'"
    assert not {"similarity", "margin", "cohesion"} & {
        name for (name,) in _ask(searcher, columns)[1]
    }
    seen = _ask(
        searcher,
        "SELECT pg_temp.seen(similarity) FROM pgvoice.label WHERE pg_temp.seen(similarity) > 0",
        "CREATE FUNCTION pg_temp.seen(x float8) RETURNS float8 COST 0.0001 LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN CASE WHEN x = round(x * 100) / 100 THEN 1 ELSE -1 END; END $$",
    )[1]
    assert len(seen) == len(_ask(searcher, "TABLE pgvoice.label")[1])


def test_a_shown_similarity_reaches_what_the_exact_one_does(connection: Connection) -> None:
    """For every threshold of two digits, and the numbers next to it."""
    thresholds = [n / 100 for n in range(-100, 101)]
    for threshold in thresholds:
        near = [np.nextafter(threshold, -2), threshold, np.nextafter(threshold, 2)]
        shown = connection.scalars(
            text("SELECT pgvoice.shown(x, false) FROM unnest(CAST(:near AS float8[])) AS x"),
            {"near": [float(each) for each in near]},
        ).all()
        assert [each >= threshold for each in shown] == [each >= threshold for each in near]
        assert shown[1] == threshold
