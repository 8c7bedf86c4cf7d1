"""``Pipeline``: segments in, named speakers out, with one store and one model.

It is also the built-in answer to ``segments_ready``, opened by the environment's settings.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform
from pgvoice.hooks.encoders.registry import ENCODER_VARIABLE, make_encoder
from pgvoice.hooks.fill.fill import fill_turns
from pgvoice.hooks.identify import identify
from pgvoice.hooks.plugins.specs import hookimpl
from pgvoice.hooks.results import FillReport, Labelled
from pgvoice.hooks.turns import as_turns, snap_turns
from pgvoice.store.answers.clusters import ClusterSummary
from pgvoice.store.database.closing import Closing
from pgvoice.store.database.server.names import DATA_VARIABLE
from pgvoice.store.database.urls import URL_VARIABLE
from pgvoice.store.errors import InvalidSegment
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold
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
    """Names the enrolled people in a pipeline's segments; open it once, for many videos.

    It can be shared between threads: the model is loaded once, for the first segment that is
    missing, and encodes one batch at a time.
    """

    def __init__(
        self,
        store: VoiceStore | str | None = None,
        encoder: Encoder | str | None = None,
        *,
        device: str | None = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        clusters: bool | None = None,
        one_label_one_name: bool = False,
        voices: bool = False,
    ) -> None:
        """Use an open store or open the one at a URL; `encoder` is an encoder or a name.

        Without `store` it opens what `VoiceStore.open` finds, without `encoder` it uses the default
        of `make_encoder`. Without `threshold` and `min_margin` the store's own rule decides. With
        `clusters`, and by default if they have labels, segments with the same label are judged
        together, as `store.answers.identify_clusters` does; `one_label_one_name` is its option.
        With `voices`, segments in which nobody is named get the number of their unknown voice.
        Raises `DatabaseError`, `SchemaMismatch`, `EncoderUnavailable`.
        """
        made = encoder if isinstance(encoder, Encoder) else make_encoder(encoder, device=device)
        self.encoder: Encoder = _Shared(made)
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

    def label(
        self,
        video: str,
        audio: str | Path | None,
        segments: Iterable[Any],
        *,
        hook: ProgressHook | None = None,
    ) -> list[Labelled]:
        """Who speaks in each segment, in order; see `run`."""
        return list(self.run(video, audio, segments, hook=hook).labels)

    def run(
        self,
        video: str,
        audio: str | Path | None,
        segments: Iterable[Any],
        *,
        threshold: float | None = None,
        min_margin: float | None = None,
        clusters: bool | None = None,
        speakers: Iterable[str] | None = None,
        one_label_one_name: bool | None = None,
        voices: bool | None = None,
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
        `speakers` can be named; by default, everybody who is enrolled. Raises what
        `fill` and `identify` raise, except `InvalidSegments`: an error never becomes a label.
        """
        turns = as_turns(segments)
        snapped = snap_turns(turns, self.store.grid_ms)
        file = {"uri": video, "audio": audio}

        def progress(completed: int, total: int) -> None:
            if hook:
                hook("fill", None, file=file, total=total, completed=completed)

        report = fill_turns(
            self.store,
            self.encoder,
            video,
            audio,
            turns,
            snapped,
            on_audio_change,
            on_turns,
            source,
            progress,
        )
        if hook:
            hook("fill", report, file=file)
        invalid = tuple(snapped.invalid)
        if len(invalid) == len(turns):
            return PipelineResult(tuple(Labelled(turn, None) for turn in turns), report, invalid)
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
        if hook:
            hook("identify", list(result.labels), file=file)
        return PipelineResult(result.labels, report, invalid, result.clusters)


class _Shared:
    """An encoder for several threads: loaded once, called by one at a time."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._lock = Lock()
        self._loaded = False

    @property
    def identity(self) -> EncoderIdentity:
        return self._encoder.identity

    @property
    def default_threshold(self) -> Threshold:
        return self._encoder.default_threshold

    @property
    def min_samples(self) -> int:
        return self._encoder.min_samples

    @property
    def batch_samples(self) -> int:
        return self._encoder.batch_samples

    @property
    def device(self) -> str:
        return self._encoder.device

    def load(self) -> None:
        with self._lock:
            self._load_once()

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        with self._lock:
            self._load_once()
            return self._encoder.encode(waveforms)

    def _load_once(self) -> None:
        if not self._loaded:
            self._encoder.load()
            self._loaded = True


_SETTINGS = (URL_VARIABLE, DATA_VARIABLE, ENCODER_VARIABLE)
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
