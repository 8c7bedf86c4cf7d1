"""What plugins registered, by name: a name is taken once."""

from __future__ import annotations

from typing import Generic, TypeVar

from pgvoice.hooks.errors import PluginError
from pgvoice.hooks.plugins import installed

Registered = TypeVar("Registered")


class Names(Generic[Registered]):
    """Things of one kind, each with the plugin that brought it."""

    def __init__(self, kind: str) -> None:
        #: With its article: ``an encoder``.
        self.kind = kind
        #: In the order of registration.
        self.found: dict[str, Registered] = {}
        self._plugins: dict[str, str] = {}

    def add(self, plugin: str, name: str, new: Registered) -> None:
        """Raises `PluginError` that names both plugins where the name is taken."""
        if name in self.found:
            raise PluginError(
                f"the plugin {plugin} registers {self.kind} named {name!r}, which"
                f" {self._plugins[name]} brought already: {installed.remedy(plugin)}"
            )
        self.found[name] = new
        self._plugins[name] = plugin
