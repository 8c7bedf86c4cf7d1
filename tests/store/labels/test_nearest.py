"""What segments are nearest to is kept up to date by the least work, and equals the whole work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_testkit.stores.filled import X, Y, Z, unit
from pgvoice_testkit.stores.libraries import Library, Refreshed
from sqlalchemy import Connection, create_engine, text

from pgvoice.store import VoiceStore
from pgvoice.store.recordings.segment_rows import Embedding

Step = Callable[[Library], object]

_SIDEWAYS = st.integers(-2, 2)
#: Few directions, so that many similarities are equal; none are opposite, so that they have a mean.
VECTORS = st.builds(unit, st.integers(1, 2), _SIDEWAYS, _SIDEWAYS)
NAMES = ("ann", "bob", "cyd", "dan", "eve", "fay")
PEOPLE = st.sampled_from(NAMES)
VIDEOS = st.sampled_from(["v", "w"])
PLACES = st.integers(0, 4)
STEPS = st.one_of(
    st.builds(_ := lambda v, p, e: lambda lib: lib.fill(v, p, e), VIDEOS, PLACES, VECTORS),
    st.builds(_, VIDEOS, PLACES, VECTORS),
    st.builds(_, VIDEOS, PLACES, st.sampled_from(["silent", "too_short"])),
    st.builds(lambda v, p: lambda lib: lib.prune(v, p), VIDEOS, PLACES),
    st.builds(lambda p, e: lambda lib: lib.change(p, e), PLACES, VECTORS),
    st.builds(_enroll := lambda n, e: lambda lib: lib.enroll(n, e), PEOPLE, VECTORS),
    st.builds(_enroll, PEOPLE, VECTORS),
    st.builds(lambda n: lambda lib: lib.exclude(n), PEOPLE),
    st.builds(lambda n: lambda lib: lib.remove(n), PEOPLE),
    st.builds(lambda n, m: lambda lib: lib.merge(n, m), PEOPLE, PEOPLE),
)
#: Each with whether what is kept is brought up to date after it.
STAGES = st.lists(st.tuples(STEPS, st.booleans()), min_size=6, max_size=20)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    voices=st.lists(VECTORS, min_size=5, max_size=5),
    people=st.lists(VECTORS, min_size=4, max_size=4),
    stages=STAGES,
    threshold=st.none() | st.floats(-1, 1),
    margin=st.none() | st.floats(0, 1),
)
def test_kept_step_by_step_equals_computed_afresh(
    connection: Connection,
    voices: list[Embedding],
    people: list[Embedding],
    stages: list[tuple[Step, bool]],
    threshold: float | None,
    margin: float | None,
) -> None:
    with connection.begin_nested() as transaction:
        library = Library(connection)
        for place, voice in enumerate(voices):
            library.fill("v", place, voice)
        for name, voice in zip(NAMES, people, strict=False):
            library.enroll(name, voice)
        library.refresh()
        for step, refreshed in stages:
            step(library)
            if refreshed:
                library.refresh()
                assert library.kept() == library.afresh()
        assert library.heard(threshold, margin) == library.named(threshold, margin)
        library.refresh()
        assert library.kept() == library.afresh()
        assert library.verdicts(threshold, margin) == library.identified(threshold, margin)
        assert library.heard(threshold, margin) == library.named(threshold, margin)
        assert library.refresh() == Refreshed(0, 0, 0, 0)
        transaction.rollback()


def _filled(connection: Connection, segments: int) -> Library:
    library = Library(connection)
    for place in range(segments):
        library.fill("v", place, unit(1, place, 0))
    library.enroll("ann", X)
    library.enroll("bob", Y)
    library.enroll("cyd", unit(1, 1, 0))
    library.refresh()
    return library


def test_a_new_speaker_costs_one_pass_of_one_profile(connection: Connection) -> None:
    library = _filled(connection, 20)
    library.enroll("dan", Z)
    assert library.refresh() == Refreshed(1, passed=20, recomputed=0, pairs=20)


def test_many_new_speakers_cost_one_pass_each(connection: Connection) -> None:
    library = _filled(connection, 20)
    for number in range(12):
        library.enroll(f"new {number}", unit(1, number, number % 3))
    assert library.refresh() == Refreshed(12, passed=20, recomputed=0, pairs=240)
    assert library.kept() == library.afresh()


def test_rows_that_a_new_speaker_does_not_reach_are_left_alone(connection: Connection) -> None:
    library = _filled(connection, 20)
    mark = text("UPDATE pgvoice.nearest SET similarity = 7, runner_up_similarity = 6")
    connection.execute(mark)
    library.enroll("dan", Z)
    library.refresh()
    assert {(row[6], row[8]) for row in library.kept()} == {(7, 6)}


def test_a_changed_profile_costs_its_own_segments_and_one_pass(connection: Connection) -> None:
    library = _filled(connection, 20)
    library.enroll("dan", Z)
    library.refresh()
    library.enroll("dan", unit(0, 1, 9))
    assert library.refresh() == Refreshed(1, passed=20, recomputed=0, pairs=20)
    library.enroll("ann", unit(9, 0, 1))
    mine = 20 - library.refresh().passed
    assert 0 < mine < 20


_KEPT = 0.25


def _marked(connection: Connection) -> Library:
    """What is kept is not what would be computed."""
    library = _filled(connection, 20)
    mark = "UPDATE pgvoice.nearest SET similarity = :kept, runner_up_similarity = :kept"
    connection.execute(text(mark), {"kept": _KEPT})
    return library


def _runners_up(library: Library, name: str) -> set[object]:
    """How similar the runners-up to somebody are, over all that they are heard in."""
    return {row[6] for row in library.heard(-1, None) if row[3] == name}


def test_who_comes_second_is_looked_up(connection: Connection) -> None:
    library = _marked(connection)
    assert _runners_up(library, "ann") == {_KEPT}
    library.enroll("dan", unit(1, 3, 0))
    assert _runners_up(library, "dan") == {_KEPT}


def test_who_comes_second_is_computed_where_somebody_else_was_not_compared_yet(
    connection: Connection,
) -> None:
    library = _marked(connection)
    library.enroll("dan", unit(1, 3, 0))
    assert _KEPT not in _runners_up(library, "ann")
    library.remove("dan")
    assert _runners_up(library, "ann") == {_KEPT}
    library.enroll("bob", Z)
    assert _KEPT not in _runners_up(library, "ann")


def test_who_comes_second_is_computed_for_segments_that_were_not_compared_yet(
    connection: Connection,
) -> None:
    library = _marked(connection)
    library.fill("w", 0, X)
    assert _runners_up(library, "ann") > {_KEPT}


def test_who_comes_second_is_computed_while_a_segment_is_to_be_forgotten(
    connection: Connection,
) -> None:
    library = _marked(connection)
    note = "INSERT INTO pgvoice.deleted_segment (video_id, start_ms, end_ms, encoder_id)"
    connection.execute(
        text(f"{note} SELECT video_id, start_ms, end_ms, encoder_id FROM pgvoice.nearest LIMIT 1")
    )
    assert _KEPT not in _runners_up(library, "ann")


def test_the_same_vector_again_is_no_change(connection: Connection) -> None:
    library = _filled(connection, 5)
    library.enroll("ann", X)
    assert library.refresh() == Refreshed(0, 0, 0, 0)


def test_new_segments_are_compared_alone(connection: Connection) -> None:
    library = _filled(connection, 5)
    library.fill("w", 0, Z)
    library.fill("w", 1, "silent")
    assert library.refresh() == Refreshed(0, passed=0, recomputed=2, pairs=3)


def test_emptied_segments_empty_what_is_kept(connection: Connection) -> None:
    library = _filled(connection, 5)
    connection.execute(text("TRUNCATE pgvoice.segment_embedding"))
    assert library.kept() == []


def test_segments_replaced_while_labels_are_made_are_not_mistaken(store: VoiceStore) -> None:
    """A refresh has computed rows that the other transaction, which deletes, cannot see yet."""
    engine = create_engine(store.database.url, connect_args={"options": "-c lock_timeout=5s"})
    with engine.begin() as connection:
        Library(connection).fill("v", 0, X)
        Library(connection).enroll("ann", X)
    with engine.connect() as labelling, labelling.begin() as transaction:
        labelling.execute(text("SELECT pgvoice.refresh_nearest()"))
        with engine.begin() as replacing:
            library = Library(replacing)
            library.prune("v", 0)
            library.fill("v", 0, Y)
        transaction.commit()
    with engine.begin() as connection:
        library = Library(connection)
        assert library.kept() != library.afresh()
        library.refresh()
        assert library.kept() == library.afresh()
        assert connection.scalar(text("SELECT count(*) FROM pgvoice.deleted_segment")) == 0
    engine.dispose()


_EVERYTHING = "pgvoice.segment_embedding AS s"
_MANY = (
    f"{_EVERYTHING} LEFT JOIN pgvoice.nearest AS n USING (video_id, start_ms, end_ms, encoder_id)"
)


@pytest.mark.parametrize("source", [_EVERYTHING, _MANY])
def test_the_whole_comparison_is_made_by_the_workers(connection: Connection, source: str) -> None:
    library = _filled(connection, 3)
    library.copy_segments(20_000)
    connection.execute(text("ANALYZE pgvoice.segment_embedding, pgvoice.nearest"))
    for name in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
        connection.execute(text(f"SET LOCAL {name} = 0"))
    where = f"s.encoder_id = {library.encoder.id}" + (
        " AND coalesce(n.status, 'absent') = 'absent'" if source == _MANY else ""
    )
    statement = connection.scalar(
        text("SELECT pgvoice_internal.lowest_keys(:source, :encoder, false)"),
        {"source": f"{source} WHERE {where}", "encoder": library.encoder.id},
    )
    (plan,) = connection.scalar(
        text(
            "EXPLAIN (FORMAT JSON, VERBOSE) CREATE TEMPORARY TABLE t AS"
            f" SELECT k.video_id, k.key, k.second FROM ({statement}) AS k"
        )
    )
    gather = plan["Plan"]
    assert gather["Node Type"] == "Gather"
    assert [column.split(".")[-1] for column in gather["Output"]] == ["video_id", "key", "second"]


def test_many_absent_rows_are_found_by_a_scan(connection: Connection) -> None:
    """More than are looked up one by one; the profiles are few, so that it is quick."""
    library = _filled(connection, 3)
    library.copy_segments(100_001)
    assert library.refresh() == Refreshed(0, passed=0, recomputed=100_001, pairs=300_003)
    assert library.kept() == library.afresh()


def test_of_equals_the_lower_id_enters(connection: Connection) -> None:
    library = Library(connection)
    library.fill("v", 0, X)
    for name, vector in (("ann", Z), ("bob", X), ("cyd", unit(1, 1, 0))):
        library.enroll(name, vector)
    library.refresh()
    library.enroll("ann", unit(1, 1, 0))
    library.exclude("ann")
    assert library.refresh() == Refreshed(1, passed=1, recomputed=0, pairs=1)
    assert library.kept() == library.afresh()
