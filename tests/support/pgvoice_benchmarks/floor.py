"""The least time that a model can take on this machine: that of its matrix products."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from pgvoice_benchmarks.models import PlainModel

#: Frames per product when a rate is measured.
ROWS = 1200
#: Seconds during which a product is repeated; the best counts.
REPEAT_SECONDS = 0.08
#: Shapes with a smaller share of all multiply-adds are not measured.
SHARE = 0.01


class Product(NamedTuple):
    """A frame's inputs times a layer's weights."""

    inputs: int
    outputs: int


class Floor:
    """A model's multiply-adds, and this machine's best rate of them."""

    def __init__(self, multiply_adds: Mapping[Product, int]) -> None:
        self.multiply_adds = multiply_adds
        self.total = sum(multiply_adds.values())
        self._rates: dict[Product, float] = {}

    def measure(self) -> None:
        """Measure the rates again and keep the best, since the machine may be busy."""
        for product, count in self.multiply_adds.items():
            if count >= SHARE * self.total:
                self._rates[product] = max(self._rates.get(product, 0.0), rate(product))

    @property
    def best(self) -> tuple[Product, float]:
        """The fastest of the model's shapes, and its multiply-adds per second."""
        return max(self._rates.items(), key=lambda each: each[1])

    @property
    def seconds(self) -> float:
        """The time with everything at the best rate."""
        return self.total / self.best[1]

    @property
    def seconds_by_shape(self) -> float:
        """The time with each product at the rate of its own shape."""
        best = self.best[1]
        return sum(n / self._rates.get(product, best) for product, n in self.multiply_adds.items())


def count(model: PlainModel, sizes: Sequence[int]) -> Counter[Product]:
    """Multiply-adds of all linear layers and convolutions for waveforms of these samples.

    The network runs on the meta device. Inputs that are equal in all frames count once per segment.
    """
    network = copy.deepcopy(model.network).to("meta")
    counted: Counter[Product] = Counter()
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            constant = model.constant_inputs.get(name, 0)
            layer.register_forward_hook(partial(_add, counted, constant))
    total: Counter[Product] = Counter()
    for frames, times in Counter(model.frames(size) for size in sizes).items():
        counted.clear()
        with torch.inference_mode():
            network(torch.empty(1, frames, model.mels, device="meta"))
        total.update({product: n * times for product, n in counted.items()})
    return total


def _add(
    counted: Counter[Product], constant: int, layer: nn.Module, _inputs: Any, output: Tensor
) -> None:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    outputs, inputs = len(weight), weight[0].numel() - constant
    counted[Product(inputs, outputs)] += output.numel() * inputs
    if constant:
        counted[Product(constant, outputs)] += outputs * constant


def rate(product: Product) -> float:
    """Multiply-adds per second, the best of many repetitions."""
    rows, weight = torch.ones(ROWS, product.inputs), torch.ones(product)
    out = torch.empty(ROWS, product.outputs)
    best, end = float("inf"), time.perf_counter() + REPEAT_SECONDS
    while (start := time.perf_counter()) < end or best == float("inf"):
        torch.mm(rows, weight, out=out)
        best = min(best, time.perf_counter() - start)
    return ROWS * product.inputs * product.outputs / best
