"""Logging in with a name and a password, and logging out."""

from __future__ import annotations

import ipaddress
import math
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from pgvoice.cli.serve.access import hosts
from pgvoice.cli.serve.access.entrance import LOGIN, Entrance
from pgvoice.cli.serve.access.passwords import Passwords, TooManyLogins
from pgvoice.cli.serve.access.throttle import Throttle
from pgvoice.cli.serve.site import local_path

#: Seconds within which so many log-ins may fail from one address, and under one name.
WINDOW = 600.0
BY_ADDRESS, BY_NAME = 10, 100
#: Of an IPv6 address, whose owner has all that begin so.
_NETWORK_BITS = 64


def make(entrance: Entrance) -> APIRouter:
    router = APIRouter()
    doors = _Doors(entrance)

    @router.get(LOGIN)
    def show(request: Request, next: str = "/") -> Response:  # noqa: A002 - in URLs
        return doors.form(request, next)

    @router.post(LOGIN)
    def log_in(
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",  # noqa: A002
    ) -> Response:
        return doors.log_in(request, name.strip(), password, next)

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        entrance.sessions.end(request.cookies.get(entrance.cookie, ""))
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(entrance.cookie, secure=entrance.settings.is_secure, httponly=True)
        return answer

    return router


class _Doors:
    """Lets people in who know their password."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._passwords = Passwords(entrance.settings.passwords)
        self._by_address = Throttle(BY_ADDRESS, WINDOW)
        self._by_name = Throttle(BY_NAME, WINDOW)

    def form(
        self, request: Request, onwards: str, *, status: int = 200, problem: str = ""
    ) -> Response:
        if not self._entrance.settings.passwords:
            return RedirectResponse("/", 303)
        return self._entrance.site.page(
            request, "login.html", status=status, onwards=local_path(onwards), problem=problem
        )

    def log_in(self, request: Request, name: str, password: str, onwards: str) -> Response:
        """A session and the page that was asked for, or the form with what is wrong."""
        if not self._entrance.settings.passwords:
            return self.form(request, onwards)
        address = self._address(request)
        wait = self._by_address.wait(address) or self._by_name.wait(name)
        if wait:
            minutes = math.ceil(wait / 60)
            problem = f"Too many log-ins failed. Try again in {minutes} min."
            answer = self.form(request, onwards, status=429, problem=problem)
            answer.headers["Retry-After"] = str(math.ceil(wait))
            return answer
        try:
            is_right = self._passwords.check(name, password)
        except TooManyLogins as error:
            return self.form(request, onwards, status=503, problem=str(error))
        if not is_right:
            problem = "Nobody has this name and password."
            return self.form(request, onwards, status=401, problem=problem)
        self._by_address.forget(address)
        self._by_name.forget(name)
        # Always a new session: one that somebody else left in the browser stays theirs.
        self._entrance.sessions.end(request.cookies.get(self._entrance.cookie, ""))
        answer = RedirectResponse(local_path(onwards), 303)
        self._entrance.give(answer, self._entrance.sessions.begin(name))
        return answer

    def _address(self, request: Request) -> str:
        address = request.client.host if request.client else ""
        if self._entrance.settings.behind_proxy:
            address = hosts.last(request.headers, "x-forwarded-for") or address
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return address
        bits = _NETWORK_BITS if found.version == 6 else 32
        return str(ipaddress.ip_network((found, bits), strict=False))
