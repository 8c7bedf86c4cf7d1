-- The threshold and margin that a segment must reach, and where they come from.

CREATE OR REPLACE FUNCTION pgvoice_internal.rule(
    encoder integer,
    given_threshold double precision,
    given_margin double precision,
    people integer DEFAULT NULL
) RETURNS TABLE (
    band_ms integer[],
    above double precision[],
    suggested_above double precision[],
    margins double precision[],
    by_library boolean,
    usual_mean double precision,
    lowest double precision,
    kind text,
    gallery integer,
    source text,
    calibration bigint
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH known AS (
        SELECT e.default_threshold, e.threshold_source, c.id AS calibration, c.thresholds, c.margins,
               c.gallery AS measured_gallery, c.created_at, c.far_bound,
               coalesce(c.target_far, g.target_far) AS target_far,
               coalesce(c.band_ms, l.band_ms, ARRAY[0]) AS band_ms,
               coalesce(rule.people, pgvoice_internal.gallery_size(rule.encoder)) AS gallery,
               CASE WHEN given_threshold IS NOT NULL THEN 'given'
                    WHEN c.id IS NOT NULL THEN 'calibrated'
                    WHEN pgvoice.is_by_library(l.recordings, l.voices) THEN 'library'
                    ELSE 'encoder default' END AS kind,
               l.recordings
        FROM pgvoice.encoder AS e
        CROSS JOIN pgvoice.setting AS g
        LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
        LEFT JOIN pgvoice.library_tail AS l ON l.encoder_id = e.id
        WHERE e.id = rule.encoder
    ), per_band AS (
        SELECT b.place, k.margins[b.place] AS margin, k.thresholds[b.place] AS calibrated,
               pgvoice_internal.tail_excess(
                   t.start, t.mean_excess, k.target_far / k.gallery
               ) AS excess,
               pgvoice_internal.tail_excess(
                   t.start, t.mean_excess, 10 * k.target_far / k.gallery
               ) AS suggested_excess,
               pgvoice_internal.tail_excess(
                   t.start, t.mean_excess, k.target_far / k.measured_gallery
               ) AS measured_excess,
               pgvoice_internal.tail_excess(t.start, t.mean_excess, 0.01) AS usual_excess
        FROM known AS k
        CROSS JOIN unnest(k.band_ms) WITH ORDINALITY AS b(min_ms, place)
        CROSS JOIN LATERAL pgvoice_internal.tail_of(rule.encoder, b.min_ms) AS t
    ), required AS (
        SELECT p.place, p.margin, CASE k.kind
                   WHEN 'given' THEN given_threshold
                   WHEN 'calibrated' THEN p.calibrated + (p.excess - p.measured_excess)
                   WHEN 'library' THEN p.excess
                   -- As for the library's, if there is no comparison.
                   ELSE k.default_threshold + sqrt(4 / 3.0) * (p.excess - p.usual_excess)
               END AS above, CASE k.kind
                   WHEN 'given' THEN given_threshold
                   WHEN 'calibrated' THEN p.calibrated + (p.suggested_excess - p.measured_excess)
                   WHEN 'library' THEN p.suggested_excess
                   ELSE k.default_threshold
                        + sqrt(4 / 3.0) * (p.suggested_excess - p.usual_excess)
               END AS suggested_above
        FROM known AS k CROSS JOIN per_band AS p
    )
    SELECT k.band_ms, array_agg(r.above ORDER BY r.place),
           array_agg(r.suggested_above ORDER BY r.place),
           array_agg(coalesce(given_margin, r.margin, 0) ORDER BY r.place),
           k.kind = 'library',
           CASE WHEN k.kind = 'library' THEN tail.across_mean END,
           CASE WHEN k.kind = 'library' THEN 0.75 * k.default_threshold END,
           k.kind, k.gallery, CASE k.kind
               WHEN 'given' THEN 'given'
               WHEN 'calibrated' THEN CASE WHEN k.far_bound IS NULL
                   THEN format('calibrated %s without a bound of FAR: calibrate again',
                               k.created_at::date)
                   ELSE format('calibrated %s, FAR at most %s %%', k.created_at::date,
                               trim_scale(ceil(10000 * k.far_bound::numeric) / 100)) END
               WHEN 'library' THEN format('library of %s recordings, FAR %s %%', k.recordings,
                   trim_scale((100 * k.target_far)::numeric))
               ELSE format('encoder default: %s', k.threshold_source)
           END,
           CASE WHEN k.kind <> 'given' THEN k.calibration END
    FROM known AS k
    CROSS JOIN required AS r
    CROSS JOIN LATERAL pgvoice_internal.tail_of(rule.encoder, 0) AS tail
    GROUP BY k.band_ms, k.kind, k.gallery, k.default_threshold, k.created_at, k.far_bound, k.target_far,
             k.recordings,
             k.threshold_source, k.calibration, tail.across_mean;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.rule IS
'What a name requires, for each band of durations: the given threshold, else that of the active
calibration, else that of the library, else the encoder''s own. Thresholds rise with people, the
number of people that a segment is compared with (NULL: all who are enrolled): each comparison may reach
them in one of so many parts of the target FAR. If by_library, above is what to add to the mean similarity
of impostors (see impostor_means and threshold_at), else a similarity. suggested_above is the same for ten
times the target FAR. All other functions take their thresholds from here.';

CREATE OR REPLACE FUNCTION pgvoice_internal.threshold_at(
    above double precision[],
    band_ms integer[],
    duration_ms integer,
    impostor_mean double precision,
    comparisons bigint,
    lowest double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN lowest IS NULL THEN above[width_bucket(duration_ms, band_ms)]
    ELSE greatest(
        impostor_mean
        + above[width_bucket(duration_ms, band_ms)] * sqrt(1 + 1 / (comparisons + 3.0)),
        lowest
    )
END;
COMMENT ON FUNCTION pgvoice_internal.threshold_at IS
'The threshold for a segment of a duration by a rule: above, or, if the rule has a lowest threshold, above
the mean of impostors. As that is a mean of few comparisons, the distance grows with its uncertainty.';

CREATE OR REPLACE FUNCTION pgvoice.required(
    duration_ms integer,
    encoder integer DEFAULT pgvoice.default_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    people integer DEFAULT NULL
) RETURNS TABLE (
    threshold double precision,
    min_margin double precision,
    suggested double precision,
    kind text,
    gallery integer,
    source text,
    calibration bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice.shown(pgvoice_internal.threshold_at(
               r.above, r.band_ms, duration_ms, r.usual_mean, 20, r.lowest
           ), sees.exact),
           r.margins[width_bucket(duration_ms, r.band_ms)],
           pgvoice.shown(pgvoice_internal.threshold_at(
               r.suggested_above, r.band_ms, duration_ms, r.usual_mean, 20, r.lowest
           ), sees.exact),
           r.kind, r.gallery, r.source, r.calibration
    FROM pgvoice_internal.rule(
        encoder, required.threshold, required.min_margin, required.people
    ) AS r
    CROSS JOIN (SELECT pgvoice.sees_vectors() AS exact) AS sees
$$;
COMMENT ON FUNCTION pgvoice.required IS
'The threshold and margin for segments of a duration, and where the threshold comes from: the given one,
else that of the active calibration, else that of the library, for a recording like most of its own, else
the encoder''s own. It rises with people, the number of people to compare with; NULL: all who are
enrolled. From suggested on, a similarity below the threshold is a suggestion.';

CREATE OR REPLACE FUNCTION pgvoice.required_by_duration(
    encoder integer DEFAULT pgvoice.default_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    people integer DEFAULT NULL
) RETURNS TABLE (
    min_ms integer,
    max_ms integer,
    threshold double precision,
    min_margin double precision,
    suggested double precision,
    kind text,
    gallery integer,
    source text,
    calibration bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT band.min_ms, lead(band.min_ms) OVER (ORDER BY band.min_ms), q.threshold,
           q.min_margin, q.suggested, q.kind, q.gallery, q.source, q.calibration
    FROM pgvoice_internal.rule(
        required_by_duration.encoder, required_by_duration.threshold,
        required_by_duration.min_margin, required_by_duration.people
    ) AS r
    CROSS JOIN unnest(
        CASE WHEN required_by_duration.threshold IS NULL THEN r.band_ms ELSE ARRAY[0] END
    ) AS band(min_ms)
    CROSS JOIN LATERAL pgvoice.required(
        band.min_ms, required_by_duration.encoder, required_by_duration.threshold,
        required_by_duration.min_margin, required_by_duration.people
    ) AS q
    ORDER BY band.min_ms
$$;
COMMENT ON FUNCTION pgvoice.required_by_duration IS
'What required returns for each band of durations: from min_ms up to max_ms, or without end if that is
NULL.';

CREATE OR REPLACE FUNCTION pgvoice_internal.required_of_segment(
    encoder integer,
    video_id bigint,
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    given_threshold double precision,
    given_margin double precision
) RETURNS TABLE (
    threshold double precision,
    margin double precision,
    suggested double precision,
    source text
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pgvoice_internal.threshold_at(
               r.above, r.band_ms, required_of_segment.end_ms - required_of_segment.start_ms,
               i.mean, i.comparisons, r.lowest
           ),
           r.margins[width_bucket(
               required_of_segment.end_ms - required_of_segment.start_ms, r.band_ms
           )],
           pgvoice_internal.threshold_at(
               r.suggested_above, r.band_ms,
               required_of_segment.end_ms - required_of_segment.start_ms,
               i.mean, i.comparisons, r.lowest
           ),
           r.source
    FROM pgvoice_internal.rule(
        required_of_segment.encoder,
        required_of_segment.given_threshold,
        required_of_segment.given_margin
    ) AS r
    LEFT JOIN LATERAL (
        SELECT m.* FROM pgvoice_internal.impostor_means(
            required_of_segment.encoder,
            ARRAY[required_of_segment.video_id],
            ARRAY[required_of_segment.speaker_id]
        ) AS m
        WHERE r.by_library
    ) AS i ON true;
END;
COMMENT ON FUNCTION pgvoice_internal.required_of_segment IS
'The threshold and margin that a stored segment must reach to get somebody''s name, by rule and
impostor_means, and the similarity from which on the name is suggested. For many segments, call these two
once for each video and person instead.';

CREATE OR REPLACE FUNCTION pgvoice_internal.least_required(
    encoder integer, given_threshold double precision
) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(r.lowest, (SELECT min(t) FROM unnest(r.above) AS t))
    FROM pgvoice_internal.rule(encoder, given_threshold, NULL) AS r
$$;
COMMENT ON FUNCTION pgvoice_internal.least_required IS
'The lowest threshold that any segment can require.';

CREATE OR REPLACE FUNCTION pgvoice_internal.one_person(encoder integer) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce((SELECT min(t) FROM unnest(c.thresholds) AS t), e.default_threshold)
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = encoder
$$;
COMMENT ON FUNCTION pgvoice_internal.one_person(integer) IS
'The similarity below which two means of clear speech do not count as one person''s, when somebody is
enrolled: the lowest calibrated threshold, or the encoder''s own.';
