"""What is read of an ONNX file, compared with the package onnx."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
import pytest
from onnx import helper
from pgvoice_testkit.encoders import onnx_graphs as graphs

from pgvoice.hooks import EncoderUnavailable
from pgvoice.hooks.encoders.onnx.graph_file import FLOAT32, INT64, Tensor, read_graph


def test_what_a_file_says(tmp_path: Path) -> None:
    path = graphs.save(graphs.of_nemo(), tmp_path / "model.onnx", graphs.NEMO)
    found = read_graph(path)
    assert found.metadata == graphs.NEMO
    assert found.inputs == (
        Tensor("audio_signal", FLOAT32, (None, 80, None)),
        Tensor("length", INT64, (None,)),
    )
    assert [(each.name, each.shape) for each in found.outputs] == [
        ("logits", (None, 1)),
        ("embs", (None, graphs.DIMENSION)),
    ]
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_constants_are_no_inputs(tmp_path: Path) -> None:
    """As in files of the first versions of the format."""
    graph = graphs.of_features()
    weight = helper.make_tensor_value_info("weight", onnx.TensorProto.FLOAT, [80, 16])
    graph.graph.input.insert(0, weight)
    path = graphs.save(graph, tmp_path / "model.onnx")
    assert [each.name for each in read_graph(path).inputs] == ["x"]


def test_no_shape(tmp_path: Path) -> None:
    graph = graphs.of_features()
    graph.graph.input[0].type.tensor_type.ClearField("shape")
    onnx.save(graph, tmp_path / "model.onnx")
    assert read_graph(tmp_path / "model.onnx").inputs[0].shape is None


def test_weights_in_other_files_count(tmp_path: Path) -> None:
    path = _with_weights_beside(tmp_path, seed=0)
    first = read_graph(path).sha256
    model, weights = path.read_bytes(), (tmp_path / "model.onnx.data").read_bytes()
    parts = [hashlib.sha256(each).hexdigest() for each in (model, weights)]
    assert first == hashlib.sha256("\n".join(parts).encode()).hexdigest()
    other = tmp_path / "other"
    other.mkdir()
    _with_weights_beside(other, seed=1)
    (tmp_path / "model.onnx.data").write_bytes((other / "model.onnx.data").read_bytes())
    assert path.read_bytes() == model
    assert read_graph(path).sha256 != first


def test_weights_that_are_missing_or_elsewhere(tmp_path: Path) -> None:
    path = _with_weights_beside(tmp_path, seed=0)
    (tmp_path / "model.onnx.data").rename(tmp_path / "gone")
    with pytest.raises(EncoderUnavailable, match=r"model\.onnx\.data"):
        read_graph(path)
    elsewhere = path.read_bytes().replace(b"model.onnx.data", b"../../../etc/os")
    path.write_bytes(elsewhere)
    with pytest.raises(EncoderUnavailable, match=r"'\.\./\.\./\.\./etc/os', outside its folder"):
        read_graph(path)


@pytest.mark.parametrize("text", [b"", b"<!DOCTYPE html>", b"version https://git-lfs.github.com"])
def test_no_onnx_file(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(text)
    with pytest.raises(EncoderUnavailable, match=r"model\.onnx is no ONNX file"):
        read_graph(path)


def test_a_part_of_a_file(tmp_path: Path) -> None:
    path = graphs.save(graphs.of_features(), tmp_path / "model.onnx", graphs.SPEAKER_3D)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(EncoderUnavailable, match="only a part of one"):
        read_graph(path)


def _with_weights_beside(folder: Path, seed: int) -> Path:
    path = folder / "model.onnx"
    onnx.save_model(
        graphs.of_features(seed=seed),
        path,
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=0,
    )
    return path
