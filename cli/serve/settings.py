"""``Settings``: where the server listens, and who may come in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """How ``pgvoice serve`` was called."""

    host: str = "127.0.0.1"
    port: int = 8642
    #: Connect as a reader: nothing can be changed.
    read_only: bool = False
