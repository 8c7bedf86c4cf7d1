"""Makes a fake segmenter the only one there is."""

from __future__ import annotations

import pytest

from pgvoice.hooks.segmenters import registry
from pgvoice.hooks.segmenters.registry import RegisteredSegmenter
from pgvoice.hooks.segmenters.segmenter import Segmenter


def only(monkeypatch: pytest.MonkeyPatch, segmenter: Segmenter) -> None:
    """Register a segmenter by its name, also as the default one."""
    name = segmenter.identity.name
    one = RegisteredSegmenter(name, lambda _source, _device: segmenter, "a fake")
    monkeypatch.setattr(registry, "registered_segmenters", lambda: {name: one})
    monkeypatch.setenv(registry.SEGMENTER_VARIABLE, name)
