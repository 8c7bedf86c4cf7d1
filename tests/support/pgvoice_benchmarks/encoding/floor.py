"""The least time that a model can take on a device: that of its matrix products."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pgvoice_benchmarks.encoding.models import PlainModel
from pgvoice_benchmarks.encoding.products import CpuProduct, Product, Rate, card_rate

#: Shapes with a smaller share of all multiply-adds are not measured.
SHARE = 0.01
#: Libraries that reach this much of the best rate for a moment are measured for longer.
NEAR = 0.9


class Floor:
    """A model's multiply-adds, and the best rate of them that a device keeps up in any library."""

    def __init__(self, multiply_adds: Mapping[Product, int], device: str = "cpu") -> None:
        self.multiply_adds, self.device = multiply_adds, device
        self.total = sum(multiply_adds.values())
        self._products: dict[Product, CpuProduct] = {}
        self._rates: dict[str, Rate] = {}

    def measure(self) -> None:
        """Measure again and keep the best, since the machine may be busy.

        On a CPU, a library's fastest product is carried out as often as makes all multiply-adds of
        the model: a short moment is better than what the processor keeps up as long as the model
        runs, the best of many moments more so.
        """
        if self.device.startswith("cuda"):
            self._keep([card_rate(product, self.device) for product in self._often])
            return
        if not self._rates:
            self._products = {product: CpuProduct(product) for product in self._often}
            moments = [rate for each in self._products.values() for rate in each.rates()]
            self._keep(moments)
            least = NEAR * self.best.per_second
            near = [rate for rate in self._rates.values() if rate.per_second >= least]
            self._rates = {rate.library: self._kept_up(rate) for rate in near}
        self._keep([self._kept_up(rate) for rate in self._rates.values()])

    @property
    def _often(self) -> list[Product]:
        return [each for each, n in self.multiply_adds.items() if n >= SHARE * self.total]

    def _kept_up(self, rate: Rate) -> Rate:
        return self._products[rate.product].kept_up(rate.library, self.total)

    def _keep(self, rates: Iterable[Rate]) -> None:
        for rate in rates:
            best = self._rates.get(rate.library, rate)
            self._rates[rate.library] = max(best, rate, key=_per_second)

    @property
    def best(self) -> Rate:
        """The fastest of the model's products in the library that is fastest at it."""
        return max(self._rates.values(), key=_per_second)

    @property
    def by_library(self) -> list[Rate]:
        """The fastest of the model's products in each library that comes near the best."""
        return sorted(self._rates.values(), key=_per_second)

    @property
    def seconds(self) -> float:
        """The time with everything at the best rate."""
        return self.total / self.best.per_second


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
