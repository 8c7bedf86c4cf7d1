"""CAM++ over a tape of segments: one pass gives the vectors of encoding them one by one.

The published network pads every convolution with zeros: here rows of zeros, which the frames of
other segments never fill, take their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torchaudio.compliance import kaldi

from pgvoice.hooks.encoders.campplus.campplus_topology import CONTEXT_FRAMES, GROWTH, HEAD, MELS
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.accelerators import Buffers
from pgvoice.hooks.encoders.packing.folding import Linear, ready, scale_and_shift
from pgvoice.hooks.encoders.packing.packed_network import PackedNetwork, TapeFeatures
from pgvoice.hooks.encoders.packing.tapes import Tape

#: Frames of 20 ms that a dense layer normalises and multiplies in one step on a CPU: few enough
#: for the normalised ones to be in its cache when they are multiplied.
PIECE = 300


class PackedCampplus(PackedNetwork):
    """CAM++ with the parameters of `campplus_topology.campplus`."""

    #: The head's two-dimensional activations in float32, five times.
    bytes_per_frame = 4 * 5 * HEAD * MELS

    def __init__(
        self,
        network: nn.Module,
        device: torch.device | str = "cpu",
        kernels: str = PackedNetwork.KERNELS[0],
    ) -> None:
        super().__init__(device, kernels)
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

    @property
    def fused(self) -> bool:
        """Whether oneDNN's convolutions are used, which are for a CPU's float32."""
        return self.device.type == "cpu" and torch._C._has_mkldnn and self.precision == "ieee"

    @torch.inference_mode()
    def run_tape(self, waveforms: Sequence[Waveform], buffers: Buffers) -> Tensor:
        features, tape = self.features(waveforms)
        # Zeros, or NaN if the segment has a sample that is not finite; oneDNN's ReLU of NaN is 0.
        broken = features[tape.starts, :1].mul_(0)
        x, tape = self.head(features, tape, fused=self.fused)
        context = Context(tape, buffers)
        for block in self.blocks:
            x = block(x, context)
        x = self.last(x)
        means = tape.means(x)
        for mean, segment in tape.beside(means, x):
            segment.sub_(mean)
        deviations = (tape.sums(x.square_()) / (tape.sizes - 1)[:, None]).sqrt_()
        return self.embedding(torch.cat([means, deviations], dim=1)).add_(broken)


class Context:
    """The stretches of `CONTEXT_FRAMES` frames that share one mask; a segment's last is shorter."""

    def __init__(self, tape: Tape, buffers: Buffers) -> None:
        self.tape, self.buffers = tape, buffers
        cut = [_stretches(length) for length in tape.lengths]
        self.stretches = Tape([*chain.from_iterable(cut)], tape.device, whole=tape.whole)
        self.groups = Tape([*map(len, cut)], tape.device, whole=tape.whole)
        frames = sum(tape.lengths)
        step = frames if tape.whole else PIECE
        #: Frames that are processed together.
        self.pieces = [slice(start, start + step) for start in range(0, frames, step)]

    def means(self, x: Tensor) -> Tensor:
        """The mean of each stretch plus the mean of its segment: ``(stretches, channels)``."""
        sums = self.stretches.row_sums(x)
        wholes = self.groups.row_sums(sums).div_(self.tape.sizes[:, None])
        return sums.div_(self.stretches.sizes[:, None]) + wholes[self.groups.owners]


def _stretches(frames: int) -> list[int]:
    whole, rest = divmod(frames, CONTEXT_FRAMES)
    return [CONTEXT_FRAMES] * whole + [rest] * bool(rest)


class NormRelu:
    """A normalisation and a ReLU before a product, which therefore cannot be folded into it."""

    def __init__(self, part: Any, device: torch.device) -> None:
        self.scale, self.shift = (ready(v, device) for v in scale_and_shift(part.batchnorm))

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        return torch.addcmul(self.shift, x, self.scale, out=out).relu_()


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
        offsets = self.layers[0].offsets
        rows = context.tape.within(offsets)[1].view(frames, len(offsets))
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
        y = bottleneck[:-1]
        for piece in context.pieces:
            room = context.buffers.matrix("normalised", *x[piece].shape)
            self.narrow(self.nonlinear(x[piece], out=room), out=y[piece]).relu_()
        mask = self.excite(self.squeeze(context.means(y)).relu_()).sigmoid_()
        mask = mask.index_select(0, context.stretches.owners)
        for piece in context.pieces:
            around = bottleneck.index_select(0, rows[piece].flatten())
            local = self.local(around.view(-1, len(self.local.weight)))
            torch.mul(local, mask[piece], out=out[piece])


#: Frames that the convolution of the subsampling reads, relative to its output.
OFFSETS = (-2, -1, 0, 1, 2)


