-- From whom to whom labels move.

CREATE OR REPLACE FUNCTION pgvoice_internal.summed_videos(
    videos bigint[],
    old_ids bigint[],
    old_reasons text[],
    ids bigint[],
    reasons text[],
    segments bigint[],
    ms bigint[]
) RETURNS TABLE (
    from_id bigint,
    from_speaker text,
    from_reason text,
    to_id bigint,
    to_speaker text,
    to_reason text,
    segments bigint,
    ms bigint,
    video_count bigint,
    longest_videos text[]
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT m.old_id, before.name, m.old_reason, m.id, after.name, m.reason, m.segments, m.ms,
           m.videos, ARRAY(
               SELECT v.key FROM unnest(m.longest) WITH ORDINALITY AS l(id, place)
               JOIN pgvoice.video AS v ON v.id = l.id ORDER BY l.place
           )
    FROM (
        SELECT p.old_id, p.old_reason, p.id, p.reason, sum(p.segments)::bigint AS segments,
               sum(p.ms)::bigint AS ms, count(*) AS videos,
               (array_agg(p.video_id ORDER BY p.ms DESC, p.video_id))[:20] AS longest
        FROM unnest(
            videos, old_ids, old_reasons, ids, reasons, summed_videos.segments, summed_videos.ms
        ) AS p(video_id, old_id, old_reason, id, reason, segments, ms)
        GROUP BY p.old_id, p.old_reason, p.id, p.reason
    ) AS m
    LEFT JOIN pgvoice.speaker AS before ON before.id = m.old_id
    LEFT JOIN pgvoice.speaker AS after ON after.id = m.id
$$;
COMMENT ON FUNCTION pgvoice_internal.summed_videos IS
'Sums up label moves that are counted for each video: from whom to whom, with up to 20 videos, those with the
most speech first.';
