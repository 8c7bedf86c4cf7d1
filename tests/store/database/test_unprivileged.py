"""Once the extension exists, everything works without a superuser, as a plain owner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from pgvoice_testkit.stores import whole_library
from sqlalchemy import URL, text

from pgvoice.store import VoiceStore
from pgvoice.store.database import schema
from pgvoice.store.errors import ExtensionForbidden, SchemaForbidden

OWNER = "pgvoice_test_unprivileged"


@pytest.fixture
def url(server_url: str, template: str) -> Iterator[URL]:
    """A database with the extension, and a login that may create schemas in it and nothing else.

    The three roles are on the server already: the template's superuser created them.
    """
    with new_database(server_url) as database, role(database, OWNER) as owner:
        with engine_of(database) as engine:
            run(
                engine,
                "CREATE EXTENSION vector",
                f"GRANT CREATE ON DATABASE {database.database} TO {OWNER}",
            )
        yield owner


def test_everything_works(url: URL, server_url: str) -> None:
    with engine_of(url) as engine:
        schema.upgrade(engine, consent=False)
        with engine.connect() as connection:
            mine = text(
                "SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls"
                " FROM pg_roles WHERE rolname = current_user"
            )
            assert connection.execute(mine).all() == [(OWNER, False)]
        schema.downgrade(engine, "base")
        schema.upgrade(engine, partitions=2, consent=False)
        schema.give_roles(engine)
    with VoiceStore.open(plain(url)) as store:
        whole_library.make(store)
        assert [check for check in store.upkeep.verify() if check.problems] == []
        assert whole_library.answers(store)
        assert store.index.drop("toy@sha256:0123") == 2
        with new_database(server_url) as other:
            _copied_by_its_owner(store, other)


def _copied_by_its_owner(store: VoiceStore, other: URL) -> None:
    there = plain(other.set(username=OWNER, password="right"))
    with engine_of(other) as engine:
        with pytest.raises(ExtensionForbidden, match="CREATE EXTENSION vector"):
            store.upkeep.copy_to(there)
        run(engine, "CREATE EXTENSION vector")
        with pytest.raises(SchemaForbidden, match="CREATE SCHEMA pgvoice"):
            store.upkeep.copy_to(there)
        run(engine, f"CREATE SCHEMA pgvoice AUTHORIZATION {OWNER}")
        with pytest.raises(SchemaForbidden, match="CREATE SCHEMA pgvoice_internal"):
            store.upkeep.copy_to(there)
        run(engine, f"CREATE SCHEMA pgvoice_internal AUTHORIZATION {OWNER}")
        before = store.upkeep.checksums()
        assert store.upkeep.copy_to(there) == before
        run(engine, f"DROP OWNED BY {OWNER}")


def test_who_does_not_own_the_schema_may_not_upgrade_it(store_url: str) -> None:
    with role(store_url, "pgvoice_test_other") as other, engine_of(other) as engine:
        with engine_of(store_url) as owning:
            run(owning, "GRANT pgvoice_admin TO pgvoice_test_other")
        with pytest.raises(
            SchemaForbidden, match=r"must be owner of schema .* as the user who created"
        ):
            schema.upgrade(engine)
