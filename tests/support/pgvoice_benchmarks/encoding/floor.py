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
from pgvoice_benchmarks.timing import Progress, Timed, ignore

#: Shapes with a smaller share of all multiply-adds are not measured.
SHARE = 0.01
#: Products that reach this much of the best rate for a moment are measured for longer.
NEAR = 0.85


class Floor:
    """A model's multiply-adds, and the best rate of them that a device keeps up in any library."""

    def __init__(self, multiply_adds: Mapping[Product, int], device: str = "cpu") -> None:
        self.multiply_adds, self.device = multiply_adds, device
        self.total = sum(multiply_adds.values())
        self._products: dict[Product, CpuProduct] = {}
        #: Of each product that came near the best, its rate when it was carried out at length.
        self.tried: list[Rate] = []
        self._rates: list[Rate] = []

    def measure(self) -> None:
        """Measure again and keep the best, since the machine may be busy."""
        if self.device.startswith("cuda"):
            self._rates += [card_rate(product, self.device) for product in self._often]
        else:
            self.carry_out()

    def carry_out(self, _progress: Progress = ignore) -> Timed[None]:
        """On a CPU: as many multiply-adds as the model's, as the product that is fastest at length.

        A processor is faster for a moment than as long as a model runs, and faster in the best of
        many moments than in one, so only as many runs count as are made on purpose.
        """
        if not self.tried:
            self._products = {product: CpuProduct(product) for product in self._often}
            moments = [rate for each in self._products.values() for rate in each.rates()]
            least = NEAR * max(map(_per_second, moments))
            near = [each for each in moments if each.per_second >= least]
            self.tried = sorted(map(self._kept_up, near), key=_per_second)
        rate = self._kept_up(self.tried[-1])
        self._rates.append(rate)
        return Timed(self.total / rate.per_second, None)

    @property
    def _often(self) -> list[Product]:
        return [each for each, n in self.multiply_adds.items() if n >= SHARE * self.total]

    def _kept_up(self, rate: Rate) -> Rate:
        return self._products[rate.product].kept_up(rate.library, self.total)

    @property
    def best(self) -> Rate:
        """The fastest of the model's products in the library that is fastest at it."""
        return max(self._rates, key=_per_second)

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
