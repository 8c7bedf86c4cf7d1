"""ECAPA-TDNN over a tape of segments: one pass gives the vectors of encoding them one by one.

Every layer is a matrix product over frames. Convolutions gather neighbouring frames, reflected at
each segment's own edges; squeeze-excitation and pooling work per segment.
Architecture: Desplanques et al., 2020, https://arxiv.org/abs/2005.07143.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.accelerators import Buffers
from pgvoice.hooks.encoders.packing.folding import Layer, Linear
from pgvoice.hooks.encoders.packing.packed_network import PackedNetwork, TapeFeatures
from pgvoice.hooks.encoders.packing.tapes import Tape
from pgvoice.hooks.errors import EncoderUnavailable

#: exp of this and of its negative leave float32 room for sums and squares.
LARGEST_SCORE = 40


class PackedEcapa(PackedNetwork):
    """SpeechBrain's `ECAPA_TDNN` with its `Fbank`."""

    #: Whose matrix products: those of Torch's BLAS, or oneDNN's with weights in its own layout.
    KERNELS = ("blas", "onednn")

    def __init__(
        self,
        model: Any,
        fbank: Any,
        device: torch.device | str = "cpu",
        kernels: str = KERNELS[0],
    ) -> None:
        super().__init__(device, kernels)
        _check_topology(model)
        self.features = SpeechBrainFeatures(fbank, self.device)
        self.first = Layer.of(model.blocks[0], self.device)
        self.blocks: list[ResidualBlock] = []
        lacking = self.first.lacking
        for block in model.blocks[1:]:
            self.blocks.append(ResidualBlock(block, self.device, lacking))
            lacking = self.blocks[-1].lacking
        outputs = torch.cat([block.lacking for block in self.blocks])
        self.aggregation = Layer.of(model.mfa, self.device, outputs)
        self.pooling = Pooling(model, self.device, self.aggregation.lacking)
        # The widest matrices in float32, five times.
        self.bytes_per_frame = 4 * 5 * sum(self.aggregation.weight.shape)
        if kernels == "onednn":
            self.first, self.aggregation = self.first.by_onednn(), self.aggregation.by_onednn()
            for each in self.blocks:
                each.multiply_by_onednn()

    @torch.inference_mode()
    def run_tape(self, waveforms: Sequence[Waveform], buffers: Buffers) -> Tensor:
        x, tape = self.features(waveforms)
        x = self.first(x, tape)
        widths = [block.channels for block in self.blocks]
        outputs = buffers.matrix("outputs", len(x), sum(widths))
        for block, columns in zip(self.blocks, torch.split(outputs, widths, dim=1), strict=True):
            x = block(x, tape, buffers, columns)
        room = buffers.matrix("aggregated", len(x), self.aggregation.weight.shape[1])
        return self.pooling(self.aggregation(outputs, tape, room), tape, buffers)


class ResidualBlock:
    """TDNN, Res2Net, TDNN and squeeze-excitation, added to the input."""

    def __init__(self, block: Any, device: torch.device, lacking: Tensor) -> None:
        """`lacking` is missing from the input; `self.lacking` from the output (see `Layer`)."""
        self.channels: int = block.out_channels
        self.enter = Layer.of(block.tdnn1, device, lacking)
        parts = block.res2net_block.blocks
        first, *others = self.enter.lacking.chunk(len(parts) + 1)
        self.chain: list[Layer] = []
        for own, part in zip(others, parts, strict=True):
            before = own + self.chain[-1].lacking if self.chain else own
            self.chain.append(Layer.of(part, device, before))
        inner = torch.cat([first, *(layer.lacking for layer in self.chain)])
        self.leave = Layer.of(block.tdnn2, device, inner, whole=True)
        self.squeeze = Linear.of(block.se_block.conv1.conv, device)
        self.excite = Linear.of(block.se_block.conv2.conv, device)
        self.shortcut, self.lacking = None, lacking
        if block.shortcut:
            self.shortcut = Linear.of(block.shortcut.conv, device, lacking)
            self.lacking = torch.zeros(self.channels, dtype=lacking.dtype)

    def multiply_by_onednn(self) -> None:
        self.enter, self.leave = self.enter.by_onednn(), self.leave.by_onednn()
        self.chain = [layer.by_onednn() for layer in self.chain]

    def __call__(self, x: Tensor, tape: Tape, buffers: Buffers, out: Tensor) -> Tensor:
        """Writes to `out`, which may be some columns of a wider matrix, and returns it."""
        y = self.enter(x, tape, buffers.matrix("entered", len(x), self.channels))
        self._res2net(y, tape)
        y = self.leave(y, tape, buffers.matrix("left", len(x), self.channels))
        gains = self.excite(self.squeeze(tape.means(y)).relu_()).sigmoid_()
        residual = self.shortcut(x) if self.shortcut else x
        for gain, before, segment, target in tape.beside(gains, residual, y, out):
            torch.addcmul(before, segment, gain, out=target)
        return out

    def _res2net(self, y: Tensor, tape: Tape) -> None:
        """In place: convolve each group of channels but the first, plus the group before."""
        groups = y.chunk(len(self.chain) + 1, dim=1)
        for place, layer in enumerate(self.chain, start=1):
            own = groups[place]
            layer(own if place == 1 else own + groups[place - 1], tape, own)


