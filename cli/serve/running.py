"""``run``: serves an application until Ctrl-C."""

from __future__ import annotations

import logging
import resource
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType

import uvicorn
from fastapi import FastAPI

from pgvoice.cli.serve.access.exposure import ServingRefused
from pgvoice.cli.serve.settings import Settings

#: Seconds after Ctrl-C for answers that have begun; streams never end by themselves.
GRACE = 2
#: Files and connections that may be open, if the system allows so many,
_MOST_FILES = 16_384
#: and how many of them are not connections of browsers.
_OTHER_FILES = 256


def listen(host: str, port: int) -> socket.socket:
    """A socket at this address, at a free port for 0. Raises `ServingRefused`."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        told = "give another --port, or 0 for a free one" if port else "check --host"
        raise ServingRefused(
            f"cannot listen at port {port} of {host} ({error.strerror or error}): {told}"
        ) from error


def prepare(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """The server, with its certificate loaded. Raises `ServingRefused`."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        limit_concurrency=_allow_files() - _OTHER_FILES,
        timeout_graceful_shutdown=GRACE,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise ServingRefused(
            f"{settings.certificate} and {settings.key} cannot be used ({error}): give a"
            " certificate and its key in PEM"
        ) from error
    return _Server(config, app.state.entrance.site.closing)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, closing: Event) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._closing.set()
        super().handle_exit(sig, frame)


def run(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancelled_stream)
    with _terminated_as_interrupted(), suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends the program as Ctrl-C does, so that the store is closed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_no_cancelled_stream(record: logging.LogRecord) -> bool:
    """Whether it is not told that streams of browsers were open at the end, as they always are."""
    return "timeout graceful shutdown" not in str(record.msg)


def _allow_files() -> int:
    """Let this process open many files; returns how many it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return min(soft, _MOST_FILES) if soft != resource.RLIM_INFINITY else _MOST_FILES
