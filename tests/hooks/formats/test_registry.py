"""Formats by name."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pgvoice.hooks import PluginError, hookimpl
from pgvoice.hooks.formats.format import Format, RegisterFormat
from pgvoice.hooks.formats.reading import registered_formats
from pgvoice.hooks.formats.rttm import RTTM
from pgvoice.hooks.plugins import installed


class Taker:
    """Registers a format under a name that exists."""

    @hookimpl
    def register_formats(self, register: RegisterFormat) -> None:
        register(Format("rttm", (), RTTM.read, RTTM.matches))


@pytest.fixture(autouse=True)
def _fresh_formats() -> Iterator[None]:
    installed.manager.cache_clear()
    registered_formats.cache_clear()
    yield
    installed.manager.cache_clear()
    registered_formats.cache_clear()


def test_a_name_is_taken_once() -> None:
    installed.manager().register(Taker(), "taker")
    with pytest.raises(PluginError, match="taker registers a format named 'rttm', which builtin"):
        registered_formats()


def test_importing_brings_nothing_heavy() -> None:
    script = """
import sys, pgvoice.hooks
before = set(sys.modules)
import pgvoice.hooks.formats
print(sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    brought = set(ast.literal_eval(done.stdout))
    assert brought <= {"pgvoice", *sys.stdlib_module_names}
