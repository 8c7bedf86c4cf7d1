"""``LateRoutes``: routes that are made when somebody asks for one."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class LateRoutes(BaseRoute):
    """Stands for the routes below a path: to make those of the API takes long.

    The first request adds them to the application, and then meets them.
    """

    def __init__(self, prefix: str, install: Callable[[], None]) -> None:
        self._prefix, self._install = prefix, install
        self._lock = Lock()
        self._is_installed = False

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_first = not self._is_installed and scope["type"] == "http"
        is_ours = is_first and str(scope["path"]).startswith(self._prefix)
        return (Match.FULL if is_ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await run_in_threadpool(self._install_once)
        await scope["app"].router(scope, receive, send)

    def _install_once(self) -> None:
        with self._lock:
            if not self._is_installed:
                self._install()
                self._is_installed = True
