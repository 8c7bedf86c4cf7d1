"""``pgvoice db``: the database behind the store."""

from __future__ import annotations

from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.db import place
from pgvoice.cli.db.checking import checksums, copy, verify
from pgvoice.cli.group import Group
from pgvoice.store.database import embedded, exposure, preparing, roles, schema
from pgvoice.store.database.connection import Database, open_database
from pgvoice.store.database.roles import Role
from pgvoice.store.database.schema import SchemaState
from pgvoice.store.database.urls import libpq_url
from pgvoice.store.errors import SchemaMismatch


@click.group(cls=Group)
def db() -> None:
    """Create, upgrade and inspect the database.

    Every command starts the embedded server and keeps its tables up to date. The server stays up
    for PGVOICE_LINGER seconds, so that the next command is faster. On your own server, only
    `pgvoice db upgrade` changes the tables' definitions.
    """


@db.command(epilog="Example: PGVOICE_DATABASE_URL=postgresql://me@db/voices pgvoice db upgrade")
@click.option(
    "--grid-ms",
    type=click.Choice(["10", "100"]),
    help="Round segments to this grid; fixed when the tables are created [100].",
)
@click.option(
    "--partitions",
    type=click.IntRange(1, 100),
    metavar="N",
    help="Split the table of vectors, by recording; fixed when the tables are created [1].",
)
@click.option(
    "--no-consent",
    is_flag=True,
    help="Create tables that do not require consent; `pgvoice consent require` changes that.",
)
@click.option(
    "--keep-text",
    is_flag=True,
    help="Store what was said with the turns; fixed when the tables are created.",
)
@options.url_option
def upgrade(
    grid_ms: str | None,
    partitions: int | None,
    no_consent: bool,
    keep_text: bool,
    url: str | None,
) -> None:
    """Create pgvoice's tables, or bring them up to date.

    Safe to repeat. Needs pgvector 0.8 or newer on the server. Partitions, say 16, make a library of
    many millions of segments easier to vacuum, index and restore; a smaller one needs only one.
    """
    with open_database(url) as database:
        schema.upgrade(
            database.engine,
            grid_ms=int(grid_ms or 100),
            partitions=partitions or 1,
            consent=not no_consent,
            keep_text=keep_text,
        )
        with database.engine.connect() as connection:
            state = schema.state(connection)
            warnings = (
                roles.lacking(connection),
                exposure.logged_plans(connection),
                preparing.pgvector_warning(state.pgvector),
            )
    parts = f", {state.partitions} partitions" if state.partitions != 1 else ""
    click.echo(f"revision {state.revision}, grid {state.grid_ms} ms{parts}")
    if grid_ms and state.grid_ms != int(grid_ms):
        _warn(f"the grid stays {state.grid_ms} ms: it is fixed when the tables are created")
    if partitions and state.partitions != partitions:
        _warn(f"partitions stay {state.partitions}: they are fixed when the tables are created")
    for warning in filter(None, warnings):
        _warn(warning)


@db.command(epilog="Example: pgvoice db status --json")
@options.url_options
def status(url: str | None, as_json: bool) -> None:
    """Show where the data is, and the versions. Changes nothing."""
    folder = place.embedded_folder(url)
    if folder is not None and not embedded.exists(folder):
        document = {"created": False, "embedded_folder": folder}
    else:
        with open_database(url) as database:
            document = {"created": True} | _status(database, folder)
    output.write(document, as_json, _write_status)


@db.command("roles", epilog="Example: pgvoice db roles --create")
@click.option("--create", is_flag=True, help="Create the roles and grant them their privileges.")
@options.wide_option
@options.url_options
def show_roles(create: bool, url: str | None, as_json: bool) -> None:
    """Show the roles that may read, fill and enroll.

    The roles are shared by all databases of the server and cannot log in. `GRANT pgvoice_reader TO
    bi` makes the login bi a reader. Readers never see a vector. `pgvoice db upgrade` creates the
    roles if it has the privilege.
    """
    with open_database(url) as database:
        if create:
            schema.give_roles(database.engine)
        with database.engine.connect() as connection:
            found, lacking = roles.status(connection), roles.lacking(connection)
    if as_json:
        output.write_json({"roles": found})
        return
    columns = ("role", output.word("state"), "members", output.explanation("may"))
    output.write_table(columns, map(_role_row, found))
    if lacking is not None:
        click.echo(f"\n{lacking}")


