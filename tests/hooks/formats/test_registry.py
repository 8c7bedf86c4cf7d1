"""Formats by name."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats import Format, builtin, registered_formats
from pgvoice.hooks.formats.format import RegisterFormat
from pgvoice.hooks.formats.rttm import RTTM


@pytest.fixture(autouse=True)
def _fresh_formats() -> Iterator[None]:
    registered_formats.cache_clear()
    yield
    registered_formats.cache_clear()


def test_a_name_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def register_twice(register: RegisterFormat) -> None:
        register(RTTM)
        register(Format("rttm", (), RTTM.read, RTTM.matches))

    monkeypatch.setattr(builtin, "register_formats", register_twice)
    with pytest.raises(FormatError, match="two plugins register a format named 'rttm'"):
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
