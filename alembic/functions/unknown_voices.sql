-- Unknown voices for readers: which there are, and where they are heard.

CREATE OR REPLACE FUNCTION pgvoice_internal.ended_voice(number bigint) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH RECURSIVE became AS (
        SELECT u.id, u.ended_as, u.ended_at, u.merged_into, u.speaker_id
        FROM pgvoice.unknown_voice AS u WHERE u.id = number
        UNION ALL
        SELECT u.id, u.ended_as, u.ended_at, u.merged_into, u.speaker_id
        FROM became AS b JOIN pgvoice.unknown_voice AS u ON u.id = b.merged_into
    ), last AS (
        -- A merged voice has a higher number than what it is merged into.
        SELECT b.*, s.name FROM became AS b LEFT JOIN pgvoice.speaker AS s ON s.id = b.speaker_id
        ORDER BY b.id LIMIT 1
    )
    SELECT CASE
        WHEN l.ended_as IS NULL THEN format(
            'voice %s is voice %s now (merged on %s)', number, l.id, first.ended_at::date)
        WHEN l.ended_as = 'named' AND l.name IS NOT NULL THEN format(
            'voice %s is %L now (named on %s)', number, l.name, l.ended_at::date)
        WHEN l.ended_as = 'named' THEN format(
            'voice %s was named on %s, and the person was removed since', number, l.ended_at::date)
        WHEN l.ended_as = 'expired' THEN format(
            'voice %s was not heard for so long that it expired on %s', number, l.ended_at::date)
        WHEN l.ended_as = 'merged' THEN format(
            'voice %s was merged on %s into one that is not kept', number, l.ended_at::date)
        ELSE format('no recording has voice %s any more, since %s', number, l.ended_at::date)
    END
    FROM last AS l JOIN pgvoice.unknown_voice AS first ON first.id = number
    WHERE first.ended_as IS NOT NULL
$$;
COMMENT ON FUNCTION pgvoice_internal.ended_voice(bigint) IS
'What became of an unknown voice that ended; NULL if it did not, or never was.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_unknown_voice(number bigint) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    ended CONSTANT text := pgvoice_internal.ended_voice(number);
BEGIN
    IF ended IS NOT NULL THEN
        RAISE EXCEPTION '%', ended
            USING ERRCODE = 'PV005', DETAIL = 'It ended.', HINT = 'pgvoice.unknown_voices lists those that are left.';
    END IF;
    IF NOT EXISTS (SELECT FROM pgvoice.unknown_voice AS u WHERE u.id = number) THEN
        RAISE EXCEPTION 'no unknown voice % in the store', coalesce(number::text, 'NULL')
            USING ERRCODE = 'PV005', HINT = 'pgvoice.unknown_voices lists them.';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_unknown_voice(bigint) IS
'Fails unless there is an unknown voice with this number; says what became of one that ended.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_heard_voice(number bigint, encoder integer)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    hearing text;
BEGIN
    PERFORM pgvoice_internal.require_unknown_voice(number),
            pgvoice_internal.require_encoder(encoder);
    SELECT string_agg(e.label, ', ' ORDER BY e.id) INTO hearing
    FROM pgvoice.encoder AS e
    WHERE EXISTS (
        SELECT FROM pgvoice.linked_voice AS l
        WHERE l.unknown_voice_id = number AND l.encoder_id = e.id
    )
    HAVING NOT bool_or(e.id = encoder);
    IF hearing IS NOT NULL THEN
        RAISE EXCEPTION 'voice % was heard with % alone, not with %', number, hearing,
            (SELECT e.label FROM pgvoice.encoder AS e WHERE e.id = encoder)
            USING ERRCODE = 'PV005', HINT = 'Name an encoder that heard it, or fill its recordings.';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_heard_voice(bigint, integer) IS
'Fails unless there is an unknown voice with this number and this encoder heard it; says which one did.';

