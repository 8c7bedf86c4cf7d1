"""Cohorts: other people's voices, against which similarities are normalised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, text

from pgvoice.store.errors import CalibrationUnsupported
from pgvoice.store.thresholds.measures import Floats
from pgvoice.store.thresholds.trials import Place, Trials

#: Minimum number of voices.
MIN_VOICES = 10
#: Maximum number of nearest voices, as in the source of `pgvoice_internal.normalised_threshold`.
MAX_TOP = 200

_KEEP = text(
    """
    WITH heard AS (
        SELECT a.name, l2_normalize(avg(s.embedding)) AS voice, array_agg(DISTINCT v.id) AS videos
        FROM unnest(CAST(:videos AS text[]), CAST(:starts AS integer[]), CAST(:ends AS integer[]),
                    CAST(:names AS text[])) AS a(video, start_ms, end_ms, name)
        JOIN pgvoice.video AS v ON v.key = a.video
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = v.id AND s.start_ms = a.start_ms AND s.end_ms = a.end_ms
            AND s.encoder_id = :encoder
        WHERE s.embedding IS NOT NULL AND a.name <> ALL (CAST(:others AS text[]))
        GROUP BY a.name
    ), usable AS (
        SELECT h.* FROM heard AS h
        WHERE NOT EXISTS (
            SELECT FROM pgvoice.profile AS p
            JOIN pgvoice.encoder AS e ON e.id = p.encoder_id
            WHERE p.encoder_id = :encoder AND -(h.voice <#> p.embedding) >= e.default_threshold
        )
    )
    INSERT INTO pgvoice.cohort_voice (calibration_id, place, embedding, video_ids)
    SELECT :calibration, row_number() OVER (ORDER BY u.name), u.voice, u.videos FROM usable AS u
    """
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
    voices = connection.execute(
        _KEEP,
        _places(spoken)
        | {
            "names": list(spoken.values()),
            "others": list(others),
            "encoder": encoder_id,
            "calibration": calibration,
        },
    ).rowcount
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


def _places(spoken: Mapping[Place, str]) -> dict[str, object]:
    return {
        "videos": [video for video, _ in spoken],
        "starts": [key.start_ms for _, key in spoken],
        "ends": [key.end_ms for _, key in spoken],
    }
