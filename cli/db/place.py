"""Where the store is, and its URL for other programs."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL

from pgvoice.store.database.connection import SECRETS, URL_VARIABLE
from pgvoice.store.database.embedded import data_folder


def embedded_folder(url: str | None) -> Path | None:
    """The folder of the embedded server; None if a URL names your own server."""
    return None if url or os.environ.get(URL_VARIABLE) else data_folder()


def libpq_url(url: URL, *, hide_password: bool = True) -> str:
    """The URL for psql and other programs, without a driver."""
    if hide_password:
        url = url.difference_update_query(SECRETS)
    return url.set(drivername="postgresql").render_as_string(hide_password=hide_password)
