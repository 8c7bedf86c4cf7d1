"""Who may come in: sessions, the one-time token, and where requests may come from."""

from __future__ import annotations

from fastapi import FastAPI

from pgvoice.cli.serve.settings import Settings


def install(app: FastAPI, settings: Settings) -> None:
    """Refuse every request that may not come in."""
