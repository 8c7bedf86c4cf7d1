-- What the store contains, how often fills find stored segments, and how far ingests are.

CREATE OR REPLACE FUNCTION pgvoice.coverage(
    video text DEFAULT NULL, encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    video text,
    encoder text,
    segments bigint,
    embedded bigint,
    not_embedded bigint,
    statuses jsonb,
    seconds double precision,
    embedded_seconds double precision,
    bytes bigint,
    source text
)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.video_ids(ARRAY[coverage.video]) WHERE coverage.video IS NOT NULL;
    SELECT pgvoice_internal.require_encoder(coverage.encoder);
    WITH counted AS (
        SELECT s.video_id, s.encoder_id, s.status, s.embedding IS NOT NULL AS embedded,
               count(*) AS segments, sum(s.end_ms - s.start_ms) AS ms,
               sum(pg_column_size(s.*)) AS bytes
        FROM pgvoice.segment_embedding AS s
        WHERE (coverage.video IS NULL
               OR s.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = coverage.video))
          AND s.encoder_id = coverage.encoder
        GROUP BY s.video_id, s.encoder_id, s.status, s.embedding IS NOT NULL
    )
    SELECT v.key, e.label, sum(c.segments)::bigint,
           coalesce(sum(c.segments) FILTER (WHERE c.embedded), 0)::bigint,
           coalesce(sum(c.segments) FILTER (WHERE NOT c.embedded), 0)::bigint,
           jsonb_object_agg(c.status, c.segments),
           (sum(c.ms) / 1000)::double precision,
           (coalesce(sum(c.ms) FILTER (WHERE c.embedded), 0) / 1000)::double precision,
           sum(c.bytes)::bigint, (
               SELECT f.source FROM pgvoice.fill_run AS f
               WHERE f.video_id = v.id AND f.encoder_id = e.id AND f.source IS NOT NULL
               ORDER BY f.id DESC LIMIT 1
           )
    FROM counted AS c
    JOIN pgvoice.video AS v ON v.id = c.video_id
    JOIN pgvoice.encoder AS e ON e.id = c.encoder_id
    GROUP BY v.id, v.key, e.id, e.label
    ORDER BY v.key, e.id
$$;
COMMENT ON FUNCTION pgvoice.coverage IS
'Per video: segments with a vector of an encoder, segments without, and why; for one video or all. bytes is
the size of the rows without indexes, source the file that vectors were imported from last.';

CREATE OR REPLACE FUNCTION pgvoice.cache_stats() RETURNS TABLE (
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
        FROM pgvoice.fill_run AS f WHERE f.source IS NULL
    ), last AS (
        SELECT v.key, f.requested, f.hits, f.finished_at
        FROM pgvoice.fill_run AS f JOIN pgvoice.video AS v ON v.id = f.video_id
        WHERE f.source IS NULL ORDER BY f.id DESC LIMIT 1
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
'How many segments all fills asked for and found in the store, without imports, the same for the newest
fill, and the size on disk of the table of vectors with its indexes. One row.';

-- When a fill began follows from when it ended and how long it took.

CREATE OR REPLACE FUNCTION pgvoice.ingest_progress(name text DEFAULT NULL) RETURNS TABLE (
    ingest text,
    videos bigint,
    done bigint,
    failed bigint,
    waiting bigint,
    unlabelled bigint,
    filled bigint,
    audio_seconds double precision,
    work_seconds double precision,
    wall_seconds double precision,
    vectors_per_second double precision,
    speech_per_second double precision,
    speech_per_work_second double precision,
    seconds_left double precision,
    changed_at timestamptz,
    invalid bigint
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH worked AS (
        SELECT b.ingest, b.changed_at AS ended,
               b.changed_at - make_interval(secs => b.work_seconds) AS began,
               row_number() OVER newest <= 50 OR b.changed_at
                   > first_value(b.changed_at) OVER newest - interval '10 minutes' AS late
        FROM pgvoice.ingest_video AS b
        WHERE b.work_seconds > 0 AND (name IS NULL OR b.ingest = name)
        WINDOW newest AS (PARTITION BY b.ingest ORDER BY b.changed_at DESC)
    ), stretch AS (
        SELECT w.ingest, w.began, w.ended, false AS late FROM worked AS w
        UNION ALL
        SELECT w.ingest, w.began, w.ended, true FROM worked AS w WHERE w.late
    ), reached AS (
        SELECT s.*, max(s.ended) OVER (
            PARTITION BY s.ingest, s.late ORDER BY s.began, s.ended
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before
        FROM stretch AS s
    ), taken AS (
        -- The time that each adds to the time of earlier fills, including short breaks.
        SELECT r.ingest, r.late, count(*) AS videos, sum(greatest(0, extract(epoch FROM
            r.ended - CASE WHEN r.began < r.before + interval '1 minute' THEN r.before
                           ELSE r.began END))) AS seconds
        FROM reached AS r GROUP BY r.ingest, r.late
    ), counted AS (
        SELECT b.ingest, count(*) AS videos,
               count(*) FILTER (WHERE b.state = 'done') AS done,
               count(*) FILTER (WHERE b.state = 'failed') AS failed,
               count(*) FILTER (WHERE b.state = 'waiting') AS waiting,
               count(*) FILTER (WHERE b.state = 'filled') AS unlabelled,
               count(*) FILTER (WHERE b.state IN ('filled', 'done') AND b.error IS NOT NULL)
                   AS invalid,
               coalesce(sum(b.filled), 0)::bigint AS filled,
               coalesce(sum(b.audio_seconds), 0) AS audio_seconds,
               coalesce(sum(b.work_seconds), 0) AS work_seconds,
               max(b.changed_at) AS changed_at
        FROM pgvoice.ingest_video AS b
        WHERE name IS NULL OR b.ingest = name
        GROUP BY b.ingest
    )
    SELECT c.ingest, c.videos, c.done, c.failed, c.waiting, c.unlabelled, c.filled,
           round(c.audio_seconds::numeric, 3)::double precision,
           round(c.work_seconds::numeric, 3)::double precision,
           round(coalesce(w.seconds, 0), 3)::double precision,
           c.filled / nullif(w.seconds, 0)::double precision,
           c.audio_seconds / nullif(w.seconds, 0)::double precision,
           c.audio_seconds / nullif(c.work_seconds, 0),
           CASE WHEN c.waiting = 0 THEN 0
                ELSE round(c.waiting * l.seconds / l.videos, 3)::double precision END,
           c.changed_at, c.invalid
    FROM counted AS c
    LEFT JOIN taken AS w ON w.ingest = c.ingest AND NOT w.late
    LEFT JOIN taken AS l ON l.ingest = c.ingest AND l.late
    ORDER BY c.ingest
$$;
COMMENT ON FUNCTION pgvoice.ingest_progress(text) IS
'How far ingests are. wall_seconds: the time in which fills ran, including breaks of less than a
minute; work_seconds: the time of all workers together. seconds_left: at the pace of the last 10 minutes,
or of the last 50 recordings if those took longer; NULL if none was filled yet. unlabelled: recordings that are
filled, but whose labels are not stored yet. invalid: recordings that are filled or done but for segments
that are not spans of time.';