def _role_row(role: Role) -> tuple[str, ...]:
    state = "ready" if role.granted else "no privileges here" if role.exists else "missing"
    return role.name, state, ", ".join(role.members) or output.NOTHING, role.purpose


@db.command("url", epilog="Example: pgvoice db url --show-password")
@click.option("--show-password", is_flag=True, help="Include the password.")
@options.url_option
def show_url(show_password: bool, url: str | None) -> None:
    """Print the database's URL for other programs.

    The embedded server runs while something of pgvoice uses it, such as a Python program with an
    open store, and some minutes longer. For psql use `pgvoice db shell`, which keeps it running.
    """
    with open_database(url) as database:
        click.echo(libpq_url(database.url, hide_password=not show_password))
        if database.server is not None:
            click.echo(
                f"Note: the embedded server {place.when_it_stops(database.server.linger)};"
                " `pgvoice db shell` opens psql on it",
                err=True,
            )


@db.command(epilog="Example: pgvoice db stop")
@options.json_option
def stop(as_json: bool) -> None:
    """Stop the embedded server, which stays up for some minutes.

    PGVOICE_LINGER says for how many seconds after the last command [300]; with 0, it stops at
    once. A server that somebody uses is not stopped. The next command starts it again. Stop it
    before you copy or move its folder.
    """
    folder = embedded.data_folder()
    stopped = embedded.stop(folder)
    if as_json:
        output.write_json({"embedded_folder": folder, "stopped": stopped})
    else:
        shown = output.printable(str(folder))
        click.echo(f"{'stopped the' if stopped else 'no'} server in {shown}")


@db.command(
    epilog="""Example: pgvoice db shell -c "SELECT * FROM pgvoice.identify('talk')\"""",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@options.url_option
@click.argument("psql_args", nargs=-1, type=click.UNPROCESSED, metavar="[PSQL ARGS]...")
@click.pass_context
def shell(context: click.Context, url: str | None, psql_args: tuple[str, ...]) -> None:
    """Open psql on the database.

    The tables and functions are in the schema pgvoice. Arguments are passed on to psql. A password
    is passed in the environment, not on the command line.
    """
    with open_database(url) as database:
        context.exit(place.run_psql(database.url, psql_args))


for command in (verify, copy, checksums):
    db.add_command(command)


def _warn(warning: str) -> None:
    click.echo(f"Warning: {warning}", err=True)


def _status(database: Database, folder: Path | None) -> dict[str, object]:
    with database.engine.connect() as connection:
        state = schema.state(connection)
        return {
            "url": libpq_url(database.url),
            "embedded_folder": folder,
            "linger_seconds": database.server and database.server.linger,
            "server_version": server_version(connection.dialect.server_version_info),
            "pgvector_version": state.pgvector,
            "pgvector_warning": preparing.pgvector_warning(state.pgvector),
            "revision": state.revision,
            "needed_revision": schema.HEAD,
            "current": schema.is_current(state),
            "state": _state(state),
            "grid_ms": state.grid_ms,
            "partitions": state.partitions,
        }


def _state(found: SchemaState) -> str:
    """Whether this pgvoice can use a store, and what helps if not."""
    try:
        schema.check(found)
    except SchemaMismatch as error:
        return str(error)
    return "current"


def server_version(numbers: tuple[object, ...] | None) -> str:
    """``18.4``."""
    return ".".join(str(number) for number in numbers or ())


def _write_status(document: dict[str, object]) -> None:
    if not document["created"]:
        folder = output.printable(str(document["embedded_folder"]))
        click.echo(f"no database yet: the first command creates one in {folder}")
        return
    revision, state = document["revision"], document["state"]
    grid, partitions = document["grid_ms"], document["partitions"]
    embedded, linger = document["embedded_folder"], document["linger_seconds"]
    if document["pgvector_warning"]:
        _warn(str(document["pgvector_warning"]))
    output.write_pairs(
        [
            ("data", f"embedded server in {embedded}" if embedded else "your own server"),
            *([] if linger is None else [("server", place.when_it_stops(int(str(linger))))]),
            ("url", str(document["url"])),
            ("Postgres", str(document["server_version"])),
            ("pgvector", str(document["pgvector_version"] or "not created in this database yet")),
            ("tables", f"revision {revision} ({state})" if revision else f"none yet ({state})"),
            ("grid", output.NOTHING if grid is None else f"{grid} ms"),
            ("partitions", output.NOTHING if partitions is None else str(partitions)),
        ]
    )
