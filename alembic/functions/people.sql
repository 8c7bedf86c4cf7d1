-- Who has a name: how well everybody is enrolled, whom each resembles, and how much they speak.

CREATE OR REPLACE FUNCTION pgvoice_internal.nearest_others(speakers bigint[], encoder integer)
RETURNS TABLE (speaker_id bigint, other_id bigint, similarity double precision)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT p.speaker_id, o.speaker_id, pgvoice.similarity(o.similarity)
    FROM pgvoice.profile AS p
    CROSS JOIN LATERAL (
        SELECT v.speaker_id, -(v.embedding OPERATOR(public.<#>) p.embedding) AS similarity
        FROM pgvoice.valid_profile AS v
        WHERE v.encoder_id = p.encoder_id AND v.speaker_id <> p.speaker_id
        ORDER BY v.embedding OPERATOR(public.<#>) p.embedding, v.speaker_id
        LIMIT 1
    ) AS o
    WHERE p.encoder_id = nearest_others.encoder AND p.speaker_id = ANY (speakers)
$$;
COMMENT ON FUNCTION pgvoice_internal.nearest_others(bigint[], integer) IS
'Of each person''s profile, the other person whose profile is most similar.';

CREATE OR REPLACE FUNCTION pgvoice_internal.heard_people(speakers text[], encoder integer)
RETURNS TABLE (
    speaker text,
    segments bigint,
    seconds double precision,
    recordings bigint,
    heard_at timestamptz,
    last_video text
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT r.speaker, sum(r.segments)::bigint, sum(r.spoken_ms) / 1000::double precision, count(*),
           max(v.created_at), (array_agg(v.key ORDER BY v.created_at DESC, v.id DESC))[1]
    FROM (
        SELECT l.speaker, l.video, count(*) AS segments, sum(l.end_ms - l.start_ms) AS spoken_ms
        FROM pgvoice.label AS l
        WHERE l.speaker = ANY (speakers) AND l.encoder_id = heard_people.encoder
        GROUP BY l.speaker, l.video
    ) AS r
    JOIN pgvoice.video AS v ON v.key = r.video
    GROUP BY r.speaker
$$;
COMMENT ON FUNCTION pgvoice_internal.heard_people(text[], integer) IS
'How much people speak by the current labels of an encoder, and in which recording they are heard that was added last.';

CREATE OR REPLACE FUNCTION pgvoice_internal.suggested_voices(speakers bigint[], encoder integer)
RETURNS TABLE (speaker_id bigint, numbers bigint[])
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH candidate AS MATERIALIZED (
        SELECT DISTINCT m.unknown_voice_id
        FROM (
            SELECT coalesce(r.lowest, (SELECT min(t) FROM unnest(r.suggested_above) AS t)) AS least
            FROM pgvoice_internal.rule(suggested_voices.encoder, NULL, NULL) AS r
        ) AS rule
        JOIN pgvoice.valid_profile AS p
            ON p.encoder_id = suggested_voices.encoder AND p.speaker_id = ANY (speakers)
        JOIN pgvoice.unknown_voice_mean AS m
            ON m.encoder_id = p.encoder_id AND -(m.embedding OPERATOR(public.<#>) p.embedding) >= rule.least
    )
    SELECT k.speaker_id, array_agg(k.number ORDER BY k.seconds DESC, k.number)
    FROM pgvoice_internal.known_voices(
        suggested_voices.encoder, ARRAY(SELECT c.unknown_voice_id FROM candidate AS c)
    ) AS k
    JOIN pgvoice.unknown_voice AS u ON u.id = k.number
    WHERE k.suggested AND u.ended_as IS NULL AND u.dismissed_as IS NULL
      AND k.speaker_id = ANY (speakers)
    GROUP BY k.speaker_id
$$;
COMMENT ON FUNCTION pgvoice_internal.suggested_voices(bigint[], integer) IS
'The unknown voices for which these people are suggested, as in suggestions; compares only voices that
resemble them with everybody.';

CREATE OR REPLACE FUNCTION pgvoice_internal.sample_of(
    speaker bigint, encoder integer, OUT video text, OUT start_ms integer, OUT end_ms integer
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT v.key, s.start_ms, s.end_ms
    FROM (
        SELECT h.video_id, h.start_ms, h.end_ms, 1 AS place
        FROM pgvoice_internal.sample_to_hear(sample_of.speaker, sample_of.encoder) AS h
        UNION ALL
        (
            SELECT a.video_id, a.start_ms, least(a.end_ms, a.start_ms + 8000), 2
            FROM pgvoice.attribution AS a
            WHERE a.speaker_id = sample_of.speaker AND a.encoder_id = sample_of.encoder AND a.current
              AND a.end_ms - a.start_ms >= 1000
            ORDER BY a.similarity DESC NULLS LAST, a.video_id, a.start_ms LIMIT 1
        )
    ) AS s
    JOIN pgvoice.video AS v ON v.id = s.video_id
    ORDER BY s.place
    LIMIT 1
$$;
COMMENT ON FUNCTION pgvoice_internal.sample_of(bigint, integer) IS
'What to listen to for a person in the recordings of the store: see sample_to_hear; without an exemplar from
any, the start of the label with the highest similarity.';

CREATE OR REPLACE FUNCTION pgvoice_internal.consent_state(speaker bigint) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT CASE
        WHEN pgvoice_internal.person_valid_until(speaker) > now() THEN CASE
            WHEN EXISTS (SELECT FROM pgvoice.consent AS c WHERE c.speaker_id = speaker) THEN 'valid'
            ELSE 'not required'
        END
        WHEN NOT EXISTS (SELECT FROM pgvoice.consent AS c WHERE c.speaker_id = speaker) THEN 'missing'
        WHEN EXISTS (SELECT FROM pgvoice_internal.valid_consents(speaker)) THEN 'expired'
        ELSE 'withdrawn'
    END
$$;
COMMENT ON FUNCTION pgvoice_internal.consent_state(bigint) IS
'Whether somebody may be named because of their consents: valid or not required; or why not: missing,
expired or withdrawn.';

CREATE OR REPLACE FUNCTION pgvoice_internal.ranked_people(
    part text, ids bigint[], ordered text, encoder integer
) RETURNS TABLE (speaker_id bigint, place bigint, total bigint)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH asked AS MATERIALIZED (
        SELECT s.id, s.name FROM pgvoice.speaker AS s
        WHERE (ids IS NULL OR s.id = ANY (ids))
          AND (part IS NULL OR position(lower(part) IN lower(s.name)) > 0)
    )
    SELECT a.id, row_number() OVER (ORDER BY CASE ordered
               WHEN 'speech' THEN -h.seconds
               WHEN 'heard' THEN -extract(epoch FROM h.heard_at)::double precision
               WHEN 'exemplars' THEN -(
                   SELECT count(*) FROM pgvoice.enrollment AS e
                   WHERE e.speaker_id = a.id AND e.encoder_id = ranked_people.encoder
                     AND NOT e.excluded
               )::double precision
               WHEN 'cohesion' THEN m.cohesion
               WHEN 'resemblance' THEN -n.similarity
               WHEN 'consent' THEN extract(
                   epoch FROM pgvoice_internal.person_valid_until(a.id)
               )::double precision
           END NULLS LAST, lower(a.name), a.name), count(*) OVER ()
    FROM asked AS a
    -- Each is asked for nobody unless the order needs it.
    LEFT JOIN pgvoice_internal.heard_people(ARRAY(
        SELECT x.name FROM asked AS x WHERE ordered IN ('speech', 'heard')
    ), ranked_people.encoder) AS h ON h.speaker = a.name
    LEFT JOIN pgvoice.profile AS m
        ON m.speaker_id = a.id AND m.encoder_id = ranked_people.encoder AND ordered = 'cohesion'
    LEFT JOIN pgvoice_internal.nearest_others(ARRAY(
        SELECT x.id FROM asked AS x WHERE ordered = 'resemblance'
    ), ranked_people.encoder) AS n ON n.speaker_id = a.id
$$;
COMMENT ON FUNCTION pgvoice_internal.ranked_people(text, bigint[], text, integer) IS
'People by the order that is asked for, and how many there are.';

CREATE OR REPLACE FUNCTION pgvoice.people(
    part text DEFAULT NULL,
    speakers text[] DEFAULT NULL,
    ordered text DEFAULT 'name',
    max_rows bigint DEFAULT NULL,
    skipped bigint DEFAULT 0,
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    speaker text,
    exemplars bigint,
    excluded bigint,
    exemplar_seconds double precision,
    cohesion double precision,
    segments bigint,
    seconds double precision,
    recordings bigint,
    heard_at timestamptz,
    last_video text,
    consent text,
    valid_until timestamptz,
    nearest_other text,
    nearest_similarity double precision,
    resembles boolean,
    suggested bigint[],
    sample_video text,
    sample_start_s double precision,
    sample_end_s double precision,
    total bigint
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    exact CONSTANT boolean := pgvoice.sees_vectors();
    ids CONSTANT bigint[] := pgvoice_internal.speaker_ids(people.speakers);
    chosen bigint[];
    names text[];
    everybody bigint;
BEGIN
    IF coalesce(ordered NOT IN (
        'name', 'speech', 'heard', 'exemplars', 'cohesion', 'resemblance', 'consent'
    ), true) THEN
        RAISE EXCEPTION 'no order %', coalesce(quote_literal(ordered), 'NULL')
            USING HINT = 'Order by ''name'', ''speech'', ''heard'', ''exemplars'', ''cohesion'', '
                '''resemblance'' or ''consent''.', ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pgvoice_internal.require_not_negative('max_rows', max_rows),
            pgvoice_internal.require_not_negative('skipped', skipped),
            pgvoice_internal.require_encoder(people.encoder);
    SELECT array_agg(r.speaker_id ORDER BY r.place), array_agg(s.name), min(r.total)
    INTO chosen, names, everybody
    FROM (
        SELECT x.* FROM pgvoice_internal.ranked_people(part, ids, ordered, people.encoder) AS x
        ORDER BY x.place LIMIT max_rows OFFSET skipped
    ) AS r
    JOIN pgvoice.speaker AS s ON s.id = r.speaker_id;
    RETURN QUERY
    SELECT s.name, e.used, e.excluded,
           pgvoice.exemplar_seconds(s.id, people.encoder),
           pgvoice.shown(m.cohesion, exact), coalesce(h.segments, 0), coalesce(h.seconds, 0),
           coalesce(h.recordings, 0), h.heard_at, h.last_video,
           -- Whoever may not read consents learns whether the person may be named, and not why.
           CASE WHEN exact THEN pgvoice_internal.consent_state(s.id)
                WHEN v.valid_until > now() THEN 'valid' ELSE 'ended' END,
           nullif(nullif(v.valid_until, 'infinity'), '-infinity'),
           o.name, pgvoice.shown(n.similarity, exact),
           coalesce(
               pgvoice.shown(n.similarity, exact) >= pgvoice_internal.one_person(people.encoder), false
           ),
           coalesce(g.numbers, '{}'), c.video, c.start_ms / 1000::double precision,
           c.end_ms / 1000::double precision, everybody
    FROM unnest(chosen) WITH ORDINALITY AS asked(id, place)
    JOIN pgvoice.speaker AS s ON s.id = asked.id
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE NOT x.excluded) AS used,
               count(*) FILTER (WHERE x.excluded) AS excluded
        FROM pgvoice.enrollment AS x
        WHERE x.speaker_id = s.id AND x.encoder_id = people.encoder
    ) AS e
    CROSS JOIN LATERAL (SELECT pgvoice_internal.person_valid_until(s.id) AS valid_until) AS v
    LEFT JOIN pgvoice.profile AS m ON m.speaker_id = s.id AND m.encoder_id = people.encoder
    CROSS JOIN LATERAL pgvoice_internal.sample_of(s.id, people.encoder) AS c
    LEFT JOIN pgvoice_internal.heard_people(names, people.encoder) AS h ON h.speaker = s.name
    LEFT JOIN pgvoice_internal.nearest_others(chosen, people.encoder) AS n ON n.speaker_id = s.id
    LEFT JOIN pgvoice.speaker AS o ON o.id = n.other_id
    LEFT JOIN pgvoice_internal.suggested_voices(chosen, people.encoder) AS g
        ON g.speaker_id = s.id
    ORDER BY asked.place;
END
$$;
COMMENT ON FUNCTION pgvoice.people IS
'Everybody with a name, or those whose name contains a part, or these: exemplars in profiles and left out;
seconds of audio and cohesion of the profile; how much they speak by the current
labels, and in which recording they are heard that was added last; whether their consents allow to name them
(valid, not required; missing, expired, withdrawn; for readers only valid or ended) and until when, NULL
without an end; the other person who is most similar, and whether that resembles them so much that the two
could be one person (see one_person); the unknown voices for which they are suggested; what to listen to.
By ''name'', most ''speech'', last ''heard'', most ''exemplars'', lowest ''cohesion'', most ''resemblance'',
or earliest end of ''consent''. total is the number of people without max_rows and skipped.';
