"""``Subject``: an encoder, its plain model, and speech to measure them with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pgvoice.hooks import Encoder, make_encoder
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.fill.embedding_pass import too_short
from pgvoice.store.keys import snap_segments
from pgvoice_benchmarks.encoding import preloaded
from pgvoice_benchmarks.encoding.floor import Floor, count
from pgvoice_benchmarks.encoding.models import MODELS, PlainModel
from pgvoice_benchmarks.material import RATE, Span
from pgvoice_benchmarks.timing import Run, ignore, timed

PGVOICE = "pgvoice's encoder"


class Subject:
    """pgvoice's encoder and the plain model with the same weights, on one device."""

    def __init__(
        self, name: str, folder: Path, waveforms: Sequence[Waveform], device: str = "cpu"
    ) -> None:
        """Weights without a package are written to `folder`."""
        self.name, self.device = name, device
        self.plain: PlainModel = MODELS[name](device)
        #: The encoder's name on the command line.
        self.source = self.plain.source(folder)
        self.encoder: Encoder = make_encoder(self.source, device=device)
        self.waveforms = waveforms
        self.floor = Floor(count(self.plain, [waveform.size for waveform in waveforms]), device)

    def warm_up(self) -> None:
        self.encoder.load()
        for run in self._ways(self.waveforms[:3]).values():
            run(ignore)

    def ways(self) -> dict[str, Run[Embeddings]]:
        """Runs from waveforms to vectors: the plain model's and pgvoice's."""
        return self._ways(self.waveforms)

    def _ways(self, waveforms: Sequence[Waveform]) -> dict[str, Run[Embeddings]]:
        return preloaded.runs(self.plain, waveforms) | {
            PGVOICE: lambda _progress: timed(lambda: self.encoder.encode(waveforms))
        }


def cut(samples: Waveform, spans: Sequence[Span], grid_ms: int) -> list[Waveform]:
    """The waveforms that a fill of these spans embeds, from samples at `RATE`."""
    keys = [key for key in snap_segments(spans, grid_ms).distinct if not too_short(key)]
    per_ms = RATE // 1000
    return [samples[key.start_ms * per_ms : key.end_ms * per_ms] for key in keys]
