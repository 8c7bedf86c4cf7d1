from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pgvoice_testkit.encoders.plain_campplus import Campplus
from torch import Tensor
from torchaudio.compliance import kaldi

from pgvoice.hooks.encoders.campplus.campplus_network import KaldiFeatures, PackedCampplus
from pgvoice.hooks.encoders.campplus.campplus_topology import campplus
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.packing import packed_network
from pgvoice.hooks.encoders.packing.tapes import Tape
from pgvoice.hooks.encoders.waveforms import unit_rows

#: Samples of a frame, and from one frame to the next.
SIZE, HOP = 400, 160


@pytest.fixture(scope="module")
def network() -> Campplus:
    """The published network with seeded weights, and normalisations as after training."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Campplus()
        for part in network.modules():
            if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                _randomise(part)
    return network.eval().requires_grad_(False)


def _randomise(norm: torch.nn.BatchNorm1d | torch.nn.BatchNorm2d) -> None:
    torch.nn.init.normal_(norm.get_buffer("running_mean"), 0, 0.3)
    torch.nn.init.uniform_(norm.get_buffer("running_var"), 0.5, 2)
    if norm.affine:
        torch.nn.init.normal_(norm.weight, 0.8, 0.5)
        torch.nn.init.normal_(norm.bias, 0, 0.3)


@pytest.fixture(scope="module")
def packed(network: Campplus) -> PackedCampplus:
    return PackedCampplus(network)


def alone(network: Campplus, packed: PackedCampplus, waveforms: Sequence[Waveform]) -> Embeddings:
    """The vectors of the published network, one segment at a time."""
    with torch.inference_mode():
        rows = [network(packed.features([waveform])[0][None]) for waveform in waveforms]
    return unit_rows(torch.cat(rows).numpy())


def test_it_is_the_network(
    network: Campplus, packed: PackedCampplus, segments: list[Waveform]
) -> None:
    waveforms = [*segments[:8], *(segments[0][: SIZE + n * HOP] for n in (2, 3, 4, 5))]
    rows = packed.encode(waveforms)
    np.testing.assert_allclose(rows, alone(network, packed, waveforms), atol=1e-5)


@pytest.mark.parametrize("frames", [199, 200, 201, 399, 400, 401, 402])
def test_the_last_stretch_of_context_may_be_short(
    frames: int, network: Campplus, packed: PackedCampplus, segments: list[Waveform]
) -> None:
    source = np.concatenate(segments)
    waveforms = [source[: SIZE + (frames - 1) * HOP], segments[1]]
    rows = packed.encode(waveforms)
    np.testing.assert_allclose(rows, alone(network, packed, waveforms), atol=1e-5)


@pytest.mark.parametrize("whole", [False, True], ids=["as on a CPU", "as on an accelerator"])
@settings(max_examples=8, deadline=None)
@given(
    spans=st.lists(
        st.tuples(st.integers(0, 100_000), st.integers(720, 40_000)), min_size=1, max_size=6
    ),
    budget=st.integers(1, 800),
)
def test_any_segmentation_on_tapes_of_any_length(
    network: Campplus,
    packed: PackedCampplus,
    segments: list[Waveform],
    spans: list[tuple[int, int]],
    budget: int,
    whole: bool,
) -> None:
    source = np.concatenate(segments)
    waveforms = [source[start : start + size] for start, size in spans]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_network, "frame_budget", lambda *_: budget)
        patch.setattr(packed_network, "Tape", partial(Tape, whole=whole))
        rows = packed.encode(waveforms)
    np.testing.assert_allclose(rows, alone(network, packed, waveforms), atol=1e-5)


@pytest.mark.parametrize("whole", [False, True], ids=["as on a CPU", "as on an accelerator"])
def test_a_broken_segment_leaves_its_neighbours_alone(
    whole: bool,
    packed: PackedCampplus,
    segments: list[Waveform],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packed_network, "Tape", partial(Tape, whole=whole))
    waveforms = [segment[:8_000].copy() for segment in segments[:3]]
    before = packed.encode(waveforms)
    waveforms[1][4_000] = np.nan
    after = packed.encode(waveforms)
    assert np.isnan(after[1]).all()
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])


@pytest.mark.parametrize("with_residual", [False, True], ids=["alone", "with a residual"])
def test_a_convolution_is_the_same_in_one_pass(with_residual: bool, packed: PackedCampplus) -> None:
    layer = packed.head.residuals[0].second
    x, residual = (
        torch.randn(1, 32, 50, 40).contiguous(memory_format=torch.channels_last) for _ in range(2)
    )
    gaps = torch.tensor([7, 49])

    def found(*, fused: bool) -> Tensor:
        return layer(x, gaps, residual.clone() if with_residual else None, fused=fused)

    fused, apart = found(fused=True), found(fused=False)
    torch.testing.assert_close(fused, apart, atol=1e-5, rtol=0)
    assert not fused[:, :, gaps].any()
    assert fused.any()


DOUBLE, SINGLE = torch.float64, torch.float32


def test_features_are_kaldi_s(segments: list[Waveform]) -> None:
    """Compared in double precision: in float32 the FFT loses digits of bins near zero."""
    waveforms = [segments[0][:720], *segments[:6], np.zeros(8_123, np.float32)]
    features, tape = KaldiFeatures(80, torch.device("cpu"))(waveforms)
    for waveform, part in zip(waveforms, tape.split(features), strict=True):
        exact, single = (_kaldi(torch.tensor(waveform, dtype=kind)) for kind in (DOUBLE, SINGLE))
        rounding = float((single - exact).abs().max())
        torch.testing.assert_close(part.double(), exact, atol=max(1e-3, 2 * rounding), rtol=0)
        assert float((part - exact).abs().mean()) < 1e-5


def _kaldi(waveform: Tensor) -> Tensor:
    features: Tensor = kaldi.fbank(waveform[None], num_mel_bins=80)
    return features - features.mean(0)


def test_the_parameters_are_those_of_the_published_network() -> None:
    published = {name: value.shape for name, value in Campplus().state_dict().items()}
    assert {name: value.shape for name, value in campplus().state_dict().items()} == published
