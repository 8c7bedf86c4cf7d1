"""The conformance tests for encoders: pgvoice's own pass, faulty ones fail."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature

import numpy as np
import pytest
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import Encoder
from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.waveforms import check_waveforms
from pgvoice.hooks.testing import EncoderConformance
from pgvoice.store import EncoderIdentity


class Strict(CountingEncoder):
    """The counting encoder with the checks of a real one."""

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        check_waveforms(waveforms, self.min_samples)
        return super().encode(waveforms)


class TestCounting(EncoderConformance):
    def make_encoder(self) -> Encoder:
        return Strict()


class TestCampplus(EncoderConformance):
    def make_encoder(self) -> Encoder:
        return CampplusEncoder("cpu")


class Padding(Strict):
    """Pads a batch to its longest waveform with its own last sample."""

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        check_waveforms(waveforms, self.min_samples)
        longest = max(map(len, waveforms), default=0)
        return super().encode([np.pad(w, (0, longest - len(w)), mode="wrap") for w in waveforms])


class PaddingNearby(Strict):
    """Pads a waveform to the longest one that is up to a hundredth longer."""

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        check_waveforms(waveforms, self.min_samples)
        longest = [max(len(w) for w in waveforms if len(w) <= 1.01 * len(v)) for v in waveforms]
        pairs = zip(waveforms, longest, strict=True)
        return super().encode([np.pad(w, (0, size - len(w)), mode="wrap") for w, size in pairs])


class PaddingCrowds(Padding):
    """Pads only if there are many waveforms."""

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        if len(waveforms) > 8:
            return super().encode(waveforms)
        return Strict.encode(self, waveforms)


class Levelling(Strict):
    """Scales a batch by its loudest sample, before a step that is not linear."""

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        loudest = max((np.abs(waveform).max() for waveform in waveforms), default=1)
        return super().encode([np.tanh(waveform / loudest) for waveform in waveforms])


class Leaking(Strict):
    """Spoils a batch with what is not finite in one waveform."""

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        energy = sum((np.sum(waveform**2) for waveform in waveforms), np.float32(0))
        return super().encode(waveforms) + 0 * energy


class NotUnit(Strict):
    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        return super().encode(waveforms) * np.float32(1.01)


class LoadingIdentity(Strict):
    """Loads its model for its identity."""

    @property
    def identity(self) -> EncoderIdentity:
        self.load()
        return self.known

    @identity.setter
    def identity(self, known: EncoderIdentity) -> None:
        self.known = known


class Double(Strict):
    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        return super().encode(waveforms).astype(np.float64)


class Sorting(Strict):
    """Returns rows by length."""

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        return super().encode(sorted(waveforms, key=len))


class Lenient(CountingEncoder):
    """Takes waveforms of any length."""


class Random(Strict):
    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        rows = np.random.default_rng().normal(size=(len(waveforms), self.identity.dimension))
        check_waveforms(waveforms, self.min_samples)
        unit: Embeddings = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


class Constant(Strict):
    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        rows = super().encode(waveforms)
        rows[:] = 1 / np.float32(np.sqrt(self.identity.dimension))
        return rows


class Altering(Strict):
    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        rows = super().encode(waveforms)
        for waveform in waveforms:
            waveform *= -1
        return rows


WRONG = {
    Padding: "test_a_row_depends_on_its_own_waveform_alone",
    PaddingNearby: "test_a_row_depends_on_its_own_waveform_alone",
    PaddingCrowds: "test_a_row_is_the_same_among_many",
    Levelling: "test_a_row_depends_on_its_own_waveform_alone",
    Leaking: "test_a_broken_neighbour_spoils_nothing",
    NotUnit: "test_unit_length",
    LoadingIdentity: "test_identity_and_settings_need_no_weights",
    Double: "test_shape_and_dtype",
    Sorting: "test_order",
    Lenient: "test_the_shortest",
    Random: "test_the_same_again",
    Constant: "test_different_sounds_differ",
    Altering: "test_waveforms_stay_as_they_are",
}


def _failed(wrong: type[EncoderConformance]) -> set[str]:
    """The tests that fail."""
    failed = set()
    for name in (name for name in dir(wrong) if name.startswith("test_")):
        tests = wrong()
        encoder = tests.make_encoder()
        given = {
            "encoder": encoder,
            "waveforms": tests.make_waveforms(encoder),
            "monkeypatch": pytest.MonkeyPatch(),
        }
        test = getattr(tests, name)
        try:
            test(**{parameter: given[parameter] for parameter in signature(test).parameters})
        except (AssertionError, pytest.fail.Exception):
            failed.add(name)
    return failed


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_encoder_is_caught(wrong: type[CountingEncoder]) -> None:
    class Tests(EncoderConformance):
        def make_encoder(self) -> Encoder:
            return wrong()

    assert WRONG[wrong] in _failed(Tests)


def test_a_right_encoder_is_not() -> None:
    assert _failed(TestCounting) == set()
