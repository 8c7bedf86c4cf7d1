"""``RegisteredPage``: a page that a plugin, or pgvoice itself, has registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pgvoice.hooks.plugins.specs import PanelPlace, RenderPanel


@dataclass(frozen=True, slots=True)
class RegisteredPage:
    """A page, and the plugin that registered it."""

    plugin: str
    name: str
    #: Called with the `Site`; returns a FastAPI router, or None if there are only panels.
    make: Any
    #: In the bar at the top; empty: not there.
    title: str = ""
    #: What it shows beside a recording, a person or an unknown voice.
    panels: Mapping[PanelPlace, RenderPanel] = field(default_factory=dict)
