"""The speed of the encoders: ``python tests/benchmarks/encoders.py --segments 281 --device cpu``.

Times are the best of several alternating runs. ECAPA's weights are random, which does not change
its speed; speech is noise of 0.5 to 20 s, with a median of 3 s. The floor is the time of ECAPA's
multiplications at the rate of the fastest product measured in the same run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.processing.features import InputNormalization

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.encoders.onnx_exports import export_campplus

from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.ecapa.ecapa import MELS, TOPOLOGY
from pgvoice.hooks.encoders.ecapa.ecapa_network import PackedEcapa
from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform
from pgvoice.hooks.encoders.onnx.onnx_encoder import OnnxEncoder
from pgvoice.hooks.encoders.packing.accelerators import float32_products, frame_budget
from pgvoice.hooks.encoders.packing.packed_network import run_within
from pgvoice.hooks.encoders.waveforms import unit_rows

SAMPLE_RATE = 16_000
Runs = Mapping[str, Callable[[], object]]
#: The best seconds of each run.
Timed = Callable[[Runs], dict[str, float]]


def make_speech(count: int) -> list[Waveform]:
    """Noise of lognormal lengths."""
    rng = np.random.default_rng(0)
    seconds = rng.lognormal(np.log(3), 0.6, count).clip(0.5, 20)
    return [rng.normal(0, 0.1, int(s * SAMPLE_RATE)).astype(np.float32) for s in seconds]


class OneByOne:
    """SpeechBrain's own modules, one segment at a time."""

    def __init__(self, device: str) -> None:
        torch.manual_seed(0)
        self.device = device
        self.model: Any = ECAPA_TDNN(**TOPOLOGY).eval()
        self.fbank: Any = Fbank(n_mels=MELS)
        self.norm: Any = InputNormalization(norm_type="sentence", std_norm=False)

    @torch.inference_mode()
    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        for module in (self.model, self.fbank, self.norm):
            module.to(self.device)
        whole, rows = torch.ones(1, device=self.device), []
        for waveform in waveforms:
            samples = torch.from_numpy(waveform)[None].to(self.device)
            rows.append(self.model(self.norm(self.fbank(samples), whole), whole).flatten())
        return unit_rows(torch.stack(rows).cpu().numpy())


class Rounded(PackedEcapa):
    """The packed network with 10 bits of each factor."""

    precision = "tf32"


class Products:
    """Only the matrix products of the packed pass, over the same tapes."""

    def __init__(self, network: PackedEcapa, waveforms: Sequence[Waveform]) -> None:
        pooling, self.device = network.pooling, network.device
        self.weights = [network.first.weight, network.aggregation.weight]
        for block in network.blocks:
            self.weights += [layer.weight for layer in (block.enter, *block.chain, block.leave)]
        self.weights += [pooling.frame_weight, pooling.score_weight]
        squeezes = [part for block in network.blocks for part in (block.squeeze, block.excite)]
        once = [part.weight for part in (*squeezes, network.pooling.embedding)]
        self.per_segment = sum(weight.numel() for weight in (*once, pooling.context.weight))
        self.frames = [network.features.frames(waveform.size) for waveform in waveforms]
        self.budget = min(frame_budget(self.device, network.bytes_per_frame), sum(self.frames))

    @property
    def multiplications(self) -> int:
        per_frame = sum(weight.numel() for weight in self.weights)
        return per_frame * sum(self.frames) + self.per_segment * len(self.frames)

    @torch.inference_mode()
    def run(self) -> None:
        longest, widest = max(self.budget, *self.frames), max(map(len, self.weights))
        rows = torch.ones(longest, widest, device=self.device)

        def multiply(part: slice) -> torch.Tensor:
            for weight in self.weights:
                torch.mm(rows[: sum(self.frames[part]), : len(weight)], weight)
            return torch.empty(0)

        with float32_products():
            run_within(self.budget, self.frames, multiply)
        finish(self.device)

    def rate(self) -> float:
        """Multiplications per second of the fastest product; each is measured alone."""
        runs: dict[str, Callable[[], object]] = {}
        for weight in {tuple(weight.shape): weight for weight in self.weights}.values():
            rows = torch.ones(self.budget, len(weight), device=self.device)
            runs[str(tuple(weight.shape))] = partial(self._repeat, rows, weight)
        shapes = {str(tuple(weight.shape)): weight.numel() for weight in self.weights}
        taken = best_times(5, time.perf_counter, runs)
        return max(REPEATS * self.budget * shapes[name] / taken[name] for name in runs)

    @torch.inference_mode()
    def _repeat(self, rows: torch.Tensor, weight: torch.Tensor) -> None:
        out = rows.new_empty(len(rows), weight.shape[1])
        with float32_products():
            for _ in range(REPEATS):
                torch.mm(rows, weight, out=out)
        finish(self.device)