CREATE OR REPLACE FUNCTION pgvoice_internal.listed_voices(dismissed boolean) RETURNS bigint[]
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT ARRAY(
        SELECT u.id FROM pgvoice.unknown_voice AS u
        WHERE u.ended_as IS NULL AND (u.dismissed_as IS NOT NULL) = coalesce(dismissed, false)
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.listed_voices(boolean) IS
'The unknown voices that have not ended: those that were dismissed, or the others.';

CREATE OR REPLACE FUNCTION pgvoice.unknown_voices(
    dismissed boolean DEFAULT false,
    encoder integer DEFAULT pgvoice.default_encoder(),
    max_rows integer DEFAULT NULL,
    skipped_rows integer DEFAULT 0
) RETURNS TABLE (
    number bigint,
    voices bigint,
    recordings bigint,
    seconds double precision,
    heard_at timestamptz,
    last_video text,
    nearest text,
    similarity double precision,
    suggested boolean,
    dismissed_as text
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(unknown_voices.encoder),
           pgvoice_internal.require_not_negative('max_rows', max_rows),
           pgvoice_internal.require_not_negative('skipped_rows', skipped_rows);
    WITH sees AS MATERIALIZED (SELECT pgvoice.sees_vectors() AS exact)
    SELECT u.id, k.voices, k.recordings, k.seconds, u.heard_at, v.key, s.name,
           pgvoice.shown(k.similarity, sees.exact), k.suggested, u.dismissed_as
    FROM sees
    CROSS JOIN pgvoice_internal.known_voices(
        unknown_voices.encoder, ARRAY(
            SELECT l.number
            FROM pgvoice_internal.linked_as(
                unknown_voices.encoder, pgvoice_internal.listed_voices(unknown_voices.dismissed)
            ) AS l
            ORDER BY l.seconds DESC, l.number
            OFFSET skipped_rows LIMIT max_rows
        )
    ) AS k
    JOIN pgvoice.unknown_voice AS u ON u.id = k.number
    JOIN pgvoice.video AS v ON v.id = k.last_video_id
    LEFT JOIN pgvoice.speaker AS s ON s.id = k.speaker_id
    ORDER BY k.seconds DESC, u.id
$$;
COMMENT ON FUNCTION pgvoice.unknown_voices IS
'The unknown voices: voices that match nobody who is enrolled, linked across recordings as one person. Those
with the most clean speech come first. nearest is the enrolled person whom it resembles most; if suggested,
so much that accept_suggestion takes it. If dismissed, those that dismiss_voice took off the list. max_rows
and skipped_rows are for a page of them, of which the others are compared with nobody. Voices that the
encoder did not hear are left out. Similarities have two digits unless the caller sees_vectors.';

CREATE OR REPLACE FUNCTION pgvoice.voice_appearances(
    number bigint,
    encoder integer DEFAULT pgvoice.default_encoder(),
    max_rows integer DEFAULT NULL
) RETURNS TABLE (
    video text,
    label text,
    encoder text,
    segments integer,
    seconds double precision,
    first_start_s double precision,
    clip_start_s double precision,
    clip_end_s double precision,
    similarity double precision
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_heard_voice(number, voice_appearances.encoder),
           pgvoice_internal.require_not_negative('max_rows', max_rows);
    WITH chosen AS MATERIALIZED (
        SELECT l.video_id, l.label, l.encoder_id, v.segments, v.clean_ms, v.clip_start_ms, v.clip_end_ms,
               v.starts_ms, pgvoice.shown(pgvoice.similarity(
                   m.length * -(m.embedding OPERATOR(public.<#>) v.embedding)
               ), (SELECT pgvoice.sees_vectors())) AS similarity
        FROM pgvoice.linked_voice AS l
        JOIN pgvoice.voice AS v
            ON v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
        LEFT JOIN pgvoice.unknown_voice_mean AS m
            ON m.unknown_voice_id = l.unknown_voice_id AND m.encoder_id = l.encoder_id
        WHERE l.unknown_voice_id = number AND l.encoder_id = voice_appearances.encoder
        ORDER BY similarity DESC NULLS LAST, l.video_id, l.label
        LIMIT max_rows
    )
    SELECT r.key, c.label, e.label, c.segments, c.clean_ms / 1000::double precision,
           coalesce(c.starts_ms[1], (
               SELECT t.start_ms FROM pgvoice.turn AS t
               WHERE t.video_id = c.video_id AND t.label = c.label AND t.start_ms < t.end_ms
               ORDER BY t.start_ms, t.end_ms LIMIT 1
           )) / 1000::double precision AS first,
           c.clip_start_ms / 1000::double precision, c.clip_end_ms / 1000::double precision,
           c.similarity
    FROM chosen AS c
    JOIN pgvoice.video AS r ON r.id = c.video_id
    JOIN pgvoice.encoder AS e ON e.id = c.encoder_id
    ORDER BY r.key, first, c.label
$$;
COMMENT ON FUNCTION pgvoice.voice_appearances IS
'Where an unknown voice is heard: a row for each label of a recording, or for the max_rows that
are most similar to the unknown voice. A label like ?1 is of segments that the store grouped itself, as
their turns have no labels. clip is the part that is best to listen to; similarity is the mean similarity to
all voices of the unknown voice, with two digits unless the caller sees_vectors.';

CREATE OR REPLACE FUNCTION pgvoice.voices_of_segments(
    video text, encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    label text,
    voice bigint,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE
SECURITY DEFINER
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
