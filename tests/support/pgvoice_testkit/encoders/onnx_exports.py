"""Writes CAM++, ECAPA and GE2E to ONNX files.

``python tests/support/pgvoice_testkit/encoders/onnx_exports.py campplus FOLDER`` writes
``campplus.onnx`` and ``campplus.toml``; so do ``ge2e``, and ``ecapa`` with the weights in FOLDER.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch
from torch import nn

from pgvoice.hooks.encoders.campplus import campplus
from pgvoice.hooks.encoders.campplus.campplus_topology import MELS
from pgvoice.hooks.encoders.ecapa import ecapa
from pgvoice.hooks.encoders.weights import digest, load_network, packaged_file
from pgvoice_testkit.encoders.plain_campplus import Campplus
from pgvoice_testkit.encoders.waveform_graphs import EcapaGraph, Ge2eGraph

#: As sherpa-onnx's script for models of 3D-Speaker writes it.
CAMPPLUS_METADATA = {
    "framework": "3d-speaker",
    "language": "Chinese",
    "url": "https://www.modelscope.cn/models/iic/speech_campplus_sv_zh_en_16k-common_advanced",
    "comment": "exported for pgvoice's tests",
    "sample_rate": "16000",
    "output_dim": str(campplus.DIMENSION),
    "normalize_samples": "1",
    "feature_normalize_type": "global-mean",
}
#: Where the front end that CAM++ was trained with differs from sherpa-onnx's.
CAMPPLUS_SETTINGS = "snip_edges = true\nhigh_hz = 8000\nmin_seconds = 0.045\n"


def export_campplus(folder: Path, settings: str | None = CAMPPLUS_SETTINGS) -> Path:
    """Write the network with its real weights, and `settings` beside it; returns its path."""
    weights = packaged_file(campplus.PACKAGE, campplus.WEIGHTS_FILE, "campplus")
    network = load_network(Campplus, weights, campplus.WEIGHTS_SHA256)
    path = folder / "campplus.onnx"
    _export(network, path, "x", (1, 100, MELS), CAMPPLUS_METADATA)
    return _beside(path, settings)


def export_ecapa(folder: Path, weights_folder: Path) -> Path:
    """Write ECAPA with the weights of a folder, as `EcapaEncoder` takes it; returns its path."""
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    from pgvoice.hooks.encoders.ecapa.ecapa_network import SpeechBrainFeatures

    weights = weights_folder / ecapa.WEIGHTS_FILE
    network = load_network(lambda: ECAPA_TDNN(**ecapa.TOPOLOGY), weights, digest(weights))
    fbank = Fbank(n_mels=ecapa.MELS)
    bands = SpeechBrainFeatures(fbank, torch.device("cpu")).mel
    path = folder / "ecapa.onnx"
    _export(EcapaGraph(network, fbank, bands), path, "waveform", (1, 16_000), {})
    return _beside(path, _from_samples(ecapa.DIMENSION, ecapa.EcapaEncoder.min_samples))


def export_ge2e(folder: Path) -> Path:
    """Write GE2E with its real weights; returns its path."""
    from pgvoice_ge2e.encoder import LOUDNESS, PIECE, Ge2eEncoder

    lstm, linear = Ge2eEncoder("cpu")._network
    path = folder / "ge2e.onnx"
    graph = Ge2eGraph(lstm, linear, piece=PIECE, loudness=LOUDNESS)
    _export(graph, path, "waveform", (1, 32_000), {})
    return _beside(path, _from_samples(linear.out_features, Ge2eEncoder.min_samples))


def _export(
    network: nn.Module, path: Path, name: str, shape: Sequence[int], metadata: Mapping[str, str]
) -> None:
    """Write a network whose input may have any number of segments of any length."""
    axes = {name: {0: "N", 1: "T"}, "embedding": {0: "N"}}
    with warnings.catch_warnings():
        # It prefers an exporter that needs two more packages, and warns of batches of an LSTM.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.rand(*shape),),
            str(path),
            dynamo=False,
            opset_version=13,
            input_names=[name],
            output_names=["embedding"],
            dynamic_axes=axes,
        )
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, str(path))


def _from_samples(dimension: int, shortest: int) -> str:
    """The settings of a graph that contains its front end."""
    lines = ('front_end = "waveform"', "sample_rate = 16000", f"dimension = {dimension}")
    return "\n".join([*lines, f"min_seconds = {shortest / 16_000}", ""])


def _beside(path: Path, settings: str | None) -> Path:
    if settings is not None:
        path.with_suffix(".toml").write_text(settings)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Write an encoder to an ONNX file.")
    parser.add_argument("name", choices=["campplus", "ecapa", "ge2e"])
    parser.add_argument("folder", type=Path, help="where to write; for ecapa also its weights")
    chosen = parser.parse_args()
    if chosen.name == "ecapa":
        export_ecapa(chosen.folder, chosen.folder)
    else:
        {"campplus": export_campplus, "ge2e": export_ge2e}[chosen.name](chosen.folder)


if __name__ == "__main__":
    main()
