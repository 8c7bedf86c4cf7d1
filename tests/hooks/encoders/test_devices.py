from __future__ import annotations

import sys

import pytest
import torch

from pgvoice.hooks.encoders.lazy import batch_seconds, choose_device
from pgvoice.hooks.errors import EncoderUnavailable


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    cards, mps = request.param
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("machine", "best"),
    [((0, False), "cpu"), ((0, True), "mps"), ((1, False), "cuda:0"), ((2, True), "cuda:0")],
    indirect=["machine"],
)
@pytest.mark.usefixtures("machine")
def test_without_an_option_the_best_device_is_taken(best: str) -> None:
    assert choose_device() == best
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("machine", [(2, False)], indirect=True)
@pytest.mark.usefixtures("machine")
def test_a_card_is_named_by_its_number() -> None:
    assert choose_device("cuda") == "cuda:0"
    assert choose_device("cuda:1") == "cuda:1"


@pytest.mark.parametrize("machine", [(1, False)], indirect=True)
@pytest.mark.parametrize("wanted", ["cuda:1", "cuda:x", "mps", "tpu", ""])
@pytest.mark.usefixtures("machine")
def test_an_absent_device_is_refused_with_those_present(wanted: str) -> None:
    with pytest.raises(EncoderUnavailable, match=r"has no device .*cuda:0, cpu$") as error:
        choose_device(wanted)
    assert repr(wanted) in str(error.value)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EncoderUnavailable, match=r'pip install "pgvoice\[extract\]"'):
        choose_device()


def test_batches_are_small_on_a_cpu() -> None:
    assert batch_seconds("cpu") == 300
    assert batch_seconds("cuda:0") > 300
