"""Layouts that are known: the settings that follow from a file's metadata, or from its names.

Each names the toolkit that trained the model, and the front end is that toolkit's, as the weights
learned it. sherpa-onnx, which writes the metadata, computes all features with one front end (frames
beyond the ends, bands up to 7600 Hz, no normalisation for WeSpeaker): its vectors differ a little.

Sources: sherpa-onnx (``scripts/wespeaker``, ``scripts/3dspeaker``,
``scripts/nemo/speaker-verification``), WeSpeaker (``wespeaker/bin/export_onnx.py``,
``wespeaker/dataset/processor.py``), 3D-Speaker (``speakerlab/process/processor.py``), NeMo
(``nemo/collections/asr/parts/preprocessing/features.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pgvoice.hooks.encoders.onnx.graph_file import GraphFile
from pgvoice.hooks.encoders.onnx.settings import Stated

#: WeSpeaker's models take samples as 16-bit numbers.
INT16 = 32_768.0
WESPEAKER = Stated(front_end="fbank", window="hamming", scale=INT16, normalize="mean", mel_bins=80)
SPEAKER_3D = Stated(front_end="fbank", window="povey", scale=1, normalize="mean", mel_bins=80)
#: By ``framework`` in the metadata that sherpa-onnx writes.
FRAMEWORKS = {"wespeaker": WESPEAKER, "3d-speaker": SPEAKER_3D, "nemo": Stated(front_end="nemo")}
#: What sherpa-onnx and NeMo call a normalisation.
NORMALISATIONS = {"global-mean": "mean", "per_feature": "mean_std"}
#: Settings by their keys in the metadata.
KEYS = {
    "sample_rate": "sample_rate",
    "dimension": "output_dim",
    "mel_bins": "feat_dim",
    "frame_ms": "window_size_ms",
    "step_ms": "window_stride_ms",
    "window": "window_type",
    "normalize": "feature_normalize_type",
}
#: The names that WeSpeaker gives to the only input and the only output.
WESPEAKER_NAMES = ("feats", "embs")


def from_file(graph: GraphFile) -> Stated:
    """What follows from the file alone; nothing if its layout is unknown.

    Raises `ValueError` for a value in the metadata that is not understood.
    """
    framework = graph.metadata.get("framework", "")
    if framework in FRAMEWORKS:
        return _from_metadata(graph.metadata).filled(FRAMEWORKS[framework])
    if is_wespeakers(graph):
        # WeSpeaker's own runtimes know no other rate either.
        return Stated(sample_rate=16_000).filled(WESPEAKER)
    return Stated()


def is_wespeakers(graph: GraphFile) -> bool:
    """Whether WeSpeaker exported it, which writes no metadata but ``config.yaml`` beside it."""
    names = tuple(each.name for each in (*graph.inputs, *graph.outputs))
    return names == WESPEAKER_NAMES and "framework" not in graph.metadata


def _from_metadata(metadata: Mapping[str, str]) -> Stated:
    """What sherpa-onnx's metadata state, of which some scripts misspell ``normalize_samples``."""
    found = {field: metadata[key] for field, key in KEYS.items() if metadata.get(key)}
    if "normalize" in found:
        found["normalize"] = NORMALISATIONS.get(found["normalize"], found["normalize"])
    stated = msgspec.convert(found, Stated, strict=False)
    in_range = metadata.get("normalize_samples", metadata.get("normalize_features"))
    scale = None if in_range is None else (1.0 if in_range == "1" else INT16)
    return Stated(scale=scale).filled(stated)