class Pooling:
    """Attentive statistics of each segment, then the embedding."""

    def __init__(self, model: Any, device: torch.device, lacking: Tensor) -> None:
        """`lacking` is missing from the input: ``(channels,)`` in float64."""
        pool, channels = model.asp, model.asp.conv.conv.out_channels
        nothing = torch.zeros_like(lacking)
        in_attention = [lacking, lacking, nothing] if pool.global_context else [lacking]
        self.attention = Layer.of(pool.tdnn, device, torch.cat(in_attention), whole=True)
        self.frame_weight, context = self.attention.weight.tensor_split([channels])
        self.global_context: bool = pool.global_context
        # Frames come less their segment's mean; its contribution to the products is added here.
        mean_weight, deviation_weight = context.tensor_split([channels])
        mean_weight = mean_weight + self.frame_weight if self.global_context else self.frame_weight
        context_weight = torch.cat([mean_weight, deviation_weight])
        self.context = Linear(context_weight, self.attention.bias)
        # The bias is the same in all frames of a segment, so the softmax cancels it.
        self.score_weight = Linear.of(pool.conv.conv, device).weight
        # Scores are products with a tanh, so this bounds them.
        self.safe = float(self.score_weight.abs().sum(0).max()) < LARGEST_SCORE
        self.least: float = pool.eps
        in_embedding = torch.cat([lacking, nothing])
        self.embedding = Linear.after_norm(model.asp_bn.norm, model.fc.conv, device, in_embedding)

    def __call__(self, x: Tensor, tape: Tape, buffers: Buffers) -> Tensor:
        """``(frames, channels)``, which is overwritten, to ``(segments, dimension)``."""
        means = tape.means(x)
        for mean, segment in tape.beside(means, x):
            segment.sub_(mean)
        weights, room = (buffers.matrix(name, *x.shape) for name in ("weights", "products"))
        self._weights(x, means, tape, room, weights)
        totals = tape.sums(weights)
        shifts = tape.sums(torch.mul(weights, x, out=room)) / totals
        for shift, segment in tape.beside(shifts, x):
            segment.sub_(shift)
        variances = tape.sums(x.square_().mul_(weights)) / totals
        deviations = variances.clamp_(self.least).sqrt_()
        return self.embedding(torch.cat([means + shifts, deviations], dim=1))

    def _weights(self, x: Tensor, means: Tensor, tape: Tape, room: Tensor, out: Tensor) -> None:
        """The softmax without its division, ``(frames, channels)``; `x` is less its mean."""
        hidden = self._hidden(x, means, tape, room)
        scores = torch.mm(hidden, self.score_weight, out=out)
        if not self.safe:
            for top, segment in tape.beside(tape.maxima(scores), scores):
                segment.sub_(top)
        scores.exp_()

    def _hidden(self, x: Tensor, means: Tensor, tape: Tape, room: Tensor) -> Tensor:
        """The attention's hidden layer; the inputs that all frames share are multiplied once."""
        whole = means
        if self.global_context:
            deviations = tape.means(torch.mul(x, x, out=room)).clamp_(self.least).sqrt_()
            whole = torch.cat([means, deviations], dim=1)
        context = self.context(whole)
        hidden = x @ self.frame_weight
        for own, segment in tape.beside(context, hidden):
            segment.add_(own)
        return self.attention.clamp(hidden).tanh_()


def _check_topology(model: Any) -> None:
    """Raise `EncoderUnavailable` for a model that cannot run on a tape."""
    for name, part in model.named_modules():
        if isinstance(part, nn.Conv1d):
            _check_convolution(name, part)
        if not isinstance(getattr(part, "activation", nn.ReLU()), nn.ReLU):
            raise EncoderUnavailable(f"{name} uses {part.activation}; packing supports ReLU only")


def _check_convolution(name: str, conv: nn.Conv1d) -> None:
    taps, step = conv.kernel_size[0], conv.dilation[0]
    if conv.groups != 1:
        raise EncoderUnavailable(f"{name} has {conv.groups} groups; packing supports 1 only")
    if step * (taps - 1) % 2:
        raise EncoderUnavailable(
            f"{name} has kernel {taps} and dilation {step}; packing needs the same reach on both "
            "sides: an odd kernel or an even dilation"
        )


class SpeechBrainFeatures(TapeFeatures):
    """SpeechBrain's `Fbank`, then ``InputNormalization(norm_type="sentence", std_norm=False)``.

    A frame is centred on every hop, the first one on the first sample.
    """

    def __init__(self, fbank: Any, device: torch.device) -> None:
        stft, mel = fbank.compute_STFT, fbank.compute_fbanks
        super().__init__(stft.n_fft, stft.hop_length, stft.n_fft // 2, device)
        self.window: Tensor = stft.window.to(device)
        self.mel = _mel_matrix(mel).to(device)
        self.floor: float = mel.amin
        self.range_db: float = mel.top_db

    def _features(self, samples: Tensor, hops: Tensor, tape: Tape) -> Tensor:
        """Decibels in mel bands, at most `range_db` below the segment's loudest."""
        spectrum = torch.stft(
            samples, self.size, self.hop, window=self.window, center=False, return_complex=True
        )
        power = torch.view_as_real(spectrum.t()).square().sum(-1)
        energies = power.index_select(0, hops) @ self.mel
        decibels = energies.clamp_(min=self.floor).log10_().mul_(10)
        floors = tape.maxima(decibels.amax(1, keepdim=True)) - self.range_db
        for floor, segment in tape.beside(floors, decibels):
            segment.clamp_(min=floor)
        return decibels


def _mel_matrix(mel: Any) -> Tensor:
    """SpeechBrain's filters as one matrix ``(frequencies, mels)``."""
    shape = mel.all_freqs_mat.t().shape
    central, band = mel.f_central.expand(shape).t(), mel.band.expand(shape).t()
    matrix: Tensor = mel._create_fbank_matrix(central, band)
    return matrix.contiguous()
