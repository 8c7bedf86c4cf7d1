-- Who unknown voices may be: the enrolled people whom they resemble.

CREATE OR REPLACE FUNCTION pgvoice_internal.rejected_people(encoder integer, numbers bigint[])
RETURNS TABLE (number bigint, speakers bigint[])
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH member AS MATERIALIZED (
        SELECT l.unknown_voice_id, l.video_id, l.label FROM pgvoice.linked_voice AS l
        WHERE l.encoder_id = encoder AND l.unknown_voice_id = ANY (numbers) AND EXISTS (
            SELECT FROM pgvoice.verdict AS w WHERE w.video_id = l.video_id AND NOT w.holds
        )
    )
    SELECT m.unknown_voice_id, array_agg(DISTINCT w.speaker_id)
    FROM member AS m
    JOIN pgvoice_internal.voice_words(
        ARRAY(SELECT o.video_id FROM member AS o ORDER BY o.video_id, o.label), encoder,
        ARRAY(SELECT o.label FROM member AS o ORDER BY o.video_id, o.label)
    ) AS w ON w.video_id = m.video_id AND w.label = m.label
    WHERE NOT w.holds AND w.speaker_id IS NOT NULL
    GROUP BY m.unknown_voice_id
$$;
COMMENT ON FUNCTION pgvoice_internal.rejected_people(integer, bigint[]) IS
'Who unknown voices are not, because a person said so of one of their voices.';

CREATE OR REPLACE FUNCTION pgvoice_internal.suggested_at(
    encoder integer, numbers bigint[], speakers bigint[]
) RETURNS TABLE (number bigint, threshold double precision, naming_threshold double precision)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH rule AS MATERIALIZED (
        SELECT r.* FROM pgvoice_internal.rule(encoder, NULL, NULL) AS r
    ), member AS MATERIALIZED (
        SELECT asked.number, asked.speaker_id, m.video_id, m.clean_ms
        FROM unnest(numbers, speakers) AS asked(number, speaker_id)
        CROSS JOIN LATERAL (
            SELECT v.video_id, v.clean_ms
            FROM (
                -- Enough to choose from, and a sample that stays the same.
                SELECT l.* FROM pgvoice.linked_voice AS l
                WHERE l.unknown_voice_id = asked.number AND l.encoder_id = encoder
                ORDER BY hashint8(l.video_id), l.video_id, l.label
                LIMIT 100
            ) AS l
            JOIN pgvoice.voice AS v
                ON v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
            ORDER BY v.clean_ms DESC, v.video_id, v.label
            LIMIT 20
        ) AS m
    ), impostors AS MATERIALIZED (
        SELECT i.* FROM rule AS r
        CROSS JOIN LATERAL pgvoice_internal.impostor_means(
            encoder, ARRAY(SELECT m.video_id FROM member AS m),
            ARRAY(SELECT m.speaker_id FROM member AS m)
        ) AS i
        WHERE r.by_library
    )
    SELECT m.number, avg(pgvoice_internal.threshold_at(
               r.suggested_above, r.band_ms, m.clean_ms, i.mean, i.comparisons, r.lowest
           )), avg(pgvoice_internal.threshold_at(
               r.above, r.band_ms, m.clean_ms, i.mean, i.comparisons, r.lowest
           ))
    FROM member AS m
    CROSS JOIN rule AS r
    LEFT JOIN impostors AS i ON i.video_id = m.video_id AND i.speaker_id = m.speaker_id
    GROUP BY m.number
$$;
COMMENT ON FUNCTION pgvoice_internal.suggested_at IS
'From which similarity on a person is suggested for an unknown voice, and from which on its voices would be
named: what the 20 longest, of 100 at most, require on average.';

