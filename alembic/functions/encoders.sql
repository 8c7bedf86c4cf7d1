-- Which encoder answers, and what another one lacks.

-- A row of any status counts, as a fill does not try it again; erased speech stays without a vector.
CREATE OR REPLACE FUNCTION pgvoice.unfilled(
    encoder integer, like_encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (video text, segments bigint, seconds double precision, source text, has_turns boolean)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(unfilled.encoder),
           pgvoice_internal.require_encoder(like_encoder);
    WITH missing AS (
        SELECT s.video_id, s.start_ms, s.end_ms
        FROM pgvoice.segment_embedding AS s
        LEFT JOIN pgvoice.segment_embedding AS n
            ON n.video_id = s.video_id AND n.start_ms = s.start_ms AND n.end_ms = s.end_ms
            AND n.encoder_id = unfilled.encoder
        WHERE s.encoder_id = like_encoder AND s.status <> 'erased' AND n.video_id IS NULL
    ), needed AS (
        SELECT m.video_id, d.video_id IS NOT NULL AS has_turns, count(*) AS segments,
               sum(m.end_ms - m.start_ms) AS ms
        FROM missing AS m
        LEFT JOIN pgvoice.turn_document AS d ON d.video_id = m.video_id
        WHERE d.video_id IS NULL OR EXISTS (
            SELECT FROM pgvoice.turn AS t WHERE t.video_id = m.video_id
              AND t.start_ms = m.start_ms AND t.end_ms = m.end_ms
        ) OR EXISTS (
            SELECT FROM pgvoice.clean_part AS c WHERE c.video_id = m.video_id
              AND c.start_ms = m.start_ms AND c.end_ms = m.end_ms
        )
        GROUP BY m.video_id, d.video_id
    )
    SELECT v.key, n.segments, n.ms / 1000::double precision, v.source, n.has_turns
    FROM needed AS n JOIN pgvoice.video AS v ON v.id = n.video_id
    ORDER BY v.key
$$;
COMMENT ON FUNCTION pgvoice.unfilled IS
'The recordings whose segments and clean parts have rows of like_encoder, but not all of encoder: how many
are missing, how long they are, the file that the audio was read from last, and whether the recording has
stored turns. Erased speech is not missing.';

CREATE OR REPLACE FUNCTION pgvoice.make_default_encoder(encoder integer) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    was integer;
BEGIN
    -- The default encoder links voices, so nobody links meanwhile.
    PERFORM pgvoice_internal.require_encoder(encoder), pgvoice_internal.hold_linking();
    was := pgvoice.default_encoder();
    IF was <> encoder THEN
        -- The first encoder answers without; from now on it is known that it did.
        UPDATE pgvoice.encoder AS e SET default_since = e.created_at
        WHERE e.id = was AND e.default_since IS NULL;
        -- A clock that is set back makes no older encoder the default.
        UPDATE pgvoice.encoder AS e SET default_since = greatest(clock_timestamp(), (
            SELECT max(o.default_since) + interval '1 microsecond' FROM pgvoice.encoder AS o
        ))
        WHERE e.id = make_default_encoder.encoder;
    END IF;
    RETURN was;
END
$$;
COMMENT ON FUNCTION pgvoice.make_default_encoder(integer) IS
'Lets an encoder answer from now on unless another one is named. Returns the one that did before.';
