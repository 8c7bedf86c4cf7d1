"""Serves an MCP server over streamable HTTP: who may call it, and by which names."""

from __future__ import annotations

from dataclasses import dataclass

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pgvoice.cli.serve.access.exposure import SHORTEST_TOKEN, ServingRefused
from pgvoice.cli.serve.access.hosts import LOOPBACK, is_any, is_loopback
from pgvoice.cli.serve.access.one_time import same
from pgvoice.cli.serve.running import GRACE

PATH = "/mcp"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and by which other names clients call it."""

    host: str
    port: int
    public_hosts: tuple[str, ...] = ()
    #: What clients have to send; None: anybody who reaches the address may call it.
    token: str | None = None

    @property
    def names(self) -> list[str]:
        """The names, without a port."""
        own = f"[{self.host}]" if ":" in self.host else self.host
        local = LOOPBACK if is_loopback(self.host) else ()
        return [*dict.fromkeys((*local, *([] if is_any(self.host) else [own]), *self.public_hosts))]

    @property
    def url(self) -> str:
        """For clients on this machine, or by the first other name."""
        own = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{own}:{self.port}{PATH}"


def check(address: Address, *, allow_naming: bool) -> None:
    """Raises `ServingRefused` if others could do more than they should."""
    if address.token is not None and len(address.token) < SHORTEST_TOKEN:
        raise ServingRefused(
            f"PGVOICE_TOKEN has {len(address.token)} characters, which can be guessed: use at least"
            f" {SHORTEST_TOKEN}, for example from `openssl rand -hex 32`"
        )
    if is_any(address.host) and not address.public_hosts:
        raise ServingRefused(
            f"clients call {address.host} by another name: add --public-host NAME for each"
        )
    alone = is_loopback(address.host) and not address.public_hosts
    if address.token is None and (not alone or allow_naming):
        who = "everybody on this machine could name voices" if alone else "others can reach it"
        raise ServingRefused(
            f"{who} without a token: set PGVOICE_TOKEN, for example to the output of"
            " `openssl rand -hex 32`"
        )


def make_app(server: MCPServer, address: Address) -> ASGIApp:
    """The application: the SDK's, which checks Host and Origin, behind the token."""
    names = [*address.names, *(f"{name}:*" for name in address.names)]
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        host=address.host,
        transport_security=TransportSecuritySettings(
            allowed_hosts=names,
            allowed_origins=[
                f"{scheme}://{name}" for scheme in ("http", "https") for name in names
            ],
        ),
    )
    return app if address.token is None else _TokenRequired(app, address.token)


class _TokenRequired:
    """Passes on only requests that have the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scheme, _, sent = Headers(scope=scope).get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not same(sent.strip(), self._token):
                challenge = {"WWW-Authenticate": "Bearer"}
                refused = PlainTextResponse("send the token of PGVOICE_TOKEN", 401, challenge)
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


def prepare(app: ASGIApp) -> uvicorn.Server:
    """A server that says nothing on standard output."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE,
    )
    return uvicorn.Server(config)
