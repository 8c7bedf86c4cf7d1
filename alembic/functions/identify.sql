-- Who speaks in a video: the comparison of stored segments with profiles.

CREATE OR REPLACE FUNCTION pgvoice_internal.nearest_two(voice public.vector, encoder integer)
RETURNS TABLE (speakers bigint[], similarities double precision[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg(ranked.speaker_id ORDER BY ranked.similarity DESC, ranked.speaker_id),
           array_agg(ranked.similarity ORDER BY ranked.similarity DESC, ranked.speaker_id)
    FROM (
        SELECT p.speaker_id, -(voice OPERATOR(public.<#>) p.embedding) AS similarity
        -- As in valid_profile; a view could not be replaced while this depends on it.
        FROM pgvoice.profile AS p
        WHERE p.encoder_id = encoder AND p.valid_until > now()
        ORDER BY voice OPERATOR(public.<#>) p.embedding, p.speaker_id
        LIMIT 2
    ) AS ranked;
END;
COMMENT ON FUNCTION pgvoice_internal.nearest_two IS
'The two people whose profiles are most similar to a voice, the nearest first, and their similarities;
NULLs if there is no profile.';

CREATE OR REPLACE FUNCTION pgvoice_internal.identified(
    video text,
    starts_ms integer[],
    ends_ms integer[],
    encoder integer,
    threshold double precision,
    min_margin double precision
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    speaker text,
    nearest text,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision,
    reason text,
    threshold double precision,
    min_margin double precision,
    threshold_source text,
    start_ms integer,
    end_ms integer,
    nearest_id bigint,
    runner_up_id bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH asked AS (
        SELECT given.ordinal, given.start_ms, given.end_ms
        FROM unnest(starts_ms, ends_ms) WITH ORDINALITY
            AS given(start_ms, end_ms, ordinal)
        UNION ALL
        SELECT row_number() OVER (ORDER BY c.start_ms, c.end_ms), c.start_ms, c.end_ms
        FROM pgvoice_internal.current_segments(
            (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identified.video), encoder
        ) AS c
        WHERE starts_ms IS NULL
    ), compared AS MATERIALIZED (
        SELECT asked.*, s.status, s.video_id, two.*
        FROM asked
        LEFT JOIN pgvoice.segment_embedding AS s
            ON s.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identified.video)
            AND s.start_ms = asked.start_ms AND s.end_ms = asked.end_ms AND s.encoder_id = encoder
        LEFT JOIN LATERAL pgvoice_internal.nearest_two(s.embedding, encoder) AS two
            ON s.embedding IS NOT NULL
    ), rule AS MATERIALIZED (
        SELECT r.* FROM pgvoice_internal.rule(
            encoder, identified.threshold, identified.min_margin
        ) AS r
    ), impostors AS MATERIALIZED (
        SELECT m.* FROM rule AS r
        CROSS JOIN LATERAL pgvoice_internal.impostor_means(
            encoder,
            ARRAY(SELECT c.video_id FROM compared AS c WHERE c.similarities IS NOT NULL),
            ARRAY(SELECT c.speakers[1] FROM compared AS c WHERE c.similarities IS NOT NULL)
        ) AS m
        WHERE r.by_library
    )
    SELECT c.start_ms / 1000.0, c.end_ms / 1000.0,
           CASE WHEN judged.reason = 'matched' THEN first.name END, first.name,
           pgvoice.similarity(c.similarities[1]), second.name,
           pgvoice.similarity(c.similarities[2]), c.similarities[1] - c.similarities[2],
           judged.reason, q.threshold, q.margin, q.source, c.start_ms, c.end_ms,
           c.speakers[1], c.speakers[2]
    FROM compared AS c
    CROSS JOIN rule AS r
    LEFT JOIN impostors AS i ON i.speaker_id = c.speakers[1]
    LEFT JOIN LATERAL (
        SELECT pgvoice_internal.threshold_at(
                   r.above, r.band_ms, c.end_ms - c.start_ms, i.mean, i.comparisons, r.lowest
               ) AS threshold,
               pgvoice_internal.threshold_at(
                   r.suggested_above, r.band_ms, c.end_ms - c.start_ms, i.mean, i.comparisons,
                   r.lowest
               ) AS suggested,
               r.margins[width_bucket(c.end_ms - c.start_ms, r.band_ms)] AS margin, r.source
    ) AS q ON c.similarities IS NOT NULL
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.status IS NULL THEN 'missing' ELSE pgvoice_internal.reason(
            c.status, c.similarities[1], c.similarities[2], q.threshold, q.margin, q.suggested
        ) END AS reason
    ) AS judged
    LEFT JOIN pgvoice.speaker AS first ON first.id = c.speakers[1]
    LEFT JOIN pgvoice.speaker AS second ON second.id = c.speakers[2]
    ORDER BY c.ordinal
$$;
COMMENT ON FUNCTION pgvoice_internal.identified IS
'What identify answers, with exact similarities and thresholds.';

CREATE OR REPLACE FUNCTION pgvoice.identify(
    video text,
    starts double precision[] DEFAULT NULL,
    ends double precision[] DEFAULT NULL,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    starts_ms integer[] DEFAULT NULL,
    ends_ms integer[] DEFAULT NULL
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    speaker text,
    nearest text,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision,
    reason text,
    threshold double precision,
    min_margin double precision,
    threshold_source text,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.video_ids(ARRAY[identify.video]),
           pgvoice_internal.require_encoder(identify.encoder),
           pgvoice_internal.require_segments(starts, ends, starts_ms, ends_ms);
    WITH sees AS MATERIALIZED (SELECT pgvoice.sees_vectors() AS exact)
    SELECT i.start_s, i.end_s, i.speaker, i.nearest, pgvoice.shown(i.similarity, sees.exact),
           i.runner_up, pgvoice.shown(i.runner_up_similarity, sees.exact),
           pgvoice.shown(i.margin, sees.exact), i.reason, pgvoice.shown(i.threshold, sees.exact),
           i.min_margin, i.threshold_source, i.start_ms, i.end_ms
    FROM sees
    CROSS JOIN pgvoice_internal.identified(
        video, coalesce(starts_ms, pgvoice.snap_all_ms(starts)),
        coalesce(ends_ms, pgvoice.snap_all_ms(ends)), encoder,
        pgvoice_internal.given('threshold', identify.threshold, -1, 1),
        pgvoice_internal.given('min_margin', identify.min_margin, 0, 2)
    ) WITH ORDINALITY AS i
    ORDER BY i.ordinality
$$;
COMMENT ON FUNCTION pgvoice.identify IS
'Who speaks in a video: one row for each segment that is given, in that order, or in time order for every
segment of its turns, or every stored segment if it has no turns. Segments are given in seconds, or on the
grid in starts_ms and ends_ms. speaker is set only if reason is matched; nearest and runner_up are the two
most similar people. If reason is suggested, nobody is named: nearest is a suggestion, and runner_up its
rival. threshold and min_margin are what the segment had to reach, from
threshold_source; NULL if it was compared with nobody. Similarities, margins and thresholds have two
digits unless the caller sees_vectors.';
