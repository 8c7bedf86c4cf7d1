"""Models in ONNX files: the promises of every encoder, batches, and what cannot be loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from pgvoice_testkit.encoders import onnx_graphs as graphs

from pgvoice.hooks import Encoder, EncoderUnavailable, make_encoder
from pgvoice.hooks.encoders.onnx.model import read_model
from pgvoice.hooks.encoders.onnx.onnx_encoder import RUN_SECONDS, OnnxEncoder, _runs
from pgvoice.hooks.encoders.onnx.sessions import open_session
from pgvoice.hooks.encoders.onnx.trial import try_out
from pgvoice.hooks.testing import EncoderConformance, voice

WAVEFORM = 'front_end = "waveform"\nsample_rate = 16000\n'
RATE = 16_000


class _Conformance(EncoderConformance):
    """The encoder of a small model."""

    toml = ""
    metadata: dict[str, str] = {}  # noqa: RUF012

    def graph(self) -> onnx.ModelProto:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _write(self, tmp_path: Path) -> None:
        self.path = graphs.save(self.graph(), tmp_path / "model.onnx", self.metadata)
        if self.toml:
            self.path.with_suffix(".toml").write_text(self.toml)

    def make_encoder(self) -> Encoder:
        return make_encoder(f"onnx:{self.path.parent}", device="cpu")


class TestGeneral(_Conformance):
    """sherpa-onnx's metadata of models of 3D-Speaker and WeSpeaker."""

    metadata = graphs.SPEAKER_3D

    def graph(self) -> onnx.ModelProto:
        return graphs.of_features()


class TestNemo(_Conformance):
    metadata = graphs.NEMO

    def graph(self) -> onnx.ModelProto:
        return graphs.of_nemo()


class TestWespeakersOwn(_Conformance):
    def graph(self) -> onnx.ModelProto:
        return graphs.of_features(("feats", "embs"), ("B", "T", 80))


class TestWaveform(_Conformance):
    toml = WAVEFORM

    def graph(self) -> onnx.ModelProto:
        return graphs.of_waveforms()


class TestNeighbours(_Conformance):
    """Its rows depend on their neighbours, so it gets them one by one."""

    metadata = graphs.SPEAKER_3D

    def graph(self) -> onnx.ModelProto:
        return graphs.of_features(last=graphs.NEIGHBOURS)


def _saved(folder: Path, graph: onnx.ModelProto, toml: str = "") -> Path:
    path = graphs.save(graph, folder / "model.onnx", graphs.SPEAKER_3D)
    path.with_suffix(".toml").write_text(toml)
    return path


@pytest.mark.parametrize(
    ("graph", "together"),
    [
        (graphs.of_features(), True),
        (graphs.of_features(last=graphs.NEIGHBOURS), False),
        (graphs.of_features(last=graphs.ONE_ROW), False),
        (graphs.of_features(axes=(1, "T", 80)), False),
    ],
    ids=["free", "neighbours", "one row", "fixed"],
)
def test_a_trial_says_whether_rows_go_together(
    tmp_path: Path, graph: onnx.ModelProto, together: bool
) -> None:
    path = _saved(tmp_path, graph)
    assert try_out(open_session(path, "cpu"), read_model(path)) is together
    sound = [voice(RATE, RATE, pitch) for pitch in (100, 150, 200)]
    encoder = OnnxEncoder(path, "cpu")
    alone = np.concatenate([encoder.encode([each]) for each in sound])
    assert np.abs(encoder.encode(sound) - alone).max() < 1e-5


def test_neighbours_matter_where_they_are_not_kept_apart(tmp_path: Path) -> None:
    """Without the trial, the graph of the test above would give other vectors."""
    path = _saved(tmp_path, graphs.of_features(last=graphs.NEIGHBOURS))
    session = open_session(path, "cpu")
    rows = np.random.default_rng(0).normal(size=(2, 50, 80)).astype(np.float32)
    (together,) = session.run(None, {"x": rows})
    (alone,) = session.run(None, {"x": rows[:1]})
    assert np.abs(together[0] - alone[0]).max() > 1e-3


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (graphs.RANDOM, "another vector for the same sound each time"),
        (graphs.CONSTANT, "the same vector for different sounds"),
        (graphs.NOT_FINITE, "no finite vector for sound"),
    ],
    ids=["random", "constant", "not finite"],
)
def test_a_model_that_is_no_encoder(
    tmp_path: Path, last: tuple[onnx.NodeProto, ...], said: str
) -> None:
    encoder = OnnxEncoder(_saved(tmp_path, graphs.of_features(last=last)), "cpu")
    assert encoder.identity.dimension == graphs.DIMENSION
    with pytest.raises(EncoderUnavailable, match=said):
        encoder.load()


