-- Who speaks in a video: the comparison of stored segments with profiles.

CREATE OR REPLACE FUNCTION pgvoice.identify(
    video text,
    starts double precision[] DEFAULT NULL,
    ends double precision[] DEFAULT NULL,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    speaker text,
    nearest text,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision,
    reason text
)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    WITH asked AS (
        SELECT ordinal, pgvoice.snap_ms(start_s) AS start_ms, pgvoice.snap_ms(end_s) AS end_ms
        FROM unnest(starts, ends) WITH ORDINALITY AS given(start_s, end_s, ordinal)
        UNION ALL
        SELECT row_number() OVER (ORDER BY s.start_ms, s.end_ms), s.start_ms, s.end_ms
        FROM pgvoice.segment_embedding AS s
        WHERE starts IS NULL AND s.encoder_id = encoder
          AND s.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identify.video)
    ), compared AS (
        SELECT asked.*, s.status, s.video_id, best.*
        FROM asked
        LEFT JOIN pgvoice.segment_embedding AS s
            ON s.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identify.video)
            AND s.start_ms = asked.start_ms AND s.end_ms = asked.end_ms AND s.encoder_id = encoder
        LEFT JOIN LATERAL (
            SELECT array_agg(ranked.speaker_id ORDER BY ranked.similarity DESC, ranked.speaker_id)
                       AS speakers,
                   array_agg(ranked.similarity ORDER BY ranked.similarity DESC, ranked.speaker_id)
                       AS similarities
            FROM (
                SELECT p.speaker_id, -(s.embedding <#> p.embedding) AS similarity
                FROM pgvoice.profile AS p
                WHERE p.encoder_id = encoder
                ORDER BY s.embedding <#> p.embedding, p.speaker_id
                LIMIT 2
            ) AS ranked
        ) AS best ON s.embedding IS NOT NULL
    ), judged AS (
        SELECT compared.*,
               similarities[1] - similarities[2] AS margin,
               CASE WHEN status IS NULL THEN 'missing' ELSE pgvoice_internal.reason(
                   status, similarities[1], similarities[2], q.threshold, q.margin
               ) END AS reason
        FROM compared
        LEFT JOIN LATERAL pgvoice_internal.required_of(
            encoder, video_id, start_ms, end_ms, speakers[1], threshold, min_margin
        ) AS q ON true
    )
    SELECT start_ms / 1000.0, end_ms / 1000.0,
           CASE WHEN judged.reason = 'matched' THEN first.name END, first.name,
           pgvoice.similarity(similarities[1]), second.name,
           pgvoice.similarity(similarities[2]), judged.margin, judged.reason
    FROM judged
    LEFT JOIN pgvoice.speaker AS first ON first.id = speakers[1]
    LEFT JOIN pgvoice.speaker AS second ON second.id = speakers[2]
    ORDER BY ordinal
$$;
COMMENT ON FUNCTION pgvoice.identify IS
'Who speaks in a video: one row per segment asked for (in seconds), in that order, or one for every
stored segment. speaker is set only if reason is matched; nearest and runner_up are the two most similar
people.';
