-- Recordings for lists, page by page.

CREATE OR REPLACE FUNCTION pgvoice_internal.spoken_segments(video_id bigint, encoder integer)
RETURNS TABLE (start_ms integer, end_ms integer, filled boolean)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH stored AS MATERIALIZED (
        SELECT s.start_ms, s.end_ms, s.status IN ('ok', 'partial') AS filled
        FROM pgvoice.segment_embedding AS s
        WHERE s.video_id = spoken_segments.video_id AND s.encoder_id = spoken_segments.encoder
    )
    SELECT t.start_ms, t.end_ms, coalesce(s.filled, false)
    FROM (
        SELECT DISTINCT t.start_ms, t.end_ms FROM pgvoice.turn AS t
        WHERE t.video_id = spoken_segments.video_id
    ) AS t
    LEFT JOIN stored AS s USING (start_ms, end_ms)
    UNION ALL
    SELECT s.start_ms, s.end_ms, s.filled FROM stored AS s
    WHERE NOT EXISTS (
        SELECT FROM pgvoice.turn_document AS d WHERE d.video_id = spoken_segments.video_id
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.spoken_segments(bigint, integer) IS
'The segments of a video, each once, and whether an encoder has a vector of it.';

CREATE OR REPLACE FUNCTION pgvoice.video_summaries(
    after text DEFAULT NULL,
    max_rows integer DEFAULT 50,
    containing text DEFAULT NULL,
    ordered text DEFAULT 'key',
    skipped_rows integer DEFAULT 0,
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    video text,
    source text,
    seconds double precision,
    last_end_s double precision,
    turns bigint,
    segments bigint,
    filled bigint,
    labelled bigint,
    filled_at timestamptz,
    speech_seconds double precision,
    named_seconds double precision,
    voice_seconds double precision,
    speakers text[],
    speaker_seconds double precision[]
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_not_negative('max_rows', max_rows),
           pgvoice_internal.require_not_negative('skipped_rows', skipped_rows),
           pgvoice_internal.require_encoder(video_summaries.encoder),
           pgvoice_internal.require_order(ordered, ARRAY['key', 'newest', 'longest']);
    WITH page AS MATERIALIZED (
        -- By key, the index gives a page at once.
        (
            SELECT v.* FROM pgvoice.video AS v
            WHERE ordered = 'key' AND (after IS NULL OR v.key > after)
              AND (containing IS NULL OR strpos(lower(v.key), lower(containing)) > 0)
            ORDER BY v.key OFFSET skipped_rows LIMIT max_rows
        ) UNION ALL (
            SELECT v.* FROM pgvoice.video AS v
            WHERE ordered <> 'key' AND (after IS NULL OR v.key > after)
              AND (containing IS NULL OR strpos(lower(v.key), lower(containing)) > 0)
            ORDER BY CASE WHEN ordered = 'longest' THEN v.duration_ms END DESC NULLS LAST,
                     CASE WHEN ordered = 'newest' THEN v.created_at END DESC, v.key
            OFFSET skipped_rows LIMIT max_rows
        )
    )
    SELECT p.key, p.source, p.duration_ms / 1000::double precision,
           s.last_end_ms / 1000::double precision,
           (SELECT count(*) FROM pgvoice.turn AS t WHERE t.video_id = p.id),
           coalesce(s.segments, 0), coalesce(s.filled, 0), coalesce(s.labelled, 0),
           (SELECT max(f.finished_at) FROM pgvoice.fill_run AS f
            WHERE f.video_id = p.id AND f.encoder_id = video_summaries.encoder),
           coalesce(s.ms, 0) / 1000::double precision,
           coalesce(s.named_ms, 0) / 1000::double precision,
           coalesce(s.voice_ms, 0) / 1000::double precision,
           coalesce(s.speakers, '{}'), coalesce(s.speaker_seconds, '{}')
    FROM page AS p
    CROSS JOIN LATERAL (
        SELECT sum(b.segments)::bigint AS segments, sum(b.filled)::bigint AS filled,
               sum(b.labelled)::bigint AS labelled, max(b.last_end_ms) AS last_end_ms, sum(b.ms) AS ms,
               sum(b.ms) FILTER (WHERE b.speaker IS NOT NULL) AS named_ms,
               sum(b.voice_ms) FILTER (WHERE b.speaker IS NULL) AS voice_ms,
               array_agg(b.speaker ORDER BY b.ms DESC, b.speaker) FILTER (WHERE b.speaker IS NOT NULL)
                   AS speakers,
               array_agg(b.ms / 1000::double precision ORDER BY b.ms DESC, b.speaker)
                   FILTER (WHERE b.speaker IS NOT NULL) AS speaker_seconds
        FROM (
            SELECT n.name AS speaker, count(*) AS segments, count(*) FILTER (WHERE c.filled) AS filled,
                   count(n.start_ms) AS labelled, max(c.end_ms) AS last_end_ms, sum(c.end_ms - c.start_ms) AS ms,
                   sum(c.end_ms - c.start_ms) FILTER (WHERE w.start_ms IS NOT NULL) AS voice_ms
            FROM pgvoice_internal.spoken_segments(p.id, video_summaries.encoder) AS c
            LEFT JOIN (
                SELECT a.start_ms, a.end_ms, s.name
                FROM pgvoice.attribution AS a LEFT JOIN pgvoice.speaker AS s ON s.id = a.speaker_id
                WHERE a.video_id = p.id AND a.encoder_id = video_summaries.encoder AND a.current
            ) AS n USING (start_ms, end_ms)
            LEFT JOIN (
                SELECT DISTINCT g.start_ms, g.end_ms
                FROM pgvoice.voices_of_segments(p.key, video_summaries.encoder) AS g
            ) AS w USING (start_ms, end_ms)
            GROUP BY n.name
        ) AS b
    ) AS s
    ORDER BY CASE WHEN ordered = 'longest' THEN p.duration_ms END DESC NULLS LAST,
             CASE WHEN ordered = 'newest' THEN p.created_at END DESC, p.key
$$;
COMMENT ON FUNCTION pgvoice.video_summaries IS
'A page of recordings: those after a key, and whose key contains a text, without regard to case. They are
ordered by ''key'', or the ''newest'' or the ''longest'' first. last_end_s is the end of the last segment;
filled and labelled count the segments that have a vector, and a current label. Of all speech, named_seconds have
the name of somebody in their current label, and voice_seconds are of unknown voices; speakers and
speaker_seconds say who speaks for how long, longest first.';

CREATE OR REPLACE FUNCTION pgvoice.library_totals(
    containing text DEFAULT NULL,
    OUT recordings bigint,
    OUT seconds double precision,
    OUT requested bigint,
    OUT hits bigint,
    OUT keeps_text boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT v.recordings, v.seconds, f.requested, f.hits, s.keep_text
    FROM pgvoice.setting AS s
    CROSS JOIN (
        SELECT count(*) AS recordings, coalesce(sum(v.duration_ms), 0) / 1000::double precision AS seconds
        FROM pgvoice.video AS v
        WHERE containing IS NULL OR strpos(lower(v.key), lower(containing)) > 0
    ) AS v
    CROSS JOIN (
        SELECT coalesce(sum(f.requested), 0)::bigint AS requested,
               coalesce(sum(f.hits), 0)::bigint AS hits
        FROM pgvoice.fill_run AS f WHERE f.source IS NULL
    ) AS f
$$;
COMMENT ON FUNCTION pgvoice.library_totals IS
'How many recordings there are whose key contains a text, and how long their audio is; how many segments all
fills asked for, with whichever encoder, and how many of these were stored before; and whether the store
keeps text.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_order(
    ordered text, known text[]
) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF coalesce(ordered <> ALL (known), true) THEN
        RAISE EXCEPTION 'no order %', coalesce(quote_literal(ordered), 'NULL')
            USING HINT = format('Order by one of: %s.', array_to_string(known, ', ')),
                  ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_order(text, text[]) IS
'Fails unless an order is one of those known.';
