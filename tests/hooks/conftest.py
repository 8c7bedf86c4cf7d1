"""What the tests of the hooks share: plugins that are gone after each test."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgvoice.hooks.encoders.registry import registered_encoders
from pgvoice.hooks.formats.reading import registered_formats
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.segmenters.registry import registered_segmenters
from pgvoice.hooks.sources import registered_sources

CACHES = (
    *(installed.manager, registered_encoders, registered_segmenters),
    *(registered_formats, registered_sources),
)


@pytest.fixture
def loaded() -> Iterator[installed.Plugins]:
    """The plugins of a process that has just started, to which a test adds its own."""
    for cache in CACHES:
        cache.cache_clear()
    yield installed.manager()
    for cache in CACHES:
        cache.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a distribution with one entry point and one module on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("PGVOICE_PLUGINS")

    def add(name: str, source: str, *, distribution: str | None = None) -> None:
        distribution = distribution or f"of-{name}"
        module = f"plugin_{distribution.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(source)
        folder = tmp_path / f"{distribution.replace('-', '_')}-1.5.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n"
        )
        (folder / "entry_points.txt").write_text(f"[pgvoice]\n{name} = {module}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)
        importlib.invalidate_caches()
        installed.manager.cache_clear()

    return add
