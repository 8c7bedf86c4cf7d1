"""``Settings``: where the server listens, and who may come in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PORT = re.compile(r":\d+$")


def _say_nothing(_line: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Settings:
    """How ``pgvoice serve`` was called."""

    host: str = "127.0.0.1"
    port: int = 8642
    #: Connect as a reader: nothing can be changed.
    read_only: bool = False
    #: Names by which browsers call the server besides `host`, with a port if it needs one.
    public_hosts: tuple[str, ...] = ()
    #: Files in PEM; with them the server speaks TLS itself.
    certificate: Path | None = None
    key: Path | None = None
    #: Whether a proxy speaks TLS, and its X-Forwarded-* headers are believed.
    behind_proxy: bool = False
    #: Hashes of passwords by name; if there are none, a one-time link lets a browser in.
    passwords: Mapping[str, str] = field(default_factory=dict)
    #: What programs send to the API; None: they cannot come in.
    api_token: str | None = None
    #: Who comes in by the one-time link.
    author: str = "local"
    #: Says a line to whoever started the server.
    tell: Callable[[str], None] = _say_nothing

    @property
    def scheme(self) -> str:
        """What browsers speak: ``http`` or ``https``."""
        return "https" if self.certificate or self.behind_proxy else "http"

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def address(self) -> str:
        """Where a browser finds the start page, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        name = self.public_hosts[0] if self.public_hosts else host
        has_port = self.behind_proxy or bool(self.public_hosts and _PORT.search(name))
        is_usual = self.port == {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{name}" + ("" if has_port or is_usual else f":{self.port}")
