"""How fast the encoders are: `python tests/benchmarks/encoders.py [segments]`.

Times are the best of three runs, taken in turns; weights of ECAPA are random, which takes the same
time. Speech is noise of the same lengths, 0.5 to 20 s, 3 s in the middle.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.processing.features import InputNormalization

from pgvoice.hooks.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.campplus import CampplusEncoder
from pgvoice.hooks.encoders.ecapa import MELS, TOPOLOGY
from pgvoice.hooks.encoders.ecapa_network import PackedEcapa
from pgvoice.hooks.encoders.packing import CPU_FRAMES, run_within
from pgvoice.hooks.encoders.waveforms import unit_rows

SAMPLE_RATE = 16_000
#: Lengths are rounded to this for the comparison of batches of equal length.
GRID = SAMPLE_RATE // 10
RUNS = 3


def make_speech(count: int, step: int) -> list[Waveform]:
    """Noise in lengths that are multiples of `step` samples."""
    rng = np.random.default_rng(0)
    seconds = rng.lognormal(np.log(3), 0.6, count).clip(0.5, 20)
    sizes = (seconds * SAMPLE_RATE).astype(int) // step * step
    return [rng.normal(0, 0.1, size).astype(np.float32) for size in sizes]


class OneByOne:
    """SpeechBrain's own way."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model: Any = ECAPA_TDNN(**TOPOLOGY).eval()
        self.fbank: Any = Fbank(n_mels=MELS)
        self.norm: Any = InputNormalization(norm_type="sentence", std_norm=False)

    @torch.inference_mode()
    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        whole, rows = torch.ones(1), []
        for waveform in waveforms:
            features = self.norm(self.fbank(torch.from_numpy(waveform)[None]), whole)
            rows.append(self.model(features, whole).flatten())
        return unit_rows(torch.stack(rows).numpy())


def bare_products(network: PackedEcapa, waveforms: Sequence[Waveform]) -> None:
    """The products of the packed pass, and nothing else of it."""
    frames = [network.features.frames(waveform.size) for waveform in waveforms]
    pooling = network.pooling
    rows = torch.ones(max(CPU_FRAMES, *frames), max(network.aggregation.weight.shape))
    weights = [network.first.weight, network.aggregation.weight]
    weights += [pooling.frame_weight, pooling.score_weight]
    for block in network.blocks:
        weights += [layer.weight for layer in (block.enter, *block.chain, block.leave)]

    def multiply(part: slice) -> torch.Tensor:
        for weight in weights:
            torch.mm(rows[: sum(frames[part]), : len(weight)], weight)
        return torch.empty(0)

    run_within(CPU_FRAMES, frames, multiply)


def best_times(runs: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of each, the best of several, taken in turns so that all meet the same machine."""
    best = dict.fromkeys(runs, float("inf"))
    for turn in range(RUNS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def ecapa(count: int) -> tuple[dict[str, float], float]:
    """Times, and the largest difference between the unit vectors."""
    speech, alone = make_speech(count, 1), OneByOne()
    network = PackedEcapa(alone.model, alone.fbank)
    runs = {
        "ECAPA one by one (SpeechBrain)": lambda: alone.encode(speech),
        "ECAPA packed": lambda: network.encode(speech),
        "ECAPA, bare matrix products": lambda: bare_products(network, speech),
    }
    packed = unit_rows(network.encode(speech).numpy())
    return best_times(runs), float(abs(packed - alone.encode(speech)).max())


def campplus(count: int) -> tuple[dict[str, float], float]:
    """Times, and the largest difference between the unit vectors."""
    speech, encoder = make_speech(count, GRID), CampplusEncoder("cpu")

    def alone() -> Embeddings:
        return np.concatenate([encoder.encode([waveform]) for waveform in speech])

    runs = {"CAM++ one by one": alone, "CAM++ equal lengths": lambda: encoder.encode(speech)}
    return best_times(runs), float(abs(encoder.encode(speech) - alone()).max())


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    seconds = sum(waveform.size for waveform in make_speech(count, 1)) / SAMPLE_RATE
    table = Table(title=f"{count} segments, {seconds:.0f} s, {torch.get_num_threads()} threads")
    for column in ("what", "seconds", "of one by one", "largest difference"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for times, difference in (ecapa(count), campplus(count)):
        first = next(iter(times.values()))
        for name, taken in times.items():
            table.add_row(name, f"{taken:.2f}", f"{taken / first:.2f}", f"{difference:.1e}")
    Console().print(table)


if __name__ == "__main__":
    main()
