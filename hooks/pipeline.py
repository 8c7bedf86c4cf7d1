"""``Pipeline``: segments or audio alone in, named speakers out, with one store and loaded models.

It is also the built-in answer to ``segments_ready``, opened by the environment's settings.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import ENCODER_VARIABLE, make_encoder
from pgvoice.hooks.encoders.shared import SharedEncoder
from pgvoice.hooks.fill.fill import fill, fill_turns
from pgvoice.hooks.identify import identify
from pgvoice.hooks.plugins.specs import hookimpl
from pgvoice.hooks.results import FillReport, Labelled
from pgvoice.hooks.segmenters.registry import SEGMENTER_VARIABLE, make_segmenter
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.hooks.segmenters.shared import SharedSegmenter
from pgvoice.hooks.turns import as_turns, snap_turns
from pgvoice.store.answers.clusters import ClusterSummary
from pgvoice.store.database.closing import Closing
from pgvoice.store.database.server.names import DATA_VARIABLE
from pgvoice.store.database.urls import URL_VARIABLE
from pgvoice.store.errors import InvalidSegment
from pgvoice.store.recordings.turns import OnTurns
from pgvoice.store.recordings.videos import OnAudioChange
from pgvoice.store.voice_store import VoiceStore


class ProgressHook(Protocol):
    """Called after each step, with the signature of pyannote.audio's ``ProgressHook``."""

    def __call__(
        self,
        step_name: str,
        step_artifact: Any,
        /,
        file: Mapping[str, Any] | None = None,
        total: int | None = None,
        completed: int | None = None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """The labels of one video, and how they were made."""

    labels: tuple[Labelled, ...]
    report: FillReport
    #: The segments that are not spans of time; their labels have no answer.
    invalid: tuple[InvalidSegment, ...]
    #: The people of each cluster, if the segments were judged by `clusters`.
    clusters: tuple[ClusterSummary, ...] = ()


class Pipeline(Closing):
    """Names the enrolled people in recordings; open it once, for many videos.

    It can be shared between threads: each model is loaded once, when it is first needed, and used
    by one thread at a time.
    """

    def __init__(
        self,
        store: VoiceStore | str | None = None,
        encoder: Encoder | str | None = None,
        *,
        segmenter: Segmenter | str | None = None,
        device: str | None = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        clusters: bool | None = None,
        one_label_one_name: bool = False,
        voices: bool = False,
    ) -> None:
        """Use an open store or open the one at a URL; models can be given by name.

        Without `store` it opens what `VoiceStore.open` finds, without `encoder` it uses the default
        of `make_encoder`. The `segmenter`, by default that of `make_segmenter`, is for recordings
        without segments. Without `threshold` and `min_margin` the store's own rule decides. With
        `clusters`, and by default if they have labels, segments with the same label are judged
        together, as `store.answers.identify_clusters` does; `one_label_one_name` is its option.
        With `voices`, segments in which nobody is named get the number of their unknown voice.
        Raises `DatabaseError`, `SchemaMismatch`, `EncoderUnavailable`.
        """
        made = encoder if isinstance(encoder, Encoder) else make_encoder(encoder, device=device)
        self.encoder: Encoder = SharedEncoder(made)
        self._segmenter, self._device = segmenter, device
        self._segmenters = dict[str | None, Segmenter]()
        self._lock = Lock()
        self._own = not isinstance(store, VoiceStore)
        self.store = store if isinstance(store, VoiceStore) else VoiceStore.open(store)
        self.threshold = threshold
        self.min_margin = min_margin
        self.clusters = clusters
        self.one_label_one_name = one_label_one_name
        self.voices = voices

    def close(self) -> None:
        """Close the store, unless it was open before the pipeline."""
        if self._own:
            self.store.close()

    def segmenter(self, name: str | None = None) -> Segmenter:
        """The segmenter of this name, which is made once; by default the pipeline's own.

        Raises `SegmenterUnavailable`.
        """
        wanted = self._segmenter if name is None else name
        with self._lock:
            if name not in self._segmenters:
                if wanted is None or isinstance(wanted, str):
                    wanted = make_segmenter(wanted, device=self._device)
                self._segmenters[name] = SharedSegmenter(wanted)
            return self._segmenters[name]

    def label(
        self,
        video: str,
        audio: str | Path | None,
        segments: Iterable[Any] | None = None,
        *,
        hook: ProgressHook | None = None,
    ) -> list[Labelled]:
        """Who speaks in each segment, or in each turn that is found, in order; see `run`."""
        return list(self.run(video, audio, segments, hook=hook).labels)

    def run(
        self,
        video: str,
        audio: str | Path | None,
        segments: Iterable[Any] | None = None,
        *,
        threshold: float | None = None,
        min_margin: float | None = None,
        clusters: bool | None = None,
        speakers: Iterable[str] | None = None,
        one_label_one_name: bool | None = None,
        voices: bool | None = None,
        segmenter: str | None = None,
        on_audio_change: OnAudioChange = "raise",
        on_turns: OnTurns = "replace",
        source: str | None = None,
        hook: ProgressHook | None = None,
    ) -> PipelineResult:
        """Fill what is missing for the segments, and answer each of them.

        Segments can have any shape that `as_turns` accepts, with times in seconds. `audio` is only
        opened if something is missing; if it is None, the audio sources find the file. A segment
        that is not a span of time is answered as ``invalid``. They replace the turns that the video
        has, unless `on_turns` says otherwise; `source` is the file that they come from. Only
        `speakers` can be named; by default, everybody who is enrolled.

        Without segments, the stored turns are answered if they were given, or if the segmenter
        found them; otherwise it finds them first. `segmenter` names another than the pipeline's.

        Raises what `fill` and `identify` raise, except `InvalidSegments`: an error never becomes a
        label.
        """
        turns = None if segments is None else as_turns(segments)
        told = _Told(hook, {"uri": video, "audio": audio})
        if turns is None:
            report = fill(
                self.store,
                self.encoder,
                video=video,
                audio=audio,
                segmenter=self.segmenter(segmenter),
                on_audio_change=on_audio_change,
                on_turns=on_turns,
                progress=told.progress("fill"),
                on_segmenting=told.progress("segmentation"),
            )
            turns, invalid = self.store.recordings.turns(video) or [], list[InvalidSegment]()
        else:
            snapped = snap_turns(turns, self.store.grid_ms)
            report = fill_turns(
                *(self.store, self.encoder, video, audio, turns, snapped),
                *(on_audio_change, on_turns, source, told.progress("fill")),
            )
            invalid = snapped.invalid
        told("fill", report)
        if len(invalid) == len(turns):
            labels = tuple(Labelled(turn, None) for turn in turns)
            return PipelineResult(labels, report, tuple(invalid))
        result = identify(
            self.store,
            video,
            turns,
            clusters=self.clusters if clusters is None else clusters,
            voices=self.voices if voices is None else voices,
            encoder=self.encoder.identity,
            threshold=self.threshold if threshold is None else threshold,
            min_margin=self.min_margin if min_margin is None else min_margin,
            one_label_one_name=(
                self.one_label_one_name if one_label_one_name is None else one_label_one_name
            ),
            speakers=speakers,
        )
        told("identify", list(result.labels))
        return PipelineResult(result.labels, report, tuple(invalid), result.clusters)


class _Told:
    """A progress hook that is told about one recording; it need not be there."""

    def __init__(self, hook: ProgressHook | None, file: Mapping[str, Any]) -> None:
        self._hook, self._file = hook, file

    def __call__(self, step: str, artifact: Any) -> None:
        """Say that a step is done."""
        if self._hook:
            self._hook(step, artifact, file=self._file)

    def progress(self, step: str) -> Callable[[int, int], None] | None:
        """What is called with how much of a step is done, and with the whole."""
        hook = self._hook
        if hook is None:
            return None
        return lambda done, whole: hook(step, None, file=self._file, total=whole, completed=done)


_SETTINGS = (URL_VARIABLE, DATA_VARIABLE, ENCODER_VARIABLE, SEGMENTER_VARIABLE)
#: The process, because a forked one cannot use its parent's connections, and the settings.
_Key = tuple[int, tuple[str | None, ...]]


class _Opened:
    """The open pipelines, one per process and settings."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pipelines: dict[_Key, Pipeline] = {}

    def get(self) -> Pipeline:
        """The pipeline of the current settings; after a failure to open, the next call retries."""
        key = (os.getpid(), tuple(os.environ.get(name) or None for name in _SETTINGS))
        with self._lock:
            if key not in self._pipelines:
                self._pipelines[key] = Pipeline()
                # Registered after the embedded server's start, so that this runs before its end.
                atexit.register(self.close)
            return self._pipelines[key]

    def close(self) -> None:
        """Close the pipelines of this process."""
        with self._lock:
            for key in [key for key in self._pipelines if key[0] == os.getpid()]:
                self._pipelines.pop(key).close()

    def renew_lock(self) -> None:
        """After a fork: a thread of the parent may have held the lock."""
        self._lock = Lock()


_opened = _Opened()
#: Closes the pipelines, as the end of the process does; the next call opens one again.
close_default = _opened.close
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_opened.renew_lock)


@hookimpl(trylast=True)
def segments_ready(video: str, audio: Path | None, segments: Iterable[Any]) -> list[Labelled]:
    """What `Pipeline.label` returns and raises."""
    return _opened.get().label(video, audio, segments)
