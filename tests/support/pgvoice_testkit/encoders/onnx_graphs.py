"""Small ONNX graphs with seeded weights, in the layouts that toolkits export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

#: The last version of the format that ONNX Runtime 1.20 reads.
IR, OPSET = 10, 17
DIMENSION = 16
#: As `scripts/3dspeaker/export-onnx.py` of sherpa-onnx writes them.
SPEAKER_3D = {
    "framework": "3d-speaker",
    "language": "English",
    "url": "https://example.org/model",
    "comment": "This model is from a test",
    "sample_rate": "16000",
    "output_dim": str(DIMENSION),
    "normalize_samples": "1",
    "feature_normalize_type": "global-mean",
}
#: As `scripts/wespeaker/add_meta_data.py` of sherpa-onnx writes them.
WESPEAKER = {
    "framework": "wespeaker",
    "language": "English",
    "url": "https://example.org/model",
    "comment": "no comment",
    "sample_rate": "16000",
    "output_dim": str(DIMENSION),
    "normalize_samples": "0",
}
#: As `scripts/nemo/speaker-verification/export-onnx.py` of sherpa-onnx writes them.
NEMO = {
    "framework": "nemo",
    "language": "English",
    "url": "https://example.org/model",
    "comment": "This model is from NeMo.",
    "sample_rate": "16000",
    "output_dim": str(DIMENSION),
    "feature_normalize_type": "per_feature",
    "window_size_ms": "25",
    "window_stride_ms": "10",
    "window_type": "hann",
    "feat_dim": "80",
}

Axes = Sequence[int | str]
Constants = Mapping[str, NDArray[np.generic]]


def save(model: onnx.ModelProto, path: Path, metadata: Mapping[str, str] | None = None) -> Path:
    """Write a model with its metadata, and return the path."""
    helper.set_model_props(model, dict(metadata or {}))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def of_features(
    names: tuple[str, str] = ("x", "embedding"),
    axes: Axes = ("N", "T", 80),
    last: Sequence[onnx.NodeProto] = (),
    *,
    bins: int = 80,
    seed: int = 0,
) -> onnx.ModelProto:
    """Features ``(batch, frames, bins)`` to vectors: the mean over time of a nonlinear layer.

    Other `last` nodes than none make vectors from ``mean``, and from the constants below.
    """
    nodes = [
        helper.make_node("MatMul", [names[0], "weight"], ["linear"]),
        helper.make_node("Tanh", ["linear"], ["bent"]),
        helper.make_node("ReduceMean", ["bent"], ["mean"], axes=[1], keepdims=0),
        *(last or [helper.make_node("Identity", ["mean"], [names[1]])]),
    ]
    constants: Constants = {
        "weight": _weight(bins, seed),
        "zero": np.array(0, np.float32),
        "half": np.array(0.5, np.float32),
        "vector": _weight(1, seed)[0],
        "one_row": np.array([1, DIMENSION], np.int64),
    }
    return _model(nodes, {names[0]: axes}, {names[1]: (axes[0], DIMENSION)}, constants)


#: Each row is less half the mean of its batch.
NEIGHBOURS = (
    helper.make_node("ReduceMean", ["mean"], ["others"], axes=[0], keepdims=1),
    helper.make_node("Mul", ["others", "half"], ["halved"]),
    helper.make_node("Sub", ["mean", "halved"], ["embedding"]),
)
#: Takes one row although its batch axis is free.
ONE_ROW = (helper.make_node("Reshape", ["mean", "one_row"], ["embedding"]),)
#: Another vector each time.
RANDOM = (
    helper.make_node("RandomNormalLike", ["mean"], ["noise"]),
    helper.make_node("Add", ["mean", "noise"], ["embedding"]),
)
#: The same vector for every sound.
CONSTANT = (
    helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    helper.make_node("Add", ["nothing", "vector"], ["embedding"]),
)
#: Vectors that are not finite.
NOT_FINITE = (
    helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    helper.make_node("Div", ["mean", "nothing"], ["embedding"]),
)


def of_nemo() -> onnx.ModelProto:
    """NeMo's inputs and outputs: ``(batch, bins, frames)`` and lengths; logits, and vectors."""
    nodes = [
        helper.make_node("Transpose", ["audio_signal"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["frames", "weight"], ["linear"]),
        helper.make_node("Tanh", ["linear"], ["bent"]),
        helper.make_node("ReduceSum", ["bent", "axis"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["length"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["count", "axis"], ["counts"]),
        helper.make_node("Div", ["sum", "counts"], ["embs"]),
        helper.make_node("ReduceMax", ["embs"], ["logits"], axes=[1], keepdims=1),
    ]
    inputs: dict[str, Axes] = {"audio_signal": ("B", 80, "T"), "length": ("B",)}
    outputs: dict[str, Axes] = {"logits": ("B", 1), "embs": ("B", DIMENSION)}
    constants: Constants = {"weight": _weight(80, 0), "axis": np.array([1], np.int64)}
    return _model(nodes, inputs, outputs, constants)


def of_waveforms(
    axes: Axes = ("batch", "samples"), pool: onnx.NodeProto | None = None
) -> onnx.ModelProto:
    """Samples to vectors: the mean over time of filters of 25 ms.

    A `pool` makes ``pooled`` of ``bent`` before that.
    """
    filters = np.random.default_rng(1).normal(0, 0.05, (DIMENSION, 1, 400)).astype(np.float32)
    channel = "channel" if len(axes) == 2 else "waveform"
    nodes = [
        helper.make_node("Unsqueeze", ["waveform", "axis"], ["channel"]),
        helper.make_node("Conv", [channel, "weight"], ["bands"], strides=[160]),
        helper.make_node("Relu", ["bands"], ["bent"]),
        pool or helper.make_node("Identity", ["bent"], ["pooled"]),
        helper.make_node("ReduceMean", ["pooled"], ["vector"], axes=[2], keepdims=0),
    ]
    constants: Constants = {"weight": filters, "axis": np.array([1], np.int64)}
    used = nodes if len(axes) == 2 else nodes[1:]
    return _model(used, {"waveform": axes}, {"vector": (axes[0], DIMENSION)}, constants)


def _weight(bins: int, seed: int) -> NDArray[np.float32]:
    weight = np.random.default_rng(seed).normal(0, bins**-0.5, (bins, DIMENSION))
    return weight.astype(np.float32)


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Axes],
    outputs: Mapping[str, Axes],
    constants: Constants,
) -> onnx.ModelProto:
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "speaker",
        [_value(name, axes) for name, axes in inputs.items()],
        [_value(name, axes) for name, axes in outputs.items()],
        [numpy_helper.from_array(v, k) for k, v in constants.items() if k in used],
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, ir_version=IR, opset_imports=[opset])


def _value(name: str, axes: Axes) -> onnx.ValueInfoProto:
    kind = TensorProto.INT64 if name == "length" else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, kind, list(axes))
