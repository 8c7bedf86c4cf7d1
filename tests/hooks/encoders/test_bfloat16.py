"""`ecapa-bf16` and `campplus-bf16`: other encoders, whose vectors are near those in float32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pgvoice_benchmarks import material
from pgvoice_benchmarks.encoding.models import PlainEcapa
from pgvoice_benchmarks.encoding.preloaded import worst_cosine

from pgvoice.hooks import Encoder, EncoderUnavailable, make_encoder
from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.ecapa.ecapa import EcapaEncoder
from pgvoice.hooks.encoders.packing.bfloat16 import Bfloat16Products, products_in
from pgvoice.hooks.testing import EncoderConformance

#: The least cosine with a vector in float32: of CAM++, and of ECAPA with random weights.
LEAST = {"campplus": 0.995, "ecapa": 0.9999}


class TestCampplus(EncoderConformance):
    #: Sums in another order, which some processors take, are rounded to another of 256 steps.
    tolerance = 0.01

    def make_encoder(self) -> Encoder:
        return make_encoder("campplus-bf16", device="cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    PlainEcapa().source(tmp_path)
    return tmp_path


def test_vectors_are_near_those_in_float32_and_others(folder: Path) -> None:
    speech = material.speech(6)
    waveforms = [speech[:16_000], speech[16_000:64_000], speech[64_000:]]
    for name, source in {"campplus": "", "ecapa": f":{folder}"}.items():
        rounded, whole = make_encoder(f"{name}-bf16{source}"), make_encoder(f"{name}{source}")
        rows, expected = rounded.encode(waveforms), whole.encode(waveforms)
        assert worst_cosine(rows, expected) > LEAST[name]
        assert np.abs(rows - expected).max() > 1e-4


def test_an_identity_of_its_own(folder: Path) -> None:
    for rounded, whole in {
        make_encoder(f"ecapa-bf16:{folder}"): EcapaEncoder(folder),
        make_encoder("campplus-bf16"): CampplusEncoder(),
    }.items():
        assert rounded.identity.name == f"{whole.identity.name}-bf16"
        assert rounded.identity.revision == whole.identity.revision
        assert str(rounded.identity) != str(whole.identity)


def test_its_weights_come_with_a_package() -> None:
    with pytest.raises(EncoderUnavailable, match="campplus-bf16 takes no source"):
        make_encoder("campplus-bf16:/somewhere")


PRODUCTS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mm": torch.mm,
    "@": lambda rows, weight: rows @ weight,
    "matmul": torch.matmul,
    "linear": lambda rows, weight: torch.nn.functional.linear(rows, weight.t()),
    "conv1d": lambda rows, weight: torch.conv1d(rows.t()[None], weight.t()[:, :, None])[0].t(),
    "addmm": lambda rows, weight: torch.addmm(torch.zeros(weight.shape[1]), rows, weight),
    "mm into a matrix": lambda rows, weight: torch.mm(
        rows, weight, out=torch.empty(len(rows), weight.shape[1])
    ),
    "conv2d": lambda rows, weight: torch.conv2d(
        rows.t()[None, :, :, None], weight.t()[:, :, None, None]
    )[0, :, :, 0].t(),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_rounded_and_in_float32(name: str) -> None:
    torch.manual_seed(0)
    rows, weight = torch.rand(5, 7), torch.rand(7, 3)
    exact = rows @ weight
    with products_in("bf16", Bfloat16Products()):
        first, again = (PRODUCTS[name](rows, weight) for _ in range(2))
    assert first.dtype == torch.float32
    assert torch.equal(first, again)
    assert not torch.equal(first, exact)
    assert torch.equal(first, first.bfloat16().float())
    torch.testing.assert_close(first, exact, rtol=0.02, atol=0)
    torch.testing.assert_close(PRODUCTS[name](rows, weight), exact)


def test_rounded_weights_go_with_their_weights() -> None:
    products, weight = Bfloat16Products(), torch.rand(7, 3)
    with products_in("bf16", products):
        torch.mm(torch.rand(5, 7), weight)
        assert len(products._weights) == 1
        del weight
        assert not len(products._weights)


def test_tapes_in_threads_are_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    speech = material.speech(6)
    waveforms = [speech[:40_000], speech[40_000:]]
    encoder, whole = make_encoder("campplus-bf16", device="cpu"), CampplusEncoder("cpu")
    together, exact = (each.encode(waveforms)[0] for each in (encoder, whole))
    alone = encoder.encode(waveforms[:1])[0]
    assert np.abs(together - alone).max() < np.abs(together - exact).max()
