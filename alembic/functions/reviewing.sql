-- The queue of unknown voices to listen to and name: what an answer brings most comes first.

CREATE OR REPLACE FUNCTION pgvoice.uncertainty(
    similarity double precision,
    suggested_from double precision,
    named_from double precision,
    rival_similarity double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN similarity >= suggested_from THEN 1 - 0.5
    * CASE WHEN named_from > suggested_from
           THEN least((similarity - suggested_from) / (named_from - suggested_from), 1)
           ELSE 1 END
    * CASE WHEN rival_similarity IS NULL THEN 1
           WHEN named_from > suggested_from
           THEN greatest(least((similarity - rival_similarity) / (named_from - suggested_from), 1), 0)
           ELSE (similarity > rival_similarity)::integer END
    ELSE 1 END;
COMMENT ON FUNCTION pgvoice.uncertainty IS
'How much the store leaves open of who an unknown voice is, from 0.5 to 1; no probability. 1 if nobody is
suggested: similarity is below suggested_from, or NULL. A suggestion is as open as that while it has only
just reached suggested_from, or while a rival is as similar. It falls to 0.5 as the similarity rises to
named_from, from which on its voices would be named, and as it leads the rival by as much as named_from is
above suggested_from: both shares of that distance are multiplied, as each alone leaves it open. It is never
less than 0.5, because a suggestion names nobody: all of its speech waits for an answer, and one that is
nearly sure must not come after a voice that speaks for half as long.';

CREATE OR REPLACE FUNCTION pgvoice_internal.reviewed(
    encoder integer, numbers bigint[], exact boolean
) RETURNS TABLE (
    number bigint,
    voices bigint,
    recordings bigint,
    seconds double precision,
    speech_seconds double precision,
    last_video_id bigint,
    speaker_id bigint,
    similarity double precision,
    rival_id bigint,
    rival_similarity double precision,
    suggested boolean,
    uncertainty double precision
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT k.number, k.voices, k.recordings, k.seconds, s.seconds, k.last_video_id,
           k.speaker_id, shown.similarity, k.rival_id, shown.rival_similarity, k.suggested,
           CASE WHEN k.suggested THEN pgvoice.uncertainty(
               shown.similarity, pgvoice.shown(k.threshold, exact),
               pgvoice.shown(k.naming_threshold, exact), shown.rival_similarity
           ) ELSE 1 END
    FROM pgvoice_internal.known_voices(reviewed.encoder, numbers) AS k
    CROSS JOIN LATERAL (
        SELECT coalesce(max(m.speech_ms), 0) / 1000::double precision AS seconds
        FROM pgvoice.unknown_voice_mean AS m
        WHERE m.encoder_id = reviewed.encoder AND m.unknown_voice_id = k.number
    ) AS s
    CROSS JOIN LATERAL (
        SELECT pgvoice.shown(k.similarity, exact) AS similarity,
               pgvoice.shown(k.rival_similarity, exact) AS rival_similarity
    ) AS shown
$$;
COMMENT ON FUNCTION pgvoice_internal.reviewed(integer, bigint[], boolean) IS
'What known_voices has, how long these unknown voices speak in all, and how uncertain each is: from what
the caller gets to see, as an exact uncertainty would tell the exact similarity.';

CREATE OR REPLACE FUNCTION pgvoice.review_queue(
    max_rows integer DEFAULT 20,
    skipped bigint[] DEFAULT '{}',
    encoder integer DEFAULT pgvoice.default_encoder()
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
    dismissed_as text,
    rival text,
    rival_similarity double precision,
    uncertainty double precision,
    speech_seconds double precision
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    exact CONSTANT boolean := pgvoice.sees_vectors();
    passed bigint[] := coalesce(skipped, '{}');
    found jsonb := '[]';
    last_ms bigint := 9223372036854775807;
    last_number bigint := 0;
    more bigint[];
    -- A few more are often enough; otherwise they are looked for in ever larger steps.
    batch integer := coalesce(greatest(max_rows, 4), 1000);
    step integer := greatest(coalesce(max_rows, 0) / 4, 8);
    worst double precision;
BEGIN
    PERFORM pgvoice_internal.require_not_negative('max_rows', max_rows),
            pgvoice_internal.require_encoder(review_queue.encoder);
    LOOP
        -- Those that speak for longest come first, as nobody's rank is above that.
        SELECT array_agg(DISTINCT c.id), min(c.speech_ms),
               (array_agg(c.id ORDER BY c.speech_ms, c.id))[1]
        INTO more, last_ms, last_number
        FROM (
            SELECT m.unknown_voice_id AS id, m.speech_ms
            FROM pgvoice.unknown_voice_mean AS m
            JOIN pgvoice.unknown_voice AS u ON u.id = m.unknown_voice_id
            WHERE (m.speech_ms, m.unknown_voice_id) < (last_ms, last_number)
              AND u.ended_as IS NULL AND u.dismissed_as IS NULL
              AND m.unknown_voice_id <> ALL (passed)
              AND m.encoder_id = review_queue.encoder
            ORDER BY m.speech_ms DESC, m.unknown_voice_id DESC
            LIMIT batch
        ) AS c;
        EXIT WHEN more IS NULL OR max_rows = 0;
        passed := passed || more;
        batch := step;
        step := least(2 * step, 10000);
        found := found || (
            SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]')
            FROM pgvoice_internal.reviewed(review_queue.encoder, more, exact) AS r
        );
        worst := (
            SELECT (f ->> 'speech_seconds')::double precision * (f ->> 'uncertainty')::double precision
                       AS rank
            FROM jsonb_array_elements(found) AS f
            WHERE max_rows IS NOT NULL
            ORDER BY rank DESC OFFSET max_rows - 1 LIMIT 1
        );
        EXIT WHEN worst >= last_ms / 1000::double precision;
    END LOOP;
    RETURN QUERY
    SELECT f.number, f.voices, f.recordings, f.seconds, u.heard_at, v.key, s.name, f.similarity,
           f.suggested, u.dismissed_as, o.name, f.rival_similarity, f.uncertainty, f.speech_seconds
    FROM jsonb_to_recordset(found) AS f(
        number bigint, voices bigint, recordings bigint, seconds double precision,
        speech_seconds double precision, last_video_id bigint, speaker_id bigint,
        similarity double precision, rival_id bigint, rival_similarity double precision,
        suggested boolean, uncertainty double precision
    )
    JOIN pgvoice.unknown_voice AS u ON u.id = f.number
    JOIN pgvoice.video AS v ON v.id = f.last_video_id
    LEFT JOIN pgvoice.speaker AS s ON s.id = f.speaker_id
    LEFT JOIN pgvoice.speaker AS o ON o.id = f.rival_id
    ORDER BY f.speech_seconds * f.uncertainty DESC, f.number DESC
    LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION pgvoice.review_queue IS
'The unknown voices and suggestions to decide next: those first whose speech_seconds (all speech that an
answer would name) times uncertainty is greatest. The columns are those of unknown_voices, the person who comes
second (rival), and these two. Without those that were dismissed, ended, or are among skipped. As nobody''s
uncertainty is above 1, only those that speak for longest are compared with people. Similarities have two
digits unless the caller sees_vectors, and uncertainty is computed from what the caller gets.';

CREATE OR REPLACE FUNCTION pgvoice.review_voice(
    number bigint, encoder integer DEFAULT pgvoice.default_encoder()
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
    dismissed_as text,
    rival text,
    rival_similarity double precision,
    uncertainty double precision,
    speech_seconds double precision
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_heard_voice(review_voice.number, review_voice.encoder);
    SELECT r.number, r.voices, r.recordings, r.seconds, u.heard_at, v.key, s.name, r.similarity,
           r.suggested, u.dismissed_as, o.name, r.rival_similarity, r.uncertainty, r.speech_seconds
    FROM pgvoice_internal.reviewed(
        review_voice.encoder, ARRAY[review_voice.number], pgvoice.sees_vectors()
    ) AS r
    JOIN pgvoice.unknown_voice AS u ON u.id = r.number
    JOIN pgvoice.video AS v ON v.id = r.last_video_id
    LEFT JOIN pgvoice.speaker AS s ON s.id = r.speaker_id
    LEFT JOIN pgvoice.speaker AS o ON o.id = r.rival_id
$$;
COMMENT ON FUNCTION pgvoice.review_voice IS
'One unknown voice as review_queue has it, also if it was dismissed.';

CREATE OR REPLACE FUNCTION pgvoice.review_left(
    skipped bigint[] DEFAULT '{}',
    encoder integer DEFAULT pgvoice.default_encoder(),
    OUT voices bigint,
    OUT speech_seconds double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(review_left.encoder);
    SELECT count(*), coalesce(sum(s.speech_ms), 0) / 1000::double precision
    FROM pgvoice.unknown_voice AS u
    JOIN pgvoice.unknown_voice_mean AS s
        ON s.unknown_voice_id = u.id AND s.encoder_id = review_left.encoder
    WHERE u.ended_as IS NULL AND u.dismissed_as IS NULL AND u.id <> ALL (coalesce(skipped, '{}'))
$$;
COMMENT ON FUNCTION pgvoice.review_left IS
'How many unknown voices are in the queue besides those that are skipped, and how long they speak.';
