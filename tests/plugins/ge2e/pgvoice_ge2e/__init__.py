"""GE2E as a plugin of pgvoice: 256 dimensions, 16 kHz, weights inside the package resemblyzer."""

from __future__ import annotations

from pgvoice.hooks import Encoder, EncoderUnavailable, hookimpl
from pgvoice.hooks.plugins.specs import RegisterEncoder


@hookimpl
def register_encoders(register: RegisterEncoder) -> None:
    register("ge2e", _ge2e, summary="GE2E of resemblyzer, 256-d; weights come with a package")


def _ge2e(source: str | None, device: str | None) -> Encoder:
    from pgvoice_ge2e.encoder import Ge2eEncoder

    if source is not None:
        raise EncoderUnavailable(f"ge2e takes no source ({source!r} was given)")
    return Ge2eEncoder(device or "cpu")
