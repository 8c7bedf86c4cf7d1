"""``VoiceStore``: opens a store, closes it, and gives access to its facets."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, get_args

from pgvoice.store.database import preparing, schema, sessions
from pgvoice.store.database.closing import Closing
from pgvoice.store.database.connection import Database, open_database
from pgvoice.store.errors import PgvectorOutdated
from pgvoice.store.keys import DEFAULT_GRID_MS

if TYPE_CHECKING:
    from pgvoice.store.answers.answers import Answers
    from pgvoice.store.answers.segment_index import SegmentIndex
    from pgvoice.store.encoders.encoders import Encoders
    from pgvoice.store.labels.labels import Labels
    from pgvoice.store.people.people import People
    from pgvoice.store.privacy.privacy import Privacy
    from pgvoice.store.recordings.recordings import Recordings
    from pgvoice.store.thresholds.thresholds import Thresholds
    from pgvoice.store.upkeep.events import Events
    from pgvoice.store.upkeep.ingests import Ingests
    from pgvoice.store.upkeep.upkeep import Upkeep
    from pgvoice.store.voices.acts import Acts
    from pgvoice.store.voices.voices import Voices


#: The roles with which a store can be opened to be read.
ReadingRole = Literal["pgvoice_reader", "pgvoice_searcher"]


class VoiceStore(Closing):
    """The store of a library: the vectors of its recordings, its speakers, and who speaks when.

    Use it as a context manager, or call `close`. Threads may share it::

        with VoiceStore.open() as store:
            store.people.enroll_segments("Ada", "talk", [(0, 4.5)], consent="form of 3 May")
            for answer in store.answers.identify("talk"):
                print(answer.start, answer.end, answer.speaker, answer.similarity)

    A facet is imported when it is first used, as few programs use all of them.
    """

    def __init__(self, database: Database, grid_ms: int) -> None:
        self.database = database
        #: The grid that segments are snapped to, in milliseconds.
        self.grid_ms = grid_ms

    @cached_property
    def recordings(self) -> Recordings:
        from pgvoice.store.recordings.recordings import Recordings

        return Recordings(self.database)

    @cached_property
    def encoders(self) -> Encoders:
        from pgvoice.store.encoders.encoders import Encoders

        return Encoders(self.database)

    @cached_property
    def people(self) -> People:
        from pgvoice.store.people.people import People

        return People(self.database, self.grid_ms)

    @cached_property
    def answers(self) -> Answers:
        from pgvoice.store.answers.answers import Answers

        return Answers(self.database, self.grid_ms)

    @cached_property
    def index(self) -> SegmentIndex:
        from pgvoice.store.answers.segment_index import SegmentIndex

        return SegmentIndex(self.database)

    @cached_property
    def labels(self) -> Labels:
        from pgvoice.store.labels.labels import Labels

        return Labels(self.database, self.grid_ms)

    @cached_property
    def voices(self) -> Voices:
        from pgvoice.store.voices.voices import Voices

        return Voices(self.database)

    @cached_property
    def acts(self) -> Acts:
        from pgvoice.store.voices.acts import Acts

        return Acts(self.database)

    @cached_property
    def thresholds(self) -> Thresholds:
        from pgvoice.store.thresholds.thresholds import Thresholds

        return Thresholds(self.database)

    @cached_property
    def privacy(self) -> Privacy:
        from pgvoice.store.privacy.privacy import Privacy

        return Privacy(self.database)

    @cached_property
    def ingests(self) -> Ingests:
        from pgvoice.store.upkeep.ingests import Ingests

        return Ingests(self.database)

    @cached_property
    def events(self) -> Events:
        from pgvoice.store.upkeep.events import Events

        return Events(self.database)

    @cached_property
    def upkeep(self) -> Upkeep:
        from pgvoice.store.upkeep.upkeep import Upkeep

        return Upkeep(self.database)

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        folder: Path | None = None,
        role: ReadingRole | None = None,
        grid_ms: int = DEFAULT_GRID_MS,
        partitions: int = 1,
        consent: bool = True,
        keep_text: bool = False,
    ) -> Self:
        """Open the store at `url`, or in the embedded server of `folder`.

        Without either, the store is at ``PGVOICE_DATABASE_URL``, else in the embedded server of the
        default folder. In an embedded server, this creates or upgrades the tables; `grid_ms`,
        `partitions`, `consent` (whether enrolling requires consent) and `keep_text` (whether the
        text of turns is stored) only affect a new store. In your own server, run `pgvoice db
        upgrade` first.

        With a `role`, the store may only be read, as a member of that role may: what changes
        something raises `OpenedToRead`, and no tables are upgraded.

        Raises `SchemaMismatch` if an upgrade is needed, `RoleMissing` if the server or the user
        does not have the role, and `DatabaseError` in one of its kinds if the server cannot be
        used. Warns of a pgvector with known faults (`PgvectorOutdated`), once per process and
        database.
        """
        if role is not None and role not in get_args(ReadingRole):
            raise ValueError(f"{role!r} is not a role to read with: {get_args(ReadingRole)}")
        database = open_database(url, folder=folder, role=role)
        try:
            found = _ready(
                database,
                role,
                grid_ms=grid_ms,
                partitions=partitions,
                consent=consent,
                keep_text=keep_text,
            )
            return cls(database, found)
        except BaseException:
            database.close()
            raise

    @contextmanager
    def on_behalf_of(self, author: str) -> Iterator[None]:
        """Store with every act within this block, and in the audit trail, for whom it is done.

        It holds for this thread or task alone. The database user is stored as well; nobody checks
        what a user claims about whom they work for. Raises `ValueError` if `author` is no name.
        """
        with sessions.on_behalf_of(author):
            yield

    def close(self) -> None:
        """Close the connections; the store cannot be used afterwards."""
        self.database.close()


def _ready(
    database: Database,
    role: str | None,
    *,
    grid_ms: int,
    partitions: int,
    consent: bool,
    keep_text: bool,
) -> int:
    """The grid of a usable store; upgrades a store in an embedded server if needed."""
    with database.engine.connect() as connection:
        found = schema.state(connection)
    behind = (found.revision or "") <= schema.HEAD and not schema.is_current(found)
    if behind and database.server is not None and role is None:
        schema.upgrade(
            database.engine,
            grid_ms=grid_ms,
            partitions=partitions,
            consent=consent,
            keep_text=keep_text,
        )
        with database.engine.connect() as connection:
            found = schema.state(connection)
    grid_ms = schema.check(found)
    _warn(database, found.pgvector)
    return grid_ms


#: The databases that were warned about, by URL.
_warned: set[str] = set()


def _warn(database: Database, pgvector: str | None) -> None:
    """Warn of an old pgvector, once per process and database."""
    warning, url = preparing.pgvector_warning(pgvector), str(database.url)
    if warning is not None and url not in _warned:
        _warned.add(url)
        name = database.url.database
        warnings.warn(f"database {name!r}: {warning}", PgvectorOutdated, stacklevel=4)
