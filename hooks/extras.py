"""``needs_extra``: the error for a missing optional package shows how to install it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.store.errors import PgvoiceError


@contextmanager
def needs_extra(name: str, unavailable: type[PgvoiceError] = EncoderUnavailable) -> Iterator[None]:
    """Turn an `ImportError` inside into `unavailable` with the command that installs the extra."""
    try:
        yield
    except ImportError as error:
        raise unavailable(
            f'{error}. This needs the extra "{name}": pip install "pgvoice[{name}]"'
        ) from error
