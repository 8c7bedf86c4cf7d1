"""``install``: what every request passes before it reaches a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pgvoice.cli.serve.access import login
from pgvoice.cli.serve.access.entrance import Entrance, Refusal
from pgvoice.cli.serve.access.security_headers import with_headers
from pgvoice.cli.serve.errors import UNFORESEEN
from pgvoice.cli.serve.settings import Settings
from pgvoice.cli.serve.site import Site

#: Bytes of a request at most.
LONGEST_BODY = 16 * 1024 * 1024


def install(app: FastAPI, site: Site, settings: Settings) -> Entrance:
    """Refuse every request that may not come in."""
    entrance = Entrance(site, settings)
    app.include_router(login.make(entrance), include_in_schema=False)
    app.add_middleware(_Middleware, entrance=entrance)
    app.state.entrance = entrance
    return entrance


class _Middleware:
    """Everything that a request passes before it reaches a page."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self.app = app
        self.entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            secure = self.entrance.settings.is_secure
            await self._answer(
                scope, receive, _Noting(with_headers(send, scope["path"], is_secure=secure))
            )

    async def _answer(self, scope: Scope, receive: Receive, send: _Noting) -> None:
        entrance, request = self.entrance, Request(scope)
        try:
            entrance.check_place(request)
            _check_length(request)
            answer = entrance.exchange(request)
            if answer is None:
                entrance.admit(request)
        except Refusal as refusal:
            answer = entrance.refused(request, refusal)
        if answer is not None:
            await answer(scope, receive, send)
            return
        try:
            with _working_for(entrance.site, scope.get("pgvoice.author")):
                await self.app(scope, _limited(receive), send)
        except Exception:
            if not send.started:
                failed = Refusal(500, UNFORESEEN)
                await entrance.refused(request, failed)(scope, receive, send)
            raise


class _Noting:
    """Sends, and notes whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        self.started = True
        await self._send(message)


@contextmanager
def _working_for(site: Site, author: str | None) -> Iterator[None]:
    """Store what is done with its author; nobody who has not come in does anything."""
    if author is None:
        yield
        return
    with site.store.on_behalf_of(author):
        yield


def _check_length(request: Request) -> None:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > LONGEST_BODY:
        raise Refusal(413, _too_long())


def _limited(receive: Receive) -> Receive:
    """Ends a request that does not say how long it is, once it is too long."""
    received = 0

    async def receiving() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > LONGEST_BODY:
            raise HTTPException(413, _too_long())
        return message

    return receiving


def _too_long() -> str:
    return f"Requests have at most {LONGEST_BODY // 2**20} MiB."
