"""GE2E as a plugin for pgvoice: 256 dimensions, 16 kHz, weights from the package resemblyzer."""

from __future__ import annotations

from pgvoice.hooks import Encoder, EncoderUnavailable, RegisterEncoder, hookimpl


@hookimpl
def register_encoders(register: RegisterEncoder) -> None:
    register("ge2e", _ge2e, summary="GE2E of resemblyzer, 256-d; weights come with a package")


def _ge2e(source: str | None, device: str | None) -> Encoder:
    from pgvoice_ge2e.encoder import Ge2eEncoder

    if source is not None:
        raise EncoderUnavailable(f"ge2e takes no source (got {source!r})")
    return Ge2eEncoder(device or "cpu")
