"""The pages of ``pgvoice serve`` that plugins, pgvoice itself among them, have registered."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from pgvoice.hooks.errors import PluginError
from pgvoice.hooks.plugins import calls, installed
from pgvoice.hooks.plugins.specs import MakePage, PanelPlace, RenderPanel

logger = logging.getLogger(__name__)

#: First parts of paths that are no pages.
TAKEN = frozenset({"api", "clips", "login", "logout", "static"})
PLACES: tuple[str, ...] = get_args(PanelPlace)
_NAME = re.compile("[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class RegisteredPage:
    """A page, and the plugin that registered it; raises `PluginError` for what does not fit."""

    plugin: str
    name: str
    #: Called with the `Site`; returns a FastAPI router, or None if there are only panels.
    make: MakePage | None
    #: In the bar at the top; empty: not there.
    title: str = ""
    #: What it shows beside a recording, a person or an unknown voice.
    panels: Mapping[PanelPlace, RenderPanel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise self.refused("a name has small letters, digits and hyphens, a letter first")
        if self.name in TAKEN:
            raise self.refused("pgvoice itself answers there")
        if wrong := sorted(set(self.panels) - set(PLACES)):
            raise self.refused(f"no panel is shown beside a {wrong[0]!r}, only {', '.join(PLACES)}")

    def refused(self, why: str) -> PluginError:
        """The error that says why this page cannot be served."""
        return PluginError(
            f"the plugin {self.plugin} registers a page {self.name!r}, which is refused: {why};"
            f" {installed.remedy(self.plugin)}"
        )


def registered_pages() -> dict[str, RegisteredPage]:
    """All pages by name, the built-in ones first if they are added; raises `PluginError`."""
    return calls.registered("register_pages", "a page", RegisteredPage)


def failure(page: RegisteredPage, part: str, error: Exception) -> str:
    """Log that a part of a page failed; returns what is shown in its place."""
    logger.error("the plugin %s failed in %s", page.plugin, part, exc_info=error)
    return f"The plugin {page.plugin} failed: {type(error).__name__}. The log says more."
