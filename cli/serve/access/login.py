"""Logging in with a name and a password, and logging out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from pgvoice.cli.serve.access.entrance import Entrance


def make(entrance: Entrance) -> APIRouter:
    router = APIRouter()

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        entrance.sessions.end(request.cookies.get(entrance.cookie, ""))
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(entrance.cookie, secure=entrance.settings.is_secure, httponly=True)
        return answer

    return router
