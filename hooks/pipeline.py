"""``Pipeline``: a pipeline's segments in, named speakers out, with one store and one model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from pgvoice.hooks.answers import Labelled
from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.errors import InvalidSegments
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.fill.report import FillReport
from pgvoice.hooks.identify import identify
from pgvoice.hooks.turns import as_turns
from pgvoice.store.answers.clusters import ClusterSummary
from pgvoice.store.database.closing import Closing
from pgvoice.store.errors import InvalidSegment
from pgvoice.store.keys import snap_segments
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold
from pgvoice.store.recordings.videos import OnAudioChange
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore


class ProgressHook(Protocol):
    """Told of each step, in the shape of pyannote.audio's hooks; its ``ProgressHook`` fits."""

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
    """The labels of one video, and what it took."""

    labels: tuple[Labelled, ...]
    report: FillReport
    #: The segments that are no spans of time; their labels have no answer.
    invalid: tuple[InvalidSegment, ...]
    #: Who the clusters are of, where the pipeline was opened with `clusters`.
    clusters: tuple[ClusterSummary, ...]


class Pipeline(Closing):
    """Labels segments with the people enrolled in a store; open it once, for many videos.

    Safe to share between threads: the model is loaded once, at the first segment that the store
    is missing, and encodes one batch at a time.
    """

    def __init__(
        self,
        store: VoiceStore | str | None = None,
        encoder: Encoder | str | None = None,
        *,
        device: str | None = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        clusters: bool = False,
    ) -> None:
        """Open the store at a URL, or use one that is open; `encoder` is one, or its name.

        Without `store` it is where `VoiceStore.open` looks, without `encoder` it is what
        `make_encoder` builds. Without `threshold` and `min_margin` it is the store's own rule. With
        `clusters`, segments with the same label are judged as `VoiceStore.identify_clusters` does.
        Raises `DatabaseError`, `SchemaMismatch`, `EncoderUnavailable`.
        """
        made = encoder if isinstance(encoder, Encoder) else make_encoder(encoder, device=device)
        self.encoder: Encoder = _Shared(made)
        self._own = not isinstance(store, VoiceStore)
        self.store = store if isinstance(store, VoiceStore) else VoiceStore.open(store)
        self.threshold = threshold
        self.min_margin = min_margin
        self.clusters = clusters

    def close(self) -> None:
        """Close the store, if it was opened here."""
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
        on_audio_change: OnAudioChange = "raise",
        hook: ProgressHook | None = None,
    ) -> PipelineResult:
        """Fill what is missing for the segments, and answer each of them.

        Segments come in the shapes that `as_turns` takes, times in seconds. `audio` is only
        opened when something is missing; None then asks the audio sources. What is no span of time
        has an answer of its own, ``invalid``. Raises what `fill` raises, apart from
        `InvalidSegments`: an error is never a label.
        """
        given = as_turns(segments)
        file = {"uri": video, "audio": audio}
        report, invalid = self._fill(video, audio, given, on_audio_change, hook, file)
        labels, summaries = self._identified(
            video,
            given,
            self.threshold if threshold is None else threshold,
            self.min_margin if min_margin is None else min_margin,
            self.clusters if clusters is None else clusters,
        )
        if hook:
            hook("identify", labels, file=file)
        return PipelineResult(tuple(labels), report, invalid, summaries)

    def _fill(
        self,
        video: str,
        audio: str | Path | None,
        given: Sequence[Turn],
        on_audio_change: OnAudioChange,
        hook: ProgressHook | None,
        file: Mapping[str, Any],
    ) -> tuple[FillReport, tuple[InvalidSegment, ...]]:
        def progress(completed: int, total: int) -> None:
            if hook:
                hook("fill", None, file=file, total=total, completed=completed)

        invalid: tuple[InvalidSegment, ...] = ()
        try:
            report = fill(
                self.store,
                self.encoder,
                video=video,
                audio=audio,
                segments=_spans(given),
                on_audio_change=on_audio_change,
                progress=progress,
            )
        except InvalidSegments as error:
            report, invalid = error.report, error.errors
        if hook:
            hook("fill", report, file=file)
        return report, invalid

    def _identified(
        self,
        video: str,
        given: Sequence[Turn],
        threshold: float | None,
        min_margin: float | None,
        clusters: bool,
    ) -> tuple[list[Labelled], tuple[ClusterSummary, ...]]:
        keys = snap_segments(_spans(given), self.store.grid_ms).keys
        spans = [key for key in keys if key is not None]
        if not spans:
            return [Labelled(segment, None) for segment in given], ()
        result = identify(
            self.store,
            video,
            spans,
            [s.label for s, key in zip(given, keys, strict=True) if key] if clusters else None,
            encoder=self.encoder.identity,
            threshold=threshold,
            min_margin=min_margin,
        )
        answers = iter(result.answers)
        labels = [
            Labelled(segment, None if key is None else next(answers))
            for segment, key in zip(given, keys, strict=True)
        ]
        return labels, result.clusters


class _Shared:
    """An encoder for several threads: loaded once, one call at a time."""

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
            self._ready()

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        with self._lock:
            self._ready()
            return self._encoder.encode(waveforms)

    def _ready(self) -> None:
        if not self._loaded:
            self._encoder.load()
            self._loaded = True


def _spans(given: Sequence[Turn]) -> list[tuple[float, float]]:
    return [(segment.start, segment.end) for segment in given]