#: Products in one measurement of the rate.
REPEATS = 3


def finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def best_times(turns: int, clock: Callable[[], float], runs: Runs) -> dict[str, float]:
    """The best seconds of each; runs alternate so that all meet the same load."""
    best = dict.fromkeys(runs, float("inf"))
    for turn in range(turns + 1):
        for name, run in runs.items():
            start = clock()
            run()
            if turn:
                best[name] = min(best[name], clock() - start)
    return best


def table(title: str, times: Mapping[str, float], floor: float) -> Table:
    first = next(iter(times.values()))
    found = Table("what", title=title)
    for column in ("seconds", "of one by one", *(["of the floor"] if floor else [])):
        found.add_column(column, justify="right")
    for name, taken in times.items():
        ratios = [taken / first, *([taken / floor] if floor else [])]
        found.add_row(name, f"{taken:.3f}", *(f"{ratio:.2f}" for ratio in ratios))
    return found


def ecapa(speech: Sequence[Waveform], device: str, timed: Timed, console: Console) -> None:
    alone = OneByOne(device)
    network = PackedEcapa(alone.model, alone.fbank, device)
    rounded = Rounded(alone.model, alone.fbank, device)
    products = Products(network, speech)
    runs: dict[str, Callable[[], object]] = {
        "one by one (SpeechBrain)": lambda: alone.encode(speech),
        "packed": lambda: network.encode(speech),
        "the same products alone": products.run,
    }
    if device != "cpu":
        runs["packed, tf32"] = lambda: rounded.encode(speech)
    times, rate = timed(runs), products.rate()
    floor = products.multiplications / rate
    console.print(table("ECAPA", {**times, "floor": floor}, floor))
    rows, exact = network.encode(speech), alone.encode(speech)
    cosine = (rounded.encode(speech) * exact).sum(1).min()
    console.print(
        f"{products.multiplications / 1e9:.0f} G multiply-adds; {rate / 1e9:.0f} G a second, of "
        f"which the packed pass reaches {floor / times['packed']:.0%}; packed is "
        f"{times['packed'] / times['the same products alone']:.2f} of its products alone\n"
        f"largest difference from one by one {abs(rows - exact).max():.1e}; "
        f"worst cosine of tf32 {cosine:.7f} ({'of no effect' if device == 'cpu' else device})"
    )


def campplus(speech: Sequence[Waveform], device: str, timed: Timed, console: Console) -> None:
    """The ends of segments are on the grid of the store, so that some have the same length."""
    step = SAMPLE_RATE // 10
    speech = [waveform[: waveform.size // step * step] for waveform in speech]
    encoder = CampplusEncoder(device)

    def alone(encoder: Encoder) -> Embeddings:
        return np.concatenate([encoder.encode([waveform]) for waveform in speech])

    with TemporaryDirectory() as folder:
        exported = OnnxEncoder(export_campplus(Path(folder)), device.partition(":")[0])
        exported.load()
    runs: dict[str, Callable[[], object]] = {
        "one by one": lambda: alone(encoder),
        "packed": lambda: encoder.encode(speech),
        "ONNX Runtime, one by one": lambda: alone(exported),
        "ONNX Runtime, equal lengths": lambda: exported.encode(speech),
    }
    lengths = len({waveform.size for waveform in speech})
    console.print(table(f"CAM++, {lengths} lengths", timed(runs), 0))
    expected = alone(encoder)
    for name, rows in {"packed": encoder.encode(speech), "ONNX": exported.encode(speech)}.items():
        console.print(
            f"{name}: largest difference from one by one {abs(rows - expected).max():.1e}"
        )


MEASURES = {"ecapa": ecapa, "campplus": campplus}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the speed of the encoders.")
    parser.add_argument("--segments", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", choices=MEASURES)
    parser.add_argument("--processor", action="store_true", help="count seconds of processors")
    chosen = parser.parse_args()
    clock = time.process_time if chosen.processor else time.perf_counter
    speech, console = make_speech(chosen.segments), Console()
    seconds = sum(waveform.size for waveform in speech) / SAMPLE_RATE
    threads = torch.get_num_threads()
    console.print(f"{len(speech)} segments, {seconds:.0f} s, {chosen.device}, {threads} threads")
    for name, measure in MEASURES.items():
        if chosen.only in (name, None):
            measure(speech, chosen.device, partial(best_times, chosen.turns, clock), console)


if __name__ == "__main__":
    main()
