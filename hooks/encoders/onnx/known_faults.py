"""Faults of ONNX Runtime that change vectors without an error."""

from __future__ import annotations

from pathlib import Path

from pgvoice.hooks.encoders.onnx.graph_file import GraphFile
from pgvoice.hooks.errors import EncoderUnavailable

#: Before, on a CPU, the last mean of an AveragePool was too small if it was of fewer elements
#: (https://github.com/microsoft/onnxruntime/pull/29629). CAM++ has such means.
RAGGED_SINCE = (1, 29)


def check_runtime(path: Path, graph: GraphFile, version: str) -> None:
    """Raise `EncoderUnavailable` if this release of ONNX Runtime computes the graph wrongly."""
    major, minor = version.split(".")[:2]
    if graph.has_ragged_means and (int(major), int(minor)) < RAGGED_SINCE:
        needed = ".".join(map(str, RAGGED_SINCE))
        raise EncoderUnavailable(
            f"onnxruntime {version} computes means in {path} wrongly, and so its vectors:"
            f' pip install "onnxruntime>={needed}"'
        )
