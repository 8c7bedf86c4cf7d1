"""Products in bfloat16, which some processors and most cards multiply faster than float32."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from pgvoice.hooks.encoders.packing.accelerators import float32_products

#: What a network's products may be computed in, besides ``ieee`` and ``tf32``.
BFLOAT16 = "bf16"
#: Each product, and the place of its weight among the arguments.
PRODUCTS: Mapping[Callable[..., Any], int] = {
    torch.addmm: 2,
    torch.conv1d: 1,
    torch.conv2d: 1,
    torch.mm: 1,
    torch.matmul: 1,
    Tensor.matmul: 1,  # also ``@``
    nn.functional.linear: 1,
}


class Bfloat16Products(TorchFunctionMode):
    """Rounds all that goes into a product, and what comes out, to 8 bits.

    Sums within a product, and everything else, stay in float32. Only this thread is affected.
    """

    def __init__(self) -> None:
        super().__init__()
        self._weights = WeakTensorKeyDictionary()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func not in PRODUCTS:
            return func(*args, **(kwargs or {}))
        out: Tensor | None = (kwargs or {}).get("out")
        factors = [each.bfloat16() if isinstance(each, Tensor) else each for each in args]
        factors[PRODUCTS[func]] = self._weight(args[PRODUCTS[func]])
        found: Tensor = func(*factors)
        return found.float() if out is None else out.copy_(found)

    def _weight(self, weight: Tensor) -> Tensor:
        """The rounded weight, which is kept as long as the weight itself."""
        if weight not in self._weights:
            self._weights[weight] = weight.bfloat16()
        rounded: Tensor = self._weights[weight]
        return rounded


@contextmanager
def products_in(precision: str, rounding: Bfloat16Products) -> Iterator[None]:
    """Compute products in ``ieee``, ``tf32`` or ``bf16``, whatever the process allows elsewhere."""
    if precision != BFLOAT16:
        with float32_products(precision):
            yield
        return
    with float32_products(), rounding:
        yield
