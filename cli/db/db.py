"""``pgvoice db``: the database behind the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.db import place
from pgvoice.cli.db.db_copy import checksums, copy
from pgvoice.cli.db.verify import verify
from pgvoice.cli.group import Group

if TYPE_CHECKING:
    from pgvoice.store.database.connection import Database
    from pgvoice.store.database.roles import Role


@click.group(cls=Group)
def db() -> None:
    """Create, upgrade and look into the database.

    The embedded server is started, and its tables are kept up to date, by every command; a server
    of your own is upgraded by `pgvoice db upgrade` alone.
    """


@db.command(epilog="Example: PGVOICE_DATABASE_URL=postgresql://me@db/voices pgvoice db upgrade")
@click.option(
    "--grid-ms",
    type=click.Choice(["10", "100"]),
    default="100",
    show_default=True,
    help="Grid that segments are rounded to; fixed when the tables are created.",
)
@click.option(
    "--partitions",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Parts of the table of vectors, by recording; fixed when the tables are created.",
)
@click.option(
    "--no-consent",
    is_flag=True,
    help="New tables enroll people without a consent; `pgvoice consent require` changes that.",
)
@options.url_option
def upgrade(grid_ms: str, partitions: int, no_consent: bool, url: str | None) -> None:
    """Create pgvoice's tables, or bring them up to date.

    Safe to repeat. Needs pgvector 0.8 or newer on the server. A library of many millions of
    segments is easier to vacuum, index and restore in parts, say 16; a smaller one needs none.
    """
    from pgvoice.store.database import roles, schema
    from pgvoice.store.database.connection import open_database

    with open_database(url) as database:
        schema.upgrade(
            database.engine,
            grid_ms=int(grid_ms),
            partitions=partitions,
            consent=not no_consent,
        )
        with database.engine.connect() as connection:
            state = schema.state(connection)
            lacking = roles.lacking(connection)
    parts = f", {state.partitions} partitions" if state.partitions != 1 else ""
    click.echo(f"revision {state.revision}, grid {state.grid_ms} ms{parts}")
    if state.grid_ms != int(grid_ms) and _is_given("grid_ms"):
        _warn_that(f"the grid stays {state.grid_ms} ms: it is fixed")
    if state.partitions != partitions and _is_given("partitions"):
        _warn_that(f"partitions stay {state.partitions}: their number is fixed")
    if lacking is not None:
        click.echo(f"Warning: {lacking}", err=True)


@db.command(epilog="Example: pgvoice db status --json")
@options.url_option
@options.json_option
def status(url: str | None, as_json: bool) -> None:
    """Show where the data is, and in which versions; changes nothing."""
    from pgvoice.store.database import embedded
    from pgvoice.store.database.connection import open_database

    folder = place.embedded_folder(url)
    if folder is not None and not embedded.exists(folder):
        document = {"created": False, "embedded_folder": folder}
    else:
        with open_database(url) as database:
            document = {"created": True} | _status(database, folder)
    if as_json:
        output.write_json(document)
    else:
        _write_status(document)


@db.command("roles", epilog="Example: pgvoice db roles --create")
@click.option("--create", is_flag=True, help="Create them, and give them their rights.")
@options.url_option
@options.json_option
def show_roles(create: bool, url: str | None, as_json: bool) -> None:
    """Show who may read, fill and enroll.

    The roles belong to the whole server and cannot log in; `GRANT pgvoice_reader TO bi` makes the
    login bi a reader. Readers never see a vector. `pgvoice db upgrade` creates the roles where it
    may.
    """
    from pgvoice.store.database import roles, schema
    from pgvoice.store.database.connection import open_database

    with open_database(url) as database:
        if create:
            schema.give_roles(database.engine)
        with database.engine.connect() as connection:
            found, lacking = roles.status(connection), roles.lacking(connection)
    if as_json:
        output.write_json({"roles": found})
        return
    columns = [output.Column("role"), output.Column("may"), output.Column("state")]
    columns.append(output.Column("members"))
    output.write_table(columns, (_role_row(role) for role in found))
    if lacking is not None:
        click.echo(f"\n{lacking}")


def _role_row(role: Role) -> tuple[str, ...]:
    state = "ready" if role.granted else "without rights here" if role.exists else "not there"
    return role.name, role.purpose, state, ", ".join(role.members) or output.NOTHING


@db.command("url", epilog='Example: psql "$(pgvoice db url --show-password)"')
@click.option("--show-password", is_flag=True, help="Print the password, too.")
@options.url_option
def show_url(show_password: bool, url: str | None) -> None:
    """Print the database's URL, for psql and other programs."""
    from pgvoice.store.database.connection import open_database

    with open_database(url) as database:
        click.echo(place.libpq_url(database.url, hide_password=not show_password))


@db.command(
    epilog="""Example: pgvoice db shell -c "SELECT * FROM pgvoice.identify('talk')\"""",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@options.url_option
@click.argument("psql_args", nargs=-1, type=click.UNPROCESSED, metavar="[PSQL ARGS]...")
@click.pass_context
def shell(context: click.Context, url: str | None, psql_args: tuple[str, ...]) -> None:
    """Open psql on the database.

    Tables and functions of pgvoice are in the schema `pgvoice`. Arguments are handed to psql; the
    password, if there is one, does not show on its command line.
    """
    from pgvoice.cli.db.psql import run_psql
    from pgvoice.store.database.connection import open_database

    with open_database(url) as database:
        context.exit(run_psql(database.url, psql_args))


db.add_command(verify)
db.add_command(copy)
db.add_command(checksums)


def _warn_that(fixed: str) -> None:
    click.echo(f"Warning: {fixed} when a store is created", err=True)


def _is_given(parameter: str) -> bool:
    source = click.get_current_context().get_parameter_source(parameter)
    return source is click.core.ParameterSource.COMMANDLINE


def _status(database: Database, folder: Path | None) -> dict[str, object]:
    from pgvoice.store.database import preparing, schema

    with database.engine.connect() as connection:
        state = schema.state(connection)
        return {
            "url": place.libpq_url(database.url),
            "embedded_folder": folder,
            "server_version": server_version(connection.dialect.server_version_info),
            "pgvector_version": preparing.pgvector_version(connection),
            "revision": state.revision,
            "needed_revision": schema.HEAD,
            "current": schema.is_current(state),
            "grid_ms": state.grid_ms,
            "partitions": state.partitions,
        }


def server_version(numbers: tuple[object, ...] | None) -> str:
    """``18.4``, as a server tells it on connecting."""
    return ".".join(str(number) for number in numbers or ())


def _write_status(document: dict[str, object]) -> None:
    if not document["created"]:
        folder = output.printable(str(document["embedded_folder"]))
        click.echo(f"nothing there yet: the first command creates a database in {folder}")
        return
    revision, needed = document["revision"], document["needed_revision"]
    lacking = "other functions are" if revision == needed else f"{needed} is"
    state = "current" if document["current"] else f"{lacking} needed: `pgvoice db upgrade`"
    grid = "-" if document["grid_ms"] is None else f"{document['grid_ms']} ms"
    embedded = document["embedded_folder"]
    output.write_pairs(
        [
            ("data", f"embedded server in {embedded}" if embedded else "your own server"),
            ("url", str(document["url"])),
            ("Postgres", str(document["server_version"])),
            ("pgvector", str(document["pgvector_version"] or "not created in this database yet")),
            ("tables", f"revision {revision} ({state})" if revision else f"none yet ({state})"),
            ("grid", grid),
            ("partitions", "-" if document["partitions"] is None else str(document["partitions"])),
        ]
    )
