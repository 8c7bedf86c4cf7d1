"""``pyannote:...``: any diarization pipeline of pyannote.audio, from the hub or from a folder.

A pipeline's ``config.yaml`` names the classes that are run, and its checkpoints may contain code:
use only pipelines that you trust.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any

from pgvoice.hooks.encoders.lazy import choose_device
from pgvoice.hooks.encoders.weights import digest
from pgvoice.hooks.errors import SegmenterUnavailable, needs_extra
from pgvoice.hooks.segmenters.segmenter import SegmenterAudio, SegmenterIdentity
from pgvoice.hooks.segmenters.unavailable import segmenter_errors
from pgvoice.hooks.segmenters.whole_audio import in_order, whole_audio
from pgvoice.store.turns import Turn

#: Hz, of pyannote.audio's models.
SAMPLE_RATE = 16_000
#: Unless this is "false" when it is imported, pyannote.audio tells its makers what it is used for.
TELEMETRY_VARIABLE = "PYANNOTE_METRICS_ENABLED"
EXAMPLE = "pyannote:pyannote/speaker-diarization-community-1"


class PyannotePipeline:
    """A pipeline; its labels are people, and its turns may overlap."""

    labels_are_people = True

    def __init__(self, source: str | None, device: str | None = None) -> None:
        """`source` is a folder, or a name on the hub: ``OWNER/NAME`` or ``OWNER/NAME@REVISION``.

        Raises `SegmenterUnavailable` without a source, and without pyannote.audio.
        """
        if source is None:
            raise SegmenterUnavailable(f"pyannote needs a pipeline: {EXAMPLE}, or pyannote:/folder")
        try:
            self._version = version("pyannote-audio")
        except PackageNotFoundError as error:
            raise SegmenterUnavailable(
                'pyannote.audio is not installed: pip install "pgvoice[pyannote]"'
            ) from error
        self._folder = _folder(source)
        self._name, _, self._revision = source.partition("@")
        self._wanted_device = device
        self._lock = Lock()
        self._pipeline: Any = None

    @cached_property
    def identity(self) -> SegmenterIdentity:
        """Of a pipeline on the hub: its revision as it was given, or ``main``."""
        settings = f"pyannote-audio={self._version}"
        if self._folder is None:
            return SegmenterIdentity(f"pyannote:{self._name}", self._revision or "main", settings)
        with segmenter_errors():
            return SegmenterIdentity("pyannote", f"sha256:{_digest(self._folder)}", settings)

    @cached_property
    def device(self) -> str:
        with segmenter_errors():
            return choose_device(self._wanted_device)

    def load(self) -> None:
        self._loaded()

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        pipeline, samples = self._loaded(), whole_audio(audio, SAMPLE_RATE)
        if not len(samples):
            return
        import torch

        file = {"waveform": torch.from_numpy(samples)[None], "sample_rate": SAMPLE_RATE}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pipeline({**file, "uri": audio.path.stem})
        tracks = getattr(found, "speaker_diarization", found).itertracks(yield_label=True)
        spans = [(segment.start, segment.end, str(label)) for segment, _, label in tracks]
        yield from in_order(spans, audio)

    def _loaded(self) -> Any:
        with self._lock:
            if self._pipeline is None:
                self._pipeline = self._load()
            return self._pipeline

    def _load(self) -> Any:
        os.environ.setdefault(TELEMETRY_VARIABLE, "false")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it cannot decode files: it gets samples
            with needs_extra("pyannote", SegmenterUnavailable):
                import torch
                from pyannote.audio import Pipeline
            source = self._folder or self._name
            try:
                pipeline = Pipeline.from_pretrained(source, revision=self._revision or None)
            except Exception as error:  # of the hub, of YAML, of torch, of any class that is named
                raise SegmenterUnavailable(self._refusal(error)) from error
            if pipeline is None:
                raise SegmenterUnavailable(self._refusal("nothing was found"))
            return pipeline.to(torch.device(self.device))

    def _refusal(self, error: object) -> str:
        if self._folder is not None:
            return f"the pipeline in {self._folder} cannot be loaded: {error}"
        return (
            f"the pipeline {self._name} cannot be loaded: {error}. If its conditions have to be"
            f" accepted, do so at https://hf.co/{self._name} and set HF_TOKEN to a token of yours"
            " (https://hf.co/settings/tokens); or download it elsewhere and give its folder"
        )


def _folder(source: str) -> Path | None:
    """The local folder that a source means; None for a name on the hub."""
    path = Path(source).expanduser()
    if path.is_dir():
        return path.resolve()
    if path.is_absolute() or source.startswith((".", "~")) or source.count("/") != 1:
        raise SegmenterUnavailable(
            f"there is no folder {source!r}, and it is no name on the hub either; such are like"
            f" {EXAMPLE}"
        )
    return None


def _digest(folder: Path) -> str:
    """Hex sha256 of the files' names and contents."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = "".join(f"{digest(path)} {path.relative_to(folder).as_posix()}\n" for path in files)
    return hashlib.sha256(listed.encode()).hexdigest()
