"""CAM++ over a tape of segments: one pass gives the vectors of encoding them one by one.

The published network pads every convolution with zeros: here rows of zeros, which the frames of
other segments never fill, take their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from pgvoice.hooks.encoders.campplus.campplus_head import PackedHead
from pgvoice.hooks.encoders.campplus.campplus_topology import CONTEXT_FRAMES, GROWTH, HEAD, MELS
from pgvoice.hooks.encoders.campplus.kaldi_fbank import KaldiFeatures
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.buffers import Buffers
from pgvoice.hooks.encoders.packing.folding import Linear, ready, scale_and_shift
from pgvoice.hooks.encoders.packing.packed_network import PackedNetwork
from pgvoice.hooks.encoders.packing.tapes import Tape


class PackedCampplus(PackedNetwork):
    """CAM++ with the parameters of `campplus_topology.campplus`."""

    #: The head's two-dimensional activations in float32, five times.
    bytes_per_frame = 4 * 5 * HEAD * MELS

    def __init__(self, network: nn.Module, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        layers: Any = network.xvector
        self.features = KaldiFeatures(MELS, self.device)
        self.head = PackedHead(network.head, layers.tdnn, self.device)
        self.blocks = [
            PackedBlock(layers.block1, layers.transit1, self.device),
            PackedBlock(layers.block2, layers.transit2, self.device),
            PackedBlock(layers.block3, layers.transit3, self.device),
        ]
        self.last = NormRelu(layers.out_nonlinear, self.device)
        dense = layers.dense
        self.embedding = Linear.before_norm(dense.linear, dense.nonlinear.batchnorm, self.device)

    @torch.inference_mode()
    def run_tape(self, waveforms: Sequence[Waveform], buffers: Buffers) -> Tensor:
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
    """The stretches of `CONTEXT_FRAMES` frames that share one mask; a segment's last is shorter."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        cut = [_stretches(length) for length in tape.lengths]
        self.stretches = Tape([*chain.from_iterable(cut)], tape.device, whole=tape.whole)
        self.groups = Tape([*map(len, cut)], tape.device, whole=tape.whole)

    def means(self, x: Tensor) -> Tensor:
        """The mean of each stretch plus the mean of its segment: ``(stretches, channels)``."""
        sums = self.stretches.sums(x)
        wholes = self.groups.sums(sums).div_(self.tape.sizes[:, None])
        return sums.div_(self.stretches.sizes[:, None]) + wholes[self.groups.owners]


def _stretches(frames: int) -> list[int]:
    whole, rest = divmod(frames, CONTEXT_FRAMES)
    return [CONTEXT_FRAMES] * whole + [rest] * bool(rest)


class NormRelu:
    """A normalisation and a ReLU before a product, which therefore cannot be folded into it."""

    def __init__(self, part: Any, device: torch.device) -> None:
        self.scale, self.shift = (ready(v, device) for v in scale_and_shift(part.batchnorm))

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.shift, x, self.scale).relu_()


class PackedBlock:
    """A block of dense layers, and the product after it that halves the channels."""

    def __init__(self, block: Any, transit: Any, device: torch.device) -> None:
        self.layers = [PackedLayer(layer, device) for layer in block.children()]
        self.nonlinear = NormRelu(transit.nonlinear, device)
        self.linear = Linear.of(transit.linear, device)

    def __call__(self, x: Tensor, context: Context) -> Tensor:
        """Layers write side by side into one matrix, each reading the columns to its left."""
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
    """A bottleneck, then a convolution whose channels are masked by the context."""

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
        """Writes to `out`; `bottleneck` has a row per frame and a last row of zeros."""
        y = self.narrow(self.nonlinear(x), out=bottleneck[:-1]).relu_()
        mask = self.excite(self.squeeze(context.means(y)).relu_()).sigmoid_()
        local = self.local(bottleneck.index_select(0, rows).view(len(y), -1))
        torch.mul(local, mask.index_select(0, context.stretches.owners), out=out)
