"""Filter banks of many waveforms at once: their samples laid side by side, features on a tape."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.accelerators import sent
from pgvoice.hooks.encoders.packing.tapes import Tape


class TapeFeatures(ABC):
    """Features of each waveform, less their mean over its frames."""

    def __init__(self, size: int, hop: int, margin: int, device: torch.device) -> None:
        """Frames of `size` samples every `hop`; `margin` zeros on both sides of a waveform."""
        self.size, self.hop, self.margin, self.device = size, hop, margin, device

    def frames(self, samples: int) -> int:
        """The number of frames of a waveform with its margins."""
        return (samples + 2 * self.margin - self.size) // self.hop + 1

    def __call__(self, waveforms: Sequence[Waveform]) -> tuple[Tensor, Tape]:
        """Features ``(frames, mels)``, and the tape that says which frames are whose."""
        tape = Tape([self.frames(waveform.size) for waveform in waveforms], self.device)
        samples, starts = lay(waveforms, self.hop, self.margin)
        hops = frames_laid(tape, starts)
        features = self._features(sent(torch.from_numpy(samples), self.device), hops, tape)
        for mean, segment in tape.beside(tape.means(features), features):
            segment.sub_(mean)
        return features, tape

    @abstractmethod
    def _features(self, samples: Tensor, hops: Tensor, tape: Tape) -> Tensor:
        """Log energies ``(frames, mels)`` of the frames that begin on these hops of `samples`."""


def lay(waveforms: Sequence[Waveform], hop: int, margin: int) -> tuple[Waveform, list[int]]:
    """All samples, with `margin` zeros around each waveform, and the hop on which each begins.

    A frame of up to twice the margin never covers two waveforms.
    """
    starts, end = [], 0
    for waveform in waveforms:
        starts.append(end)
        end += -(-(waveform.size + margin) // hop)
    samples = np.zeros(end * hop + 2 * margin, np.float32)
    for start, waveform in zip(starts, waveforms, strict=True):
        first = margin + start * hop
        samples[first : first + waveform.size] = waveform
    return samples, starts


def frames_laid(tape: Tape, starts: Sequence[int]) -> Tensor:
    """The hop on which each frame of the tape begins, given the first hop of each segment."""
    return sent(torch.tensor(starts), tape.device)[tape.owners] + tape.positions
