from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest
import torch

from pgvoice.hooks.encoders.weights import digest, load_network, read_weights
from pgvoice.hooks.errors import EncoderUnavailable


class Trap:
    """Runs code if it is unpickled carelessly."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("the checkpoint ran code",)


@pytest.mark.parametrize(
    "data",
    [b"", b"not a checkpoint", pickle.dumps(Trap(), protocol=2)],
    ids=["empty", "text", "trap"],
)
def test_what_is_not_tensors_is_refused_unrun(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "weights"
    path.write_bytes(data)
    with pytest.raises(EncoderUnavailable, match="not a checkpoint of tensors"):
        read_weights(path, digest(path))


def test_only_the_very_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    torch.save({"weight": torch.ones(1)}, path)
    assert read_weights(path, digest(path)).keys() == {"weight"}
    with pytest.raises(EncoderUnavailable, match="not 0000"):
        read_weights(path, "0" * 64)


def test_weights_must_fit_the_network(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    torch.save({"weight": torch.ones(1, 2).half(), "bias": torch.ones(1)}, path)
    network = load_network(lambda: torch.nn.Linear(2, 1), path, digest(path))
    assert network(torch.ones(2)).tolist() == [3.0]
    assert not network.training
    torch.save({"weight": torch.ones(1, 2)}, path)
    with pytest.raises(EncoderUnavailable, match="do not fit the network"):
        load_network(lambda: torch.nn.Linear(2, 1), path, digest(path))


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    for data in (b"one", b"three"):
        path.write_bytes(data)
        assert digest(path) == hashlib.sha256(data).hexdigest()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="absent"):
        digest(tmp_path / "absent")
