from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.packed_network import TapeFeatures, frames_laid, lay
from pgvoice.hooks.encoders.packing.tapes import Tape


@given(st.lists(st.integers(4, 60), min_size=1, max_size=6), st.integers(0, 4))
def test_frames_touch_one_waveform_alone(sizes: list[int], margin: int) -> None:
    waveforms = [np.full(size, number + 1, np.float32) for number, size in enumerate(sizes)]
    samples, starts = lay(waveforms, 3, margin)
    width = max(2 * margin, 4)
    tape = Tape([(size + 2 * margin - width) // 3 + 1 for size in sizes])
    frames = torch.from_numpy(samples).unfold(0, width, 3)[frames_laid(tape, starts)]
    for waveform, part in zip(waveforms, tape.split(frames), strict=True):
        alone = torch.from_numpy(np.pad(waveform, margin))
        assert torch.equal(part, alone.unfold(0, width, 3))


def test_features_are_less_their_mean(make_noise: Callable[[int, int], Waveform]) -> None:
    class Samples(TapeFeatures):
        def _features(self, samples: Tensor, hops: Tensor, tape: Tape) -> Tensor:
            return samples.unfold(0, self.size, self.hop)[hops]

    waveforms = [make_noise(seed, samples) for seed, samples in enumerate((40, 25))]
    features, tape = Samples(10, 5, 0, torch.device("cpu"))(waveforms)
    assert tape.lengths == [7, 4]
    for waveform, part in zip(waveforms, tape.split(features), strict=True):
        frames = torch.from_numpy(waveform).unfold(0, 10, 5)
        torch.testing.assert_close(part, frames - frames.mean(0))
