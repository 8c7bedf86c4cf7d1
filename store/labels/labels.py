"""``VoiceStore.labels``: keep answers as labels, judge them again, pin and revert them."""

from __future__ import annotations

from collections.abc import Iterable

from pgvoice.store.database.connection import Database
from pgvoice.store.keys import Span, snap_segment
from pgvoice.store.labels import current, runs
from pgvoice.store.labels.current import Label, SpeakerTime
from pgvoice.store.labels.runs import LabelRun, Relabelling
from pgvoice.store.recordings import encoders
from pgvoice.store.recordings import videos as stored_videos
from pgvoice.store.recordings.encoders import WhichEncoder


class Labels:
    """Kept labels and their runs; each call is a transaction."""

    def __init__(self, database: Database, grid_ms: int) -> None:
        self._database = database
        self._grid_ms = grid_ms

    def label(
        self,
        videos: Iterable[str] | None = None,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        dry_run: bool = False,
    ) -> Relabelling:
        """Keep the answers of `identify` for these videos, or for all, as a run.

        A run stores the labels whose speaker or reason changes; pinned labels stay. Raises
        `UnknownVideo`, `UnknownEncoder`.
        """
        return self._keep(videos, encoder, threshold, min_margin, dry_run, only_labelled=False)

    def relabel(
        self,
        videos: Iterable[str] | None = None,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        dry_run: bool = False,
    ) -> Relabelling:
        """Judge again what is labelled, in these videos or in all, as `label` does."""
        return self._keep(videos, encoder, threshold, min_margin, dry_run, only_labelled=True)

    def revert(self, run: int) -> int:
        """Revert a run, so that the labels before it become current again.

        Returns how many of its labels were current. Raises `UnknownRun`, and `ValueError` if the
        run is reverted already.
        """
        with self._database.engine.begin() as connection:
            return runs.revert(connection, run)

    def pin(
        self, video: str, span: Span, speaker: str | None, *, encoder: WhichEncoder = None
    ) -> int:
        """Set who speaks in a segment, None for nobody known; no run changes a pinned label.

        Returns the pin's own run. Raises `UnknownVideo`, `UnknownSpeaker`, `InvalidSegment`, and
        `UnknownLabel` if the segment is not stored.
        """
        key = snap_segment(span, self._grid_ms)
        with self._database.engine.begin() as connection:
            found = encoders.find(connection, encoder)
            return runs.pin(connection, video, key, speaker, found.id)

    def unpin(self, video: str, span: Span, *, encoder: WhichEncoder = None) -> None:
        """Remove a pin. Raises `UnknownVideo`, and `UnknownLabel` if the segment has none."""
        key = snap_segment(span, self._grid_ms)
        with self._database.engine.begin() as connection:
            found = encoders.find(connection, encoder)
            runs.unpin(connection, video, key, found.id)

    def current(self, video: str, *, encoder: WhichEncoder = None) -> list[Label]:
        """The current labels of a video, in time order. Raises `UnknownVideo`."""
        with self._database.engine.connect() as connection:
            stored_videos.require(connection, video)
            found = None if encoder is None else encoders.find(connection, encoder).id
            return current.labels(connection, video, found)

    def runs(self) -> list[LabelRun]:
        """Every run, the newest first."""
        with self._database.engine.connect() as connection:
            return runs.runs(connection)

    def speaker_time(
        self, video: str | None = None, *, encoder: WhichEncoder = None
    ) -> list[SpeakerTime]:
        """How long everybody speaks, per video, from the current labels. Raises `UnknownVideo`."""
        with self._database.engine.connect() as connection:
            if video is not None:
                stored_videos.require(connection, video)
            found = encoders.find(connection, encoder)
            return current.speaker_time(connection, video, found.id)

    def _keep(
        self,
        videos: Iterable[str] | None,
        encoder: WhichEncoder,
        threshold: float | None,
        min_margin: float | None,
        dry_run: bool,
        *,
        only_labelled: bool,
    ) -> Relabelling:
        with self._database.engine.begin() as connection:
            return runs.keep(
                connection,
                None if videos is None else list(videos),
                encoders.find(connection, encoder).id,
                threshold,
                min_margin,
                only_labelled=only_labelled,
                dry_run=dry_run,
            )
