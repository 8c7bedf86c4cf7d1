from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pgvoice.hooks.encoders.ecapa.ecapa import HUB_REVISION, HUB_SHA256, REACH, EcapaEncoder
from pgvoice.hooks.encoders.encoder import Encoder, Waveform
from pgvoice.hooks.encoders.packing.packed_network import PackedNetwork
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.testing import EncoderConformance


@pytest.fixture(scope="session")
def encoder(weights_folder: Path) -> EcapaEncoder:
    return EcapaEncoder(weights_folder, "cpu")


def test_it_is_an_encoder(encoder: EcapaEncoder) -> None:
    assert isinstance(encoder, Encoder)
    assert encoder.device == "cpu"
    assert encoder.batch_samples == 300 * 16_000


@pytest.mark.parametrize("size", [1, 8, 32])
def test_batches_of_any_size_and_order_give_the_vectors_of_one_by_one(
    size: int, encoder: EcapaEncoder, segments: list[Waveform], expected: NDArray[np.float32]
) -> None:
    order = np.random.default_rng(size).permutation(len(segments))
    for start in range(0, len(order), size):
        places = order[start : start + size]
        rows = encoder.encode([segments[place] for place in places])
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows, expected[places], atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_nothing_gives_no_rows(encoder: EcapaEncoder) -> None:
    assert encoder.encode([]).shape == (0, 192)


def test_the_shortest_segment(encoder: EcapaEncoder, official: Any, segments: Any) -> None:
    assert encoder.min_samples <= 8_000
    assert REACH == 4
    shortest = [segments[0][: encoder.min_samples]]
    np.testing.assert_allclose(encoder.encode(shortest), official.encode(shortest), atol=1e-5)


@pytest.mark.parametrize(
    "waveform",
    [np.zeros(639, np.float32), np.zeros(16_000), np.zeros((1, 16_000), np.float32)],
    ids=["too short", "float64", "two-dimensional"],
)
def test_a_waveform_that_it_cannot_take(encoder: EcapaEncoder, waveform: Any) -> None:
    with pytest.raises(ValueError, match="waveform 0"):
        encoder.encode([waveform])


def test_a_vector_that_is_not_finite_is_a_row_of_nan(
    encoder: EcapaEncoder, make_noise: Callable[[int, int], Waveform]
) -> None:
    rows = encoder.encode([np.full(8_000, np.inf, np.float32), make_noise(0, 8_000)])
    assert np.isnan(rows[0]).all()
    assert np.isfinite(rows[1]).all()


def test_the_same_weights_are_the_same_encoder(weights_folder: Path, tmp_path: Path) -> None:
    data = (weights_folder / "embedding_model.ckpt").read_bytes()
    identity = EcapaEncoder(weights_folder).identity
    assert identity.revision == f"sha256:{hashlib.sha256(data).hexdigest()}"
    shutil.copy(weights_folder / "embedding_model.ckpt", tmp_path)
    assert EcapaEncoder(str(tmp_path)).identity == identity
    assert EcapaEncoder().identity.revision == f"sha256:{HUB_SHA256}"


def test_the_threshold_is_speechbrain_s() -> None:
    spec = importlib.util.find_spec("speechbrain")
    assert spec is not None
    assert spec.origin is not None
    source = (Path(spec.origin).parent / "inference" / "speaker.py").read_text()
    assert f"threshold={EcapaEncoder().default_threshold.similarity}" in source


