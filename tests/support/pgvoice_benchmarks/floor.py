"""The least time that a model can take on a device: that of its matrix products."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from pgvoice.hooks.encoders.packing.accelerators import float32_products
from pgvoice_benchmarks.models import PlainModel

#: Frames per product when a rate is measured: on a CPU, and on a card.
ROWS, CARD_ROWS = 1200, 32_768
#: Products that a card is given at once.
QUEUED = 5
#: Seconds during which a product is repeated; the best counts.
REPEAT_SECONDS = 0.08
#: Shapes with a smaller share of all multiply-adds are not measured.
SHARE = 0.01


class Product(NamedTuple):
    """A frame's inputs times a layer's weights."""

    inputs: int
    outputs: int


class Floor:
    """A model's multiply-adds, and a device's best rate of them."""

    def __init__(self, multiply_adds: Mapping[Product, int], device: str = "cpu") -> None:
        self.multiply_adds, self.device = multiply_adds, device
        self.total = sum(multiply_adds.values())
        self._rates: dict[Product, float] = {}

    def measure(self) -> None:
        """Measure the rates again and keep the best, since the machine may be busy."""
        for product, count in self.multiply_adds.items():
            if count >= SHARE * self.total:
                measured = rate(product, self.device)
                self._rates[product] = max(self._rates.get(product, 0.0), measured)

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


def rate(product: Product, device: str = "cpu", precision: str = "ieee") -> float:
    """Multiply-adds per second, the best of many repetitions, of random numbers."""
    count, times = (ROWS, 1) if device == "cpu" else (CARD_ROWS, QUEUED)
    rows, weight = torch.rand(count, product.inputs), torch.rand(product)
    rows, weight = rows.to(device), weight.to(device)
    out = torch.empty(count, product.outputs, device=device)
    best, end = float("inf"), time.perf_counter() + REPEAT_SECONDS
    with float32_products(precision):
        while (start := time.perf_counter()) < end or best == float("inf"):
            for _ in range(times):
                torch.mm(rows, weight, out=out)
            finish(device)
            best = min(best, time.perf_counter() - start)
    return times * count * product.inputs * product.outputs / best


def finish(device: str) -> None:
    """Wait until a card has done everything that it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
