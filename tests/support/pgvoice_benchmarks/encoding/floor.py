"""The least time that a model can take on a device: that of its matrix products."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pgvoice_benchmarks.encoding.models import PlainModel
from pgvoice_benchmarks.encoding.products import CpuProduct, Product, Rate, card_rate

#: Shapes with a smaller share of all multiply-adds are not measured.
SHARE = 0.01


class Floor:
    """A model's multiply-adds, and a device's best rate of them in any library."""

    def __init__(self, multiply_adds: Mapping[Product, int], device: str = "cpu") -> None:
        self.multiply_adds, self.device = multiply_adds, device
        self.total = sum(multiply_adds.values())
        self._products: list[CpuProduct] = []
        self._rates: dict[tuple[Product, str], Rate] = {}

    def measure(self) -> None:
        """Measure the rates again and keep the best, since the machine may be busy."""
        for found in self._measured():
            key = found.product, found.library
            best = self._rates.setdefault(key, found)
            self._rates[key] = max(best, found, key=_per_second)

    def _measured(self) -> list[Rate]:
        often = [each for each, n in self.multiply_adds.items() if n >= SHARE * self.total]
        if self.device.startswith("cuda"):
            return [card_rate(product, self.device) for product in often]
        self._products = self._products or [CpuProduct(product) for product in often]
        return [rate for product in self._products for rate in product.rates().values()]

    @property
    def best(self) -> Rate:
        """The fastest of the model's products in the library that is fastest at it."""
        return max(self._rates.values(), key=_per_second)

    @property
    def by_library(self) -> dict[str, Rate]:
        """The fastest of the model's products in each library."""
        ordered = sorted(self._rates.values(), key=_per_second)
        return {rate.library: rate for rate in ordered}

    @property
    def seconds(self) -> float:
        """The time with everything at the best rate."""
        return self.total / self.best.per_second

    @property
    def seconds_by_shape(self) -> float:
        """The time with each product at the best rate of its own shape."""
        own = {rate.product: rate for rate in sorted(self._rates.values(), key=_per_second)}
        best = self.best
        return sum(n / own.get(each, best).per_second for each, n in self.multiply_adds.items())


def _per_second(rate: Rate) -> float:
    return rate.per_second


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
