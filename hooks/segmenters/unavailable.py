"""Errors of what segmenters share with encoders, as a segmenter's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pgvoice.hooks.errors import EncoderUnavailable, SegmenterUnavailable


@contextmanager
def segmenter_errors() -> Iterator[None]:
    """Turn `EncoderUnavailable` inside into `SegmenterUnavailable` with the same message."""
    try:
        yield
    except EncoderUnavailable as error:
        raise SegmenterUnavailable(str(error)) from error
