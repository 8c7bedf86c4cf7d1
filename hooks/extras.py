"""A missing optional dependency reads as the line that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.store.errors import PgvoiceError


@contextmanager
def needs_extra(name: str, unavailable: type[PgvoiceError] = EncoderUnavailable) -> Iterator[None]:
    """Imports inside raise `unavailable` and say the remedy where the extra is missing."""
    try:
        yield
    except ImportError as error:
        raise unavailable(
            f'{error}. This needs the extra "{name}": pip install "pgvoice[{name}]"'
        ) from error
