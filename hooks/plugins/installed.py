"""The plugins of this process: built-in and installed ones, loaded the same way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from typing import Literal

import pluggy

from pgvoice.hooks.errors import PluginError
from pgvoice.hooks.plugins import specs

#: Comma-separated names of the entry points to load; empty loads none, unset loads all.
PLUGINS_VARIABLE = "PGVOICE_PLUGINS"
ENTRY_POINT_GROUP = "pgvoice"
#: The distribution of the built-in plugins.
OWN = "pgvoice"
BUILTIN = {
    "builtin-encoders": "pgvoice.hooks.encoders.registry",
    "builtin-segmenters": "pgvoice.hooks.segmenters.registry",
    "builtin-formats": "pgvoice.hooks.formats.reading",
    "builtin-audio-sources": "pgvoice.hooks.sources",
    "builtin-pipeline": "pgvoice.hooks.pipeline",
}


State = Literal["loaded", "left out", "failed"]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin."""

    name: str
    #: The distribution that installed it; None if it was registered by hand.
    distribution: str | None
    version: str | None
    #: The hooks that it implements, sorted; empty unless it is loaded.
    hooks: tuple[str, ...]
    state: State = "loaded"


class Plugins(pluggy.PluginManager):
    """Remembers the distribution of each plugin."""

    def __init__(self) -> None:
        super().__init__(specs.NAMESPACE)
        self.add_hookspecs(specs)
        #: Distribution and version, by the plugin's name.
        self.origins: dict[str, tuple[str, str]] = {}

    def add(self, plugin: object, name: str, distribution: str, version: str) -> None:
        """Register a plugin; raises `PluginError` if its hooks do not match the specifications."""
        if name in self.origins:
            raise PluginError(
                f"{self.origins[name][0]} and {distribution} both have a plugin named {name!r}:"
                " uninstall one"
            )
        try:
            self.register(plugin, name)
            self.check_pending()
        except (ValueError, pluggy.PluginValidationError) as error:
            if self.has_plugin(name):
                self.unregister(name=name)
            raise PluginError(
                f"the plugin {name} of {distribution} does not fit this version of pgvoice:"
                f" {' '.join(str(error).split())}; {remedy(name)}"
            ) from error
        self.origins[name] = (distribution, version)

    def load(self, entry_point: EntryPoint) -> None:
        """Import a plugin and register it; raises `PluginError`."""
        name, (distribution, its_version) = entry_point.name, origin(entry_point)
        try:
            loaded = entry_point.load()
        except Exception as error:
            raise PluginError(
                f"the plugin {name} of {distribution} cannot be loaded:"
                f" {type(error).__name__}: {error}; {remedy(name)}"
            ) from error
        self.add(loaded, name, distribution, its_version)

    def hooks_of(self, name: str) -> tuple[str, ...]:
        """The hooks that a plugin implements, sorted."""
        callers = self.get_hookcallers(self.get_plugin(name)) or []
        return tuple(sorted(caller.name for caller in callers))

    def listed(self) -> list[Plugin]:
        """Every plugin, in the order of loading."""
        found = []
        for name, _ in self.list_name_plugin():
            distribution, its_version = self.origins.get(name, (None, None))
            found.append(Plugin(name, distribution, its_version, self.hooks_of(name)))
        return found


def builtin() -> Plugins:
    """The built-in plugins only."""
    found = Plugins()
    for name, module in BUILTIN.items():
        found.add(import_module(module), name, OWN, version(OWN))
    return found


@cache
def manager() -> Plugins:
    """The plugins of this process, loaded once; raises `PluginError` for a broken one."""
    found = builtin()
    if problems := missing_plugins():
        raise PluginError(problems[0])
    for entry_point in filter(is_chosen, installed()):
        found.load(entry_point)
    return found


def add_builtin(name: str, plugin: object) -> None:
    """Register a plugin that pgvoice brings but does not always need; again changes nothing."""
    if not manager().has_plugin(name):
        manager().add(plugin, name, OWN, version(OWN))


def is_builtin(name: str) -> bool:
    """Whether a loaded plugin comes with pgvoice."""
    return manager().origins.get(name, ("", ""))[0] == OWN


def only_builtin() -> bool:
    """Whether no plugin but the built-in ones is loaded or going to be; these need no import."""
    wanted = _wanted_names()
    loads_some = bool(installed()) if wanted is None else bool(wanted)
    return not loads_some and not manager.cache_info().currsize


def listed() -> list[Plugin]:
    """Every loaded plugin, the built-in ones first."""
    return manager().listed()


def implementing(hook: str) -> Iterator[tuple[str, pluggy.HookCaller]]:
    """The plugins that implement a hook, in pluggy's order, each with a function that calls it."""
    every = manager().get_plugins()
    implementations = getattr(manager().hook, hook).get_hookimpls()
    for implementation in reversed(implementations):
        others = every - {implementation.plugin}
        yield implementation.plugin_name, manager().subset_hook_caller(hook, others)


def remedy(name: str) -> str:
    """How to run without a plugin."""
    others = sorted({point.name for point in installed() if is_chosen(point)} - {name})
    return f"uninstall it, or disable it with {PLUGINS_VARIABLE}={','.join(others)!r}"


def installed() -> list[EntryPoint]:
    """The entry points of all plugins except the built-in ones, sorted by name."""
    every = entry_points(group=ENTRY_POINT_GROUP)
    return sorted(every, key=lambda point: (point.name, origin(point)))


def is_chosen(entry_point: EntryPoint) -> bool:
    """Whether PGVOICE_PLUGINS lets the plugin load."""
    wanted = _wanted_names()
    return wanted is None or entry_point.name in wanted


def missing_plugins() -> list[str]:
    """A sentence for each plugin that PGVOICE_PLUGINS names but that is not installed."""
    there = sorted({point.name for point in installed()})
    return [
        f"{PLUGINS_VARIABLE} names the plugin {name!r}, which is not installed"
        f" (installed: {', '.join(there) or 'none'})"
        for name in _wanted_names() or ()
        if name not in there
    ]


def origin(entry_point: EntryPoint) -> tuple[str, str]:
    """A plugin's distribution and its version."""
    found = entry_point.dist
    return (found.name, found.version) if found else ("?", "?")


def _wanted_names() -> list[str] | None:
    value = os.environ.get(PLUGINS_VARIABLE)
    if value is None:
        return None
    return [name for part in value.split(",") if (name := part.strip())]
