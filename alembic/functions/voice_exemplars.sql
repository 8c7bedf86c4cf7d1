-- Enrolling unknown voices: which segments of them, and whether these are one person's.

CREATE OR REPLACE FUNCTION pgvoice_internal.clean_of_voice(video bigint, label text, encoder integer)
RETURNS TABLE (start_ms integer, end_ms integer)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT g.start_ms, g.end_ms
    FROM pgvoice.voice AS v CROSS JOIN LATERAL unnest(v.starts_ms, v.ends_ms) AS g(start_ms, end_ms)
    WHERE v.video_id = clean_of_voice.video AND v.label = clean_of_voice.label
      AND v.encoder_id = encoder AND v.starts_ms IS NOT NULL
    UNION
    SELECT c.start_ms, c.end_ms
    FROM pgvoice_internal.clean_segments(clean_of_voice.video, encoder) AS c
    WHERE c.label = clean_of_voice.label
$$;
COMMENT ON FUNCTION pgvoice_internal.clean_of_voice(bigint, text, integer) IS
'The clean segments that a voice is made of.';

-- At most 10 s, as the diarizer may have missed somebody in a longer one, and at least 2 s, the least that
-- an enrollment needs: see MIN_SPEECH_SECONDS in store/people/enrollments.py.
CREATE OR REPLACE FUNCTION pgvoice_internal.typical_segments(number bigint, encoder integer)
RETURNS TABLE (video_id bigint, start_ms integer, end_ms integer, similarity double precision)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH mean AS MATERIALIZED (
        SELECT m.embedding FROM pgvoice.unknown_voice_mean AS m
        WHERE m.unknown_voice_id = number AND m.encoder_id = encoder
    ), member AS MATERIALIZED (
        SELECT v.video_id, v.label
        FROM mean AS m
        CROSS JOIN pgvoice.linked_voice AS l
        JOIN pgvoice.voice AS v
            ON v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
        WHERE l.unknown_voice_id = number AND l.encoder_id = encoder
        ORDER BY m.embedding OPERATOR(public.<#>) v.embedding, v.video_id, v.label
        LIMIT 30
    ), segment AS MATERIALIZED (
        SELECT m.video_id, s.start_ms, s.end_ms, c.end_ms - c.start_ms BETWEEN 2000 AND 10000 AS handy,
               -(s.embedding OPERATOR(public.<#>) mean.embedding) AS similarity
        FROM mean
        CROSS JOIN member AS m
        CROSS JOIN LATERAL pgvoice_internal.clean_of_voice(m.video_id, m.label, encoder) AS c
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = m.video_id AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
            AND s.encoder_id = encoder
        WHERE s.status = 'ok'
    ), fitting AS (
        SELECT s.*, row_number() OVER (
                   PARTITION BY s.video_id ORDER BY s.handy DESC, s.similarity DESC, s.start_ms
               ) AS place
        FROM segment AS s
        WHERE s.similarity >= least(
            pgvoice_internal.one_person(encoder), (SELECT max(o.similarity) FROM segment AS o)
        )
    ), best AS MATERIALIZED (
        SELECT f.* FROM fitting AS f WHERE f.place <= 8
    ), blended AS MATERIALIZED (
        SELECT g.video_id, b.start_ms, b.end_ms
        FROM (
            SELECT f.video_id, array_agg(f.start_ms ORDER BY f.place) AS starts_ms,
                   array_agg(f.end_ms ORDER BY f.place) AS ends_ms
            FROM best AS f GROUP BY f.video_id
        ) AS g
        JOIN pgvoice.video AS v ON v.id = g.video_id
        CROSS JOIN LATERAL pgvoice_internal.blended_segments(
            v.key, g.starts_ms, g.ends_ms, encoder
        ) AS b
    ), spread AS (
        SELECT f.*, row_number() OVER (PARTITION BY f.video_id ORDER BY f.place) AS turn
        FROM best AS f
        WHERE NOT EXISTS (
            SELECT FROM blended AS b
            WHERE b.video_id = f.video_id AND b.start_ms = f.start_ms AND b.end_ms = f.end_ms
        )
    ), queued AS (
        SELECT s.*, row_number() OVER first_of_each AS place_of_all,
               sum(s.end_ms - s.start_ms) OVER first_of_each - (s.end_ms - s.start_ms) AS before_ms,
               s.turn > CASE WHEN (SELECT count(DISTINCT o.video_id) FROM spread AS o) = 1 THEN 5
                             ELSE 3 END AS is_late
        FROM spread AS s
        WINDOW first_of_each AS (
            ORDER BY NOT s.handy, s.turn, s.similarity DESC, s.video_id, s.start_ms
        )
    )
    SELECT q.video_id, q.start_ms, q.end_ms, q.similarity
    FROM queued AS q
    WHERE (q.place_of_all <= 5 AND q.handy AND NOT q.is_late)
       OR (q.place_of_all <= 8 AND q.before_ms < 2000)
    ORDER BY q.place_of_all
$$;
COMMENT ON FUNCTION pgvoice_internal.typical_segments(bigint, integer) IS
'The segments to enroll an unknown voice with: clean ones of one person, most similar to its mean, of 2 to
10 s if there are such, from as many recordings as possible, at most three of one unless there is only one.
Five of them, or up to eight until they are 2 s together.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_one_person(
    speaker bigint, encoder integer, number bigint
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    named CONSTANT text := (SELECT s.name FROM pgvoice.speaker AS s WHERE s.id = speaker);
    likeness double precision;
    needed CONSTANT double precision := pgvoice_internal.one_person(encoder);
    seconds CONSTANT double precision := pgvoice.exemplar_seconds(speaker, encoder);
    other record;
BEGIN
    IF seconds < 2 AND NOT EXISTS (
        -- Exemplars that were imported without their audio have no length.
        SELECT FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder AND e.end_ms = 0
    ) THEN
        RAISE EXCEPTION 'voice % has too little clear speech to enroll %: % s, and 2 s are needed', number,
            quote_literal(named), round(seconds::numeric, 1)
            USING ERRCODE = 'PV009', DETAIL = round(seconds::numeric, 1), HINT = 'Wait until more is heard, or pass force => true.';
    END IF;
    likeness := (pgvoice_internal.coherence(speaker, encoder)).similarity;
    IF likeness < needed THEN
        RAISE EXCEPTION 'the speech of % would be of several people: two groups of it have a similarity of '
            '%, and % is needed', quote_literal(named), pgvoice.shown(likeness, false),
            pgvoice.shown(needed, false)
            USING HINT = 'Listen to it, part the voices, or pass force => true.', ERRCODE = CASE
                WHEN (SELECT count(DISTINCT l.video_id) FROM pgvoice.linked_voice AS l
                      WHERE l.unknown_voice_id = number) > 1 THEN 'PV006' ELSE 'PV011' END;
    END IF;
    SELECT x.other INTO other FROM pgvoice_internal.shared_exemplars(speaker) AS x LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is enrolled with the same audio as %', quote_literal(other.other),
            quote_literal(named)
            USING ERRCODE = 'PV008', DETAIL = other.other,
                  HINT = 'Name the voice like that, or pass force => true.';
    END IF;
    SELECT d.other, d.similarity INTO other
    FROM pgvoice_internal.near_duplicates(speaker, encoder) AS d LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'voice % sounds like %, who is enrolled (similarity %, and different people stay '
            'below %)', number, quote_literal(other.other), pgvoice.shown(other.similarity, false),
            pgvoice.shown(pgvoice_internal.duplicate_limit(encoder), false)
            USING ERRCODE = 'PV007', DETAIL = other.other,
                  HINT = 'Name the voice like that, or pass force => true.';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_one_person(bigint, integer, bigint) IS
'Fails if what somebody is enrolled with since an unknown voice was added is too little, of several people,
or of somebody else who is enrolled.';

CREATE OR REPLACE FUNCTION pgvoice_internal.enroll_voice(
    number bigint, speaker bigint, encoder integer, force boolean
) RETURNS TABLE (video_id bigint, start_ms integer, end_ms integer)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    named CONSTANT text := (SELECT s.name FROM pgvoice.speaker AS s WHERE s.id = speaker);
    likeness CONSTANT double precision := (
        SELECT -(p.embedding OPERATOR(public.<#>) m.embedding)
        FROM pgvoice.profile AS p
        JOIN pgvoice.unknown_voice_mean AS m ON m.encoder_id = p.encoder_id
        WHERE p.speaker_id = speaker AND p.encoder_id = encoder AND m.unknown_voice_id = number
    );
    needed CONSTANT double precision := pgvoice_internal.one_person(encoder);
    suggested CONSTANT double precision := (
        SELECT s.threshold
        FROM pgvoice_internal.suggested_at(encoder, ARRAY[number], ARRAY[speaker]) AS s
    );
BEGIN
    IF likeness < needed AND NOT force THEN
        IF likeness < suggested THEN
            RAISE EXCEPTION 'voice % does not sound like % (similarity %, and % is needed)', number,
                quote_literal(named), pgvoice.shown(likeness, false),
                pgvoice.shown(least(needed, suggested), false)
                USING ERRCODE = 'PV011', HINT = 'Listen to it; if it is the same person, pass force => true.';
        END IF;
        -- Near enough to be the same person, but not to make one profile.
        RETURN;
    END IF;
    RETURN QUERY
    INSERT INTO pgvoice.enrollment AS e (speaker_id, encoder_id, dimension, embedding, start_ms, end_ms,
        audio_sha256, video_id, source)
    SELECT speaker, s.encoder_id, s.dimension, s.embedding, s.start_ms, s.end_ms,
           pgvoice_internal.audio_of(v.id), v.id, v.key
    FROM pgvoice_internal.typical_segments(number, encoder) AS t
    JOIN pgvoice.video AS v ON v.id = t.video_id
    JOIN pgvoice.segment_embedding AS s
        ON s.video_id = t.video_id AND s.start_ms = t.start_ms AND s.end_ms = t.end_ms
        AND s.encoder_id = encoder
    ON CONFLICT ON CONSTRAINT enrollment_span_key DO NOTHING
    RETURNING e.video_id, e.start_ms, e.end_ms;
    PERFORM pgvoice_internal.refresh_profile(speaker, encoder);
    IF force THEN
        PERFORM pgvoice_internal.note('skip checks', named, jsonb_build_object(
            'encoder', e.label, 'voice', number
        )) FROM pgvoice.encoder AS e WHERE e.id = encoder;
    ELSE
        PERFORM pgvoice_internal.require_one_person(speaker, encoder, number);
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.enroll_voice(bigint, bigint, integer, boolean) IS
'Enrolls somebody with the typical segments of an unknown voice, and returns those that are new. If the
person is enrolled already, the voice has to sound like that; if only as much as a suggestion does,
nothing is enrolled. Fails as require_one_person does unless force.';

CREATE OR REPLACE FUNCTION pgvoice_internal.fitting_voices(
    number bigint, speaker bigint, encoder integer
) RETURNS TABLE (video_id bigint, label text, fits boolean)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH rule AS MATERIALIZED (
        SELECT r.* FROM pgvoice_internal.rule(encoder, NULL, NULL) AS r
    ), core AS MATERIALIZED (
        SELECT public.l2_normalize(
                   public.sum(s.embedding ORDER BY s.video_id, s.start_ms, s.end_ms)
               ) AS embedding
        FROM pgvoice_internal.typical_segments(number, encoder) AS t
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = t.video_id AND s.start_ms = t.start_ms AND s.end_ms = t.end_ms
            AND s.encoder_id = encoder
    ), member AS MATERIALIZED (
        SELECT v.video_id, v.label, v.clean_ms, greatest(
                   -(p.embedding OPERATOR(public.<#>) v.embedding),
                   -(core.embedding OPERATOR(public.<#>) v.embedding)
               ) AS similarity
        FROM pgvoice.linked_voice AS l
        JOIN pgvoice.voice AS v
            ON v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
        CROSS JOIN core
        LEFT JOIN pgvoice.profile AS p
            ON p.speaker_id = fitting_voices.speaker AND p.encoder_id = l.encoder_id
        WHERE l.unknown_voice_id = number AND l.encoder_id = encoder
    ), impostors AS MATERIALIZED (
        SELECT i.* FROM rule AS r
        CROSS JOIN LATERAL pgvoice_internal.impostor_means(
            encoder, ARRAY(SELECT DISTINCT m.video_id FROM member AS m),
            ARRAY(SELECT fitting_voices.speaker FROM (SELECT DISTINCT m.video_id FROM member AS m) AS d)
        ) AS i
        WHERE r.by_library
    ), said AS (
        SELECT DISTINCT ON (w.video_id, w.label) w.video_id, w.label, w.holds
        FROM pgvoice_internal.voice_words(ARRAY(SELECT m.video_id FROM member AS m), encoder) AS w
        WHERE w.unknown_voice_id = number OR w.speaker_id = fitting_voices.speaker
        ORDER BY w.video_id, w.label, w.verdict_id DESC
    )
    SELECT m.video_id, m.label, coalesce(
        s.holds,
        m.similarity >= pgvoice_internal.threshold_at(
            r.suggested_above, r.band_ms, m.clean_ms, coalesce(i.mean, r.usual_mean),
            coalesce(i.comparisons, 0), r.lowest
        ),
        false
    )
    FROM member AS m
    CROSS JOIN rule AS r
    LEFT JOIN impostors AS i ON i.video_id = m.video_id
    LEFT JOIN said AS s ON s.video_id = m.video_id AND s.label = m.label
$$;
COMMENT ON FUNCTION pgvoice_internal.fitting_voices(bigint, bigint, integer) IS
'The voices of an unknown voice, and whether each is somebody: if a person said so; else if it is as similar
as a suggestion has to be, to the profile or to the mean of the typical segments.';
