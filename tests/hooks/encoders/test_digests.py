from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pgvoice.hooks.encoders.weights import digest
from pgvoice.hooks.errors import EncoderUnavailable


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    for data in (b"one", b"three"):
        path.write_bytes(data)
        assert digest(path) == hashlib.sha256(data).hexdigest()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="absent"):
        digest(tmp_path / "absent")
