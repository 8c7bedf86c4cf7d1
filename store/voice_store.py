"""``VoiceStore``: the one place where transactions open; everything else takes a connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from pgvoice.store import (
    attributions,
    audit,
    calibration,
    consents,
    encoders,
    enrollments,
    exchange,
    fills,
    hygiene,
    identify,
    index_building,
    indexes,
    labels,
    pruning,
    references,
    schema,
    search,
    segments,
    similar,
    speakers,
    statistics,
    store_copy,
    table_rows,
    trials,
    verifying,
    videos,
)
from pgvoice.store.attributions import LabelRun, Relabelling
from pgvoice.store.backfilling import Backfills
from pgvoice.store.calibration import DEFAULT_EDGES, Calibration
from pgvoice.store.closing import Closing
from pgvoice.store.clusters import ClusterIdentification, identify_clusters
from pgvoice.store.consents import Consent
from pgvoice.store.database import Database, open_database, without_password
from pgvoice.store.encoders import EncoderIdentity, StoredEncoder, Threshold
from pgvoice.store.enrollments import Enrollment, Exemplar
from pgvoice.store.exchange import PortableSpeaker
from pgvoice.store.fills import FillRun, Hold
from pgvoice.store.holding import keep_open
from pgvoice.store.hygiene import Outlier, ProfileQuality
from pgvoice.store.identify import Identification
from pgvoice.store.index_building import BuildReport, OnProgress
from pgvoice.store.indexes import IndexStatus
from pgvoice.store.keys import DEFAULT_GRID_MS, SegmentKey, snap_segment, snap_segments
from pgvoice.store.labels import Label, SpeakerTime
from pgvoice.store.names import checked
from pgvoice.store.privacy import Privacy
from pgvoice.store.pruning import PruneSelection
from pgvoice.store.references import Turn
from pgvoice.store.search import Appearance, Order
from pgvoice.store.segments import SegmentRow
from pgvoice.store.similar import SimilarFilter, SimilarSegment
from pgvoice.store.speakers import SpeakerSummary, StoredExemplar
from pgvoice.store.statistics import CacheStatistics
from pgvoice.store.table_rows import TableSum
from pgvoice.store.trials import Place, Trials
from pgvoice.store.verifying import SampledSegment, StoreCheck
from pgvoice.store.videos import OnAudioChange, VideoAudio

#: An encoder by its identity, by name or ``name@revision…``, or None for the store's only one.
WhichEncoder = EncoderIdentity | str | None
#: A (start, end) in seconds.
Span = Sequence[float]


#: How many videos a calibration names as those that the labels are of.
_NAMED = 3


class VoiceStore(Closing):
    """The store of a library: its videos' vectors, its speakers, and who speaks where.

    Safe to share between threads. Use it as a context manager, or call `close`.
    """

    def __init__(self, database: Database, grid_ms: int) -> None:
        self.database = database
        #: The grid that segments are snapped to, in milliseconds.
        self.grid_ms = grid_ms
        self._engine = database.engine
        #: Consent, erasure, opt-outs, retention and the audit trail.
        self.privacy = Privacy(database.engine)
        #: What is known of the recordings of manifests.
        self.backfills = Backfills(database.engine)

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        folder: Path | None = None,
        grid_ms: int = DEFAULT_GRID_MS,
        partitions: int = 1,
        consent: bool = True,
    ) -> Self:
        """Open the store at `url`, or in the embedded server of `folder`.

        Without either it is at ``PGVOICE_DATABASE_URL``, else in the embedded server of the usual
        folder. In the embedded server the tables are created (with `grid_ms`, `partitions`, and,
        if `consent`, so that nobody is enrolled without one) and upgraded on the way; in a server
        of your own that is `pgvoice db upgrade`, and `SchemaMismatch` asks for it. Raises
        `DatabaseError` in one of its kinds when the server cannot be used.
        """
        database = open_database(url, folder=folder)
        try:
            return cls(database, _ready(database, grid_ms, partitions, consent))
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Give the connections back; the store cannot be used afterwards."""
        self.database.close()

    # Segments and fills

    def missing(
        self, video: str, encoder: EncoderIdentity, keys: Sequence[SegmentKey]
    ) -> list[SegmentKey]:
        """The keys that have no row of this encoder, in time order: one SELECT.

        Raises `ValueError` for what can be no video's key.
        """
        checked(video, "a video's key")
        with self._engine.connect() as connection:
            return segments.missing(connection, video, encoder, keys)

    def read(
        self, video: str, encoder: EncoderIdentity, keys: Sequence[SegmentKey]
    ) -> dict[SegmentKey, SegmentRow]:
        """Vectors and statuses of these keys, as far as they are there."""
        with self._engine.connect() as connection:
            return segments.read(connection, video, encoder, keys)

    @contextmanager
    def filling(self, video: str) -> Iterator[Hold]:
        """Hold the fill of a video: another one, in any process, waits until this one is done.

        On a connection of its own, so that fills never wait for each other's connections.
        """
        connection = self.database.unpooled.connect()
        try:
            hold = Hold(connection, video)
        except BaseException:
            connection.close()
            raise
        try:
            yield hold
        finally:
            hold.release()

    def register(
        self,
        video: str,
        audio: VideoAudio | None,
        encoder: EncoderIdentity,
        threshold: Threshold,
        on_audio_change: OnAudioChange = "raise",
    ) -> tuple[int, int]:
        """The ids of video and encoder, made if new. Raises `AudioChanged`."""
        with self._engine.begin() as connection:
            return (
                videos.ensure(connection, video, audio, on_audio_change),
                encoders.ensure(connection, encoder, threshold),
            )

    def write(self, ids: tuple[int, int], encoder: EncoderIdentity, rows: list[SegmentRow]) -> None:
        """Commit a batch of segments' rows; `ids` are those that `register` gave.

        Raises `RowsStored`, `VideoErased`, `RowsRefused`.
        """
        with self._engine.begin() as connection:
            segments.write(connection, *ids, encoder.dimension, rows)

    def record_fill(self, video: str, encoder: EncoderIdentity, run: FillRun) -> None:
        """Keep what a fill did; video and encoder were registered by it, or by one before it."""
        with self._engine.begin() as connection:
            fills.record(connection, video, encoder, run)

    def encoder(self, which: WhichEncoder = None) -> StoredEncoder:
        """What the store knows of an encoder. Raises `UnknownEncoder`."""
        with self._engine.connect() as connection:
            return encoders.find(connection, which)

    def encoders(self) -> list[StoredEncoder]:
        """Every encoder that the store has met, oldest first."""
        with self._engine.connect() as connection:
            return encoders.stored(connection)

    def stored_videos(self, names: Iterable[str]) -> dict[str, str]:
        """By name the key of the stored video; names may have underscores for a key's blanks."""
        with self._engine.connect() as connection:
            return videos.stored(connection, names)

    # Speakers

    def enroll(
        self,
        name: str,
        exemplars: Sequence[Exemplar],
        encoder: EncoderIdentity,
        threshold: Threshold,
        *,
        consent: Consent | str | None = None,
        force: bool = False,
    ) -> Enrollment:
        """Add embedded exemplars to a speaker, created if new, and renew the profile.

        `consent` is kept with them; a text is where it is written down. Raises `EnrollmentRefused`
        in one of its kinds; `force` enrolls all the same, unless there would be no profile
        (`CancellingExemplars`), nobody agreed (`ConsentMissing`), or the person is to stay out
        (`OptedOut`).
        """
        with consents.refusals(name), self._engine.begin() as connection:
            if consent is not None:
                consents.grant(connection, name, consent)
            encoders.ensure(connection, encoder, threshold)
            found = encoders.find(connection, encoder)
            return enrollments.enroll(connection, name, found, exemplars, force=force)

    def enroll_segments(
        self,
        name: str,
        video: str,
        spans: Iterable[Span],
        encoder: WhichEncoder = None,
        *,
        consent: Consent | str | None = None,
        force: bool = False,
    ) -> Enrollment:
        """Add stored segments of a video to a speaker, created if new, and renew the profile.

        Raises `UnknownVideo`, `InvalidSegment`, `NoEmbedding` for a span without a vector, and
        `EnrollmentRefused` as `enroll` does.
        """
        keys = [snap_segment(span, self.grid_ms, index=index) for index, span in enumerate(spans)]
        with consents.refusals(name), self._engine.begin() as connection:
            if consent is not None:
                consents.grant(connection, name, consent)
            videos.require(connection, video)
            found = encoders.find(connection, encoder)
            return enrollments.enroll_segments(connection, name, found, video, keys, force=force)

    def export(
        self, names: Sequence[str] | None = None, *, destination: str
    ) -> list[PortableSpeaker]:
        """These speakers, or all, with their vectors, for another store; for admins alone.

        Leaves a row per speaker in the audit trail, with `destination`. Raises `UnknownSpeaker`.
        """
        with self._engine.begin() as connection:
            return exchange.export(connection, names, destination)

    def take_in(
        self,
        speakers: Sequence[PortableSpeaker],
        thresholds: Mapping[EncoderIdentity, Threshold],
        *,
        source: str,
        force: bool = False,
    ) -> list[Enrollment]:
        """Add speakers of another store, all or nobody; what is there already stays as it is.

        `thresholds` are the encoders' own; consents come along. Raises `EnrollmentRefused`, of some
        kinds only without `force`.
        """
        names = ", ".join(speaker.name for speaker in speakers)
        with consents.refusals(names), self._engine.begin() as connection:
            return exchange.take_in(connection, speakers, thresholds, source, force=force)

    def rename(self, name: str, new_name: str) -> None:
        """Give a speaker another name. Raises `UnknownSpeaker`, `SpeakerExists`, `OptedOut`."""
        with consents.refusals(new_name), self._engine.begin() as connection:
            speakers.rename(connection, name, new_name)

    def merge(self, name: str, into: str, *, force: bool = False, dry_run: bool = False) -> None:
        """Make `name` and `into` one speaker, called `into`; `dry_run` only finds out if it can be.

        Raises `UnknownSpeaker`, and `IncoherentExemplars` unless `force` where the two do not sound
        like one person; `CancellingExemplars` even then.
        """
        with self._engine.connect() as connection, connection.begin() as transaction:
            speakers.merge(connection, name, into, force=force)
            if dry_run:
                transaction.rollback()

    def remove(self, name: str) -> int:
        """Delete a speaker; returns how many exemplars went. Raises `UnknownSpeaker`."""
        with self._engine.begin() as connection:
            return speakers.remove(connection, name)

    def speakers(self) -> list[SpeakerSummary]:
        """Every speaker, a row per encoder, by name."""
        with self._engine.connect() as connection:
            return speakers.summaries(connection)

    def exemplars(self, name: str) -> list[StoredExemplar]:
        """A speaker's exemplars, least similar to the others first. Raises `UnknownSpeaker`."""
        with self._engine.connect() as connection:
            return speakers.exemplars(connection, name)

    def profile_quality(
        self, name: str | None = None, *, encoder: WhichEncoder = None
    ) -> list[ProfileQuality]:
        """How well a speaker is enrolled, or everybody, with one encoder or with all.

        Raises `UnknownSpeaker`, `UnknownEncoder`.
        """
        with self._engine.connect() as connection:
            if name is not None:
                speakers.require(connection, name)
            found = None if encoder is None else encoders.find(connection, encoder)
            return hygiene.quality(connection, name, found)

    def drop_outliers(
        self, name: str, *, encoder: WhichEncoder = None, dry_run: bool = False
    ) -> list[Outlier]:
        """Leave exemplars that do not sound like the others out of a profile; they are kept.

        Never half of them or more. Raises `UnknownSpeaker`, `UnknownEncoder`.
        """
        with self._engine.begin() as connection:
            speakers.require(connection, name)
            found = encoders.find(connection, encoder)
            return hygiene.drop_outliers(connection, name, found, dry_run=dry_run)

    def restore_exemplars(self, name: str, *, encoder: WhichEncoder = None) -> int:
        """Take exemplars that were left out back into the profile; returns how many.

        Raises `UnknownSpeaker`, `UnknownEncoder`, `CancellingExemplars`.
        """
        with self._engine.begin() as connection:
            speakers.require(connection, name)
            return hygiene.restore(connection, name, encoders.find(connection, encoder))

    # Answers

    def identify(
        self,
        video: str,
        spans: Iterable[Span] | None = None,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
    ) -> list[Identification]:
        """Who speaks in a video: one answer per span in the order given, or for all it has.

        `threshold` and `min_margin` are cosine similarities; by default the encoder's threshold
        and no margin. Raises `UnknownVideo`, `UnknownEncoder`, `InvalidSegment`.
        """
        keys = None if spans is None else self._keys(spans)
        with self._engine.connect() as connection:
            videos.require(connection, video)
            found = encoders.find(connection, encoder)
            return identify.identify(connection, video, found.id, keys, threshold, min_margin)

    def identify_clusters(
        self,
        video: str,
        spans: Iterable[Span],
        clusters: Iterable[str | None],
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
    ) -> list[ClusterIdentification]:
        """Who speaks in spans that a diarizer put into clusters: one answer each, in order.

        A name that `identify` gives stays; segments that alone say too little are heard together
        with others of their cluster. None as cluster is a segment by itself. Raises as `identify`,
        and `ValueError` where there are not as many clusters as spans.
        """
        keys, labels = self._keys(spans), list(clusters)
        if len(keys) != len(labels):
            raise ValueError(f"{len(labels)} clusters for {len(keys)} spans: give one for each")
        with self._engine.connect() as connection:
            videos.require(connection, video)
            found = encoders.find(connection, encoder)
            return identify_clusters(
                connection, video, found.id, keys, labels, threshold, min_margin
            )

    def search(
        self,
        name: str,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        limit: int | None = None,
        order: Order = "similarity",
    ) -> list[Appearance]:
        """Where somebody speaks, over all videos: most similar first, or by video and start.

        Exactly the segments that `identify` gives to them. Raises `UnknownSpeaker`.
        """
        with self._engine.connect() as connection:
            speakers.require(connection, name)
            found = encoders.find(connection, encoder)
            return search.appearances(
                connection, name, found.id, threshold, min_margin, limit, order
            )

    def similar(
        self,
        video: str,
        span: Span,
        *,
        limit: int = 20,
        among: SimilarFilter = SimilarFilter(),  # noqa: B008 - it is frozen
        encoder: WhichEncoder = None,
        exact: bool = False,
    ) -> list[SimilarSegment]:
        """What sounds like a stored segment, over all videos, most similar first.

        By the index where there is one and it pays, which finds nearly all of the most similar;
        `exact` compares every segment instead. Raises `UnknownVideo`, `UnknownSpeaker`,
        `UnknownEncoder`, `InvalidSegment`, and `NoEmbedding` for a segment without a vector.
        """
        key = snap_segment(span, self.grid_ms)
        with self._engine.connect() as connection:
            found = encoders.find(connection, encoder)
            return similar.similar(connection, video, found.id, key, limit, among, exact)

    # Thresholds

    def calibrate(
        self,
        target_far: float,
        *,
        labels: Mapping[str, Iterable[Turn]] | None = None,
        pinned: bool = False,
        exemplars: bool = False,
        edges: Sequence[float] = DEFAULT_EDGES,
        cohort: Mapping[str, Iterable[Turn]] | None = None,
        encoder: WhichEncoder = None,
        dry_run: bool = False,
    ) -> Calibration:
        """Thresholds for a false accept rate, from speech of which it is known whose it is.

        That is known from `labels`, by video the turns of a reference with names, from labels that
        are pinned, and from exemplars, each left out of its profile in turn. Whoever is enrolled
        under none of the names is a stranger. `edges` are seconds at which bands of durations end.
        `cohort` is, as `labels`, speech of other people, by name or by a diarizer's label: with
        it similarities are normalised (adaptive s-norm), where that names more of the people who
        were left out. What is found is kept, and `identify` goes by it. Raises
        `CalibrationUnsupported` when there is too little of it, `LabelIsNoName`, `UnknownVideo`,
        `UnknownEncoder`.
        """
        if not 0 < target_far < 1:
            raise ValueError(
                f"a false accept rate lies between 0 and 1, and {target_far:g} does not"
            )
        sources = [_named(list(labels))] if labels else []
        sources += ["pinned labels"] if pinned else []
        sources += ["exemplars left out one at a time"] if exemplars else []
        if not sources:
            raise ValueError("nothing to calibrate with: give labels, pinned or exemplars")
        with self._engine.begin() as connection:
            found = encoders.find(connection, encoder)
            return calibration.calibrate(
                connection,
                found,
                target_far,
                self._spoken(connection, found.id, labels or {}, pinned=pinned),
                exemplars=exemplars,
                labels_from=", ".join(sources),
                edges=edges,
                cohort=None if cohort is None else self._heard(connection, found.id, cohort),
                dry_run=dry_run,
            )

    def trials(
        self,
        *,
        labels: Mapping[str, Iterable[Turn]] | None = None,
        pinned: bool = False,
        exemplars: bool = False,
        encoder: WhichEncoder = None,
    ) -> Trials:
        """Speech whose speakers are known, held against every profile, as `calibrate` goes by it.

        A profile is without the exemplars that share audio with the segment. Raises
        `LabelIsNoName`, `UnknownVideo`, `UnknownEncoder`.
        """
        with self._engine.connect() as connection:
            found = encoders.find(connection, encoder)
            spoken = self._spoken(connection, found.id, labels or {}, pinned=pinned)
            return trials.gather(connection, found.id, spoken, exemplars=exemplars)

    def calibration(self, *, encoder: WhichEncoder = None) -> Calibration | None:
        """The calibration that `identify` goes by; None while it is the encoder's own threshold."""
        with self._engine.connect() as connection:
            return calibration.active(connection, encoders.find(connection, encoder))

    def calibrations(self, *, encoder: WhichEncoder = None) -> list[Calibration]:
        """Every calibration that was kept, the newest first."""
        with self._engine.connect() as connection:
            return calibration.stored(connection, encoders.find(connection, encoder))

    def activate_calibration(self, calibration_id: int) -> None:
        """Make a calibration the one that `identify` goes by. Raises `UnknownCalibration`."""
        with self._engine.begin() as connection:
            calibration.activate(connection, calibration_id)

    def reset_calibration(self, *, encoder: WhichEncoder = None) -> int | None:
        """Go back to the encoder's own threshold; returns the calibration that was active."""
        with self._engine.begin() as connection:
            return calibration.reset(connection, encoders.find(connection, encoder))

    # The index

    def index_status(self) -> list[IndexStatus]:
        """What there is of the index that `similar` uses, for each encoder."""
        with self._engine.connect() as connection:
            return indexes.status(connection)

    def build_index(
        self,
        encoder: WhichEncoder = None,
        *,
        memory: str | None = None,
        workers: int | None = None,
        on_progress: OnProgress | None = None,
    ) -> BuildReport:
        """Build the index of an encoder's segments, while others fill and search.

        `memory` is Postgres' ``maintenance_work_mem``, such as ``2GB``, `workers` how many
        processes help. Raises `IndexBusy` and `SchemaForbidden`.
        """
        with (
            self._alone_at_indexes(),
            self._statement_by_statement() as connection,
            self._statement_by_statement() as other,
        ):
            found = encoders.find(connection, encoder)
            return index_building.build(connection, other, found, memory, workers, on_progress)

    def drop_index(self, encoder: WhichEncoder = None) -> int:
        """Drop the index of an encoder's segments; returns how many tables had one."""
        with self._alone_at_indexes(), self._statement_by_statement() as connection:
            found = encoders.find(connection, encoder)
            return index_building.drop(connection, found.id)

    # Kept labels

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

        A run stores the labels that differ, in speaker or reason; pinned ones stay as they are.
        Raises `UnknownVideo`, `UnknownEncoder`.
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
        """Judge everything again that is labelled, in these videos or in all, as `label` does."""
        return self._keep(videos, encoder, threshold, min_margin, dry_run, only_labelled=True)

    def revert(self, run: int) -> int:
        """Take a run of labels back, so that what was before it counts again.

        Returns how many of its labels counted. Raises `UnknownRun`, and `ValueError` for a run that
        was reverted before.
        """
        with self._engine.begin() as connection:
            return attributions.revert(connection, run)

    def pin(
        self, video: str, span: Span, speaker: str | None, *, encoder: WhichEncoder = None
    ) -> int:
        """Say who speaks in a segment, None for nobody known; no run changes that.

        Returns the pin's own run. Raises `UnknownVideo`, `UnknownSpeaker`, `InvalidSegment`, and
        `UnknownLabel` for a segment that is not there.
        """
        key = snap_segment(span, self.grid_ms)
        with self._engine.begin() as connection:
            found = encoders.find(connection, encoder)
            return attributions.pin(connection, video, key, speaker, found.id)

    def unpin(self, video: str, span: Span, *, encoder: WhichEncoder = None) -> None:
        """Take a pin back. Raises `UnknownVideo`, and `UnknownLabel` where there is none."""
        key = snap_segment(span, self.grid_ms)
        with self._engine.begin() as connection:
            found = encoders.find(connection, encoder)
            attributions.unpin(connection, video, key, found.id)

    def labels(self, video: str, *, encoder: WhichEncoder = None) -> list[Label]:
        """The labels of a video that count now, in time order. Raises `UnknownVideo`."""
        with self._engine.connect() as connection:
            videos.require(connection, video)
            found = None if encoder is None else encoders.find(connection, encoder).id
            return labels.labels(connection, video, found)

    def label_runs(self) -> list[LabelRun]:
        """Every run of labels, the newest first."""
        with self._engine.connect() as connection:
            return attributions.runs(connection)

    def speaker_time(
        self, video: str | None = None, *, encoder: WhichEncoder = None
    ) -> list[SpeakerTime]:
        """How long everybody speaks, per video, from kept labels. Raises `UnknownVideo`."""
        with self._engine.connect() as connection:
            if video is not None:
                videos.require(connection, video)
            found = encoders.find(connection, encoder)
            return labels.speaker_time(connection, video, found.id)

    # Housekeeping

    def statistics(self) -> CacheStatistics:
        """Hits, misses, and what the store holds."""
        with self._engine.connect() as connection:
            return statistics.cache_statistics(connection)

    def prune(self, selection: PruneSelection, *, dry_run: bool = False) -> int:
        """Delete the selected cached vectors, or only count them; returns how many.

        Raises `ValueError` when nothing is selected.
        """
        with self._engine.begin() as connection:
            return (pruning.count if dry_run else pruning.prune)(connection, selection)

    def verify(self, *, sample: int = verifying.SAMPLE) -> list[StoreCheck]:
        """Whether the store is what it should be; `sample` is of kept comparisons."""
        with self._engine.connect() as connection:
            return verifying.verify(connection, sample)

    def sample_vectors(self, number: int, *, encoder: WhichEncoder = None) -> list[SampledSegment]:
        """So many stored vectors, chosen at random, to be computed again; by video and time."""
        with self._engine.connect() as connection:
            found = encoders.find(connection, encoder)
            return verifying.sampled(connection, found.id, number)

    def checksums(self) -> list[TableSum]:
        """Count and checksum of every table, at one moment: equal stores have equal ones."""
        with self._snapshot() as connection:
            return table_rows.all_summed(connection)

    def copy_to(
        self, url: str, *, on_progress: store_copy.OnProgress | None = None
    ) -> list[TableSum]:
        """Copy everything into the database at `url`, and compare; all of it arrives, or nothing.

        Tables, roles and rights are made there where they are not; indexes for search are not.
        Needs the owner of the tables on both sides. `on_progress` takes (done, total) rows. Raises
        `TargetInUse`, `CopyDiffers` and, of either database, `DatabaseError` in one of its kinds.
        """
        with open_database(url) as target:
            with self._engine.connect() as connection:
                store_copy.prepare(target, schema.state(connection))
            with self._snapshot() as source, target.unpooled.begin() as there:
                sums = store_copy.copy(source, there, on_progress)
            where = without_password(target.url).render_as_string()
        with self._engine.begin() as connection:
            audit.record(connection, "copy", where, rows=sum(each.rows for each in sums))
        return sums

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """A connection of its own that sees the database as it is at its first statement."""
        with self.database.unpooled.connect() as connection:
            yield connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @contextmanager
    def _alone_at_indexes(self) -> Iterator[None]:
        """Raises `IndexBusy`. A build waits for transactions that look at the past: not for it."""
        with self.database.unpooled.connect() as connection:
            connection = connection.execution_options(isolation_level="READ COMMITTED")
            keep_open(connection)
            indexes.hold(connection)
            yield

    @contextmanager
    def _statement_by_statement(self) -> Iterator[Connection]:
        """A connection of its own without transactions; what is set on it ends with it."""
        with self.database.unpooled.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

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
        with self._engine.begin() as connection:
            return attributions.keep(
                connection,
                None if videos is None else list(videos),
                encoders.find(connection, encoder).id,
                threshold,
                min_margin,
                only_labelled=only_labelled,
                dry_run=dry_run,
            )

    def _spoken(
        self,
        connection: Connection,
        encoder_id: int,
        labels: Mapping[str, Iterable[Turn]],
        *,
        pinned: bool,
    ) -> dict[Place, str]:
        """Who speaks in stored segments; what a person pinned counts before what a label says."""
        names = [summary.speaker for summary in speakers.summaries(connection)]
        found: dict[Place, str] = {}
        for video, turns in labels.items():
            videos.require(connection, video)
            keys = trials.stored_keys(connection, video, encoder_id)
            spoken = references.spoken(keys, turns, names)
            found |= {(video, key): name for key, name in spoken.items()}
        return found | (trials.pinned(connection, encoder_id) if pinned else {})

    def _heard(
        self, connection: Connection, encoder_id: int, labels: Mapping[str, Iterable[Turn]]
    ) -> dict[Place, str]:
        """As `_spoken`; a diarizer's label is a name, of its recording alone."""
        apart = {video: references.apart(turns, video) for video, turns in labels.items()}
        return self._spoken(connection, encoder_id, apart, pinned=False)

    def _keys(self, spans: Iterable[Span]) -> list[SegmentKey]:
        snapped = snap_segments(spans, self.grid_ms)
        if snapped.invalid:
            raise snapped.invalid[0]
        return [key for key in snapped.keys if key is not None]


def _named(videos: Sequence[str]) -> str:
    """Where labels are from, in a word."""
    if len(videos) > _NAMED:
        return f"labels of {videos[0]} and {len(videos) - 1:,} more"
    return f"labels of {', '.join(videos)}"


def _ready(database: Database, grid_ms: int, partitions: int, consent: bool) -> int:
    with database.engine.connect() as connection:
        found = schema.state(connection)
    behind = (found.revision or "") <= schema.HEAD and not schema.is_current(found)
    if behind and database.server is not None:
        schema.upgrade(database.engine, grid_ms=grid_ms, partitions=partitions, consent=consent)
        with database.engine.connect() as connection:
            found = schema.state(connection)
    return schema.check(found)
