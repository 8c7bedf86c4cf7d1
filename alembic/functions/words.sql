-- A person's word: who speaks in spans of a recording, or who does not.

CREATE OR REPLACE FUNCTION pgvoice_internal.spanned_ms(spans int4multirange) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT coalesce(sum(upper(each) - lower(each)), 0) FROM unnest(spans) AS each);
COMMENT ON FUNCTION pgvoice_internal.spanned_ms(int4multirange) IS
'How long these spans are together, in milliseconds.';

CREATE OR REPLACE FUNCTION pgvoice_internal.voice_spans(
    video bigint, label text, encoder integer
) RETURNS int4multirange
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT range_agg(s.span) FROM (
        SELECT int4range(t.start_ms, t.end_ms) AS span FROM pgvoice.turn AS t
        WHERE t.video_id = voice_spans.video AND t.label = voice_spans.label
          AND t.start_ms < t.end_ms
        UNION ALL
        SELECT int4range(g.start_ms, g.end_ms) FROM pgvoice.voice AS v
        CROSS JOIN LATERAL unnest(v.starts_ms, v.ends_ms) AS g(start_ms, end_ms)
        WHERE v.video_id = voice_spans.video AND v.label = voice_spans.label
          AND v.starts_ms IS NOT NULL AND v.encoder_id = voice_spans.encoder
    ) AS s
$$;
COMMENT ON FUNCTION pgvoice_internal.voice_spans(bigint, text, integer) IS
'When a voice speaks, in milliseconds: its turns, or its segments if its turns have no labels and the
store grouped them, which it does for each encoder.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_word(
    video bigint, spans int4multirange, holds boolean, speaker bigint, unknown_voice bigint
) RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    INSERT INTO pgvoice.verdict (act_id, video_id, spans, holds, speaker_id, unknown_voice_id)
    VALUES (pgvoice_internal.current_act(), keep_word.video, keep_word.spans,
            keep_word.holds, keep_word.speaker, keep_word.unknown_voice)
    RETURNING id
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_word IS
'Stores a person''s word as part of the act that has begun.';

