"""How a graph is called: which input takes what in which order of axes, and where vectors are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.encoders.onnx.graph_file import (
    FLOAT32,
    INT32,
    INT64,
    Axis,
    GraphFile,
    Tensor,
)
from pgvoice.hooks.encoders.onnx.settings import FrontEnd, Stated

#: What toolkits call the output with the vectors, if there are others.
OUTPUTS = ("embs", "embedding", "embeddings", "emb", "embed")
#: The types of numbers that a length can have.
LENGTHS = {FLOAT32: np.float32, INT32: np.int32, INT64: np.int64}

Array = NDArray[np.float32]


class Form(Enum):
    """The axes of the input."""

    FRAMES_FIRST = "(batch, frames, bins)"
    BINS_FIRST = "(batch, bins, frames)"
    SAMPLES = "(batch, samples)"
    CHANNEL = "(batch, 1, samples)"

    def arranged(self, rows: Array) -> Array:
        """What the graph takes, from ``(batch, frames, bins)`` or ``(batch, samples)``."""
        if self is Form.BINS_FIRST:
            return np.ascontiguousarray(rows.transpose(0, 2, 1))
        return rows[:, None] if self is Form.CHANNEL else rows


@dataclass(frozen=True, slots=True)
class Signature:
    """The names and forms of what goes in and comes out."""

    signal: str
    form: Form
    #: Whether the graph takes one row at a time.
    single: bool
    #: The input that takes the number of frames or samples, and its type.
    length: tuple[str, int] | None
    output: str

    def inputs(self, rows: Array) -> dict[str, NDArray[np.generic]]:
        """What a run gets, from rows of one length."""
        given: dict[str, NDArray[np.generic]] = {self.signal: self.form.arranged(rows)}
        if self.length:
            name, kind = self.length
            # A length that is no whole number is a share of the longest row.
            length = 1 if kind == FLOAT32 else rows.shape[1]
            given[name] = np.full(len(rows), length, LENGTHS[kind])
        return given


def mel_bins(graph: GraphFile) -> Axis:
    """The number of bins, if the graph says it: the only axis but the first that is fixed."""
    shape = graph.inputs[0].shape if graph.inputs else None
    fixed = [size for size in (shape or ())[1:] if size is not None]
    return fixed[0] if len(shape or ()) == 3 and len(fixed) == 1 else None


def takes_samples(graph: GraphFile) -> bool:
    """Whether its input has the axes of samples, not of features."""
    shape = (graph.inputs[0].shape if graph.inputs else None) or ()
    return len(shape) == 2 or (len(shape) == 3 and shape[1:] == (1, None))


def signature(graph: GraphFile, front_end: FrontEnd, output: Tensor) -> Signature:
    """How a graph is called; raises `ValueError` if it cannot be."""
    if not graph.inputs or graph.inputs[0].kind != FLOAT32 or len(graph.inputs) > 2:
        names = ", ".join(each.name for each in graph.inputs) or "none"
        raise ValueError(
            f"it needs an input of float32, and at most a second one for a length (it has: {names})"
        )
    signal, *others = graph.inputs
    if others and others[0].kind not in LENGTHS:
        raise ValueError(f"its second input {others[0].name!r} is no length")
    length = (others[0].name, others[0].kind) if others else None
    batch = signal.shape[0] if signal.shape else None
    if batch is not None and batch > 1:
        raise ValueError(
            f"it takes exactly {batch} rows: export it with a batch axis of any length"
        )
    return Signature(signal.name, _form(signal, front_end), batch == 1, length, output.name)


def _form(signal: Tensor, front_end: FrontEnd) -> Form:
    form = _features(signal, front_end) if front_end.kind != "waveform" else _samples(signal)
    place = 1 if form in (Form.FRAMES_FIRST, Form.SAMPLES) else 2
    fixed = signal.shape[place] if signal.shape else None
    if fixed is not None:
        what = "samples" if front_end.kind == "waveform" else "frames"
        raise ValueError(
            f"its input {signal.name!r} takes exactly {fixed} {what}, and segments have all"
            " lengths: export it with a free time axis"
        )
    return form


def _features(signal: Tensor, front_end: FrontEnd) -> Form:
    first = front_end.kind == "fbank"
    usual = Form.FRAMES_FIRST if first else Form.BINS_FIRST
    if signal.shape is None:
        return usual
    if len(signal.shape) != 3:
        raise ValueError(
            f"its input {signal.name!r} has {len(signal.shape)} axes, and features have 3:"
            f' {Form.FRAMES_FIRST.value}; if it takes samples, front_end is "waveform"'
        )
    bins = {Form.FRAMES_FIRST: signal.shape[2], Form.BINS_FIRST: signal.shape[1]}
    fitting = [form for form, size in bins.items() if size == front_end.mel_bins]
    possible = fitting or [form for form, size in bins.items() if size is None]
    if not fitting and len(possible) < 2:
        fixed = next(size for size in bins.values() if size is not None)
        raise ValueError(f"it takes {fixed} mel bins, not {front_end.mel_bins}")
    return usual if usual in possible else possible[0]


def _samples(signal: Tensor) -> Form:
    axes = 2 if signal.shape is None else len(signal.shape)
    if axes == 2:
        return Form.SAMPLES
    if axes == 3 and signal.shape and signal.shape[1] in (None, 1):
        return Form.CHANNEL
    raise ValueError(
        f"its input {signal.name!r} has {axes} axes, and samples have 2: {Form.SAMPLES.value}"
    )


def vectors_of(graph: GraphFile, settings: Stated) -> Tensor:
    """The output with the vectors; raises `ValueError` if it is not known which one that is."""
    outputs = {each.name: each for each in graph.outputs}
    if settings.output in outputs:
        return outputs[settings.output]
    named = [name for name in outputs if name in OUTPUTS]
    if settings.output is None and len(outputs) == 1:
        return graph.outputs[0]
    if settings.output is None and len(named) == 1:
        return outputs[named[0]]
    listed = ", ".join(outputs) or "none"
    asked = f"no output {settings.output!r}" if settings.output else "several outputs"
    raise ValueError(f"it has {asked}: name the one with the vectors as `output` ({listed})")


def dimension(output: Tensor, settings: Stated) -> int:
    """The length of a vector; raises `ValueError` if nothing says it, or two say different ones."""
    said = output.shape[-1] if output.shape else None
    if said is None and settings.dimension is None:
        raise ValueError(
            f"its output {output.name!r} does not say how long a vector is: state `dimension`"
        )
    if said is not None and settings.dimension not in (None, said):
        raise ValueError(f"a vector has {said} elements, not {settings.dimension}")
    return said or settings.dimension or 0