def test_the_identity_needs_no_torch(weights_folder: Path) -> None:
    code = (
        "import sys; from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder\n"
        f"for encoder in (EcapaEncoder(), EcapaEncoder({str(weights_folder)!r})):\n"
        "    encoder.identity, encoder.min_samples, encoder.default_threshold\n"
        "assert not {'torch', 'speechbrain', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder_without_weights(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match=r"no embedding_model\.ckpt in .*leave the source"):
        _ = EcapaEncoder(tmp_path).identity


def test_weights_of_another_topology(tmp_path: Path, segments: list[Waveform]) -> None:
    torch.save({"blocks.0.conv.conv.weight": torch.zeros(1)}, tmp_path / "embedding_model.ckpt")
    with pytest.raises(EncoderUnavailable, match="do not fit"):
        EcapaEncoder(tmp_path, "cpu").encode(segments[:1])


class Trap:
    """Makes a folder if it is unpickled carelessly."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._folder),)


@pytest.mark.parametrize("kind", ["pickle", "checkpoint", "among tensors"])
def test_a_trap_in_the_weights_folder_is_refused(
    tmp_path: Path, segments: list[Waveform], kind: str
) -> None:
    sprung = tmp_path / "sprung"
    weights = tmp_path / "embedding_model.ckpt"
    if kind == "pickle":
        weights.write_bytes(pickle.dumps(Trap(sprung), protocol=2))
    else:
        trap = Trap(sprung)
        torch.save(trap if kind == "checkpoint" else {"a": torch.ones(1), "b": trap}, weights)
    with pytest.raises(EncoderUnavailable, match="not a checkpoint of tensors"):
        EcapaEncoder(tmp_path, "cpu").encode(segments[:1])
    assert not sprung.exists()
    with contextlib.suppress(Exception):
        torch.load(weights, weights_only=False)
    assert sprung.exists(), "it would have sprung"


def test_what_lies_beside_the_weights_is_never_read(
    tmp_path: Path, weights_folder: Path, segments: list[Waveform]
) -> None:
    """SpeechBrain's hyperparameters can call any function, and its other files are pickles."""
    sprung = tmp_path / "sprung"
    shutil.copy(weights_folder / "embedding_model.ckpt", tmp_path)
    (tmp_path / "hyperparams.yaml").write_text(f"x: !apply:os.mkdir [{str(sprung)!r}]\n")
    (tmp_path / "custom.py").write_text(f"import os; os.mkdir({str(sprung)!r})\n")
    for name in ("mean_var_norm_emb.ckpt", "classifier.ckpt", "label_encoder.txt"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap(sprung)))
    expected = EcapaEncoder(weights_folder, "cpu").encode(segments[:1])
    assert np.array_equal(EcapaEncoder(tmp_path, "cpu").encode(segments[:1]), expected)
    assert not sprung.exists()


def test_the_hub_is_asked_for_the_pinned_file(
    monkeypatch: pytest.MonkeyPatch, weights_folder: Path, segments: list[Waveform]
) -> None:
    asked: list[Any] = []

    def download(*names: str, **options: str) -> str:
        asked.append((*names, options))
        return str(weights_folder / "embedding_model.ckpt")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(EncoderUnavailable, match=f"not {HUB_SHA256}"):
        EcapaEncoder(None, "cpu").encode(segments[:1])
    pinned = ("speechbrain/spkrec-ecapa-voxceleb", "embedding_model.ckpt")
    assert asked == [(*pinned, {"revision": HUB_REVISION})]


def test_without_a_hub(monkeypatch: pytest.MonkeyPatch, segments: list[Waveform]) -> None:
    def offline(*_names: str, **_options: str) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    with pytest.raises(EncoderUnavailable, match=r"spkrec-ecapa-voxceleb.*local folder"):
        EcapaEncoder(None, "cpu").encode(segments[:1])


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, weights_folder: Path, segments: list[Waveform]
) -> None:
    monkeypatch.setitem(sys.modules, "speechbrain.lobes.features", None)
    with pytest.raises(EncoderUnavailable, match=r'pip install "pgvoice\[extract\]"'):
        EcapaEncoder(weights_folder, "cpu").encode(segments[:1])


def test_threads_load_once(
    monkeypatch: pytest.MonkeyPatch, weights_folder: Path, segments: list[Waveform]
) -> None:
    encoder, loads, load = EcapaEncoder(weights_folder, "cpu"), [], EcapaEncoder._load

    def counted(self: EcapaEncoder) -> PackedNetwork:
        loads.append(self)
        return load(self)

    monkeypatch.setattr(EcapaEncoder, "_load", counted)
    threads = [threading.Thread(target=encoder.encode, args=(segments[:1],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1


class TestConformance(EncoderConformance):
    """With seeded weights."""

    @pytest.fixture(autouse=True)
    def _weights(self, weights_folder: Path) -> None:
        self.folder = weights_folder

    def make_encoder(self) -> Encoder:
        return EcapaEncoder(self.folder, "cpu")