CREATE OR REPLACE FUNCTION pgvoice_internal.nearest_people(encoder integer, numbers bigint[])
RETURNS TABLE (
    number bigint,
    speaker_id bigint,
    similarity double precision,
    rival_id bigint,
    rival_similarity double precision,
    suggested boolean,
    threshold double precision,
    naming_threshold double precision
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH person AS MATERIALIZED (
        SELECT v.speaker_id, v.embedding FROM pgvoice.valid_profile AS v WHERE v.encoder_id = encoder
    ), compared AS MATERIALIZED (
        SELECT m.unknown_voice_id AS number, two.*
        FROM pgvoice.unknown_voice_mean AS m
        LEFT JOIN pgvoice_internal.rejected_people(encoder, numbers) AS r
            ON r.number = m.unknown_voice_id
        CROSS JOIN LATERAL (
            -- Each similarity computed once.
            SELECT array_agg(p.speaker_id) AS speakers, array_agg(-p.distance) AS similarities
            FROM (
                SELECT v.speaker_id, m.embedding OPERATOR(public.<#>) v.embedding AS distance
                FROM person AS v
                WHERE r.speakers IS NULL OR v.speaker_id <> ALL (r.speakers)
                ORDER BY distance, v.speaker_id
                LIMIT 2
            ) AS p
        ) AS two
        WHERE m.encoder_id = encoder AND m.unknown_voice_id = ANY (numbers)
    ), near AS MATERIALIZED (
        SELECT array_agg(c.number) AS numbers, array_agg(c.speakers[1]) AS speakers
        FROM compared AS c
        WHERE c.similarities[1] >= (
            SELECT coalesce(r.lowest, (SELECT min(t) FROM unnest(r.suggested_above) AS t))
            FROM pgvoice_internal.rule(encoder, NULL, NULL) AS r
        )
    )
    SELECT c.number, c.speakers[1], pgvoice.similarity(c.similarities[1]), c.speakers[2],
           pgvoice.similarity(c.similarities[2]), coalesce(c.similarities[1] >= s.threshold, false),
           s.threshold, s.naming_threshold
    FROM compared AS c
    LEFT JOIN (
        SELECT t.* FROM near AS n
        CROSS JOIN LATERAL pgvoice_internal.suggested_at(encoder, n.numbers, n.speakers) AS t
    ) AS s ON s.number = c.number
$$;
COMMENT ON FUNCTION pgvoice_internal.nearest_people(integer, bigint[]) IS
'The two people whose profiles are most similar to the mean of unknown voices, besides those whom a person
said that it is not, whether the first is suggested, and the thresholds of that and of a name if the first
is near enough to ask.';

CREATE OR REPLACE FUNCTION pgvoice_internal.linked_as(encoder integer, numbers bigint[])
RETURNS TABLE (
    number bigint,
    voices bigint,
    recordings bigint,
    seconds double precision,
    last_video_id bigint
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT g.unknown_voice_id, g.voices, g.recordings,
           coalesce(m.clean_ms, 0) / 1000::double precision AS seconds, g.last_video_id
    FROM (
        SELECT l.unknown_voice_id, count(*) AS voices,
               count(DISTINCT l.video_id) AS recordings,
               (array_agg(l.video_id ORDER BY l.linked_at DESC, l.video_id DESC))[1] AS last_video_id
        FROM pgvoice.linked_voice AS l
        WHERE l.encoder_id = linked_as.encoder AND l.unknown_voice_id = ANY (numbers)
        GROUP BY l.unknown_voice_id
    ) AS g
    LEFT JOIN pgvoice.unknown_voice_mean AS m
        ON m.encoder_id = linked_as.encoder AND m.unknown_voice_id = g.unknown_voice_id
$$;
COMMENT ON FUNCTION pgvoice_internal.linked_as(integer, bigint[]) IS
'What unknown voices are made of that an encoder heard.';

CREATE OR REPLACE FUNCTION pgvoice_internal.known_voices(
    encoder integer, numbers bigint[]
) RETURNS TABLE (
    number bigint,
    voices bigint,
    recordings bigint,
    seconds double precision,
    last_video_id bigint,
    speaker_id bigint,
    similarity double precision,
    rival_id bigint,
    rival_similarity double precision,
    suggested boolean,
    threshold double precision,
    naming_threshold double precision
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT m.number, m.voices, m.recordings, m.seconds, m.last_video_id, n.speaker_id,
           n.similarity, n.rival_id, n.rival_similarity, coalesce(n.suggested, false), n.threshold,
           n.naming_threshold
    FROM pgvoice_internal.linked_as(encoder, numbers) AS m
    LEFT JOIN pgvoice_internal.nearest_people(encoder, numbers) AS n ON n.number = m.number
$$;
COMMENT ON FUNCTION pgvoice_internal.known_voices(integer, bigint[]) IS
'What unknown voices are made of that an encoder heard, and which enrolled people they resemble most.';

CREATE OR REPLACE FUNCTION pgvoice.suggestions(
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    number bigint,
    speaker text,
    similarity double precision,
    rival text,
    rival_similarity double precision,
    seconds double precision,
    recordings bigint
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(suggestions.encoder);
    WITH sees AS MATERIALIZED (SELECT pgvoice.sees_vectors() AS exact)
    SELECT u.id, s.name, pgvoice.shown(k.similarity, sees.exact), o.name,
           pgvoice.shown(k.rival_similarity, sees.exact), k.seconds, k.recordings
    FROM sees
    CROSS JOIN pgvoice_internal.known_voices(
        suggestions.encoder, pgvoice_internal.listed_voices(false)
    ) AS k
    JOIN pgvoice.unknown_voice AS u ON u.id = k.number
    JOIN pgvoice.speaker AS s ON s.id = k.speaker_id
    LEFT JOIN pgvoice.speaker AS o ON o.id = k.rival_id
    WHERE k.suggested
    ORDER BY k.seconds DESC, u.id
$$;
COMMENT ON FUNCTION pgvoice.suggestions(integer) IS
'Which unknown voices may be somebody who is enrolled, those with the most clean speech first, and who
comes second. Whom a person said that it is not is never suggested. accept_suggestion and reject_suggestion
answer. Similarities have two digits unless the caller sees_vectors.';

CREATE OR REPLACE FUNCTION pgvoice_internal.suggested_person(number bigint, expected text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    found CONSTANT text := (
        SELECT s.name
        FROM pgvoice_internal.known_voices(pgvoice.default_encoder(), ARRAY[number]) AS k
        JOIN pgvoice.speaker AS s ON s.id = k.speaker_id
        WHERE k.suggested
    );
BEGIN
    IF found IS NULL THEN
        RAISE EXCEPTION 'nobody is suggested for voice %', number
            USING ERRCODE = 'PV010', HINT = 'pgvoice.suggestions lists them; pgvoice.name_voice names a voice.';
    END IF;
    IF found <> expected THEN
        RAISE EXCEPTION '% is suggested for voice % now, not %', quote_literal(found), number,
            quote_literal(expected)
            USING ERRCODE = 'PV010', DETAIL = found, HINT = 'pgvoice.suggestions lists them.';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.suggested_person IS
'Who is suggested for an unknown voice; fails if nobody is, or somebody else than expected.';
