"""Devices of ONNX Runtime, of which this machine may have only the CPU, and threads."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
from pgvoice_testkit.encoders import onnx_graphs as graphs

from pgvoice.hooks import EncoderUnavailable, make_encoder
from pgvoice.hooks.encoders.onnx.model import read_model
from pgvoice.hooks.encoders.onnx.sessions import PROVIDERS, devices, open_session, threads
from pgvoice.hooks.encoders.onnx.trial import check_device

OTHERS = ("cuda", "cuda:0", "coreml", "directml", "openvino")
NOT_HERE = [
    device
    for device in OTHERS
    if PROVIDERS[device.partition(":")[0]].name not in onnxruntime.get_available_providers()
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return graphs.save(graphs.of_features(), tmp_path / "model.onnx", graphs.SPEAKER_3D)


def test_the_default_is_the_best_available(path: Path) -> None:
    installed = onnxruntime.get_available_providers()
    best = next(name for name, each in PROVIDERS.items() if each.name in installed)
    encoder = make_encoder(f"onnx:{path}")
    assert encoder.device.partition(":")[0] == best
    assert devices()[-1] == "cpu"


def test_the_cpu_can_always_be_named(path: Path) -> None:
    encoder = make_encoder(f"onnx:{path}", device="cpu")
    encoder.load()
    assert encoder.device == "cpu"


@pytest.mark.parametrize("device", NOT_HERE)
def test_a_device_that_is_not_there(path: Path, device: str) -> None:
    encoder = make_encoder(f"onnx:{path}", device=device)
    with pytest.raises(EncoderUnavailable, match=f"no device '{device}' here.*one of: .*cpu"):
        encoder.load()


@pytest.mark.parametrize("device", ["mps", "cpu:1", "cuda:x", ""])
def test_a_device_that_is_none(path: Path, device: str) -> None:
    with pytest.raises(EncoderUnavailable, match=f"no device '{device}' here"):
        assert make_encoder(f"onnx:{path}", device=device).device


def test_a_device_with_other_vectors(path: Path, tmp_path: Path) -> None:
    """A session of another model stands for a device that computes something else."""
    model, session = read_model(path), open_session(path, "cpu")
    check_device(session, open_session(path, "cpu"), model)
    other = graphs.save(graphs.of_features(seed=1), tmp_path / "other.onnx", graphs.SPEAKER_3D)
    with pytest.raises(EncoderUnavailable, match="from those of a CPU: choose the device cpu"):
        check_device(open_session(other, "cpu"), session, model)


@pytest.mark.parametrize(("stated", "expected"), [("1", 1), ("3", 3)])
def test_threads_are_those_of_a_worker(
    path: Path, monkeypatch: pytest.MonkeyPatch, stated: str, expected: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", stated)
    options = open_session(path, "cpu").get_session_options()
    assert options.intra_op_num_threads == expected


@pytest.mark.parametrize("stated", [None, "", "0", "many"])
def test_threads_are_the_cpus_otherwise(
    monkeypatch: pytest.MonkeyPatch, stated: str | None
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if stated is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", stated)
    assert threads() >= 1
