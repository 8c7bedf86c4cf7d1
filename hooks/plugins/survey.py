"""``survey``: every installed plugin, including those that are disabled or fail."""

from __future__ import annotations

from dataclasses import dataclass

from pgvoice.hooks.encoders.registry import registered_encoders
from pgvoice.hooks.errors import PluginError
from pgvoice.hooks.formats.reading import registered_formats
from pgvoice.hooks.plugins import calls, installed
from pgvoice.hooks.plugins.installed import Plugin, State
from pgvoice.hooks.plugins.pages import registered_pages
from pgvoice.hooks.segmenters.registry import registered_segmenters
from pgvoice.hooks.sources import registered_sources


@dataclass(frozen=True, slots=True)
class Survey:
    """Every plugin, the built-in ones first, and a sentence for each problem."""

    plugins: tuple[Plugin, ...]
    problems: tuple[str, ...]


def survey() -> Survey:
    """Load the installed plugins one by one; a plugin that fails does not stop the others."""
    found, problems = installed.builtin(), installed.missing_plugins()
    listed = found.listed()
    for entry_point in installed.installed():
        state: State = "left out"
        hooks: tuple[str, ...] = ()
        if installed.is_chosen(entry_point):
            try:
                found.load(entry_point)
                state, hooks = "loaded", found.hooks_of(entry_point.name)
            except PluginError as error:
                problems.append(str(error))
                state = "failed"
        listed.append(Plugin(entry_point.name, *installed.origin(entry_point), hooks, state))
    return Survey(tuple(listed), tuple(problems or _failing_to_register()))


def _failing_to_register() -> list[str]:
    failing = []
    for register in (
        registered_encoders,
        registered_segmenters,
        registered_sources,
        registered_formats,
        registered_pages,
        _commands,
    ):
        try:
            register()
        except PluginError as error:
            failing.append(str(error))
    return failing


def _commands() -> None:
    """Whether commands register; the command line itself compares them with its own."""
    calls.registered("register_commands", "a command", lambda _plugin, command: command)
