"""A second of sound through what a fill uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder
from pgvoice.hooks.errors import EncoderUnavailable, SegmenterUnavailable
from pgvoice.hooks.rehearsal import rehearse_decoding, rehearse_encoding, rehearse_segmenting


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_both_decoders_are_used(rate: int) -> None:
    assert rehearse_decoding(rate) == ("WAV", "AAC")


def test_an_encoder_whose_weights_are_here() -> None:
    found = rehearse_encoding("campplus")
    assert found.encoder.startswith("campplus@sha256:")
    assert not found.lacks_weights


def test_an_encoder_whose_weights_are_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    found = rehearse_encoding("ecapa")
    assert found.encoder.startswith("ecapa@sha256:")
    assert found.lacks_weights
    assert not [*tmp_path.iterdir()]
    assert EcapaEncoder(tmp_path).has_weights()
    with pytest.raises(EncoderUnavailable, match="no embedding_model"):
        rehearse_encoding(f"ecapa:{tmp_path}")


def test_the_segmenter_of_an_ingest() -> None:
    identity, device = rehearse_segmenting()
    assert identity.startswith("pyannote-3.0@sha256:")
    assert device.startswith(("cpu", "cuda", "mps"))


def test_a_segmenter_that_nobody_registered() -> None:
    with pytest.raises(SegmenterUnavailable, match="unknown segmenter 'nobody'; choose one of"):
        rehearse_segmenting("nobody")