def test_another_dimension_than_stated(tmp_path: Path) -> None:
    graph = graphs.of_features()
    del graph.graph.output[0].type.tensor_type.shape.dim[1]
    graph.graph.output[0].type.tensor_type.shape.dim.add()
    path = tmp_path / "model.onnx"
    onnx.save(graph, path)
    path.with_suffix(".toml").write_text(
        'dimension = 12\nfront_end = "nemo"\nsample_rate = 16000\nmel_bins = 80\n'
    )
    encoder = OnnxEncoder(path, "cpu")
    assert encoder.identity.dimension == 12
    with pytest.raises(EncoderUnavailable, match=r"returned \(1, 16\) .* instead of \(1, 12\)"):
        encoder.load()


def test_the_shortest_must_work(tmp_path: Path) -> None:
    """A pool over more frames than the shortest waveform has."""
    pool = helper.make_node("AveragePool", ["bent"], ["pooled"], kernel_shape=[50])
    path = graphs.save(graphs.of_waveforms(pool=pool), tmp_path / "model.onnx")
    path.with_suffix(".toml").write_text(WAVEFORM)
    with pytest.raises(EncoderUnavailable, match=r"sound of 0\.25 s: .* larger `min_seconds`"):
        OnnxEncoder(path, "cpu").load()
    path.with_suffix(".toml").write_text(WAVEFORM + "min_seconds = 0.8\n")
    encoder = OnnxEncoder(path, "cpu")
    encoder.load()
    assert encoder.min_samples == 12_800


def test_rows_that_are_not_finite(tmp_path: Path) -> None:
    path = graphs.save(graphs.of_waveforms(), tmp_path / "model.onnx")
    path.with_suffix(".toml").write_text(WAVEFORM)
    silence = np.zeros(RATE, np.float32)
    rows = OnnxEncoder(path, "cpu").encode([voice(RATE, RATE, 100), silence])
    assert np.isfinite(rows[0]).all()
    assert np.isnan(rows[1]).all()


def test_a_minute(tmp_path: Path) -> None:
    minute = voice(60 * RATE, RATE, 100)
    encoder = OnnxEncoder(_saved(tmp_path, graphs.of_features()), "cpu")
    assert np.array_equal(encoder.encode([minute]), encoder.encode([minute]))


def test_runs_have_one_length_and_a_limit() -> None:
    lengths = [100, 200, 100, 100]
    waveforms = [np.zeros(160 * length, np.float32) for length in lengths]
    rows = [np.zeros((length, 80), np.float32) for length in lengths]
    assert list(_runs(rows, waveforms, RATE)) == [[0, 2, 3], [1]]
    assert list(_runs(rows, waveforms, 0)) == [[0], [2], [3], [1]]
    many = [waveforms[0]] * 100
    assert [len(run) for run in _runs([rows[0]] * 100, many, RATE)] == [RUN_SECONDS, 40]


def test_without_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but encoding works, and an error says what to install."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    encoder = make_encoder(f"onnx:{_saved(tmp_path, graphs.of_features())}")
    assert encoder.identity.sample_rate == RATE
    with pytest.raises(EncoderUnavailable, match=r'pip install "pgvoice\[onnx\]"'):
        encoder.load()


def test_a_file_that_was_replaced(tmp_path: Path) -> None:
    path = _saved(tmp_path, graphs.of_features())
    encoder = OnnxEncoder(path, "cpu")
    assert encoder.identity
    _saved(tmp_path, graphs.of_features(seed=1))
    with pytest.raises(EncoderUnavailable, match="was replaced"):
        encoder.load()


def test_what_onnx_runtime_cannot_load(tmp_path: Path) -> None:
    graph = graphs.of_features()
    graph.graph.node[1].op_type = "NoSuchOperator"
    helper.set_model_props(graph, graphs.SPEAKER_3D)
    onnx.save(graph, tmp_path / "model.onnx")
    with pytest.raises(EncoderUnavailable, match=r"cannot load .*NoSuchOperator"):
        OnnxEncoder(tmp_path, "cpu").load()
