"""How statements find their rows: a video's by the primary key, in one part where there are any."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pgvoice_benchmarks.library import ENCODER, Library
from pgvoice_benchmarks.writing import enroll, write_library
from pgvoice_testkit.servers.databases import migrate, new_database, plain
from pgvoice_testkit.servers.scans import scans_of
from sqlalchemy import Connection, text

from pgvoice.store import PruneSelection, VoiceStore
from pgvoice.store.models import PARTITION
from pgvoice.store.recordings import encoders, segments

LIBRARY = Library(segments=20_000, profiles=20, video_segments=50)
VIDEO = LIBRARY.video(7)
TABLE = "segment_embedding"
Asked = Callable[[Connection], object]


@pytest.fixture(scope="module", params=[1, 16])
def parts(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def library_store(server_url: str, parts: int) -> Iterator[VoiceStore]:
    """A library of 400 videos."""
    with new_database(server_url) as url:
        migrate(url, partitions=parts)
        with VoiceStore.open(plain(url)) as store:
            write_library(store, LIBRARY)
            enroll(store, LIBRARY, range(LIBRARY.profiles))
            with store.database.engine.begin() as connection:
                connection.execute(text("ANALYZE"))
            yield store


@pytest.fixture
def connection(library_store: VoiceStore) -> Iterator[Connection]:
    with library_store.database.engine.connect() as opened, opened.begin() as transaction:
        yield opened
        transaction.rollback()


def _function(call: str) -> Asked:
    return lambda connection: connection.execute(text(f"SELECT * FROM pgvoice.{call}")).all()


def _missing(connection: Connection) -> object:
    return segments.missing(connection, VIDEO.key, ENCODER, VIDEO.spans)


def _read(connection: Connection) -> object:
    return segments.read(connection, VIDEO.key, ENCODER, VIDEO.spans)


def _count(connection: Connection) -> object:
    return segments.prune(connection, PruneSelection(video=VIDEO.key), dry_run=True)


_SPANS = "ARRAY[{}], ARRAY[{}]".format(
    *(", ".join(str(ms / 1000) for ms in times) for times in zip(*VIDEO.spans, strict=True))
)
OF_ONE_VIDEO: dict[str, Asked] = {
    "identify all": _function(f"identify('{VIDEO.key}')"),
    "identify some": _function(f"identify('{VIDEO.key}', {_SPANS})"),
    "missing": _missing,
    "read": _read,
    "count to prune": _count,
    "labels to keep": _function(f"keep_labels(ARRAY['{VIDEO.key}'])"),
}


@pytest.mark.parametrize("asked", OF_ONE_VIDEO)
def test_one_video_is_found_by_the_primary_key(
    connection: Connection, parts: int, asked: str
) -> None:
    with scans_of(connection, TABLE) as scans:
        OF_ONE_VIDEO[asked](connection)
    ((table, scan),) = scans.items()
    assert table.startswith(PARTITION) == (parts > 1)
    assert scan.whole == 0
    assert 0 < scan.by_index <= len(VIDEO.spans) + 1
    assert scan.index_rows <= 4 * len(VIDEO.spans)


def test_where_somebody_speaks_takes_one_pass(connection: Connection, parts: int) -> None:
    encoder = encoders.find(connection, ENCODER).id
    with scans_of(connection, TABLE) as scans:
        _function(f"speaker_segments('person 3', {encoder})")(connection)
    assert len(scans) == parts
    assert {scan.whole for scan in scans.values()} == {1}
    assert sum(scan.whole_rows for scan in scans.values()) == LIBRARY.segments
