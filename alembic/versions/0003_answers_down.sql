DROP FUNCTION pgvoice.cache_stats;
DROP FUNCTION pgvoice.coverage;
ALTER FUNCTION pgvoice.identify SECURITY INVOKER;
ALTER FUNCTION pgvoice.exemplar_similarity SECURITY INVOKER;

DROP FUNCTION pgvoice.speaker_segments;
DROP FUNCTION pgvoice.is_by_time;
CREATE FUNCTION pgvoice.speaker_segments(
    speaker text,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    max_rows bigint DEFAULT NULL
) RETURNS TABLE (
    video text,
    start_s double precision,
    end_s double precision,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH target AS (
        SELECT p.speaker_id, p.embedding, coalesce(threshold, e.default_threshold) AS threshold
        FROM pgvoice.profile AS p
        JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
        JOIN pgvoice.encoder AS e ON e.id = p.encoder_id
        WHERE named.name = speaker_segments.speaker AND p.encoder_id = encoder
    ), near AS MATERIALIZED (
        SELECT s.video_id, s.start_ms, s.end_ms, s.embedding, t.speaker_id,
               -(s.embedding <#> t.embedding) AS similarity
        FROM target AS t
        JOIN pgvoice.segment_embedding AS s
            ON s.encoder_id = encoder AND -(s.embedding <#> t.embedding) >= t.threshold
    )
    SELECT v.key, near.start_ms / 1000.0, near.end_ms / 1000.0,
           pgvoice.similarity(near.similarity), other.name,
           pgvoice.similarity(other.similarity), near.similarity - other.similarity
    FROM near
    JOIN pgvoice.video AS v ON v.id = near.video_id
    LEFT JOIN LATERAL (
        SELECT p.speaker_id, named.name, -(near.embedding <#> p.embedding) AS similarity
        FROM pgvoice.profile AS p
        JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
        WHERE p.encoder_id = encoder AND p.speaker_id <> near.speaker_id
        ORDER BY near.embedding <#> p.embedding, p.speaker_id
        LIMIT 1
    ) AS other ON true
    WHERE other.speaker_id IS NULL
       OR ((near.similarity, -near.speaker_id) > (other.similarity, -other.speaker_id)
           AND near.similarity - other.similarity >= coalesce(min_margin, 0))
    ORDER BY near.similarity DESC, v.key, near.start_ms, near.end_ms
    LIMIT max_rows
$$;
COMMENT ON FUNCTION pgvoice.speaker_segments IS
'Where somebody speaks, best first, over all videos: the segments that identify gives to them.';
