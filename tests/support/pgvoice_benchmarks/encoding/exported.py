"""The same network as an ONNX file, in ONNX Runtime and in OpenVINO, with pgvoice's front end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from pgvoice_testkit.encoders.onnx_exports import export_campplus, export_ecapa

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.onnx.front_ends import features
from pgvoice.hooks.encoders.onnx.model import Model, read_model
from pgvoice.hooks.encoders.onnx.onnx_encoder import OnnxEncoder
from pgvoice.hooks.encoders.onnx.sessions import open_session
from pgvoice.hooks.encoders.onnx.trial import run
from pgvoice.hooks.encoders.waveforms import unit_rows
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice_benchmarks import machine
from pgvoice_benchmarks.encoding import openvino_runtime
from pgvoice_benchmarks.encoding.preloaded import worst_cosine
from pgvoice_benchmarks.timing import Run, timed

ONNX = "ONNX Runtime, one by one"
#: The least cosine of OpenVINO's vector with ONNX Runtime's.
AGREE = 0.99999
#: By the names of `MODELS`, what writes the ONNX file to a folder that has the plain weights.
EXPORTS: Mapping[str, Callable[[Path], Path]] = {
    "ecapa": lambda folder: export_ecapa(folder, folder),
    "campplus": export_campplus,
}


def runs(name: str, folder: Path, waveforms: Sequence[Waveform]) -> dict[str, Run[Embeddings]]:
    """The runs by name: of OpenVINO, only if it is installed."""
    path = EXPORTS[name](folder)
    model, session, together = read_model(path), open_session(path, "cpu"), OnnxEncoder(path, "cpu")
    together.load()
    ways: dict[str, Callable[[], Embeddings]] = {
        ONNX: lambda: _alone(session, model, waveforms),
        "ONNX Runtime, equal lengths together": lambda: together.encode(waveforms),
    }
    if find_spec("openvino"):
        ways |= _openvino(path, model, session, waveforms)
    return {name: _timed(way) for name, way in ways.items()}


def _openvino(
    path: Path, model: Model, other: Any, waveforms: Sequence[Waveform]
) -> dict[str, Callable[[], Embeddings]]:
    """OpenVINO with both of its hints; what it computes wrongly is run by the `other` session.

    CAM++ averages over up to 2 s. For a shorter segment, OpenVINO 2026.4 takes a part of the result
    from the segment before, or fails.
    """
    soon = openvino_runtime.Session(path)
    many = openvino_runtime.compiled(path, openvino_runtime.THROUGHPUT)
    refused = [not _agree(soon, other, model, waveform) for waveform in waveforms]
    note = f"; {sum(refused)} by ONNX Runtime" if any(refused) else ""
    kept = [waveform for waveform, bad in zip(waveforms, refused, strict=True) if not bad]
    left = [waveform for waveform, bad in zip(waveforms, refused, strict=True) if bad]

    def with_left(rows: Embeddings) -> Embeddings:
        whole = np.empty((len(waveforms), model.identity.dimension), np.float32)
        whole[~np.array(refused)] = rows
        if left:
            whole[refused] = _alone(other, model, left)
        return whole

    return {
        f"OpenVINO, one by one{note}": lambda: with_left(_alone(soon, model, kept)),
        f"OpenVINO, one by one in several streams{note}": lambda: with_left(
            _queued(many, model, kept)
        ),
    }


def _agree(session: Any, other: Any, model: Model, waveform: Waveform) -> bool:
    try:
        row, expected = (_alone(each, model, [waveform]) for each in (session, other))
    except (EncoderUnavailable, RuntimeError):
        return False
    return worst_cosine(row, expected) > AGREE


def versions() -> str:
    """The versions of both, or that one is not installed and so not measured."""
    return machine.versions("onnxruntime", "openvino")


def _timed(way: Callable[[], Embeddings]) -> Run[Embeddings]:
    return lambda _progress: timed(way)


def _alone(session: Any, model: Model, waveforms: Sequence[Waveform]) -> Embeddings:
    vectors = np.empty((len(waveforms), model.identity.dimension), np.float32)
    for place, waveform in enumerate(waveforms):
        vectors[place] = run(session, model, features(waveform, model.front_end)[None])[0]
    return unit_rows(vectors)


def _queued(compiled: Any, model: Model, waveforms: Sequence[Waveform]) -> Embeddings:
    """Each alone, as many at a time as OpenVINO wants, one thread each."""
    import openvino

    vectors = np.empty((len(waveforms), model.identity.dimension), np.float32)

    def keep(request: Any, place: int) -> None:
        vectors[place] = request.get_tensor(model.signature.output).data.reshape(-1)

    queue = openvino.AsyncInferQueue(compiled)
    queue.set_callback(keep)
    for place, waveform in enumerate(waveforms):
        row = features(waveform, model.front_end)[None]
        queue.start_async(model.signature.inputs(row), place)
    queue.wait_all()
    return unit_rows(vectors)
