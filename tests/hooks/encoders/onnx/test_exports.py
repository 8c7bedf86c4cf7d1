"""Real models, exported to ONNX: their vectors are those of the encoders that they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from pgvoice_testkit.audio.packaged_sample import SAMPLE
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.encoders import onnx_exports
from pgvoice_testkit.processes.installing import install_plugins

from pgvoice.hooks import Encoder, make_encoder
from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.onnx.graph_file import read_graph
from pgvoice.hooks.testing import EncoderConformance

SAMPLE_RATE = 16_000
SECONDS = (0.1, 0.3, 0.6, 1, 1, 1.004, 2, 3.33, 10, 20, 60)
#: The largest difference in any element of two vectors of length 1.
EQUAL = 1e-5


@pytest.fixture(scope="module")
def speech() -> list[Waveform]:
    """Speech of several lengths, each from another place."""
    podcast = SPEECH / "simulated-podcast" / "podcast-dev.flac"
    sound, rate = soundfile.read(podcast if podcast.exists() else SAMPLE, dtype="float32")
    assert rate == SAMPLE_RATE
    sizes = [round(seconds * SAMPLE_RATE) for seconds in SECONDS]
    return [np.resize(sound[SAMPLE_RATE * at :], size) for at, size in enumerate(sizes)]


@pytest.fixture(scope="module")
def campplus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return onnx_exports.export_campplus(tmp_path_factory.mktemp("campplus"))


@pytest.fixture(scope="module")
def ecapa(weights_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return onnx_exports.export_ecapa(tmp_path_factory.mktemp("ecapa"), weights_folder)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin and its weights; skips without a package index."""
    folder = tmp_path_factory.mktemp("plugin")
    install_plugins(folder, "ge2e")
    return folder


@pytest.fixture(scope="module")
def ge2e(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as importing:
        importing.syspath_prepend(plugin)
        return onnx_exports.export_ge2e(tmp_path_factory.mktemp("ge2e"))


def _largest_difference(exported: Encoder, original: Encoder, speech: list[Waveform]) -> float:
    """Over all that both take; the two are asked for all at once."""
    shortest = max(exported.min_samples, original.min_samples)
    heard = [waveform for waveform in speech if len(waveform) >= shortest]
    assert len(heard) >= len(speech) - 1
    return float(np.abs(exported.encode(heard) - original.encode(heard)).max())


def test_campplus_gives_our_vectors(campplus: Path, speech: list[Waveform]) -> None:
    exported, original = make_encoder(f"onnx:{campplus}", device="cpu"), CampplusEncoder("cpu")
    assert exported.min_samples == original.min_samples
    assert _largest_difference(exported, original, speech) < EQUAL


def test_campplus_needs_no_settings_beside_it(campplus: Path, tmp_path: Path) -> None:
    """The metadata, as sherpa-onnx writes them, say all that decides."""
    copy = tmp_path / "as published.onnx"
    copy.write_bytes(campplus.read_bytes())
    published, beside = make_encoder(f"onnx:{copy}"), make_encoder(f"onnx:{campplus}")
    assert published.identity == beside.identity
    assert published.identity.dimension == 192
    assert read_graph(campplus).has_ragged_means, "old releases of ONNX Runtime are refused"


class TestCampplus(EncoderConformance):
    tolerance = EQUAL

    @pytest.fixture(autouse=True)
    def _exported(self, campplus: Path) -> None:
        self.path = campplus

    def make_encoder(self) -> Encoder:
        return make_encoder(f"onnx:{self.path}", device="cpu")


@pytest.mark.slow
class TestEcapa(EncoderConformance):
    """With seeded weights; the front end is in the graph."""

    tolerance = EQUAL

    @pytest.fixture(autouse=True)
    def _exported(self, ecapa: Path) -> None:
        self.path = ecapa

    def make_encoder(self) -> Encoder:
        return make_encoder(f"onnx:{self.path}", device="cpu")

    def test_it_gives_our_vectors(
        self, encoder: Encoder, weights_folder: Path, speech: list[Waveform]
    ) -> None:
        original = EcapaEncoder(weights_folder, "cpu")
        assert encoder.min_samples == original.min_samples
        assert _largest_difference(encoder, original, speech) < EQUAL


@pytest.mark.slow
class TestGe2e(EncoderConformance):
    """An LSTM over pieces; the front end is in the graph."""

    tolerance = EQUAL

    @pytest.fixture(autouse=True)
    def _exported(self, ge2e: Path) -> None:
        self.path = ge2e

    def make_encoder(self) -> Encoder:
        return make_encoder(f"onnx:{self.path}", device="cpu")

    def test_it_gives_the_plugin_s_vectors(
        self,
        encoder: Encoder,
        plugin: Path,
        speech: list[Waveform],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.syspath_prepend(plugin)
        from pgvoice_ge2e.encoder import Ge2eEncoder

        original = Ge2eEncoder("cpu")
        assert encoder.min_samples == original.min_samples
        assert _largest_difference(encoder, original, speech) < EQUAL
