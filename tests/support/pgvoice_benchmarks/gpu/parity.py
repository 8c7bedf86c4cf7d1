"""Whether a card gives the vectors that the CPU gives, whoever else is in the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from pgvoice.hooks import Encoder, make_encoder
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice_benchmarks.encoding.findings import Findings
from pgvoice_benchmarks.encoding.preloaded import worst_cosine
from pgvoice_benchmarks.encoding.subject import Subject
from pgvoice_benchmarks.gpu.cards import network_of, replaced
from pgvoice_benchmarks.tables import Table

#: Largest difference of a component from the CPU's, and of a cosine from 1, in whole float32.
SAME, SAME_COSINE = 3e-5, 1e-6
#: The same with 10 bits of each factor.
NEAR, NEAR_COSINE = 5e-3, 1e-4
#: The same with 7 bits of each factor and each result.
ROUGH, ROUGH_COSINE = 5e-2, 1e-2
#: Between batches of other sizes, whose sums are in another order.
REORDERED = 1e-5


def judge_parity(subject: Subject, findings: Findings) -> None:
    """Compare the vectors with those of the same encoder on the CPU, in whole float32."""
    expected = make_encoder(subject.source, device="cpu").encode(subject.waveforms)
    table = Table(
        f"{subject.name} on {subject.device} and on the CPU, {len(subject.waveforms)} waveforms",
        ("products", "largest difference", "1 - worst cosine"),
    )
    for name, found, limits in _rounded(subject):
        differences = difference(found, expected), abs(1 - worst_cosine(found, expected))
        table.add(name, *(f"{value:.1e}" for value in differences))
        for what, value, limit in zip(table.columns[1:], differences, limits, strict=True):
            findings.judge(f"{subject.name}, {name}: {what}", value, limit)
    findings.tables.append(table)


def _rounded(subject: Subject) -> Iterator[tuple[str, Embeddings, tuple[float, float]]]:
    """The vectors by precision, with what they may differ by."""
    encoder, waveforms = subject.encoder, subject.waveforms
    yield "float32", encoder.encode(waveforms), (SAME, SAME_COSINE)
    with rounding_allowed():
        found = encoder.encode(waveforms)
    yield "float32, in a process that allows TF32", found, (SAME, SAME_COSINE)
    with replaced(network_of(encoder), "precision", "tf32"):
        yield "TF32", encoder.encode(waveforms), (NEAR, NEAR_COSINE)
    with replaced(network_of(encoder), "precision", "bf16"):
        yield "bfloat16", encoder.encode(waveforms), (ROUGH, ROUGH_COSINE)


@contextmanager
def rounding_allowed() -> Iterator[None]:
    """As in a process that sets PyTorch's older switches for speed."""
    switches: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [switch.allow_tf32 for switch in switches]
    try:
        for switch in switches:
            switch.allow_tf32 = True
        yield
    finally:
        for switch, kept in zip(switches, before, strict=True):
            switch.allow_tf32 = kept


def judge_neighbours(subject: Subject, findings: Findings) -> None:
    """Compare each waveform's vector with those that it has in other company."""
    encoder, waveforms = subject.encoder, list(subject.waveforms)
    rows = encoder.encode(waveforms)
    alone = np.concatenate([encoder.encode([waveform]) for waveform in waveforms])
    backwards = encoder.encode(waveforms[::-1])[::-1]
    table = Table(f"{subject.name} in other batches", ("batch", "largest difference"))
    found = {
        "the same again": (difference(encoder.encode(waveforms), rows), 0.0),
        "alone": (difference(alone, rows), REORDERED),
        "in reverse order": (difference(backwards, rows), REORDERED),
    }
    for name, change in CHANGES.items():
        found[f"beside {name}"] = difference(_beside(encoder, waveforms, change), rows), 0.0
    for name, (value, limit) in found.items():
        table.add(name, f"{value:.1e}")
        findings.judge(f"{subject.name}, {name}: largest difference", value, limit)
    findings.tables.append(table)


#: What the neighbours are replaced with; all keep their lengths, so that sums keep their order.
CHANGES: dict[str, Callable[[Waveform], Waveform]] = {
    "louder neighbours": lambda waveform: waveform[::-1] * np.float32(3),
    "silent neighbours": np.zeros_like,
    "infinite neighbours": lambda waveform: np.full_like(waveform, np.inf),
}


def _beside(
    encoder: Encoder, waveforms: Sequence[Waveform], change: Callable[[Waveform], Waveform]
) -> Embeddings:
    """The vector of every waveform while every other one is changed."""
    rows = np.empty((len(waveforms), encoder.identity.dimension), np.float32)
    for kept in (0, 1):
        batch = [w if at % 2 == kept else change(w) for at, w in enumerate(waveforms)]
        rows[kept::2] = encoder.encode(batch)[kept::2]
    return rows


def difference(rows: Embeddings, others: Embeddings) -> float:
    """The largest of a component; infinite if a row is not finite."""
    worst = float(np.abs(rows - others).max())
    return worst if np.isfinite(worst) else float("inf")
