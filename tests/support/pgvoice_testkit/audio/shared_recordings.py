"""The folder of real recordings with labels, which only some machines have."""

from __future__ import annotations

from pathlib import Path

SPEECH = Path(__file__).resolve().parents[5] / "shared" / "speech"
