-- When recordings were filled is known from when each ended and how long it took.

CREATE FUNCTION pgvoice.backfill_progress(name text DEFAULT NULL) RETURNS TABLE (
    backfill text,
    videos bigint,
    done bigint,
    failed bigint,
    waiting bigint,
    filled bigint,
    audio_seconds double precision,
    work_seconds double precision,
    wall_seconds double precision,
    vectors_per_second double precision,
    speech_per_second double precision,
    speech_per_work_second double precision,
    seconds_left double precision,
    changed_at timestamptz
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH worked AS (
        SELECT b.backfill, b.changed_at AS ended,
               b.changed_at - make_interval(secs => b.work_seconds) AS began,
               row_number() OVER newest <= 50 OR b.changed_at
                   > first_value(b.changed_at) OVER newest - interval '10 minutes' AS late
        FROM pgvoice.backfill_video AS b
        WHERE b.work_seconds > 0 AND (name IS NULL OR b.backfill = name)
        WINDOW newest AS (PARTITION BY b.backfill ORDER BY b.changed_at DESC)
    ), stretch AS (
        SELECT w.backfill, w.began, w.ended, false AS late FROM worked AS w
        UNION ALL
        SELECT w.backfill, w.began, w.ended, true FROM worked AS w WHERE w.late
    ), reached AS (
        SELECT s.*, max(s.ended) OVER (
            PARTITION BY s.backfill, s.late ORDER BY s.began, s.ended
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before
        FROM stretch AS s
    ), taken AS (
        -- What each adds to the time in which others were filled; short breaks belong to it.
        SELECT r.backfill, r.late, count(*) AS videos, sum(greatest(0, extract(epoch FROM
            r.ended - CASE WHEN r.began < r.before + interval '1 minute' THEN r.before
                           ELSE r.began END))) AS seconds
        FROM reached AS r GROUP BY r.backfill, r.late
    ), counted AS (
        SELECT b.backfill, count(*) AS videos,
               count(*) FILTER (WHERE b.state = 'done') AS done,
               count(*) FILTER (WHERE b.state = 'failed') AS failed,
               count(*) FILTER (WHERE b.state = 'waiting') AS waiting,
               coalesce(sum(b.filled), 0)::bigint AS filled,
               coalesce(sum(b.audio_seconds), 0) AS audio_seconds,
               coalesce(sum(b.work_seconds), 0) AS work_seconds,
               max(b.changed_at) AS changed_at
        FROM pgvoice.backfill_video AS b
        WHERE name IS NULL OR b.backfill = name
        GROUP BY b.backfill
    )
    SELECT c.backfill, c.videos, c.done, c.failed, c.waiting, c.filled, c.audio_seconds,
           c.work_seconds, coalesce(w.seconds, 0)::double precision,
           c.filled / nullif(w.seconds, 0)::double precision,
           c.audio_seconds / nullif(w.seconds, 0)::double precision,
           c.audio_seconds / nullif(c.work_seconds, 0),
           CASE WHEN c.waiting = 0 THEN 0
                ELSE c.waiting * l.seconds::double precision / l.videos END,
           c.changed_at
    FROM counted AS c
    LEFT JOIN taken AS w ON w.backfill = c.backfill AND NOT w.late
    LEFT JOIN taken AS l ON l.backfill = c.backfill AND l.late
    ORDER BY c.backfill
$$;
COMMENT ON FUNCTION pgvoice.backfill_progress(text) IS
'How far backfills are. wall_seconds: while somebody filled, with breaks of less than a minute;
work_seconds: of all workers together. seconds_left: at the pace of the last 10 minutes, or of the
last 50 recordings if those took longer; NULL where none was filled yet.';
