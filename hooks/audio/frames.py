"""FFmpeg's frames as mono samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.encoders.encoder import Waveform

if TYPE_CHECKING:
    from av import AudioFrame

#: FFmpeg's integer sample types, with the power of two that is full scale.
_INTEGER_BITS = {"u8": 7, "s16": 15, "s32": 31}
_BLOCK_SAMPLES = 32_768
#: If a frame has more channels than this, PyAV reads them from beyond the frame's pointers.
_MOST_PLANES = 8


def joined(frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
    """The same samples in fewer, longer frames, so that Python handles a hundredth of them."""
    from av.audio.fifo import AudioFifo

    shape, fifo = None, AudioFifo()
    for frame in frames:
        if shape != (frame.format.name, frame.layout.nb_channels):  # the FIFO does not check
            if rest := fifo.read():
                yield rest
            shape, fifo = (frame.format.name, frame.layout.nb_channels), AudioFifo()
        frame.pts = None  # time is counted in samples
        fifo.write(frame)
        if fifo.samples >= _BLOCK_SAMPLES and (block := fifo.read()):
            yield block
    if rest := fifo.read():
        yield rest


def mono(frame: AudioFrame) -> Waveform:
    """Mean of the channels, added in order."""
    frame = _plain(frame)
    samples: NDArray[np.generic] = frame.to_ndarray()
    channels = samples if frame.format.is_planar else samples.reshape(frame.samples, -1).T
    total: Waveform = channels[0].astype(np.float32)
    for channel in channels[1:]:
        total += channel.astype(np.float32, copy=False)
    bits = _INTEGER_BITS.get(frame.format.packed.name, 0)
    if frame.format.packed.name == "u8":
        total -= np.float32(128 * len(channels))
    return total / np.float32(len(channels) * 2**bits)


def _plain(frame: AudioFrame) -> AudioFrame:
    """The same samples in a layout that PyAV can convert."""
    from av import AudioResampler

    shape = frame.format
    if shape.packed.name == "s64":
        to = "s32"
    elif shape.is_planar and frame.layout.nb_channels > _MOST_PLANES:
        to = shape.packed.name
    else:
        return frame
    (plain,) = AudioResampler(format=to, layout=frame.layout.name).resample(frame)
    return plain
