"""CAM++ over a tape of segments: the vectors of one by one, in one pass.

The network that is packed is `Campplus`, which pads every convolution with zeros: here those are
rows of zeros, which no neighbour's frames ever fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from pgvoice.hooks.encoders.accelerators import float32_products, frame_budget
from pgvoice.hooks.encoders.campplus.campplus_head import PackedHead
from pgvoice.hooks.encoders.campplus.campplus_network import (
    CONTEXT_FRAMES,
    GROWTH,
    HEAD,
    MELS,
    Campplus,
)
from pgvoice.hooks.encoders.campplus.kaldi_fbank import KaldiFeatures
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.folding import Linear, ready, scale_and_shift
from pgvoice.hooks.encoders.packing.packing import run_within
from pgvoice.hooks.encoders.packing.tapes import Tape

#: Of the head's two-dimensional activations, generously.
BYTES_PER_FRAME = 4 * 5 * HEAD * MELS


class PackedCampplus:
    """A `Campplus` in eval mode, in float32."""

    def __init__(self, network: Campplus, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        layers: Any = network.xvector
        self.features = KaldiFeatures(MELS, self.device)
        self.head = PackedHead(network.head, layers.tdnn, self.device)
        pairs = [(layers.block1, layers.transit1), (layers.block2, layers.transit2)]
        pairs.append((layers.block3, layers.transit3))
        self.blocks = [PackedBlock(*pair, self.device) for pair in pairs]
        self.last = NormRelu(layers.out_nonlinear, self.device)
        dense = layers.dense
        self.embedding = Linear.before_norm(dense.linear, dense.nonlinear.batchnorm, self.device)

    def encode(self, waveforms: Sequence[Waveform]) -> Tensor:
        """Rows ``(segments, dimension)`` on the CPU, in order, not yet of unit length."""
        frames = [self.features.frames(waveform.size) for waveform in waveforms]
        budget = frame_budget(self.device, BYTES_PER_FRAME)
        with float32_products():
            rows = run_within(budget, frames, lambda part: self.run_tape(waveforms[part]))
        return torch.cat(rows).cpu()

    @torch.inference_mode()
    def run_tape(self, waveforms: Sequence[Waveform]) -> Tensor:
        """One tape through the network: rows ``(segments, dimension)`` on the device."""
        x, tape = self.head(*self.features(waveforms))
        context = Context(tape)
        for block in self.blocks:
            x = block(x, context)
        x = self.last(x)
        means = tape.means(x)
        for mean, segment in tape.beside(means, x):
            segment.sub_(mean)
        deviations = (tape.sums(x.square_()) / (tape.sizes - 1)[:, None]).sqrt_()
        return self.embedding(torch.cat([means, deviations], dim=1))


class Context:
    """Stretches of a segment's frames, over each of which the mask is the same."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        cut = [_stretches(length) for length in tape.lengths]
        self.stretches = Tape([*chain.from_iterable(cut)], tape.device, whole=tape.whole)
        self.groups = Tape([*map(len, cut)], tape.device, whole=tape.whole)

    def means(self, x: Tensor) -> Tensor:
        """Each stretch's mean and that of its segment, added: ``(stretches, channels)``."""
        sums = self.stretches.sums(x)
        wholes = self.groups.sums(sums).div_(self.tape.sizes[:, None])
        return sums.div_(self.stretches.sizes[:, None]) + wholes[self.groups.owners]


def _stretches(frames: int) -> list[int]:
    whole, rest = divmod(frames, CONTEXT_FRAMES)
    return [CONTEXT_FRAMES] * whole + [rest] * bool(rest)


class NormRelu:
    """A batch normalisation and a ReLU, which come before a product and so cannot be part of it."""

    def __init__(self, part: Any, device: torch.device) -> None:
        self.scale, self.shift = (ready(v, device) for v in scale_and_shift(part.batchnorm))

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.shift, x, self.scale).relu_()


class PackedBlock:
    """A `DenseBlock` and the `Transit` after it."""

    def __init__(self, block: Any, transit: Any, device: torch.device) -> None:
        self.layers = [PackedLayer(layer, device) for layer in block.children()]
        self.nonlinear = NormRelu(transit.nonlinear, device)
        self.linear = Linear.of(transit.linear, device)

    def __call__(self, x: Tensor, context: Context) -> Tensor:
        """Layers write side by side into one matrix, each reading what is left of it."""
        frames, channels = x.shape
        grown = x.new_empty(frames, channels + GROWTH * len(self.layers))
        grown[:, :channels] = x
        bottleneck = x.new_zeros(frames + 1, 4 * GROWTH)
        _, rows = context.tape.within(self.layers[0].offsets)
        for layer in self.layers:
            layer(grown[:, :channels], context, rows, bottleneck, grown[:, channels:][:, :GROWTH])
            channels += GROWTH
        return self.linear(self.nonlinear(grown))


class PackedLayer:
    """A `DenseLayer`: a bottleneck, then the convolution that its context masks."""

    def __init__(self, layer: Any, device: torch.device) -> None:
        masking = layer.cam_layer
        self.nonlinear = NormRelu(layer.nonlinear1, device)
        self.narrow = Linear.before_norm(layer.linear1, layer.nonlinear2.batchnorm, device)
        self.local = Linear.of(masking.linear_local, device)
        self.squeeze = Linear.of(masking.linear1, device)
        self.excite = Linear.of(masking.linear2, device)
        step = masking.linear_local.dilation[0]
        self.offsets = (-step, 0, step)

    def __call__(
        self, x: Tensor, context: Context, rows: Tensor, bottleneck: Tensor, out: Tensor
    ) -> None:
        """Writes to `out`; `bottleneck` is room for a row each frame, and one of zeros."""
        y = self.narrow(self.nonlinear(x), out=bottleneck[:-1]).relu_()
        mask = self.excite(self.squeeze(context.means(y)).relu_()).sigmoid_()
        local = self.local(bottleneck.index_select(0, rows).view(len(y), -1))
        torch.mul(local, mask.index_select(0, context.stretches.owners), out=out)
