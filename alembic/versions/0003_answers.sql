-- What is there, what there is not and why, and how well the cache serves. Which functions run
-- with their owner's rights, so that who calls them need not see a vector, is in grants.sql.

CREATE FUNCTION pgvoice.coverage(video text DEFAULT NULL, encoder integer DEFAULT NULL)
RETURNS TABLE (
    video text,
    encoder text,
    segments bigint,
    embedded bigint,
    not_embedded bigint,
    statuses jsonb,
    seconds double precision,
    embedded_seconds double precision,
    bytes bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH counted AS (
        SELECT s.video_id, s.encoder_id, s.status, s.embedding IS NOT NULL AS embedded,
               count(*) AS segments, sum(s.end_ms - s.start_ms) AS ms,
               sum(pg_column_size(s.*)) AS bytes
        FROM pgvoice.segment_embedding AS s
        WHERE (coverage.video IS NULL
               OR s.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = coverage.video))
          AND (coverage.encoder IS NULL OR s.encoder_id = coverage.encoder)
        GROUP BY s.video_id, s.encoder_id, s.status, s.embedding IS NOT NULL
    )
    SELECT v.key, e.label, sum(c.segments)::bigint,
           coalesce(sum(c.segments) FILTER (WHERE c.embedded), 0)::bigint,
           coalesce(sum(c.segments) FILTER (WHERE NOT c.embedded), 0)::bigint,
           jsonb_object_agg(c.status, c.segments),
           (sum(c.ms) / 1000)::double precision,
           (coalesce(sum(c.ms) FILTER (WHERE c.embedded), 0) / 1000)::double precision,
           sum(c.bytes)::bigint
    FROM counted AS c
    JOIN pgvoice.video AS v ON v.id = c.video_id
    JOIN pgvoice.encoder AS e ON e.id = c.encoder_id
    GROUP BY v.key, e.id, e.label
    ORDER BY v.key, e.id
$$;
COMMENT ON FUNCTION pgvoice.coverage IS
'Per video and encoder: segments with a vector, segments without, and why; of one video and one
encoder, or of all. bytes are those of the rows, without indexes.';

CREATE FUNCTION pgvoice.cache_stats() RETURNS TABLE (
    requested bigint,
    hits bigint,
    misses bigint,
    hit_rate double precision,
    last_video text,
    last_requested integer,
    last_hits integer,
    last_finished_at timestamptz,
    bytes_on_disk bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH total AS (
        SELECT coalesce(sum(f.requested), 0)::bigint AS requested,
               coalesce(sum(f.hits), 0)::bigint AS hits
        FROM pgvoice.fill_run AS f
    ), last AS (
        SELECT v.key, f.requested, f.hits, f.finished_at
        FROM pgvoice.fill_run AS f JOIN pgvoice.video AS v ON v.id = f.video_id
        ORDER BY f.id DESC LIMIT 1
    ), part AS (
        SELECT 'pgvoice.segment_embedding'::regclass AS relid
        UNION SELECT t.relid FROM pg_partition_tree('pgvoice.segment_embedding') AS t
    )
    SELECT total.requested, total.hits, total.requested - total.hits,
           total.hits::double precision / nullif(total.requested, 0),
           last.key, last.requested, last.hits, last.finished_at,
           (SELECT sum(pg_total_relation_size(part.relid))::bigint FROM part)
    FROM total LEFT JOIN last ON true
$$;
COMMENT ON FUNCTION pgvoice.cache_stats() IS
'Segments asked of all fills and found stored, the same of the newest fill, and what the table of
vectors takes on disk with its indexes. One row.';

CREATE FUNCTION pgvoice.is_by_time(ordered text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF ordered IN ('similarity', 'time') THEN
        RETURN ordered = 'time';
    END IF;
    RAISE EXCEPTION 'no order %', coalesce(quote_literal(ordered), 'NULL')
        USING HINT = 'There are ''similarity'' and ''time''.', ERRCODE = 'invalid_parameter_value';
END
$$;
COMMENT ON FUNCTION pgvoice.is_by_time(text) IS
'Whether an order is that of time; an error when it is none.';

DROP FUNCTION pgvoice.speaker_segments;
CREATE FUNCTION pgvoice.speaker_segments(
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
    ORDER BY CASE WHEN NOT pgvoice.is_by_time(ordered) THEN near.similarity END DESC,
             v.key, near.start_ms, near.end_ms
    -- Asked once, so that an order that there is not is an error even where nothing is found.
    LIMIT CASE WHEN pgvoice.is_by_time(ordered) IS NOT NULL THEN max_rows END
$$;
COMMENT ON FUNCTION pgvoice.speaker_segments IS
'Where somebody speaks, over all videos: the segments that identify gives to them, best first, or
by video and time where ordered is ''time''.';
