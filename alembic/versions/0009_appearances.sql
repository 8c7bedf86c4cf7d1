CREATE FUNCTION pgvoice.rival(
    voice vector,
    encoder integer,
    speaker bigint,
    OUT speaker_id bigint,
    OUT similarity double precision
)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000
SET search_path FROM CURRENT
AS $$
BEGIN
    SELECT p.speaker_id, -(voice <#> p.embedding) INTO rival.speaker_id, rival.similarity
    FROM pgvoice.profile AS p
    WHERE p.encoder_id = encoder AND p.speaker_id <> speaker
    ORDER BY voice <#> p.embedding, p.speaker_id
    LIMIT 1;
END
$$;
COMMENT ON FUNCTION pgvoice.rival IS
'Of all profiles but one speaker''s the most similar to a voice; NULLs where there is no other.';

-- In plpgsql, because Postgres runs what such a function returns in parallel; what a function in
-- SQL returns never.
CREATE OR REPLACE FUNCTION pgvoice.speaker_segments(
    speaker text,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    max_rows bigint DEFAULT NULL,
    ordered text DEFAULT 'similarity'
) RETURNS TABLE (
    video text,
    start_s double precision,
    end_s double precision,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    by_time CONSTANT boolean := pgvoice.is_by_time(ordered);
    target record;
BEGIN
    SELECT p.speaker_id, p.embedding,
           coalesce(speaker_segments.threshold, e.default_threshold) AS threshold
    INTO target
    FROM pgvoice.profile AS p
    JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
    JOIN pgvoice.encoder AS e ON e.id = p.encoder_id
    WHERE named.name = speaker_segments.speaker AND p.encoder_id = encoder;
    RETURN QUERY
    SELECT v.key, near.start_ms / 1000.0::double precision, near.end_ms / 1000.0::double precision,
           pgvoice.similarity(near.similarity), other.name,
           pgvoice.similarity(near.other_similarity), near.similarity - near.other_similarity
    FROM (
        SELECT s.video_id, s.start_ms, s.end_ms, -(s.embedding <#> target.embedding) AS similarity,
               r.speaker_id AS other_id, r.similarity AS other_similarity
        FROM pgvoice.segment_embedding AS s
        CROSS JOIN LATERAL pgvoice.rival(s.embedding, encoder, target.speaker_id) AS r
        WHERE s.encoder_id = encoder AND -(s.embedding <#> target.embedding) >= target.threshold
    ) AS near
    JOIN pgvoice.video AS v ON v.id = near.video_id
    LEFT JOIN pgvoice.speaker AS other ON other.id = near.other_id
    WHERE near.other_id IS NULL
       OR ((near.similarity, -target.speaker_id) > (near.other_similarity, -near.other_id)
           AND near.similarity - near.other_similarity >= coalesce(min_margin, 0))
    ORDER BY CASE WHEN NOT by_time THEN near.similarity END DESC,
             v.key, near.start_ms, near.end_ms
    LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION pgvoice.speaker_segments IS
'Where somebody speaks, over all videos: the segments that identify gives to them, best first, or
by video and time where ordered is ''time''.';
