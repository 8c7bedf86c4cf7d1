-- Turns by what was said in them, and who speaks in segments that were found.

CREATE OR REPLACE FUNCTION pgvoice_internal.require_text(name text, given text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF given !~ '\S' OR given IS NULL THEN
        RAISE EXCEPTION 'the % is empty', name
            USING HINT = 'Give at least one letter.', ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_text(text, text) IS
'Fails if a text is empty, blank or NULL.';

CREATE OR REPLACE FUNCTION pgvoice.names_of_segments(
    videos text[],
    starts_ms integer[],
    ends_ms integer[],
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    video text,
    start_s double precision,
    end_s double precision,
    label text,
    speaker text,
    voice bigint,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(names_of_segments.encoder),
           pgvoice_internal.require_segments(NULL, NULL, starts_ms, ends_ms),
           pgvoice_internal.require_same_length(
               'videos', cardinality(videos), 'starts_ms', cardinality(starts_ms)
           );
    SELECT g.video, g.start_ms / 1000::double precision, g.end_ms / 1000::double precision, t.label,
           n.name, w.number, g.start_ms, g.end_ms
    FROM unnest(videos, starts_ms, ends_ms) WITH ORDINALITY AS g(video, start_ms, end_ms, place)
    LEFT JOIN pgvoice.video AS v ON v.key = g.video
    LEFT JOIN LATERAL (
        -- A clean part speaks for its turn.
        SELECT c.turn_start_ms AS start_ms, c.turn_end_ms AS end_ms FROM pgvoice.clean_part AS c
        WHERE c.video_id = v.id AND c.start_ms = g.start_ms AND c.end_ms = g.end_ms
        ORDER BY c.turn_start_ms, c.turn_end_ms LIMIT 1
    ) AS p ON NOT EXISTS (
        SELECT FROM pgvoice.turn AS t
        WHERE t.video_id = v.id AND t.start_ms = g.start_ms AND t.end_ms = g.end_ms
    )
    CROSS JOIN LATERAL (
        SELECT coalesce(p.start_ms, g.start_ms) AS start_ms, coalesce(p.end_ms, g.end_ms) AS end_ms
    ) AS s
    LEFT JOIN LATERAL (
        SELECT min(t.label) AS label FROM pgvoice.turn AS t
        WHERE t.video_id = v.id AND t.start_ms = s.start_ms AND t.end_ms = s.end_ms
    ) AS t ON true
    LEFT JOIN LATERAL (
        SELECT w.name FROM pgvoice.attribution AS a JOIN pgvoice.speaker AS w ON w.id = a.speaker_id
        WHERE a.video_id = v.id AND a.start_ms = s.start_ms AND a.end_ms = s.end_ms AND a.current
          AND a.encoder_id = names_of_segments.encoder
        ORDER BY a.run_id DESC LIMIT 1
    ) AS n ON true
    LEFT JOIN LATERAL (
        SELECT min(l.unknown_voice_id) AS number
        FROM pgvoice.linked_voice AS l
        JOIN pgvoice.unknown_voice AS u ON u.id = l.unknown_voice_id
        JOIN pgvoice.voice AS o
            ON o.video_id = l.video_id AND o.label = l.label AND o.encoder_id = l.encoder_id
        WHERE l.video_id = v.id AND l.encoder_id = names_of_segments.encoder
          AND u.ended_as IS NULL AND u.dismissed_as IS NULL AND (
            l.label = t.label OR EXISTS (
                SELECT FROM unnest(o.starts_ms, o.ends_ms) AS h(start_ms, end_ms)
                WHERE h.start_ms = g.start_ms AND h.end_ms = g.end_ms
            )
        )
    ) AS w ON n.name IS NULL
    ORDER BY g.place
$$;
COMMENT ON FUNCTION pgvoice.names_of_segments IS
'Who speaks in segments of several recordings, one row for each, in order: the diarizer''s label, the name in
the current label, or else voice: the unknown voice. A clean part has those of its turn. All are NULL where
nothing is known.';

-- The planner takes a third of all turns to say it, and would look for the first of them recording by
-- recording. Whatever is said seldom would take 11 s among a million turns instead of 0.7 s.
CREATE OR REPLACE FUNCTION pgvoice_internal.turns_saying(
    query text, max_rows integer, skipped_rows integer, in_video text
) RETURNS TABLE (
    video_id bigint,
    video text,
    place integer,
    start_s double precision,
    end_s double precision,
    start_ms integer,
    end_ms integer,
    label text,
    text text
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET enable_nestloop = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    RETURN QUERY
    SELECT v.id, v.key, t.place, t.start_s, t.end_s, t.start_ms, t.end_ms, t.label, t.text
    FROM pgvoice.video AS v JOIN pgvoice.turn AS t ON t.video_id = v.id
    WHERE strpos(lower(t.text), lower(query)) > 0
      AND (in_video IS NULL OR t.video_id = (
          SELECT o.id FROM pgvoice.video AS o WHERE o.key = in_video
      ))
    ORDER BY v.key, t.start_ms, t.place
    OFFSET skipped_rows LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.turns_saying(text, integer, integer, text) IS
'The turns whose text contains a query, without regard to case, by recording and time; of one video, or of all
if in_video is NULL.';

CREATE OR REPLACE FUNCTION pgvoice.search_text(
    query text,
    max_rows integer DEFAULT 50,
    skipped_rows integer DEFAULT 0,
    in_video text DEFAULT NULL,
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    video text,
    start_s double precision,
    end_s double precision,
    label text,
    speaker text,
    voice bigint,
    text text,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_text('query', query),
           pgvoice_internal.require_encoder(search_text.encoder),
           pgvoice_internal.require_not_negative('max_rows', max_rows),
           pgvoice_internal.require_not_negative('skipped_rows', skipped_rows);
    SELECT f.video, f.start_s, f.end_s, f.label, n.name, w.number, f.text, f.start_ms, f.end_ms
    FROM pgvoice_internal.turns_saying(query, max_rows, skipped_rows, in_video) AS f
    LEFT JOIN LATERAL (
        SELECT s.name FROM pgvoice.attribution AS a JOIN pgvoice.speaker AS s ON s.id = a.speaker_id
        WHERE a.video_id = f.video_id AND a.start_ms = f.start_ms AND a.end_ms = f.end_ms AND a.current
          AND a.encoder_id = search_text.encoder
        ORDER BY a.run_id DESC LIMIT 1
    ) AS n ON true
    LEFT JOIN LATERAL (
        SELECT min(l.unknown_voice_id) AS number
        FROM pgvoice.linked_voice AS l
        JOIN pgvoice.unknown_voice AS u ON u.id = l.unknown_voice_id
        WHERE l.video_id = f.video_id AND l.label = f.label AND l.encoder_id = search_text.encoder
          AND u.ended_as IS NULL AND u.dismissed_as IS NULL
    ) AS w ON n.name IS NULL
    ORDER BY f.video, f.start_ms, f.place
$$;
COMMENT ON FUNCTION pgvoice.search_text IS
'The turns whose text contains a query, without regard to case, where the store keeps text; by recording and
time. speaker is the name in the current label, or else voice the unknown voice of the turn''s label. Nothing
in the query is a wildcard. Every text is read until there are enough results.';
