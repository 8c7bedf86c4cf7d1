"""Cohorts: similarities normalised against other people's voices, and whether it helps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Connection, text

from pgvoice.store.errors import CalibrationUnsupported
from pgvoice.store.thresholds import measures
from pgvoice.store.thresholds.fitting import NotApart
from pgvoice.store.thresholds.judging import Band, Figures, Judged, judged
from pgvoice.store.thresholds.measures import Floats, Interval
from pgvoice.store.thresholds.trials import Place, Trials

#: Minimum number of voices.
MIN_VOICES = 10
#: Maximum number of nearest voices, as in the source of `pgvoice_internal.normalised_threshold`.
MAX_TOP = 200
#: Typical deviation of a cohort; scales normalised similarities to the range of cosines.
SCALE = 0.05

_KEEP = text(
    "SELECT pgvoice_internal.keep_cohort(:calibration, :encoder, CAST(:videos AS text[]),"
    " CAST(:starts AS integer[]), CAST(:ends AS integer[]), CAST(:names AS text[]),"
    " CAST(:others AS text[]))"
)
_TOP = text("UPDATE pgvoice.calibration SET cohort_top = :top WHERE id = :calibration")
_OF_PROFILES = text(
    "SELECT c.mean, c.deviation FROM pgvoice.profile AS p"
    " CROSS JOIN LATERAL"
    " pgvoice_internal.cohort_scores(:calibration, p.embedding, p.embedding) AS c"
    " WHERE p.encoder_id = :encoder ORDER BY p.speaker_id"
)
_OF_SEGMENTS = text(
    "SELECT c.mean, c.deviation"
    " FROM unnest(CAST(:videos AS text[]), CAST(:starts AS integer[]), CAST(:ends AS integer[]))"
    " WITH ORDINALITY AS a(video, start_ms, end_ms, ordinal)"
    " JOIN pgvoice.video AS v ON v.key = a.video"
    " JOIN pgvoice.segment_embedding AS s ON s.video_id = v.id AND s.start_ms = a.start_ms"
    " AND s.end_ms = a.end_ms AND s.encoder_id = :encoder"
    " CROSS JOIN LATERAL pgvoice_internal.cohort_scores(:calibration, s.embedding, NULL) AS c"
    " WHERE s.embedding IS NOT NULL ORDER BY a.ordinal"
)
_OF_EXEMPLARS = text(
    "SELECT c.mean, c.deviation FROM pgvoice.enrollment AS x"
    " CROSS JOIN LATERAL pgvoice_internal.cohort_scores(:calibration, x.embedding, NULL) AS c"
    " WHERE x.encoder_id = :encoder AND NOT x.excluded ORDER BY x.id"
)


@dataclass(frozen=True, slots=True)
class Cohort:
    """The voices that normalise a calibration's similarities."""

    voices: int
    #: How many of the nearest voices are used.
    top: int
    #: Voices that may belong to people who are enrolled or whom the thresholds are tuned on.
    left_out: int


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Adaptive s-norm compared with plain similarities, on people whom neither was tuned on."""

    cohort: Cohort
    #: Whether `identify` uses it.
    used: bool
    #: The increase of DIR, as a fraction.
    gain: float
    gain_interval: Interval
    #: None if the right profile is not more similar than others are.
    normalised: Figures | None
    #: The bands with levels.
    bands: tuple[Band, ...]
    plain: Figures


def keep(
    connection: Connection,
    calibration: int,
    encoder_id: int,
    spoken: Mapping[Place, str],
    others: Iterable[str],
) -> Cohort:
    """Store the voice of everybody who speaks, except `others` and people who may be enrolled.

    Raises `CalibrationUnsupported` if too few are left.
    """
    voices: int = connection.scalar(
        _KEEP,
        _places(spoken)
        | {
            "names": list(spoken.values()),
            "others": list(others),
            "encoder": encoder_id,
            "calibration": calibration,
        },
    )
    heard = len(set(spoken.values()))
    if voices < MIN_VOICES:
        raise CalibrationUnsupported(
            f"a cohort needs {MIN_VOICES} voices of people who are neither enrolled nor tuned on,"
            f" and only {voices} of {heard} are: give more recordings, or leave --cohort out"
        )
    top = min(max(voices // 2, MIN_VOICES), MAX_TOP)
    connection.execute(_TOP, {"top": top, "calibration": calibration})
    return Cohort(voices, top, heard - voices)


def normalised(
    connection: Connection,
    calibration: int,
    encoder_id: int,
    trials: Trials,
    spoken: Mapping[Place, str],
    *,
    exemplars: bool,
) -> Floats:
    """The normalised similarities of `trials`, which were gathered from `spoken`; same shape."""
    ids: dict[str, object] = {"calibration": calibration, "encoder": encoder_id}
    own = np.array(connection.execute(_OF_PROFILES, ids).all(), np.float64).reshape(-1, 2)
    rows = list(connection.execute(_OF_SEGMENTS, ids | _places(spoken))) if spoken else []
    if exemplars:
        rows += connection.execute(_OF_EXEMPLARS, ids)
    theirs = np.array([tuple(row) for row in rows], np.float64).reshape(-1, 2)
    scores: Floats = (
        (trials.similarity - own[:, 0]) / own[:, 1]
        + (trials.similarity - theirs[:, :1]) / theirs[:, 1:]
    ) / 2
    return scores


def judge(
    plain: Judged,
    trials: Trials,
    scores: Floats,
    cohort: Cohort,
    target: float,
    generator: np.random.Generator,
) -> Normalisation:
    """Judge normalised similarities, shape as those of `trials`, against plain ones.

    They are used if the confidence interval of the gain in DIR (bootstrap over people) is above 0
    and FAR is at most the target, or at most what it is without them.
    """
    searches = trials.searches(SCALE * scores)
    beside = replace(trials, similarity=scores)
    try:
        found = judged(
            beside, searches, plain.half, plain.rule.band_ms, plain.notes, target, generator
        )
    except NotApart:
        nothing = Interval(0.0, 0.0)
        return Normalisation(cohort, False, 0.0, nothing, None, (), plain.figures)
    inside = searches.enrolled
    gained = (found.answered.astype(float) - plain.answered)[inside] * searches.right[inside]
    interval = measures.bootstrap(
        lambda rows: float(gained[rows].mean()), searches.person[inside], generator
    )
    used = interval.low > 0 and found.figures.far <= max(target, plain.figures.far)
    bands = _levels(plain, found)
    gain = float(gained.mean())
    return Normalisation(cohort, used, gain, interval, found.figures, bands, plain.figures)


def _levels(plain: Judged, found: Judged) -> tuple[Band, ...]:
    """The bands with levels; the plain thresholds stay, because profiles are judged by them."""
    return tuple(
        replace(band, threshold=before.threshold, level=band.threshold / SCALE)
        for before, band in zip(plain.bands, found.bands, strict=True)
    )


def _places(spoken: Mapping[Place, str]) -> dict[str, object]:
    return {
        "videos": [video for video, _ in spoken],
        "starts": [key.start_ms for _, key in spoken],
        "ends": [key.end_ms for _, key in spoken],
    }
