"""What the tests of segmenters share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.audio.stream import AudioStream
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.store.turns import Turn


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def turns_of() -> Callable[[Segmenter, Path], list[Turn]]:
    def segment(segmenter: Segmenter, path: Path) -> list[Turn]:
        with open_recording(path) as recording:
            return list(segmenter.turns(AudioStream(recording)))

    return segment
