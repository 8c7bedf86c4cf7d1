-- Where one person speaks, over all videos.

CREATE OR REPLACE FUNCTION pgvoice.speaker_segments(
    speaker text,
    encoder integer DEFAULT pgvoice.default_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    max_rows bigint DEFAULT NULL,
    ordered text DEFAULT 'similarity'
) RETURNS TABLE (
    video text,
    start_s double precision,
    end_s double precision,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision,
    start_ms integer,
    end_ms integer
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    by_time CONSTANT boolean := ordered = 'time';
    exact CONSTANT boolean := pgvoice.sees_vectors();
    required_threshold CONSTANT double precision :=
        pgvoice_internal.given('threshold', speaker_segments.threshold, -1, 1);
    required_margin CONSTANT double precision :=
        pgvoice_internal.given('min_margin', min_margin, 0, 2);
    person bigint;
    enrolled bigint;
BEGIN
    IF coalesce(ordered NOT IN ('similarity', 'time'), true) THEN
        RAISE EXCEPTION 'no order %', coalesce(quote_literal(ordered), 'NULL')
            USING HINT = 'Order by ''similarity'' or by ''time''.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
    person := (pgvoice_internal.speaker_ids(ARRAY[speaker_segments.speaker]))[1];
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM pgvoice_internal.require_not_negative('max_rows', max_rows);
    SELECT p.speaker_id INTO enrolled FROM pgvoice.valid_profile AS p
    WHERE p.speaker_id = person AND p.encoder_id = encoder;
    RETURN QUERY
    WITH matched AS MATERIALIZED (
        SELECT near.* FROM pgvoice_internal.assigned_segments(
            enrolled, encoder, required_threshold, required_margin
        ) AS near
    ), word AS MATERIALIZED (
        SELECT g.video_id, w.*
        FROM (
            SELECT m.video_id, array_agg(m.start_ms) AS starts_ms, array_agg(m.end_ms) AS ends_ms
            FROM matched AS m
            WHERE EXISTS (SELECT FROM pgvoice.verdict AS v WHERE v.video_id = m.video_id)
            GROUP BY m.video_id
        ) AS g
        CROSS JOIN LATERAL pgvoice_internal.segment_words(g.video_id, g.starts_ms, g.ends_ms) AS w
    ), unlike AS (
        -- Not like this person, or less like them than somebody who was denied.
        SELECT s.* FROM pgvoice_internal.segments_by_word(person, encoder) AS s
        EXCEPT
        SELECT m.video_id, m.start_ms, m.end_ms FROM matched AS m
        LEFT JOIN word AS w USING (video_id, start_ms, end_ms) WHERE w.denied IS NULL
    ), undecided AS (
        -- What identify decides: also turns whose clean parts match.
        SELECT u.video_id, array_agg(DISTINCT ARRAY[u.start_ms, u.end_ms]) AS segments
        FROM (
            SELECT u.* FROM unlike AS u
            UNION ALL
            SELECT c.video_id, c.turn_start_ms, c.turn_end_ms
            FROM matched AS m
            JOIN pgvoice.clean_part AS c
                ON c.video_id = m.video_id AND c.start_ms = m.start_ms AND c.end_ms = m.end_ms
        ) AS u
        GROUP BY u.video_id
    ), answer AS (
        SELECT m.video_id, m.start_ms, m.end_ms, m.similarity, m.other_id, m.other_similarity
        FROM matched AS m
        LEFT JOIN word AS w USING (video_id, start_ms, end_ms)
        WHERE pgvoice.is_current(m.video_id, m.start_ms, m.end_ms) AND NOT EXISTS (
            SELECT FROM pgvoice.turn AS t
            WHERE t.video_id = m.video_id AND t.start_ms = m.start_ms AND t.end_ms = m.end_ms
              AND t.overlapped_ms > 0
        ) AND w.denied IS NULL AND (w.verdict_id IS NULL OR w.speaker_id = person)
        UNION ALL
        SELECT u.video_id, i.start_ms, i.end_ms,
               CASE WHEN i.nearest_id = person THEN i.similarity ELSE own.similarity END,
               CASE WHEN i.nearest_id = person THEN i.runner_up_id ELSE i.nearest_id END,
               CASE WHEN i.nearest_id = person THEN i.runner_up_similarity ELSE i.similarity END
        FROM undecided AS u
        JOIN pgvoice.video AS v ON v.id = u.video_id
        CROSS JOIN LATERAL pgvoice_internal.identified(
            v.key,
            ARRAY(SELECT u.segments[each][1] FROM generate_subscripts(u.segments, 1) AS each),
            ARRAY(SELECT u.segments[each][2] FROM generate_subscripts(u.segments, 1) AS each),
            encoder, required_threshold, required_margin
        ) AS i
        LEFT JOIN LATERAL (
            SELECT -(s.embedding OPERATOR(public.<#>) p.embedding) AS similarity
            FROM pgvoice.segment_embedding AS s
            JOIN pgvoice.profile AS p ON p.encoder_id = s.encoder_id AND p.speaker_id = enrolled
            WHERE s.video_id = u.video_id AND s.start_ms = i.start_ms AND s.end_ms = i.end_ms
              AND s.encoder_id = encoder
        ) AS own ON i.nearest_id <> person
        WHERE i.speaker_id = person
    )
    SELECT v.key, a.start_ms / 1000::double precision, a.end_ms / 1000::double precision,
           pgvoice.shown(pgvoice.similarity(a.similarity), exact), other.name,
           pgvoice.shown(pgvoice.similarity(a.other_similarity), exact),
           pgvoice.shown(a.similarity - a.other_similarity, exact), a.start_ms, a.end_ms
    FROM answer AS a
    JOIN pgvoice.video AS v ON v.id = a.video_id
    LEFT JOIN pgvoice.speaker AS other ON other.id = a.other_id
    ORDER BY CASE WHEN NOT by_time THEN pgvoice.shown(a.similarity, exact) END DESC NULLS LAST,
             v.key, a.start_ms, a.end_ms
    LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION pgvoice.speaker_segments IS
'Where somebody speaks, over all videos: the segments that identify assigns to this person, the most
similar first, or by video and time if ordered is ''time''. similarity is NULL where a person''s word names
somebody without a profile, or in a segment without a vector.';

CREATE OR REPLACE FUNCTION pgvoice_internal.segments_by_word(speaker bigint, encoder integer)
RETURNS TABLE (video_id bigint, start_ms integer, end_ms integer)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH word AS MATERIALIZED (
        SELECT w.video_id, w.spans
        FROM (
            SELECT v.*, CASE WHEN v.unknown_voice_id IS NULL THEN v.speaker_id ELSE (
                SELECT t.speaker_id
                FROM pgvoice_internal.whom(v.speaker_id, v.unknown_voice_id) AS t
            ) END AS person
            FROM pgvoice.verdict AS v
        ) AS w
        WHERE w.holds = (w.person = segments_by_word.speaker)
    )
    SELECT DISTINCT v.video_id, c.start_ms, c.end_ms
    FROM (SELECT DISTINCT w.video_id FROM word AS w) AS v
    CROSS JOIN LATERAL pgvoice_internal.current_segments(v.video_id, encoder) AS c
    JOIN word AS w ON w.video_id = v.video_id
        AND w.spans && int4range(c.start_ms, greatest(c.start_ms, c.end_ms))
$$;
COMMENT ON FUNCTION pgvoice_internal.segments_by_word(bigint, integer) IS
'The segments that may be this speaker''s because a person said so, or that it is not somebody else.';

CREATE OR REPLACE FUNCTION pgvoice_internal.assigned_segments(
    speaker bigint,
    encoder integer,
    given_threshold double precision,
    given_margin double precision
) RETURNS TABLE (
    video_id bigint,
    start_ms integer,
    end_ms integer,
    similarity double precision,
    other_id bigint,
    other_similarity double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH rule AS MATERIALIZED (
        SELECT r.* FROM pgvoice_internal.rule(encoder, given_threshold, given_margin) AS r
    ), near AS MATERIALIZED (
        SELECT n.* FROM rule AS r
        CROSS JOIN LATERAL pgvoice_internal.segments_of(
            speaker, encoder, coalesce(r.lowest, (SELECT min(t) FROM unnest(r.above) AS t))
        ) AS n
    ), impostors AS MATERIALIZED (
        SELECT m.* FROM rule AS r
        CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(DISTINCT n.video_id), '{}') AS videos FROM near AS n
        ) AS there
        CROSS JOIN LATERAL pgvoice_internal.impostor_means(
            encoder, there.videos, array_fill(speaker, ARRAY[cardinality(there.videos)])
        ) AS m
        WHERE r.by_library
    )
    SELECT n.*
    FROM near AS n
    CROSS JOIN rule AS r
    JOIN pgvoice.profile AS own ON own.encoder_id = encoder AND own.speaker_id = speaker
    LEFT JOIN pgvoice.profile AS other
        ON other.encoder_id = encoder AND other.speaker_id = n.other_id
    LEFT JOIN impostors AS i ON i.video_id = n.video_id
    WHERE 'matched' = pgvoice_internal.reason(
        'ok', n.similarity, n.other_similarity,
        pgvoice_internal.threshold_at(
            r.above, r.band_ms, n.end_ms - n.start_ms, i.mean, i.comparisons, r.lowest
        ),
        r.margins[width_bucket(n.end_ms - n.start_ms, r.band_ms)],
        pgvoice_internal.are_two_voices(
            n.similarity, n.other_similarity,
            -(own.embedding OPERATOR(public.<#>) other.embedding)
        )
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.assigned_segments IS
'The stored segments that sound like somebody by their own vectors, whoever overlaps them, with the other
person who is most similar; also if the person''s consent has ended.';

-- Without these settings the planner, which cannot estimate the number of candidates, would join the
-- whole of nearest instead of looking its rows up one by one.
CREATE OR REPLACE FUNCTION pgvoice_internal.segments_of(
    speaker bigint, encoder integer, lowest double precision
) RETURNS TABLE (
    video_id bigint,
    start_ms integer,
    end_ms integer,
    similarity double precision,
    other_id bigint,
    other_similarity double precision
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_memoize = off
AS $$
DECLARE
    -- Whether the rows of nearest include the best of all other profiles as they are now. Each row
    -- keeps two profiles; at least one of them is not this speaker's.
    kept CONSTANT boolean := NOT EXISTS (
        -- Also not those of people whose consent ended since they were compared.
        SELECT FROM pgvoice.valid_profile AS p
        FULL JOIN pgvoice.compared_profile AS c USING (encoder_id, speaker_id)
        WHERE encoder_id = encoder AND speaker_id <> speaker
          AND (c.fresh IS DISTINCT FROM false
               OR c.embedding OPERATOR(public.<>) p.embedding IS NOT FALSE)
    ) AND NOT EXISTS (
        SELECT FROM pgvoice.deleted_segment AS d WHERE d.encoder_id = encoder
    );
    farthest CONSTANT double precision := -lowest;
BEGIN
    -- In plpgsql, because Postgres runs the query of RETURN QUERY with parallel workers. The profile is
    -- looked up by the query itself: in a variable, its vector would be a parameter of the plan.
    RETURN QUERY
    SELECT near.*
    FROM (
        SELECT s.video_id, s.start_ms, s.end_ms,
               -(s.embedding OPERATOR(public.<#>) (
                   SELECT p.embedding FROM pgvoice.profile AS p
                   WHERE p.speaker_id = speaker AND p.encoder_id = encoder
               )) AS similarity,
               CASE WHEN n.video_id IS NULL THEN r.speaker_id
                    WHEN n.nearest_id = speaker THEN n.runner_up_id
                    ELSE n.nearest_id END AS other_id,
               CASE WHEN n.video_id IS NULL THEN r.similarity
                    WHEN n.nearest_id = speaker THEN n.runner_up_similarity
                    ELSE n.similarity END AS other_similarity
        FROM pgvoice.segment_embedding AS s
        LEFT JOIN pgvoice.nearest AS n
            ON kept AND n.video_id = s.video_id AND n.start_ms = s.start_ms
            AND n.end_ms = s.end_ms AND n.encoder_id = encoder
        CROSS JOIN LATERAL pgvoice_internal.rival(
            CASE WHEN n.video_id IS NULL THEN s.video_id END, s.start_ms, s.end_ms, encoder, speaker
        ) AS r
        WHERE s.encoder_id = encoder AND s.embedding OPERATOR(public.<#>) (
            SELECT p.embedding FROM pgvoice.profile AS p
            WHERE p.speaker_id = speaker AND p.encoder_id = encoder
        ) <= farthest
    ) AS near
    WHERE near.other_id IS NULL
       OR (near.similarity, -speaker) > (near.other_similarity, -near.other_id);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.segments_of IS
'The segments whose similarity to a speaker''s profile is at least lowest and that are nearer to it than
to any other profile, with the runner-up. The runner-up comes from nearest where nearest is up to date.';

CREATE OR REPLACE FUNCTION pgvoice_internal.rival(
    video_id bigint,
    start_ms integer,
    end_ms integer,
    encoder integer,
    speaker bigint,
    OUT speaker_id bigint,
    OUT similarity double precision
)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 10000
SET search_path FROM CURRENT
AS $$
BEGIN
    SELECT p.speaker_id, -(s.embedding OPERATOR(public.<#>) p.embedding)
    INTO rival.speaker_id, rival.similarity
    FROM pgvoice.segment_embedding AS s
    JOIN pgvoice.valid_profile AS p ON p.encoder_id = s.encoder_id
    WHERE s.video_id = rival.video_id AND s.start_ms = rival.start_ms AND s.end_ms = rival.end_ms
      AND s.encoder_id = encoder AND p.speaker_id <> speaker
    ORDER BY s.embedding OPERATOR(public.<#>) p.embedding, p.speaker_id
    LIMIT 1;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.rival IS
'The profile most similar to a segment, except that of one speaker; NULLs if there is no other profile
or no segment.';
