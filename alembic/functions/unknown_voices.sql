-- The unknown voices: who they may be, where they speak, what to listen to.

CREATE OR REPLACE FUNCTION pgvoice.voices_of_segments(
    video text, encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    label text,
    voice bigint,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH linked AS (
        SELECT v.id AS video_id, l.label, u.id AS voice
        FROM pgvoice.video AS v
        JOIN pgvoice.linked_voice AS l ON l.video_id = v.id
        JOIN pgvoice.unknown_voice AS u ON u.id = l.unknown_voice_id
        WHERE v.key = voices_of_segments.video AND l.encoder_id = voices_of_segments.encoder
            AND u.ended_at IS NULL AND u.dismissed_as IS NULL
    ), heard AS (
        SELECT t.start_ms, t.end_ms, t.label, l.voice
        FROM linked AS l
        JOIN pgvoice.turn AS t ON t.video_id = l.video_id AND t.label = l.label
        UNION ALL
        SELECT g.start_ms, g.end_ms, NULL, l.voice
        FROM linked AS l
        JOIN pgvoice.voice AS v ON v.video_id = l.video_id AND v.label = l.label
            AND v.encoder_id = voices_of_segments.encoder
        CROSS JOIN LATERAL unnest(v.starts_ms, v.ends_ms) AS g(start_ms, end_ms)
    )
    SELECT h.start_ms / 1000.0::double precision, h.end_ms / 1000.0::double precision, h.label,
           h.voice, h.start_ms, h.end_ms
    FROM heard AS h
    ORDER BY h.start_ms, h.end_ms, h.label
$$;
COMMENT ON FUNCTION pgvoice.voices_of_segments IS
'The unknown voices of a recording: of each turn whose label belongs to one that was not dismissed; of
turns without labels, of the segments that were grouped.';
