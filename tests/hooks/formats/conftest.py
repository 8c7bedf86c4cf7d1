"""The libraries that own the formats."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

_WHISPERX = "whisperx==3.8.6"


@pytest.fixture(scope="session")
def whisperx_utils(request: pytest.FixtureRequest) -> ModuleType:
    """WhisperX's own writers, from its wheel without dependencies, which pin another torch."""
    folder = request.config.cache.mkdir(_WHISPERX.replace("==", "-"))
    module = Path(folder, "whisperx", "utils.py")
    if not module.exists():
        options = "--no-deps --only-binary=:all: --quiet --disable-pip-version-check --target"
        command = [sys.executable, "-m", "pip", "install", *options.split(), str(folder), _WHISPERX]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"{_WHISPERX} cannot be fetched: {done.stderr.strip()[-200:]}")
    spec = importlib.util.spec_from_file_location("whisperx_utils", module)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
