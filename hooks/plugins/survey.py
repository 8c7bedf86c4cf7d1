"""What is installed as a plugin: also what is left out, and what fails, for people to see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pgvoice.hooks.encoders.registry import registered_encoders
from pgvoice.hooks.errors import PluginError
from pgvoice.hooks.formats.choosing import registered_formats
from pgvoice.hooks.plugins import calls, installed
from pgvoice.hooks.plugins.installed import Plugin
from pgvoice.hooks.sources.resolve import registered_sources


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A plugin, and what became of it."""

    plugin: Plugin
    state: Literal["loaded", "left out", "failed"] = "loaded"


@dataclass(frozen=True, slots=True)
class Survey:
    """Every plugin, the built-in ones first, and a sentence for whatever is the matter."""

    plugins: tuple[Surveyed, ...]
    problems: tuple[str, ...]


def survey() -> Survey:
    """Load what there is, one after the other, whatever fails."""
    found, problems = installed.builtin(), installed.asked_in_vain()
    listed = [Surveyed(plugin) for plugin in found.listed()]
    for entry_point in installed.installed():
        state: Literal["loaded", "left out", "failed"] = "left out"
        bare = Plugin(entry_point.name, *installed.origin(entry_point), ())
        if installed.is_chosen(entry_point):
            try:
                found.load(entry_point)
                state = "loaded"
            except PluginError as error:
                problems.append(str(error))
                state = "failed"
        hooks = found.hooks_of(entry_point.name) if state == "loaded" else ()
        listed.append(Surveyed(replace(bare, hooks=hooks), state))
    return Survey(tuple(listed), tuple(problems or _failing_to_register()))


def _failing_to_register() -> list[str]:
    failing = []
    for register in (registered_encoders, registered_sources, registered_formats, _commands):
        try:
            register()
        except PluginError as error:
            failing.append(str(error))
    return failing


def _commands() -> None:
    """Whether they can be made; the command line sees to names that are taken."""
    calls.register_commands(lambda _plugin: lambda _command: None)
