-- Where somebody speaks: who else is near to a segment was kept when labels were made, and is looked
-- up instead of computed.

CREATE OR REPLACE FUNCTION pgvoice.rival(
    voice vector,
    encoder integer,
    speaker bigint,
    OUT speaker_id bigint,
    OUT similarity double precision
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 10000
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
'Of all profiles but one speaker''s the most similar to a voice; NULLs where there is no other, and
for no voice.';

CREATE FUNCTION pgvoice.are_others_compared(speaker bigint, encoder integer) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT NOT EXISTS (
        SELECT FROM pgvoice.profile AS p
        LEFT JOIN pgvoice.compared_profile AS c USING (encoder_id, speaker_id)
        WHERE p.encoder_id = encoder AND p.speaker_id <> speaker
          AND (c.fresh IS DISTINCT FROM false OR c.embedding <> p.embedding)
    ) AND NOT EXISTS (
        SELECT FROM pgvoice.deleted_segment AS d WHERE d.encoder_id = encoder
    )
$$;
COMMENT ON FUNCTION pgvoice.are_others_compared(bigint, integer) IS
'Whether nearest, where it has a row, tells the best of all profiles as they are now but this one:
of two that it keeps, the one that is not this speaker''s.';

-- Looked up one by one: of the candidates the planner knows no number, and would join all of nearest.
CREATE FUNCTION pgvoice.segments_of(
    speaker bigint, encoder integer, voice vector, lowest double precision
) RETURNS TABLE (
    video_id bigint,
    start_ms integer,
    end_ms integer,
    similarity double precision,
    other_id bigint,
    other_similarity double precision
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_memoize = off
AS $$
DECLARE
    kept CONSTANT boolean := pgvoice.are_others_compared(speaker, encoder);
    farthest CONSTANT double precision := -lowest;
BEGIN
    -- In plpgsql, because Postgres runs what such a function returns in parallel.
    RETURN QUERY
    SELECT near.*
    FROM (
        SELECT s.video_id, s.start_ms, s.end_ms, -(s.embedding <#> voice) AS similarity,
               CASE WHEN n.video_id IS NULL THEN r.speaker_id
                    WHEN n.nearest_id = speaker THEN n.runner_up_id
                    ELSE n.nearest_id END AS other_id,
               CASE WHEN n.video_id IS NULL THEN r.similarity
                    WHEN n.nearest_id = speaker THEN n.runner_up_similarity
                    ELSE n.similarity END AS other_similarity
        FROM pgvoice.segment_embedding AS s
        LEFT JOIN pgvoice.nearest AS n
            ON kept AND n.video_id = s.video_id AND n.start_ms = s.start_ms
            AND n.end_ms = s.end_ms AND n.encoder_id = encoder
        CROSS JOIN LATERAL pgvoice.rival(
            CASE WHEN n.video_id IS NULL THEN s.embedding END, encoder, speaker
        ) AS r
        WHERE s.encoder_id = encoder AND s.embedding <#> voice <= farthest
    ) AS near
    WHERE near.other_id IS NULL
       OR (near.similarity, -speaker) > (near.other_similarity, -near.other_id);
END
$$;
COMMENT ON FUNCTION pgvoice.segments_of IS
'The segments that are at least so similar to a speaker''s voice and nearer to it than to any other
profile, and who comes second.';

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
           pgvoice.least_similarity(encoder, speaker_segments.threshold) AS lowest
    INTO target
    FROM pgvoice.profile AS p
    JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
    WHERE named.name = speaker_segments.speaker AND p.encoder_id = encoder;
    RETURN QUERY
    SELECT v.key, near.start_ms / 1000.0::double precision, near.end_ms / 1000.0::double precision,
           pgvoice.similarity(near.similarity), other.name,
           pgvoice.similarity(near.other_similarity), near.similarity - near.other_similarity
    FROM pgvoice.segments_of(target.speaker_id, encoder, target.embedding, target.lowest) AS near
    CROSS JOIN LATERAL pgvoice.required_of(
        encoder, near.video_id, near.start_ms, near.end_ms, target.speaker_id,
        speaker_segments.threshold, min_margin
    ) AS q
    JOIN pgvoice.video AS v ON v.id = near.video_id
    LEFT JOIN pgvoice.speaker AS other ON other.id = near.other_id
    WHERE pgvoice.reason(
        'ok', near.similarity, near.other_similarity, q.threshold, q.margin
    ) = 'matched'
    ORDER BY CASE WHEN NOT by_time THEN near.similarity END DESC,
             v.key, near.start_ms, near.end_ms
    LIMIT max_rows;
END
$$;
