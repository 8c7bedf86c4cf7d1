-- The threshold and margin that a segment must reach, and the reason that follows from them.

CREATE OR REPLACE FUNCTION pgvoice_internal.reason(
    status text,
    similarity double precision,
    runner_up_similarity double precision,
    threshold double precision,
    margin double precision
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN status NOT IN ('ok', 'partial') THEN status
    WHEN similarity IS NULL THEN 'no_profiles'
    WHEN similarity < threshold THEN 'below_threshold'
    WHEN similarity - runner_up_similarity < margin THEN 'ambiguous'
    ELSE 'matched'
END;
COMMENT ON FUNCTION pgvoice_internal.reason IS 'Why a segment gets a name or none: the reason in identify.';

CREATE OR REPLACE FUNCTION pgvoice.required(
    duration_ms integer,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL
) RETURNS TABLE (
    threshold double precision,
    min_margin double precision,
    source text,
    calibration bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(required.threshold,
                    c.thresholds[width_bucket(required.duration_ms, c.band_ms)],
                    e.default_threshold),
           coalesce(required.min_margin, c.margins[width_bucket(required.duration_ms, c.band_ms)], 0),
           CASE WHEN required.threshold IS NOT NULL THEN 'given'
                WHEN c.id IS NULL THEN e.threshold_source
                WHEN c.far_bound IS NULL THEN format(
                    'calibrated %s without a bound of FAR: calibrate again', c.created_at::date)
                ELSE format('calibrated %s, FAR at most %s %%', c.created_at::date,
                            trim_scale(ceil(10000 * c.far_bound::numeric) / 100)) END,
           CASE WHEN required.threshold IS NULL THEN c.id END
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = required.encoder;
END;
COMMENT ON FUNCTION pgvoice.required IS
'The threshold and margin for segments of a duration, and where the threshold comes from: the given
ones, else those of the active calibration for that duration, else the encoder''s own threshold and no
margin. All other functions take their thresholds from here.';

CREATE OR REPLACE FUNCTION pgvoice.required_by_duration(
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL
) RETURNS TABLE (
    min_ms integer,
    max_ms integer,
    threshold double precision,
    min_margin double precision,
    source text,
    calibration bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT band.min_ms, lead(band.min_ms) OVER (ORDER BY band.min_ms), q.threshold,
           q.min_margin, q.source, q.calibration
    FROM unnest(coalesce(
        (SELECT c.band_ms FROM pgvoice.calibration AS c
         WHERE c.encoder_id = required_by_duration.encoder AND c.active),
        ARRAY[0]
    )) AS band(min_ms)
    CROSS JOIN LATERAL pgvoice.required(
        band.min_ms, required_by_duration.encoder, required_by_duration.threshold,
        required_by_duration.min_margin
    ) AS q
    ORDER BY band.min_ms
$$;
COMMENT ON FUNCTION pgvoice.required_by_duration IS
'What required returns for each band of durations of the active calibration, or for all durations:
from min_ms up to max_ms, or without end if that is NULL.';

CREATE OR REPLACE FUNCTION pgvoice_internal.required_of_segment(
    encoder integer,
    video_id bigint,
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    given_threshold double precision,
    given_margin double precision
) RETURNS TABLE (threshold double precision, margin double precision, source text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT q.threshold, q.min_margin, q.source
    FROM pgvoice.required(
        required_of_segment.end_ms - required_of_segment.start_ms,
        required_of_segment.encoder,
        required_of_segment.given_threshold,
        required_of_segment.given_margin
    ) AS q;
END;
COMMENT ON FUNCTION pgvoice_internal.required_of_segment IS
'The threshold and margin that a stored segment must reach to get the name of the nearest person: those
of required for its duration.';

CREATE OR REPLACE FUNCTION pgvoice_internal.least_required(
    encoder integer, given_threshold double precision
) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(given_threshold, (SELECT min(t) FROM unnest(c.thresholds) AS t),
                    e.default_threshold)
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = encoder
$$;
COMMENT ON FUNCTION pgvoice_internal.least_required IS
'The lowest threshold that required returns for any duration.';
