"""A missing optional dependency reads as the line that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pgvoice.hooks.errors import EncoderUnavailable


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Imports inside raise `EncoderUnavailable` and say the remedy where the extra is missing."""
    try:
        yield
    except ImportError as error:
        raise EncoderUnavailable(
            f'{error}. This needs the extra "{name}": pip install "pgvoice[{name}]"'
        ) from error
