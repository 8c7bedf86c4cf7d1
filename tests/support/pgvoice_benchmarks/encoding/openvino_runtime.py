"""Models in OpenVINO, with as many threads as torch, and in whole float32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pgvoice.hooks.encoders.encoder import Embeddings
from pgvoice.hooks.encoders.onnx.sessions import threads

#: What a model is prepared for: each run soon, or many at once.
LATENCY, THROUGHPUT = "LATENCY", "THROUGHPUT"


def product(weight: Embeddings) -> Any:
    """The product of any number of rows with this weight, compiled."""
    import openvino
    from openvino import opset13

    rows = opset13.parameter([-1, len(weight)], weight.dtype)
    multiplied = opset13.matmul(rows, opset13.constant(weight), False, False)
    return _compiled(openvino.Model([multiplied], [rows], "product"), LATENCY)


def compiled(path: Path, hint: str) -> Any:
    """An ONNX file, compiled once for inputs of any length."""
    import openvino

    return _compiled(openvino.Core().read_model(path), hint)


def _compiled(model: Any, hint: str) -> Any:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads(),
        # Else it takes bfloat16 where the processor has it.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": hint,
    }
    return openvino.Core().compile_model(model, "CPU", settings)


class Session:
    """A compiled model that is called as a session of ONNX Runtime is."""

    def __init__(self, path: Path) -> None:
        self._request = compiled(path, LATENCY).create_infer_request()

    def run(self, outputs: Sequence[str], inputs: Mapping[str, Any]) -> list[Embeddings]:
        found = self._request.infer(inputs)
        return [found[name] for name in outputs]
