"""Small networks with the contract of ReDimNet2's, in files laid out as in its release."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pgvoice.hooks.encoders.weights import digest

MELS, DIMENSION = 72, 192


def write_release(folder: Path, *names: str) -> Path:
    """Write a network for each name, with seeded weights, and their manifest."""
    for seed, name in enumerate(names):
        write_network(folder / f"{name}.onnx", seed)
    models = {
        name: {"filename": f"{name}.onnx", "sha256": digest(folder / f"{name}.onnx"), "opset": 17}
        for name in names
    }
    manifest = {"schema_version": 1, "release": "models-v1", "models": models}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def write_network(
    path: Path, seed: int = 0, shape: Sequence[int | str] = (1, 1, MELS, "frames")
) -> None:
    """Write a network that multiplies the mels' mean squares, as the means are 0."""
    weights = np.random.default_rng(seed).normal(size=(MELS, DIMENSION)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceSumSquare", ["features"], ["sums"], axes=[3], keepdims=0),
        helper.make_node("Flatten", ["sums"], ["flat"]),
        helper.make_node("LpNormalization", ["flat"], ["means"], p=2, axis=1),
        helper.make_node("MatMul", ["means", "weights"], ["products"]),
        helper.make_node("LpNormalization", ["products"], ["embedding"], p=2, axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, DIMENSION])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
