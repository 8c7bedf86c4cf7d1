"""``Names``: what plugins registered, each under a name of its own."""

from __future__ import annotations

from typing import Generic, TypeVar

from pgvoice.hooks.errors import PluginError
from pgvoice.hooks.plugins import installed

Registered = TypeVar("Registered")


class Names(Generic[Registered]):
    """Registered objects of one kind."""

    def __init__(self, kind: str) -> None:
        #: With its article: ``an encoder``.
        self.kind = kind
        #: In the order of registration.
        self.found: dict[str, Registered] = {}
        self._plugins: dict[str, str] = {}

    def add(self, plugin: str, name: str, new: Registered) -> None:
        """Add an object; raises `PluginError` if another plugin has registered the name."""
        if name in self.found:
            raise PluginError(
                f"the plugin {plugin} registers {self.kind} named {name!r}, which"
                f" {self._plugins[name]} has already registered: {installed.remedy(plugin)}"
            )
        self.found[name] = new
        self._plugins[name] = plugin
