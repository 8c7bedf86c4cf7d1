"""SpeechBrain's ECAPA-TDNN over a tape of segments: the vectors of one by one, in one pass.

Every layer is a product of matrices over frames. Convolutions gather their neighbours, reflected at
a segment's own edges; squeeze-excitation and pooling are taken per segment.
Architecture: Desplanques et al., 2020, https://arxiv.org/abs/2005.07143.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pgvoice.hooks.encoder import Waveform
from pgvoice.hooks.encoders.fbank import TapeFeatures
from pgvoice.hooks.encoders.folding import Layer, Linear
from pgvoice.hooks.encoders.packing import Tape, frame_budget, run_within
from pgvoice.hooks.errors import EncoderUnavailable


class PackedEcapa:
    """An `ECAPA_TDNN` in eval mode with its `Fbank`, both SpeechBrain's, in float32."""

    def __init__(self, model: Any, fbank: Any, device: torch.device | str = "cpu") -> None:
        _check_topology(model)
        self.device = torch.device(device)
        self.features = TapeFeatures(fbank, self.device)
        self.first = Layer.of(model.blocks[0], self.device)
        self.blocks = [ResidualBlock(block, self.device) for block in model.blocks[1:]]
        self.aggregation = Layer.of(model.mfa, self.device)
        self.pooling = Pooling(model, self.device)

    @property
    def min_samples(self) -> int:
        """The shortest waveform whose frames outnumber the widest reflection, in samples."""
        chains = [layer for block in self.blocks for layer in block.chain]
        reach = max(layer.offsets[-1] for layer in (self.first, self.aggregation, *chains))
        return max(1, reach * self.features.hop)

    def encode(self, waveforms: Sequence[Waveform]) -> Tensor:
        """Rows ``(segments, dimension)`` on the CPU, in order, not yet of unit length."""
        frames = [self.features.frames(waveform.size) for waveform in waveforms]
        budget = frame_budget(self.device, self._bytes_per_frame())
        return torch.cat(run_within(budget, frames, lambda part: self.run_tape(waveforms[part])))

    @torch.inference_mode()
    def run_tape(self, waveforms: Sequence[Waveform]) -> Tensor:
        """One tape through the network: rows ``(segments, dimension)`` on the CPU."""
        x, tape = self.features(waveforms)
        x = self.first(x, tape)
        widths = [block.channels for block in self.blocks]
        outputs = x.new_empty(len(x), sum(widths))
        for block, columns in zip(self.blocks, torch.split(outputs, widths, dim=1), strict=True):
            x = block(x, tape, columns)
        return self.pooling(self.aggregation(outputs, tape), tape).cpu()

    def _bytes_per_frame(self) -> int:
        """A generous count of what lives at once: the widest matrices five times over."""
        return 4 * 5 * sum(self.aggregation.weight.shape)


class ResidualBlock:
    """TDNN, Res2Net, TDNN and squeeze-excitation, added to the input."""

    def __init__(self, block: Any, device: torch.device) -> None:
        self.channels: int = block.out_channels
        self.enter = Layer.of(block.tdnn1, device)
        self.chain = [Layer.of(part, device) for part in block.res2net_block.blocks]
        self.leave = Layer.of(block.tdnn2, device)
        self.squeeze = Linear.of(block.se_block.conv1, device)
        self.excite = Linear.of(block.se_block.conv2, device)
        self.shortcut = Linear.of(block.shortcut, device) if block.shortcut else None

    def __call__(self, x: Tensor, tape: Tape, out: Tensor) -> Tensor:
        """Writes to `out`, which may be some columns of a wider matrix, and returns it."""
        y = self.enter(x, tape)
        self._res2net(y, tape)
        y = self.leave(y, tape)
        gains = self.excite(self.squeeze(tape.means(y)).relu_()).sigmoid_()
        residual = self.shortcut(x) if self.shortcut else x
        parts = zip(tape.split(residual), tape.split(y), gains, tape.split(out), strict=True)
        for before, segment, gain, target in parts:
            torch.addcmul(before, segment, gain, out=target)
        return out

    def _res2net(self, y: Tensor, tape: Tape) -> None:
        """In place: each group of channels but the first meets the output of the one before."""
        groups = y.chunk(len(self.chain) + 1, dim=1)
        for place, layer in enumerate(self.chain, start=1):
            own = groups[place]
            layer(own if place == 1 else own + groups[place - 1], tape, own)


class Pooling:
    """Attentive statistics of each segment, then the embedding."""

    def __init__(self, model: Any, device: torch.device) -> None:
        pool, channels = model.asp, model.asp.conv.conv.out_channels
        self.attention = Layer.of(pool.tdnn, device)
        self.frame_weight, self.context_weight = self.attention.weight.tensor_split([channels])
        self.global_context: bool = pool.global_context
        # The bias of the scores is the same for all frames of a segment: the softmax cancels it.
        self.score_weight = Linear.of(pool.conv, device).weight
        self.least: float = pool.eps
        self.embedding = Linear.after_norm(model.asp_bn, model.fc, device)

    def __call__(self, x: Tensor, tape: Tape) -> Tensor:
        """``(frames, channels)``, which it spends, to ``(segments, dimension)``."""
        scores = self._hidden(x, tape) @ self.score_weight
        parts = zip(tape.split(x), tape.split(scores), strict=True)
        return self.embedding(torch.stack([self._weighted(part, score) for part, score in parts]))

    def _hidden(self, x: Tensor, tape: Tape) -> Tensor:
        """What a segment's statistics add is multiplied once for it, not once for each frame."""
        hidden = torch.addmm(self.attention.bias, x, self.frame_weight)
        if self.global_context:
            whole = torch.stack([self._statistics(part) for part in tape.split(x)])
            for part, context in zip(tape.split(hidden), whole @ self.context_weight, strict=True):
                part.add_(context)
        return self.attention.clamp(hidden).tanh_()

    def _statistics(self, x: Tensor) -> Tensor:
        """Mean and standard deviation over the frames."""
        mean = x.mean(0)
        return torch.cat([mean, (x - mean).square_().mean(0).clamp_(self.least).sqrt_()])

    def _weighted(self, x: Tensor, scores: Tensor) -> Tensor:
        """Mean and standard deviation under the softmax of the scores; spends both arguments."""
        weights = scores.sub_(scores.amax(0)).exp_()
        total = weights.sum(0)
        mean = (weights * x).sum(0) / total
        variance = x.sub_(mean).square_().mul_(weights).sum(0) / total
        return torch.cat([mean, variance.clamp_(self.least).sqrt_()])


def _check_topology(model: Any) -> None:
    """Raises `EncoderUnavailable` for a model that a tape cannot run."""
    for name, part in model.named_modules():
        if isinstance(part, nn.Conv1d):
            _check_convolution(name, part)
        if not isinstance(getattr(part, "activation", nn.ReLU()), nn.ReLU):
            raise EncoderUnavailable(f"{name} uses {part.activation}; packing needs ReLU")


def _check_convolution(name: str, conv: nn.Conv1d) -> None:
    taps, step = conv.kernel_size[0], conv.dilation[0]
    if conv.groups != 1:
        raise EncoderUnavailable(f"{name} has {conv.groups} groups; packing needs 1")
    if step * (taps - 1) % 2:
        raise EncoderUnavailable(
            f"{name} has kernel {taps} and dilation {step}; packing needs the same reach on both "
            "sides: an odd kernel or an even dilation"
        )
