-- What may be heard of a recording: speech, and a little around it, but none that was erased.

CREATE OR REPLACE FUNCTION pgvoice.hearable(
    video text, from_ms integer, to_ms integer, context_ms integer DEFAULT 0
) RETURNS TABLE (
    start_ms integer, end_ms integer, is_erased boolean,
    silent_starts_ms integer[], silent_ends_ms integer[]
)
LANGUAGE plpgsql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    beyond CONSTANT bigint := 1000;
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[hearable.video]))[1];
    sha256 text;
    whole int8range;
    asked int8range;
    heard int8range;
BEGIN
    PERFORM pgvoice_internal.require_segments(NULL, NULL, ARRAY[from_ms], ARRAY[to_ms]);
    IF (0 <= from_ms AND from_ms < to_ms AND context_ms BETWEEN 0 AND beyond) IS NOT TRUE THEN
        RAISE EXCEPTION '% to % ms with % ms of context', from_ms, to_ms, context_ms
            USING HINT = format('Give a span from zero onward, and at most %s ms of context.', beyond),
                  ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT v.audio_sha256, int8range(0, v.duration_ms) INTO sha256, whole
    FROM pgvoice.video AS v WHERE v.id = video_of AND v.duration_ms IS NOT NULL;
    asked := int8range(from_ms, to_ms) * whole;
    SELECT near INTO heard FROM unnest((
        SELECT range_agg(int8range(said.start_ms - beyond, said.end_ms + beyond))
        FROM (
            SELECT t.start_ms, t.end_ms FROM pgvoice.turn AS t WHERE t.video_id = video_of
            UNION ALL
            SELECT s.start_ms, s.end_ms FROM pgvoice.segment_embedding AS s
            WHERE s.video_id = video_of
        ) AS said
        WHERE said.start_ms < to_ms + 2 * beyond AND said.end_ms > from_ms - 2 * beyond
    )) AS near
    WHERE near @> asked AND NOT isempty(asked);
    IF heard IS NULL THEN
        RETURN;
    END IF;
    heard := heard * whole * int8range(from_ms - context_ms::bigint, to_ms + context_ms::bigint);
    RETURN QUERY
    SELECT lower(heard)::integer, upper(heard)::integer,
           coalesce(bool_or(pgvoice_internal.is_same_speech(
               lower(asked)::integer, upper(asked)::integer, t.start_ms, t.end_ms
           )), false),
           coalesce(array_agg(greatest(t.start_ms, lower(heard)::integer) ORDER BY t.id), '{}'),
           coalesce(array_agg(least(t.end_ms, upper(heard)::integer) ORDER BY t.id), '{}')
    FROM pgvoice_internal.erased_spans(hearable.video, sha256) AS t
    WHERE int8range(t.start_ms, t.end_ms) && heard;
END
$$;
COMMENT ON FUNCTION pgvoice.hearable IS
'The part of a recording that may be played for somebody to hear this span: with so much context, up to a
second, as the audio has. No row if some of the span is more than a second from every turn and stored
segment, or if the audio was never read. is_erased: the span is speech that was erased; other erased speech
within the part has to be silent.';
