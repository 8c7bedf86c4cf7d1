"""What ``pgvoice doctor`` tries out of a fill."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from click.testing import Result
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks.encoders import torch_pair
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform

Call = Callable[..., Result]


def _checks(result: Result) -> dict[str, tuple[str, str]]:
    document = json.loads(result.stdout)
    return {check["name"]: (check["state"], check["detail"]) for check in document["checks"]}


def test_the_encoder_of_a_fill_is_run(pgvoice: Call, encoder: CountingEncoder) -> None:
    result = pgvoice("doctor", "--json")
    assert result.exit_code == 0
    found = _checks(result)
    assert [found[name][0] for name in ("decoding", "torch", "device", "encoder")] == ["ok"] * 4
    assert found["device"][1].startswith(("cpu", "cuda", "mps"))
    assert found["encoder"][1].endswith("encodes on cpu")
    assert encoder.calls == [1]


@pytest.mark.parametrize("raised", [AttributeError, RuntimeError, OSError])
def test_an_encoder_that_fails(
    pgvoice: Call,
    encoder: CountingEncoder,
    monkeypatch: pytest.MonkeyPatch,
    raised: type[Exception],
) -> None:
    def fail(_waveforms: Sequence[Waveform]) -> Embeddings:
        raise raised("module 'torch.backends.cudnn' has no attribute 'conv'\nmore")

    monkeypatch.setattr(encoder, "encode", fail)
    result = pgvoice("doctor", "--json")
    assert result.exit_code == 1
    state, detail = _checks(result)["encoder"]
    assert state == "fail"
    assert "has no attribute 'conv'; look at" in detail


def test_an_encoder_that_returns_no_unit_vectors(
    pgvoice: Call, encoder: CountingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = encoder.encode
    monkeypatch.setattr(encoder, "encode", lambda waveforms: 2 * encode(waveforms))
    assert _checks(pgvoice("doctor", "--json"))["encoder"][0] == "fail"


@pytest.mark.usefixtures("encoder")
def test_releases_that_differ(pgvoice: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"torch": "2.9.1", "torchaudio": "2.11.0"}
    monkeypatch.setattr(torch_pair, "version", versions.__getitem__)
    state, detail = _checks(pgvoice("doctor", "--no-torch", "--json"))["torch"]
    assert state == "warn"
    assert detail.endswith("pip install torch==2.9.0 torchaudio==2.9.0")


def test_an_unknown_encoder(pgvoice: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_ENCODER", "nobody")
    result = pgvoice("doctor", "--json")
    assert result.exit_code == 1
    assert _checks(result)["encoder"][1].startswith("unknown encoder 'nobody'; choose one of")
