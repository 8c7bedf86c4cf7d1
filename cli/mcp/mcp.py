"""``pgvoice mcp``."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options
from pgvoice.cli.serve.serve import TOKEN_VARIABLE
from pgvoice.hooks.errors import needs_extra
from pgvoice.store.errors import RoleMissing, SchemaMismatch
from pgvoice.store.voice_store import VoiceStore

if TYPE_CHECKING:
    from pgvoice.cli.mcp.web import Address


class HostAndPort(click.ParamType[tuple[str, int]]):
    """``HOST:PORT``, with an IPv6 address in brackets."""

    name = "HOST:PORT"

    def convert(
        self,
        value: str | tuple[str, int],
        parameter: click.Parameter | None,
        context: click.Context | None,
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not (host and port.isascii() and port.isdecimal() and int(port) < 1 << 16):
            self.fail(
                f"{value[:60]!r} is not an address such as 127.0.0.1:8643", parameter, context
            )
        return host.removeprefix("[").removesuffix("]"), int(port)


@click.command(
    epilog="""\b
Example, in the configuration of a client:
  {
    "mcpServers": {
      "pgvoice": {
        "command": "pgvoice",
        "args": ["mcp"],
        "env": {"PGVOICE_DATABASE_URL": "postgresql://me@host/library"}
      }
    }
  }

\b
Over HTTP, as a client's "url": "http://127.0.0.1:8643/mcp":
  pgvoice mcp --http 127.0.0.1:8643"""
)
@click.option(
    "--allow-naming",
    is_flag=True,
    help="Also offer to name unknown voices, to accept, reject or dismiss, and to undo. Without it,"
    " the store is opened as a reader.",
)
@click.option(
    "--http",
    "address",
    type=HostAndPort(),
    metavar="HOST:PORT",
    help="Listen there for streamable HTTP, instead of standard input; port 0: a free one.",
)
@click.option(
    "--public-host",
    "public_hosts",
    multiple=True,
    metavar="NAME",
    help="With --http: another name by which clients call it, such as a proxy's.",
)
@options.url_option
def mcp(
    url: str | None,
    address: tuple[str, int] | None,
    public_hosts: tuple[str, ...],
    allow_naming: bool,
) -> None:
    """Let an agent ask who speaks, by the Model Context Protocol.

    A client starts this command and talks to it over standard input and output. It can list
    recordings, people and unknown voices, tell who speaks, and fetch clips of up to 30 seconds.

    With --http, clients have to send the token in PGVOICE_TOKEN, if it is set, as "Authorization:
    Bearer TOKEN". It has to be set unless only this machine can reach the address and nothing can
    be named. Nothing is encrypted: let a proxy speak TLS.
    """
    with needs_extra("mcp"):
        from pgvoice.cli.mcp.web import Address, check
    if address is None:
        if public_hosts:
            raise click.UsageError("--public-host needs --http")
        _serve(url, None, allow_naming=allow_naming)
        return
    there = Address(*address, public_hosts, os.environ.get(TOKEN_VARIABLE) or None)
    check(there, allow_naming=allow_naming)
    _serve(url, there, allow_naming=allow_naming)


def _serve(url: str | None, address: Address | None, *, allow_naming: bool) -> None:
    from pgvoice.cli.mcp import web
    from pgvoice.cli.mcp.server import make_server
    from pgvoice.cli.serve import running

    with open_store(url, allow_naming=allow_naming) as store:
        server = make_server(store, allow_naming=allow_naming)
        if address is None:
            with suppress(KeyboardInterrupt):
                server.run("stdio")
            return
        with running.listen(address.host, address.port) as listening:
            there = replace(address, port=listening.getsockname()[1])
            click.echo(f"{there.url}\n(Ctrl-C ends it)", err=True)
            running.run(web.prepare(web.make_app(server, there)), listening)


def open_store(url: str | None, *, allow_naming: bool) -> VoiceStore:
    """The store, as a reader unless voices may be named, or the roles are not there."""
    if allow_naming:
        return VoiceStore.open(url)
    with suppress(RoleMissing, SchemaMismatch):
        return VoiceStore.open(url, role="pgvoice_reader")
    VoiceStore.open(url).close()  # an embedded store is created or upgraded by that
    try:
        return VoiceStore.open(url, role="pgvoice_reader")
    except RoleMissing as error:
        click.echo(f"Warning: not opened as a reader: {error}", err=True)
    return VoiceStore.open(url)
