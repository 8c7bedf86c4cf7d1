"""The plugins of this process: the built-in ones and those installed beside them, loaded alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version

import pluggy

from pgvoice.hooks import specs
from pgvoice.hooks.errors import PluginError

#: Comma-separated names of the entry points to load; empty for none; unset for all.
PLUGINS_VARIABLE = "PGVOICE_PLUGINS"
ENTRY_POINT_GROUP = "pgvoice"
#: The distribution of what comes with pgvoice.
OWN = "pgvoice"
BUILTIN = {
    "builtin-encoders": "pgvoice.hooks.encoders.builtin",
    "builtin-formats": "pgvoice.hooks.formats.builtin",
    "builtin-audio-sources": "pgvoice.hooks.folder_source",
    "builtin-pipeline": "pgvoice.hooks.usual_pipeline",
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that is loaded."""

    name: str
    #: What it was installed with; None for one that was registered by hand.
    distribution: str | None
    version: str | None
    #: The hooks that it implements, sorted.
    hooks: tuple[str, ...]


class Plugins(pluggy.PluginManager):
    """Knows which entry point each plugin came from."""

    def __init__(self) -> None:
        super().__init__(specs.NAMESPACE)
        self.add_hookspecs(specs)
        #: Distribution and version, by the plugin's name.
        self.origins: dict[str, tuple[str, str]] = {}

    def add(self, plugin: object, name: str, distribution: str, version: str) -> None:
        """Register a plugin; raises `PluginError` for one that does not keep to the contract."""
        if name in self.origins:
            raise PluginError(
                f"two plugins are named {name!r}, of {self.origins[name][0]} and {distribution}:"
                " uninstall one"
            )
        self.origins[name] = (distribution, version)
        try:
            self.register(plugin, name)
            self.check_pending()
        except (ValueError, pluggy.PluginValidationError) as error:
            raise PluginError(
                f"the plugin {name} of {distribution} is not made for this pgvoice:"
                f" {' '.join(str(error).split())}; {remedy(name)}"
            ) from error


@cache
def manager() -> Plugins:
    """The plugins of this process, loaded once; raises `PluginError` for a broken one."""
    found = Plugins()
    for name, module in BUILTIN.items():
        found.add(import_module(module), name, OWN, version(OWN))
    for entry_point in _wanted():
        found.add(_loaded(entry_point), entry_point.name, *_origin(entry_point))
    return found


def listed() -> list[Plugin]:
    """Every loaded plugin, the built-in ones first."""
    found = manager()
    listed = []
    for name, plugin in found.list_name_plugin():
        callers = found.get_hookcallers(plugin) or []
        hooks = tuple(sorted(caller.name for caller in callers))
        distribution, its_version = found.origins.get(name, (None, None))
        listed.append(Plugin(name, distribution, its_version, hooks))
    return listed


def implementing(hook: str) -> Iterator[tuple[str, pluggy.HookCaller]]:
    """The plugins that implement a hook, in pluggy's order, each with a caller of it alone."""
    every = manager().get_plugins()
    implementations = getattr(manager().hook, hook).get_hookimpls()
    for implementation in reversed(implementations):
        others = every - {implementation.plugin}
        yield implementation.plugin_name, manager().subset_hook_caller(hook, others)


def remedy(name: str) -> str:
    """How to go on without a plugin."""
    others = sorted({point.name for point in _chosen()} - {name})
    return f"uninstall it, or leave it out with {PLUGINS_VARIABLE}={','.join(others)!r}"


def _wanted_names() -> list[str] | None:
    value = os.environ.get(PLUGINS_VARIABLE)
    if value is None:
        return None
    return [name for part in value.split(",") if (name := part.strip())]


def _chosen() -> list[EntryPoint]:
    wanted, installed = _wanted_names(), entry_points(group=ENTRY_POINT_GROUP)
    chosen = (point for point in installed if wanted is None or point.name in wanted)
    return sorted(chosen, key=lambda point: (point.name, _origin(point)))


def _wanted() -> list[EntryPoint]:
    """The entry points to load, by name; `PluginError` for one that is asked for in vain."""
    chosen = _chosen()
    for name in _wanted_names() or ():
        if all(point.name != name for point in chosen):
            there = ", ".join(sorted(entry_points(group=ENTRY_POINT_GROUP).names)) or "none"
            raise PluginError(
                f"{PLUGINS_VARIABLE} names the plugin {name!r}, which is not installed:"
                f" there are {there}"
            )
    return chosen


def _origin(entry_point: EntryPoint) -> tuple[str, str]:
    found = entry_point.dist
    return (found.name, found.version) if found else ("?", "?")


def _loaded(entry_point: EntryPoint) -> object:
    try:
        loaded: object = entry_point.load()
    except Exception as error:
        raise PluginError(
            f"the plugin {entry_point.name} of {_origin(entry_point)[0]} cannot be loaded:"
            f" {type(error).__name__}: {error}; {remedy(entry_point.name)}"
        ) from error
    return loaded
