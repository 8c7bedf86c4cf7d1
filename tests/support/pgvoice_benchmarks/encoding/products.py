"""Matrix products in every library that encoders could use, and how fast each is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pgvoice.hooks.encoders.onnx.sessions import threads
from pgvoice.hooks.encoders.packing.accelerators import float32_products
from pgvoice_benchmarks.encoding import openvino_runtime
from pgvoice_benchmarks.timing import timed

#: Frames per product when a rate is measured: on a CPU, and on a card.
ROWS, CARD_ROWS = 1200, 32_768
#: Products that a card is given at once.
QUEUED = 5
#: Seconds during which a product is repeated, and how often that is done; the best time counts.
STRETCH_SECONDS, STRETCHES = 0.2, 2
#: An operator set, and a format of files, that every ONNX Runtime since 1.14 reads.
OPSET, FORMAT = 13, 8
Multiply = Callable[[], object]


class Product(NamedTuple):
    """A frame's inputs times a layer's weights."""

    inputs: int
    outputs: int


class Rate(NamedTuple):
    """Multiply-adds per second of a product."""

    product: Product
    library: str
    per_second: float


def card_rate(product: Product, device: str, precision: str = "ieee") -> Rate:
    """The rate that a card keeps up, of random numbers."""
    rows, weight = torch.rand(CARD_ROWS, product.inputs), torch.rand(product)
    with float32_products(precision):
        multiply = _torch(rows.to(device), weight.to(device))

        def queued() -> None:
            for _ in range(QUEUED):
                multiply()
            finish(device)

        taken = _best(queued)
    return Rate(product, "torch", QUEUED * CARD_ROWS * product.inputs * product.outputs / taken)


def finish(device: str) -> None:
    """Wait until a card has done everything that it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


class CpuProduct:
    """One product, with the same random numbers in each library that is installed."""

    def __init__(self, product: Product) -> None:
        self.product = product
        rows, weight = torch.rand(ROWS, product.inputs), torch.rand(product)
        self.multiply: dict[str, Multiply] = {
            name: make(rows, weight)
            for name, (modules, make) in LIBRARIES.items()
            if all(map(find_spec, modules))
        }

    def rates(self) -> list[Rate]:
        """Each library's rate in a short stretch."""
        with float32_products():
            return [self._rate(name, _best(multiply)) for name, multiply in self.multiply.items()]

    def kept_up(self, library: str, multiply_adds: int) -> Rate:
        """The library's rate while it carries out at least so many."""
        multiply, times = self.multiply[library], -(-multiply_adds // self._size)

        def repeat() -> None:
            for _ in range(times):
                multiply()

        with float32_products():
            return self._rate(library, timed(repeat).seconds / times)

    @property
    def _size(self) -> int:
        return ROWS * self.product.inputs * self.product.outputs

    def _rate(self, library: str, taken: float) -> Rate:
        return Rate(self.product, library, self._size / taken)


def _best(work: Multiply) -> float:
    """Seconds of one repetition in the best stretch.

    The best single one of a product that takes a millisecond tells of a moment that no model has.
    """
    return min(_stretch(work) for _ in range(STRETCHES))


def _stretch(work: Multiply) -> float:
    spent, times = timed(work).seconds, 1
    while spent < STRETCH_SECONDS:
        spent += timed(work).seconds
        times += 1
    return spent / times


def _torch(rows: Tensor, weight: Tensor) -> Multiply:
    return partial(torch.mm, rows, weight, out=rows.new_empty(len(rows), weight.shape[1]))


def _onednn(rows: Tensor, weight: Tensor) -> Multiply:
    """As a convolution of one tap, which torch gives to oneDNN."""
    images, taps = rows.t().contiguous()[None, :, :, None], weight.t()[:, :, None, None]
    images, taps = (each.contiguous(memory_format=torch.channels_last) for each in (images, taps))
    return torch.inference_mode()(partial(torch.conv2d, images, taps))


def _numpy(rows: Tensor, weight: Tensor) -> Multiply:
    out = np.empty((len(rows), weight.shape[1]), np.float32)
    return partial(np.matmul, rows.numpy(), weight.numpy(), out=out)


def _onnx(rows: Tensor, weight: Tensor) -> Multiply:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["rows", "weight"], ["out"])],
        "product",
        [helper.make_tensor_value_info("rows", kind, ["N", len(weight)])],
        [helper.make_tensor_value_info("out", kind, ["N", weight.shape[1]])],
        [numpy_helper.from_array(weight.numpy(), "weight")],
    )
    imports = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=FORMAT)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return partial(session.run, None, {"rows": rows.numpy()})


def _openvino(rows: Tensor, weight: Tensor) -> Multiply:
    request: Any = openvino_runtime.product(weight.numpy()).create_infer_request()
    return partial(request.infer, [rows.numpy()], share_inputs=True, share_outputs=True)


#: By name, the modules that it needs, and what makes a product of rows and a weight.
LIBRARIES: Mapping[str, tuple[Sequence[str], Callable[[Tensor, Tensor], Multiply]]] = {
    "torch": (["torch"], _torch),
    "torch's oneDNN": (["torch"], _onednn),
    "numpy": (["numpy"], _numpy),
    "ONNX Runtime": (["onnx", "onnxruntime"], _onnx),
    "OpenVINO": (["openvino"], _openvino),
}