class PackedHead:
    """The residual head and the subsampling after it."""

    def __init__(self, head: Any, subsampling: Any, device: torch.device) -> None:
        self.first = Convolution(head.conv1, head.bn1, device)
        self.residuals = [PackedResidual(p, device) for p in (*head.layer1, *head.layer2)]
        self.last = Convolution(head.conv2, head.bn2, device)
        conv, norm = subsampling.linear, subsampling.nonlinear.batchnorm
        linear = Linear.before_norm(conv, norm, device)
        self.linear = Linear(_mels_first(linear.weight), linear.bias)

    def __call__(self, features: Tensor, tape: Tape, *, fused: bool) -> tuple[Tensor, Tape]:
        """Features ``(frames, MELS)`` to ``(frames / 2, channels)``, and the tape of the output."""
        gaps = (tape.sizes + 1).cumsum(0) - 1
        kept = torch.arange(len(features), device=tape.device) + tape.owners
        x = features.new_zeros(len(features) + len(gaps), MELS)
        x = x.index_copy_(0, kept, features)[None, None]
        x = self.first(x, gaps, fused=fused)
        for residual in self.residuals:
            x = residual(x, gaps, fused=fused)
        x = self.last(x, gaps, fused=fused)
        thinned, rows = tape.within(OFFSETS, stride=2)
        rows = torch.cat([kept, gaps[-1:]])[rows]
        frames = x[0].permute(1, 2, 0).flatten(1).index_select(0, rows)
        return self.linear(frames.view(-1, len(self.linear.weight))).relu_(), thinned


class PackedResidual:
    """Two convolutions added to their input."""

    def __init__(self, part: Any, device: torch.device) -> None:
        self.first = Convolution(part.conv1, part.bn1, device)
        self.second = Convolution(part.conv2, part.bn2, device)
        self.shortcut = None
        if part.shortcut:
            self.shortcut = Convolution(part.shortcut[0], part.shortcut[1], device)

    def __call__(self, x: Tensor, gaps: Tensor, *, fused: bool) -> Tensor:
        y = self.first(x, gaps, fused=fused)
        residual = self.shortcut.products(x) if self.shortcut else x
        return self.second(y, gaps, residual, fused=fused)


class Convolution:
    """With its normalisation and a ReLU; on ``(1, channels, frames, mels)``, channels last."""

    def __init__(self, conv: Any, norm: Any, device: torch.device) -> None:
        scale, shift = scale_and_shift(norm)
        weight = ready(conv.weight * scale[:, None, None, None], device).transpose(2, 3)
        self.weight = weight.contiguous(memory_format=torch.channels_last)
        self.bias = ready(shift, device)
        self.stride, self.padding = conv.stride[::-1], conv.padding[::-1]

    def __call__(
        self, x: Tensor, gaps: Tensor, residual: Tensor | None = None, *, fused: bool
    ) -> Tensor:
        """Adds `residual`, which is overwritten, before the ReLU; the frames `gaps` are zeros."""
        y = self._fused(x, residual) if fused else self._apart(x, residual)
        return y.index_fill_(2, gaps, 0)

    def products(self, x: Tensor) -> Tensor:
        """Without the ReLU."""
        return torch.conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def _apart(self, x: Tensor, residual: Tensor | None) -> Tensor:
        y = self.products(x)
        return (y if residual is None else y.add_(residual)).relu_()

    def _fused(self, x: Tensor, residual: Tensor | None) -> Tensor:
        """In one pass over the output, by oneDNN."""
        ops: Any = torch.ops.mkldnn
        options = x, self.weight, self.bias, self.padding, self.stride, (1, 1), 1
        relu: Any = "relu", [], ""
        if residual is None:
            y: Tensor = ops._convolution_pointwise(*options, *relu)
        else:
            y = ops._convolution_pointwise_.binary(residual, *options, "add", 1.0, *relu)
        return y


def _mels_first(weight: Tensor) -> Tensor:
    """The weight with its inputs in the order of a tape's rows: per tap mels, then channels."""
    by_tap = weight.view(len(OFFSETS), HEAD, -1, weight.shape[1])
    return by_tap.transpose(1, 2).flatten(0, 2)


SAMPLE_RATE = 16_000
#: Samples of a frame, of its Fourier transform, and from one frame to the next.
SIZE, PADDED, HOP = 400, 512, 160
PREEMPHASIS = 0.97
#: The smallest energy: float32's epsilon.
FLOOR = 1.1920929e-07


class KaldiFeatures(TapeFeatures):
    """25 ms every 10 ms, povey window, 20 to 8000 Hz, no dither, samples in [-1, 1].

    These are the settings that 3D-Speaker trains with; torchaudio's ``kaldi.fbank`` computes the
    same for one waveform. Every frame is within the samples.
    """

    def __init__(self, mels: int, device: torch.device) -> None:
        super().__init__(SIZE, HOP, 0, device)
        self.window = torch.hann_window(SIZE, periodic=False).pow(0.85).to(device)
        bands, _ = kaldi.get_mel_banks(mels, PADDED, SAMPLE_RATE, 20.0, 0.0, 100.0, -500.0, 1.0)
        self.mel = F.pad(bands, (0, 1)).t().contiguous().to(device)

    def _features(self, samples: Tensor, hops: Tensor, tape: Tape) -> Tensor:
        """Natural logarithms of the mel energies."""
        frames = samples.unfold(0, SIZE, HOP).index_select(0, hops)
        frames.sub_(frames.mean(1, keepdim=True))
        # Kaldi repeats the first sample to the left.
        before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
        frames.sub_(before, alpha=PREEMPHASIS).mul_(self.window)
        power = torch.view_as_real(torch.fft.rfft(frames, PADDED)).square().sum(-1)
        return (power @ self.mel).clamp_(min=FLOOR).log_()
