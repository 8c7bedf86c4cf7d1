"""Where real recordings with labels lie, on machines that have them."""

from __future__ import annotations

from pathlib import Path

SPEECH = Path(__file__).resolve().parents[5] / "shared" / "speech"
