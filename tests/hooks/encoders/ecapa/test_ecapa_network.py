from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pgvoice.hooks.encoders.ecapa.ecapa_network import PackedEcapa, SpeechBrainFeatures
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing import packed_network
from pgvoice.hooks.encoders.packing.accelerators import Buffers
from pgvoice.hooks.encoders.packing.tapes import Tape
from pgvoice.hooks.errors import EncoderUnavailable

SMALL: dict[str, Any] = {
    "input_size": 24,
    "channels": [16, 16, 16, 48],
    "kernel_sizes": [5, 3, 3, 1],
    "dilations": [1, 2, 3, 1],
    "attention_channels": 8,
    "res2net_scale": 4,
    "se_channels": 8,
    "lin_neurons": 20,
}
TOPOLOGIES: dict[str, dict[str, Any]] = {
    "small": {},
    "one block": {"channels": [16, 16, 48], "kernel_sizes": [5, 3, 1], "dilations": [1, 2, 1]},
    "no global context": {"global_context": False},
    "other kernels": {"kernel_sizes": [3, 5, 7, 3], "dilations": [2, 1, 2, 4]},
    "even kernel, even dilation": {"kernel_sizes": [4, 3, 2, 1], "dilations": [2, 2, 4, 1]},
    "shortcut": {"channels": [24, 16, 16, 48]},
    "no chain": {"res2net_scale": 1},
    "other sizes": {"input_size": 40, "attention_channels": 5, "lin_neurons": 7},
}


@pytest.fixture(scope="session")
def small(reference_of: Callable[..., Any]) -> Any:
    return reference_of(**SMALL)


def packed(reference: Any) -> PackedEcapa:
    return PackedEcapa(reference.model, reference.fbank)


def min_samples(network: PackedEcapa) -> int:
    """The shortest waveform whose frames outnumber the widest reflection."""
    chains = [layer for block in network.blocks for layer in block.chain]
    reach = max(layer.offsets[-1] for layer in (network.first, network.aggregation, *chains))
    return max(1, reach * network.features.hop)


@pytest.mark.parametrize("changes", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_every_topology_gives_the_vectors_of_one_by_one(
    changes: dict[str, Any], reference_of: Callable[..., Any], segments: list[Waveform]
) -> None:
    reference = reference_of(**SMALL | changes)
    rows = packed(reference).encode(segments[:10])
    np.testing.assert_allclose(rows, reference.encode(segments[:10]), atol=1e-5)


@pytest.mark.parametrize("kernels", PackedEcapa.KERNELS)
def test_all_kernels_give_the_same_vectors(
    kernels: str, small: Any, segments: list[Waveform]
) -> None:
    network = PackedEcapa(small.model, small.fbank, "cpu", kernels)
    rows = network.encode(segments[:10])
    np.testing.assert_allclose(rows, packed(small).encode(segments[:10]), atol=1e-5)
    np.testing.assert_array_equal(rows, network.encode(segments[:10]))


WAYS = pytest.mark.parametrize("whole", [False, True], ids=["as on a CPU", "as on an accelerator"])


def spans(shortest: int) -> Any:
    """Starts and lengths of segments, in samples."""
    span = st.tuples(st.integers(0, 300_000), st.integers(shortest, 24_000))
    return st.lists(span, min_size=1, max_size=8)


def check_any_segmentation(
    reference: Any,
    source: Waveform,
    found: Sequence[tuple[int, int]],
    budget: int,
    whole: bool,
) -> None:
    waveforms = [source[start : start + size] for start, size in found]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_network, "frame_budget", lambda *_: budget)
        patch.setattr(packed_network, "Tape", partial(Tape, whole=whole))
        rows = packed(reference).encode(waveforms)
    np.testing.assert_allclose(rows, reference.encode(waveforms), atol=1e-5)


@pytest.fixture(scope="session")
def speech(segments: list[Waveform]) -> Waveform:
    """Half a minute of speech, which contains any span of `spans`."""
    return np.tile(np.concatenate(segments), 2)


