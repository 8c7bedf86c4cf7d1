"""Where the store is, and whether there is one yet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL


def embedded_folder(url: str | None) -> Path | None:
    """The folder of the embedded server; None where a URL names a server of one's own."""
    from pgvoice.store.database.connection import URL_VARIABLE
    from pgvoice.store.database.embedded import data_folder

    return None if url or os.environ.get(URL_VARIABLE) else data_folder()


def libpq_url(url: URL, *, hide_password: bool = True) -> str:
    """A URL as psql and other programs read it, without a driver."""
    from pgvoice.store.database.connection import SECRETS

    if hide_password:
        url = url.difference_update_query(SECRETS)
    return url.set(drivername="postgresql").render_as_string(hide_password=hide_password)
