"""Ways that were tried and are not the default: one by one otherwise compiled or laid out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from pgvoice.hooks import make_encoder
from pgvoice.hooks.encoders.bfloat16 import SUFFIX
from pgvoice.hooks.encoders.encoder import Embeddings
from pgvoice_benchmarks.encoding import preloaded
from pgvoice_benchmarks.encoding.subject import Subject
from pgvoice_benchmarks.timing import Progress, Run, Timed, ignore, timed


def compiled(subject: Subject) -> Run[Embeddings]:
    """Through `torch.compile`, once for all lengths; compiles now."""
    return _with(subject, lambda network: torch.compile(network, dynamic=True))


def channels_last(subject: Subject) -> Run[Embeddings]:
    """With the channels of images side by side in memory."""

    def laid(network: Any) -> Any:
        return network.to(memory_format=torch.channels_last)

    return _with(subject, laid)


def in_bfloat16(subject: Subject) -> Run[Embeddings]:
    """Pgvoice's encoder with products in bfloat16."""
    name, colon, source = subject.source.partition(":")
    encoder = make_encoder(f"{name}{SUFFIX}{colon}{source}", device=subject.device)
    encoder.load()
    return lambda _progress: timed(lambda: encoder.encode(subject.waveforms))


def _with(subject: Subject, change: Callable[[nn.Module], Any]) -> Run[Embeddings]:
    """The plain model one by one, with a changed network."""
    model = copy.copy(subject.plain)
    model.network = change(copy.deepcopy(model.network))
    preloaded.one_by_one(model, subject.waveforms[:3], ignore)

    def run(progress: Progress) -> Timed[Embeddings]:
        return timed(lambda: preloaded.one_by_one(model, subject.waveforms, progress))

    return run


#: By the option's value: what the row is called, and what makes its run.
TRIED: Mapping[str, tuple[str, Callable[[Subject], Run[Embeddings]]]] = {
    "compile": (f"{preloaded.ONE_BY_ONE}, torch.compile", compiled),
    "channels-last": (f"{preloaded.ONE_BY_ONE}, channels last", channels_last),
    "bf16": ("pgvoice's encoder in bfloat16", in_bfloat16),
}
