-- A person's word: who speaks in spans of a recording, or who does not.

CREATE OR REPLACE FUNCTION pgvoice_internal.voice_spans(video bigint, label text)
RETURNS int4multirange
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
          AND v.starts_ms IS NOT NULL
    ) AS s
$$;
COMMENT ON FUNCTION pgvoice_internal.voice_spans(bigint, text) IS
'When a voice speaks, in milliseconds: its turns, or its segments if its turns have no labels.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_word(
    video bigint, spans int4multirange, holds boolean, speaker bigint, unknown_voice bigint
) RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    INSERT INTO pgvoice.verdict (act_id, video_id, spans, holds, speaker_id, unknown_voice_id)
    VALUES (nullif(current_setting('pgvoice.act', true), '')::bigint, keep_word.video,
            keep_word.spans, keep_word.holds, keep_word.speaker, keep_word.unknown_voice)
    RETURNING id
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_word IS
'Stores a person''s word as part of the act that has begun.';

CREATE OR REPLACE FUNCTION pgvoice_internal.voice_words(videos bigint[], encoder integer)
RETURNS TABLE (
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
    SELECT w.id, v.video_id, v.label, w.holds, w.speaker_id, w.unknown_voice_id
    FROM pgvoice.verdict AS w
    JOIN pgvoice.voice AS v ON v.video_id = w.video_id AND v.encoder_id = encoder
    CROSS JOIN LATERAL pgvoice_internal.voice_spans(v.video_id, v.label) AS spoken(spans)
    WHERE w.video_id = ANY (videos) AND 2 * pgvoice_internal.spanned_ms(spoken.spans * w.spans)
        >= pgvoice_internal.spanned_ms(spoken.spans)
$$;
COMMENT ON FUNCTION pgvoice_internal.voice_words(bigint[], integer) IS
'What a person said about voices of these videos: the verdicts that cover at least half of their speech.';

CREATE OR REPLACE FUNCTION pgvoice_internal.spanned_ms(spans int4multirange) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT coalesce(sum(upper(each) - lower(each)), 0) FROM unnest(spans) AS each);
COMMENT ON FUNCTION pgvoice_internal.spanned_ms(int4multirange) IS
'How long these spans are together, in milliseconds.';
