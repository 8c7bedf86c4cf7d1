"""``VoiceStore.thresholds``: which thresholds apply, what they rest on, and calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from pgvoice.store.database.connection import Database
from pgvoice.store.people import speakers
from pgvoice.store.recordings import encoders, videos
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.thresholds import library, reference_turns, scores
from pgvoice.store.thresholds.library import LibraryTail
from pgvoice.store.thresholds.requirement import BandThreshold, Requirement
from pgvoice.store.thresholds.scores import ScoreBin
from pgvoice.store.turns import Turn

if TYPE_CHECKING:
    from pgvoice.store.thresholds.calibration import Calibration
    from pgvoice.store.thresholds.trials import Place, Trials

#: Seconds that separate the bands: longer segments are more similar to the right profile.
DEFAULT_EDGES = (2.0, 4.0)
#: How many videos a calibration names as sources of its labels.
_NAMED = 3
_REQUIRED = text(
    "SELECT min_ms / 1000::double precision, max_ms / 1000::double precision, threshold,"
    " suggested, min_margin, kind, gallery, source"
    " FROM pgvoice.required_by_duration(:encoder, :threshold, :margin, :gallery)"
)


class Thresholds:
    """Thresholds of the library, and calibrations; each call is a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def calibrate(
        self,
        target_far: float,
        *,
        labels: Mapping[str, Iterable[Turn]] | None = None,
        pinned: bool = False,
        exemplars: bool = False,
        edges: Sequence[float] = DEFAULT_EDGES,
        encoder: WhichEncoder = None,
        dry_run: bool = False,
    ) -> Calibration:
        """Find thresholds for a false accept rate, and use them from now on.

        They come from speech whose speaker is known: from `labels`, the named turns of each video;
        from pinned labels; and from exemplars, each left out of its profile in turn. Names that
        nobody is enrolled under are strangers. `edges` are the seconds that separate the bands of
        durations. Raises `CalibrationUnsupported` if there is too little speech, `LabelIsNoName`,
        `UnknownVideo`, `UnknownEncoder`.
        """
        from pgvoice.store.thresholds import calibration  # imports numpy, which takes long

        if not 0 < target_far < 1:
            raise ValueError(
                f"a false accept rate must lie between 0 and 1, and {target_far:g} does not"
            )
        sources = [_named(list(labels))] if labels else []
        sources += [calibration.PINNED] if pinned else []
        sources += [calibration.EXEMPLARS] if exemplars else []
        if not sources:
            raise ValueError("nothing to calibrate with: give labels, pinned or exemplars")
        with self._database.engine.begin() as connection:
            found = encoders.find(connection, encoder)
            encoders.require_segment_vectors(found)
            return calibration.calibrate(
                connection,
                found,
                target_far,
                self._spoken(connection, found.id, labels or {}, pinned=pinned),
                exemplars=exemplars,
                labels_from=", ".join(sources),
                edges=edges,
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
        """The comparisons that `calibrate` uses: speech whose speaker is known with every profile.

        Exemplars that share audio with the segment are left out of the profile. Raises
        `CalibrationUnsupported` if the encoder's segments share the vector of their label,
        `LabelIsNoName`, `UnknownVideo`, `UnknownEncoder`.
        """
        from pgvoice.store.thresholds import trials

        with self._database.engine.connect() as connection:
            found = encoders.find(connection, encoder)
            encoders.require_segment_vectors(found)
            spoken = self._spoken(connection, found.id, labels or {}, pinned=pinned)
            return trials.gather(connection, found.id, spoken, exemplars=exemplars)

    def required(
        self,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        gallery: int | None = None,
    ) -> Requirement:
        """The threshold and margin that `identify` requires if it is given these.

        `gallery` is the number of people to compare with; without it, all who are enrolled. Raises
        `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            found = encoders.find(connection, encoder)
            rows = connection.execute(
                _REQUIRED,
                {
                    "encoder": found.id,
                    "threshold": threshold,
                    "margin": min_margin,
                    "gallery": gallery,
                },
            ).all()
        bands = tuple(BandThreshold(*row[:4]) for row in rows)
        margin, kind, people, source = rows[0][4:]
        return Requirement(str(found.identity), kind, source, margin, people, bands)

    def library(self, *, encoder: WhichEncoder = None) -> LibraryTail:
        """What thresholds from the library's own turns rest on, or what is missing for them.

        Raises `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            return library.read(connection, encoders.find(connection, encoder).id)

    def refresh(self, *, encoder: WhichEncoder = None) -> LibraryTail:
        """Measure the library's turns again; fills do so by themselves as the library grows.

        Raises `UnknownEncoder`.
        """
        with self._database.engine.begin() as connection:
            found = encoders.find(connection, encoder)
            library.refresh(connection, found.id)
            return library.read(connection, found.id)

    def target_far(self) -> float:
        """The share of speech by people who are not enrolled that may get a name."""
        with self._database.engine.connect() as connection:
            return library.target(connection)

    def set_target_far(self, far: float) -> None:
        """Set the target FAR of the library's and the encoder's own thresholds.

        Raises `ValueError` unless it is above 0 and at most 0.1.
        """
        with self._database.engine.begin() as connection:
            library.set_target(connection, far)

    def active(self, *, encoder: WhichEncoder = None) -> Calibration | None:
        """The active calibration; None if thresholds are the library's or the encoder's own."""
        return next((one for one in self.calibrations(encoder=encoder) if one.active), None)

    def calibrations(self, *, encoder: WhichEncoder = None) -> list[Calibration]:
        """Every stored calibration, the newest first."""
        from pgvoice.store.thresholds import calibration

        with self._database.engine.connect() as connection:
            return calibration.stored(connection, encoders.find(connection, encoder))

    def scores(self, *, encoder: WhichEncoder = None) -> list[ScoreBin]:
        """How similar the same and different people are, as counts; for admins.

        Of a sample in a large store. Raises `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            return scores.histogram(connection, encoders.find(connection, encoder).id)

    def activate(self, calibration_id: int) -> None:
        """Make a calibration the active one. Raises `UnknownCalibration`."""
        from pgvoice.store.thresholds import calibration

        with self._database.engine.begin() as connection:
            calibration.activate(connection, calibration_id)

    def reset(self, *, encoder: WhichEncoder = None) -> int | None:
        """Go back to the library's thresholds, or the encoder's; returns what was active."""
        with self._database.engine.begin() as connection:
            was: int | None = connection.scalar(
                text("SELECT pgvoice.reset_calibration(:encoder)"),
                {"encoder": encoders.find(connection, encoder).id},
            )
            return was

    def _spoken(
        self,
        connection: Connection,
        encoder_id: int,
        labels: Mapping[str, Iterable[Turn]],
        *,
        pinned: bool,
    ) -> dict[Place, str]:
        """Who speaks in stored segments; pinned labels take precedence over references."""
        from pgvoice.store.thresholds import trials

        names = [summary.speaker for summary in speakers.summaries(connection, encoder_id)]
        found: dict[Place, str] = {}
        for video, turns in labels.items():
            videos.require(connection, video)
            keys = trials.stored_keys(connection, video, encoder_id)
            spoken = reference_turns.spoken(keys, turns, names)
            found |= {(video, key): name for key, name in spoken.items()}
        return found | (trials.pinned(connection, encoder_id) if pinned else {})


def _named(videos: Sequence[str]) -> str:
    """The source of labels, in a few words."""
    if len(videos) > _NAMED:
        return f"labels of {videos[0]} and {len(videos) - 1:,} more"
    return f"labels of {', '.join(videos)}"