@WAYS
@settings(max_examples=30, deadline=None)
@given(found=spans(960), budget=st.integers(1, 1000))
def test_any_segmentation_on_tapes_of_any_length(
    small: Any, speech: Waveform, found: list[tuple[int, int]], budget: int, whole: bool
) -> None:
    check_any_segmentation(small, speech, found, budget, whole)


@WAYS
@settings(max_examples=3, deadline=None)
@given(found=spans(8_000), budget=st.integers(1, 1000))
def test_any_segmentation_by_the_published_topology(
    official: Any, speech: Waveform, found: list[tuple[int, int]], budget: int, whole: bool
) -> None:
    check_any_segmentation(official, speech, found, budget, whole)


@WAYS
def test_scores_too_large_for_an_exponential(
    whole: bool, reference_of: Callable[..., Any], speech: Waveform
) -> None:
    reference = reference_of(**SMALL)
    reference.model.asp.conv.conv.weight.data.mul_(100)
    assert not packed(reference).pooling.safe
    check_any_segmentation(reference, speech, [(0, 20_000), (9_000, 8_000)], 1000, whole)


@pytest.mark.parametrize("changes", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_min_samples_is_where_speechbrain_begins_to_work(
    changes: dict[str, Any],
    reference_of: Callable[..., Any],
    make_noise: Callable[[int, int], Waveform],
) -> None:
    reference = reference_of(**SMALL | changes)
    network = packed(reference)
    shortest = make_noise(0, min_samples(network))
    rows = network.encode([shortest])
    np.testing.assert_allclose(rows, reference.encode([shortest]), atol=1e-5)
    with pytest.raises(RuntimeError, match=r"[Pp]adding"):
        reference.encode([shortest[:-1]])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"groups": [2, 1, 1, 1]}, "groups"),
        ({"activation": torch.nn.Tanh}, "Tanh"),
        ({"kernel_sizes": [4, 3, 3, 1]}, "kernel 4 and dilation 1"),
    ],
)
def test_what_cannot_be_packed_is_refused(
    changes: dict[str, Any], said: str, reference_of: Callable[..., Any]
) -> None:
    with pytest.raises(EncoderUnavailable, match=said):
        packed(reference_of(**SMALL | changes))


def test_a_broken_segment_leaves_its_neighbours_alone(
    small: Any, make_noise: Callable[[int, int], Waveform]
) -> None:
    waveforms = [make_noise(seed, 8_000) for seed in range(3)]
    network = packed(small)
    before = network.encode(waveforms)
    waveforms[1][4_000] = np.nan
    after = network.encode(waveforms)
    assert np.isnan(after[1]).all()
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])


def test_out_of_memory_shortens_the_tapes(
    small: Any, segments: list[Waveform], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, taken = packed(small), []

    def run_tape(waveforms: Sequence[Waveform], buffers: Buffers) -> torch.Tensor:
        if len(waveforms) > 2:
            raise torch.OutOfMemoryError
        taken.append(len(waveforms))
        return PackedEcapa.run_tape(network, waveforms, buffers)

    monkeypatch.setattr(packed_network, "frame_budget", lambda *_: 10_000)
    monkeypatch.setattr(network, "run_tape", run_tape)
    rows = network.encode(segments[:8])
    assert sum(taken) == 8
    np.testing.assert_allclose(rows, small.encode(segments[:8]), atol=1e-5)


def test_features_are_speechbrain_s(official: Any, segments: list[Waveform]) -> None:
    silent_in_part = [np.concatenate([segments[0], np.zeros(8_000, np.float32)])]
    waveforms = [*silent_in_part, *segments[:6], np.zeros(8_123, np.float32)]
    features, tape = SpeechBrainFeatures(official.fbank, torch.device("cpu"))(waveforms)
    for waveform, part in zip(waveforms, tape.split(features), strict=True):
        torch.testing.assert_close(part, official.features(waveform)[0], atol=1e-3, rtol=0)
