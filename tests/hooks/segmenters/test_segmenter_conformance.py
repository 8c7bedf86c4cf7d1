"""The conformance tests for segmenters: the fake one passes, faulty ones fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from inspect import signature
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.conversations import random_turns, write_turns
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter

from pgvoice.hooks import Segmenter, SegmenterAudio, SegmenterIdentity
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.testing import SegmenterConformance
from pgvoice.store import Turn

SECONDS = 40


class Conformance(SegmenterConformance):
    def make_recording(self, folder: Path) -> Path:
        return write_turns(folder / "talk.wav", random_turns(1, SECONDS), SECONDS)


class TestCounting(Conformance):
    def make_segmenter(self) -> Segmenter:
        return CountingSegmenter()


class LoadingIdentity(CountingSegmenter):
    """Loads its model for its identity."""

    @property
    def identity(self) -> SegmenterIdentity:
        self.load()
        return self.known

    @identity.setter
    def identity(self, known: SegmenterIdentity) -> None:
        self.known = known


class Changing(CountingSegmenter):
    """Finds other labels in each call."""

    numbers = count()

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        number = next(self.numbers)
        return (replace(turn, label=f"{turn.label} {number}") for turn in super().turns(audio))


class Disordered(CountingSegmenter):
    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        return reversed(list(super().turns(audio)))


class Unlabelled(CountingSegmenter):
    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        return (replace(turn, label="") for turn in super().turns(audio))


class Overlong(CountingSegmenter):
    """Its turns end a second late, also beyond the end of the audio."""

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        return (replace(turn, end=turn.end + 5) for turn in super().turns(audio))


class Imaginative(CountingSegmenter):
    """Hears somebody at the start of each recording."""

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        yield Turn(0, 0.04, "nobody")
        yield from super().turns(audio)


class Hoarding(CountingSegmenter):
    """Keeps all windows until it is done."""

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        windows = list[Waveform]()
        for _, window in audio.windows(1000, 1000, 16_000):
            windows.append(window)
        return iter([Turn(0, 1, "A")] if np.concatenate(windows).any() else [])


class Blockwise(CountingSegmenter):
    """Looks at how the audio is decoded, which windows hide."""

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        for turn in super().turns(audio):
            size = len(audio._kept[-1][1])  # type: ignore[attr-defined]
            yield replace(turn, label=f"{turn.label} {size}")


WRONG = {
    LoadingIdentity: "test_identity_needs_no_weights",
    Changing: "test_the_same_again",
    Disordered: "test_turns_are_valid",
    Unlabelled: "test_turns_are_valid",
    Overlong: "test_turns_are_valid",
    Imaginative: "test_silence_has_no_turns",
    Hoarding: "test_windows_are_not_kept",
    Blockwise: "test_blocks_do_not_matter",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_segmenter_is_caught(wrong: type[CountingSegmenter], tmp_path: Path) -> None:
    class Tests(Conformance):
        def make_segmenter(self) -> Segmenter:
            return wrong()

    tests = Tests()
    given = {
        "segmenter": tests.make_segmenter(),
        "recording": tests.make_recording(tmp_path),
        "tmp_path": tmp_path,
        "samples": 997,
        "monkeypatch": pytest.MonkeyPatch(),
    }
    test = getattr(tests, WRONG[wrong])
    with pytest.raises(AssertionError):
        test(**{parameter: given[parameter] for parameter in signature(test).parameters})