CREATE OR REPLACE FUNCTION pgvoice_internal.whom(speaker bigint, unknown_voice bigint)
RETURNS TABLE (speaker_id bigint, unknown_voice_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path FROM CURRENT
AS $$
    WITH RECURSIVE merged AS (
        SELECT u.id, u.merged_into, u.ended_as, u.speaker_id FROM pgvoice.unknown_voice AS u
        WHERE u.id = whom.unknown_voice
        UNION ALL
        SELECT u.id, u.merged_into, u.ended_as, u.speaker_id FROM merged AS m
        JOIN pgvoice.unknown_voice AS u ON u.id = m.merged_into
    )
    SELECT whom.speaker, NULL::bigint WHERE whom.unknown_voice IS NULL
    UNION ALL
    SELECT m.speaker_id, CASE WHEN m.speaker_id IS NULL THEN m.id END FROM merged AS m
    WHERE m.merged_into IS NULL AND (m.ended_as IS DISTINCT FROM 'named' OR m.speaker_id IS NOT NULL)
$$;
COMMENT ON FUNCTION pgvoice_internal.whom(bigint, bigint) IS
'Whom a word is about today: an unknown voice may have been merged or named since. No row if the person
that it was named as is gone.';

CREATE OR REPLACE FUNCTION pgvoice_internal.other_turns(
    video bigint, spans int4multirange, labels text[]
) RETURNS int4range[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(array_agg(int4range(t.start_ms, t.end_ms)), '{}') FROM pgvoice.turn AS t
    WHERE t.video_id = video AND t.overlapped_ms > 0 AND t.label <> ALL (labels)
      AND t.start_ms < t.end_ms AND int4range(t.start_ms, t.end_ms) && spans
$$;
COMMENT ON FUNCTION pgvoice_internal.other_turns IS
'The turns of other labels than these that overlap these spans.';

CREATE OR REPLACE FUNCTION pgvoice_internal.voice_words(
    videos bigint[], encoder integer, labels text[] DEFAULT NULL
) RETURNS TABLE (
    verdict_id bigint,
    video_id bigint,
    label text,
    holds boolean,
    speaker_id bigint,
    unknown_voice_id bigint
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH worded AS MATERIALIZED (
        SELECT DISTINCT g.video_id, g.label FROM unnest(videos, labels) AS g(video_id, label)
        WHERE EXISTS (SELECT FROM pgvoice.verdict AS w WHERE w.video_id = g.video_id)
    ), spoken AS MATERIALIZED (
        SELECT v.video_id, v.label, coalesce(nullif(s.spans - (
                   SELECT coalesce(range_agg(o), '{}') FROM unnest(
                       pgvoice_internal.other_turns(v.video_id, s.spans, ARRAY[v.label])
                   ) AS o
               ), '{}'), s.spans) AS spans
        FROM worded
        JOIN pgvoice.voice AS v ON v.video_id = worded.video_id AND v.encoder_id = encoder
            AND (worded.label IS NULL OR v.label = worded.label)
        CROSS JOIN LATERAL pgvoice_internal.voice_spans(v.video_id, v.label, encoder) AS s(spans)
    ), applying AS (
        SELECT w.id, s.video_id, s.label, w.holds, whom.speaker_id, whom.unknown_voice_id
        FROM spoken AS s
        JOIN pgvoice.verdict AS w ON w.video_id = s.video_id AND w.spans && s.spans
        CROSS JOIN LATERAL pgvoice_internal.whom(w.speaker_id, w.unknown_voice_id) AS whom
        WHERE 2 * pgvoice_internal.spanned_ms(s.spans * w.spans)
            >= pgvoice_internal.spanned_ms(s.spans)
    )
    SELECT a.id, a.video_id, a.label, a.holds, a.speaker_id, a.unknown_voice_id
    FROM (
        -- As segment_words has it.
        SELECT a.*, max(a.id) OVER (PARTITION BY a.video_id, a.label, a.speaker_id, a.unknown_voice_id)
                   AS last_of_person,
               max(a.id) FILTER (WHERE a.holds) OVER (PARTITION BY a.video_id, a.label) AS last_name
        FROM applying AS a
    ) AS a
    WHERE a.id = a.last_of_person AND (NOT a.holds OR a.id = a.last_name)
$$;
COMMENT ON FUNCTION pgvoice_internal.voice_words(bigint[], integer, text[]) IS
'What a person said about voices of these videos, or about one of each if labels are given, and still holds:
the verdicts that cover at least half of the speech that no other label overlaps. Of those that say who a
voice is, only the newest holds, unless a newer one denies it; one that denies holds until a newer one says
the opposite.';

CREATE OR REPLACE FUNCTION pgvoice_internal.applying_words(
    video bigint, starts_ms integer[], ends_ms integer[]
) RETURNS TABLE (
    start_ms integer,
    end_ms integer,
    verdict_id bigint,
    holds boolean,
    speaker_id bigint,
    unknown_voice_id bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH said AS MATERIALIZED (
        -- Read from TOAST once.
        SELECT w.id, w.spans + '{}' AS spans, w.holds, whom.speaker_id, whom.unknown_voice_id
        FROM pgvoice.verdict AS w
        CROSS JOIN LATERAL pgvoice_internal.whom(w.speaker_id, w.unknown_voice_id) AS whom
        WHERE w.video_id = video
    ), asked AS MATERIALIZED (
        SELECT DISTINCT g.start_ms, g.end_ms, int4range(g.start_ms, g.end_ms) AS span
        FROM unnest(starts_ms, ends_ms) AS g(start_ms, end_ms)
        WHERE g.start_ms < g.end_ms
          AND EXISTS (SELECT FROM said AS w WHERE w.spans && int4range(g.start_ms, g.end_ms))
    ), overlapped AS (
        SELECT t.start_ms, t.end_ms, array_agg(t.label) AS labels FROM pgvoice.turn AS t
        WHERE t.video_id = video AND t.overlapped_ms > 0
        GROUP BY t.start_ms, t.end_ms
    ), spoken AS MATERIALIZED (
        SELECT a.start_ms, a.end_ms, a.span, others.turns,
               -- The shortest clean part.
               CASE WHEN pgvoice_internal.spanned_ms(clean.spans) >= 600 THEN clean.spans END AS own
        FROM asked AS a
        LEFT JOIN overlapped AS t ON t.start_ms = a.start_ms AND t.end_ms = a.end_ms
        LEFT JOIN LATERAL pgvoice_internal.other_turns(
            video, int4multirange(a.span), t.labels
        ) AS others(turns) ON t.labels IS NOT NULL
        LEFT JOIN LATERAL (
            SELECT int4multirange(a.span) - coalesce(range_agg(o), '{}') AS spans
            FROM unnest(others.turns) AS o
        ) AS clean ON others.turns IS NOT NULL
    )
    SELECT s.start_ms, s.end_ms, w.id, w.holds, w.speaker_id, w.unknown_voice_id
    FROM spoken AS s
    JOIN said AS w ON w.spans && s.span
    -- Most segments lie within the spans, which is quick to see.
    WHERE CASE
        WHEN s.turns IS NULL THEN w.spans @> s.span
            OR 2 * pgvoice_internal.spanned_ms(int4multirange(s.span) * w.spans)
                >= s.end_ms - s.start_ms
        WHEN s.own IS NULL THEN
            pgvoice_internal.is_word_on(w.spans, int4multirange(s.span), s.turns)
        ELSE w.spans @> s.own
            OR 2 * pgvoice_internal.spanned_ms(s.own * w.spans)
                >= pgvoice_internal.spanned_ms(s.own)
    END
$$;
COMMENT ON FUNCTION pgvoice_internal.applying_words IS
'The verdicts that apply to segments of a video: those that cover at least half of the segment; of a turn that
turns of other labels overlap, at least half of its own part, or, if that is shorter than a clean part, those
that is_word_on finds.';

CREATE OR REPLACE FUNCTION pgvoice_internal.segment_words(
    video bigint, starts_ms integer[], ends_ms integer[]
) RETURNS TABLE (
    start_ms integer,
    end_ms integer,
    verdict_id bigint,
    speaker_id bigint,
    denied bigint[]
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path FROM CURRENT
AS $$
BEGIN
    -- Most recordings have none.
    IF EXISTS (SELECT FROM pgvoice.verdict AS w WHERE w.video_id = video) THEN
        RETURN QUERY
        SELECT h.start_ms, h.end_ms,
               max(h.verdict_id) FILTER (WHERE h.holds AND h.unknown_voice_id IS NULL),
               max(h.speaker_id) FILTER (WHERE h.holds),
               array_agg(h.speaker_id) FILTER (WHERE NOT h.holds AND h.speaker_id IS NOT NULL)
        FROM (
            -- As voice_words has it.
            SELECT a.*, max(a.verdict_id) OVER (
                       PARTITION BY a.start_ms, a.end_ms, a.speaker_id, a.unknown_voice_id
                   ) AS last_of_person,
                   max(a.verdict_id) FILTER (WHERE a.holds) OVER (PARTITION BY a.start_ms, a.end_ms)
                       AS last_name
            FROM pgvoice_internal.applying_words(video, starts_ms, ends_ms) AS a
        ) AS h
        WHERE h.verdict_id = h.last_of_person AND (NOT h.holds OR h.verdict_id = h.last_name)
        GROUP BY h.start_ms, h.end_ms;
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.segment_words IS
'What a person said about segments of a video and still holds, as in voice_words: the verdict that says who
speaks, if there is one, and who, NULL for nobody known; and whom others deny.';

CREATE OR REPLACE FUNCTION pgvoice.words(video text) RETURNS TABLE (
    starts_ms integer[],
    ends_ms integer[],
    holds boolean,
    speaker text,
    unknown_voice bigint,
    author text,
    said_at timestamptz,
    act bigint
)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.video_ids(ARRAY[words.video]);
    SELECT ARRAY(SELECT lower(each) FROM unnest(w.spans) AS each ORDER BY 1),
           ARRAY(SELECT upper(each) FROM unnest(w.spans) AS each ORDER BY 1), w.holds, s.name,
           w.unknown_voice_id, w.author, w.created_at, w.act_id
    FROM pgvoice.verdict AS w
    JOIN pgvoice.video AS v ON v.id = w.video_id
    LEFT JOIN pgvoice.speaker AS s ON s.id = w.speaker_id
    WHERE v.key = words.video
    ORDER BY w.id
$$;
COMMENT ON FUNCTION pgvoice.words(text) IS
'What people said of who speaks in spans of a video, or, if holds is false, who does not, in the order in which
they said it: a speaker, an unknown voice, or nobody known if both are NULL.';

CREATE OR REPLACE FUNCTION pgvoice_internal.is_word_on(
    spans int4multirange, turn int4multirange, others int4range[]
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH each AS (
        SELECT turn AS span, true AS is_it
        UNION ALL SELECT int4multirange(o), false FROM unnest(others) AS o
    ), near AS (
        SELECT spans * int4multirange(range_merge(range_agg(s))) AS spans
        FROM each CROSS JOIN unnest(each.span) AS s
    ), compared AS (
        SELECT e.is_it, pgvoice_internal.spanned_ms(e.span * n.spans)::double precision
                   / pgvoice_internal.spanned_ms(e.span + n.spans) AS fit
        FROM each AS e CROSS JOIN near AS n
    )
    SELECT 2 * pgvoice_internal.spanned_ms(turn * spans) >= pgvoice_internal.spanned_ms(turn)
       AND (SELECT max(c.fit) FILTER (WHERE c.is_it) >= max(c.fit) FROM compared AS c)
$$;
COMMENT ON FUNCTION pgvoice_internal.is_word_on IS
'Whether a word is about a turn that lies within turns of other labels: it covers at least half of it, and
its spans nearby fit none of the others better (the length of the intersection by that of the union).';
