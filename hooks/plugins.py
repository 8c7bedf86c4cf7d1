"""Finding plugins: the built-in ones and those installed beside them, by the same route."""

from __future__ import annotations

import os
from functools import cache

import pluggy

from pgvoice.hooks import specs
from pgvoice.hooks.encoders import builtin

#: Comma-separated names of the entry points to load; empty for none; unset for all.
PLUGINS_VARIABLE = "PGVOICE_PLUGINS"
ENTRY_POINT_GROUP = "pgvoice"


@cache
def manager() -> pluggy.PluginManager:
    """The plugins of this process, loaded once."""
    found = pluggy.PluginManager(specs.NAMESPACE)
    found.add_hookspecs(specs)
    found.register(builtin)
    wanted = os.environ.get(PLUGINS_VARIABLE)
    if wanted is None:
        found.load_setuptools_entrypoints(ENTRY_POINT_GROUP)
    else:
        for name in filter(None, (part.strip() for part in wanted.split(","))):
            found.load_setuptools_entrypoints(ENTRY_POINT_GROUP, name)
    return found


def register_encoders(register: specs.RegisterEncoder) -> None:
    """Have every plugin register its encoders."""
    manager().hook.register_encoders(register=register)
