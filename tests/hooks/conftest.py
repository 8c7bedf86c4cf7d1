"""What the tests of the hooks share: plugins that are gone after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgvoice.hooks import plugins
from pgvoice.hooks.formats import registered_formats
from pgvoice.hooks.registry import registered_encoders
from pgvoice.hooks.sources import registered_sources

CACHES = (plugins.manager, registered_encoders, registered_formats, registered_sources)


@pytest.fixture
def loaded() -> Iterator[plugins.Plugins]:
    """The plugins of a process that has just started, to which a test adds its own."""
    for cache in CACHES:
        cache.cache_clear()
    yield plugins.manager()
    for cache in CACHES:
        cache.cache_clear()
