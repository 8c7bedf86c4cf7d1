-- What helps to tell who an unknown voice is: clips, people and voices that sound like it, what it says.

CREATE OR REPLACE FUNCTION pgvoice.voice_clips(
    number bigint, max_rows integer DEFAULT 5,
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    video text,
    source text,
    label text,
    start_s double precision,
    end_s double precision,
    seconds double precision,
    similarity double precision
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_heard_voice(number, voice_clips.encoder),
           pgvoice_internal.require_not_negative('max_rows', max_rows);
    SELECT r.key, r.source, c.label, c.clip_start_ms / 1000::double precision,
           c.clip_end_ms / 1000::double precision, c.clean_ms / 1000::double precision, c.similarity
    FROM pgvoice_internal.typical_clips(
        number, voice_clips.encoder, NULL, pgvoice.sees_vectors()
    ) AS c
    JOIN pgvoice.video AS r ON r.id = c.video_id
    ORDER BY c.similarity DESC NULLS LAST, r.key
    LIMIT max_rows
$$;
COMMENT ON FUNCTION pgvoice.voice_clips IS
'Parts to listen to of an unknown voice, one of each recording that has some, the most typical first: whose
mean similarity to all its voices is greatest. Similarities have two digits unless the caller sees_vectors.';

CREATE OR REPLACE FUNCTION pgvoice_internal.typical_clips(
    number bigint, encoder integer, most integer, exact boolean
) RETURNS TABLE (
    video_id bigint,
    label text,
    clip_start_ms integer,
    clip_end_ms integer,
    clean_ms integer,
    starts_ms integer[],
    similarity double precision
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT DISTINCT ON (c.video_id) c.*
    FROM (
        SELECT l.video_id, l.label, v.clip_start_ms, v.clip_end_ms, v.clean_ms, v.starts_ms,
               pgvoice.shown(pgvoice.similarity(
                   m.length * -(m.embedding OPERATOR(public.<#>) v.embedding)
               ), exact) AS similarity
        FROM (
            SELECT l.* FROM pgvoice.linked_voice AS l
            WHERE l.unknown_voice_id = number
              AND l.encoder_id = typical_clips.encoder
            -- A sample that stays the same.
            ORDER BY CASE WHEN most IS NOT NULL THEN hashint8(l.video_id) END, l.video_id, l.label
            LIMIT most
        ) AS l
        JOIN pgvoice.voice AS v
            ON v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
        LEFT JOIN pgvoice.unknown_voice_mean AS m
            ON m.unknown_voice_id = l.unknown_voice_id AND m.encoder_id = l.encoder_id
        WHERE v.clip_start_ms IS NOT NULL
    ) AS c
    ORDER BY c.video_id, c.similarity DESC NULLS LAST, c.label
$$;
COMMENT ON FUNCTION pgvoice_internal.typical_clips(bigint, integer, integer, boolean) IS
'Of each recording of an unknown voice the clip of the voice that is most similar to all others, of at most
so many voices or of all; by similarities with two digits unless exact.';

CREATE OR REPLACE FUNCTION pgvoice.voice_people(
    number bigint, max_rows integer DEFAULT 3,
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    speaker text,
    similarity double precision,
    video text,
    source text,
    start_s double precision,
    end_s double precision
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_heard_voice(number, voice_people.encoder),
           pgvoice_internal.require_not_negative('max_rows', max_rows);
    WITH sees AS MATERIALIZED (SELECT pgvoice.sees_vectors() AS exact)
    SELECT s.name, near.similarity, r.key, coalesce(r.source, c.source),
           c.start_ms / 1000::double precision, c.end_ms / 1000::double precision
    FROM sees
    CROSS JOIN LATERAL pgvoice_internal.people_like(
        voice_people.encoder, number, max_rows, sees.exact
    ) AS near
    JOIN pgvoice.speaker AS s ON s.id = near.speaker_id
    LEFT JOIN LATERAL pgvoice_internal.sample_to_hear(
        near.speaker_id, voice_people.encoder
    ) AS c ON true
    LEFT JOIN pgvoice.video AS r ON r.id = c.video_id
    ORDER BY near.similarity DESC, near.speaker_id
$$;
COMMENT ON FUNCTION pgvoice.voice_people IS
'The enrolled people whose profiles are most similar to an unknown voice, besides those whom a person said
that it is not, and a sample of each: the part of a recording that they were enrolled with that is most like
their profile. video is NULL if that is no recording of the store. Similarities have two digits unless the caller sees_vectors.';

CREATE OR REPLACE FUNCTION pgvoice_internal.people_like(
    encoder integer, number bigint, max_rows integer, exact boolean
) RETURNS TABLE (speaker_id bigint, similarity double precision)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT p.speaker_id, pgvoice.shown(
               pgvoice.similarity(-(m.embedding OPERATOR(public.<#>) p.embedding)), exact
           ) AS similarity
    FROM pgvoice.unknown_voice_mean AS m
    JOIN pgvoice.valid_profile AS p ON p.encoder_id = m.encoder_id
    WHERE m.encoder_id = encoder AND m.unknown_voice_id = number AND p.speaker_id <> ALL (ARRAY(
        SELECT unnest(r.speakers)
        FROM pgvoice_internal.rejected_people(encoder, ARRAY[number]) AS r
    ))
    ORDER BY similarity DESC, p.speaker_id
    LIMIT max_rows
$$;
COMMENT ON FUNCTION pgvoice_internal.people_like(integer, bigint, integer, boolean) IS
'The people whose profiles are most similar to the mean of an unknown voice, the most similar first; with two
digits, by which they are ordered then, unless exact.';

CREATE OR REPLACE FUNCTION pgvoice_internal.sample_to_hear(speaker bigint, encoder integer)
RETURNS TABLE (video_id bigint, source text, start_ms integer, end_ms integer)
LANGUAGE sql STABLE ROWS 1
SET search_path FROM CURRENT
AS $$
    SELECT r.id, x.source, x.start_ms + greatest(x.end_ms - x.start_ms - 8000, 0) / 2,
           x.end_ms - (greatest(x.end_ms - x.start_ms - 8000, 0) + 1) / 2
    FROM pgvoice.enrollment AS x
    JOIN pgvoice.profile AS p ON p.speaker_id = x.speaker_id AND p.encoder_id = x.encoder_id
    CROSS JOIN LATERAL (
        SELECT coalesce(x.video_id, (
            SELECT min(v.id) FROM pgvoice.video AS v WHERE v.audio_sha256 = x.audio_sha256
        ))
    ) AS r(id)
    WHERE x.speaker_id = speaker AND x.encoder_id = encoder
    -- As the best clip of a voice is chosen.
    ORDER BY r.id IS NULL, x.excluded, least(x.end_ms - x.start_ms, 3000) DESC,
             p.embedding OPERATOR(public.<#>) x.embedding, x.id
    LIMIT 1
$$;
COMMENT ON FUNCTION pgvoice_internal.sample_to_hear(bigint, integer) IS
'What to listen to of somebody who is enrolled: the exemplar of at least 3 s that is closest to the profile,
or else the longest, from a recording of the store if there is one; of more than 8 s, its middle.';

CREATE OR REPLACE FUNCTION pgvoice.similar_voices(
    number bigint, max_rows integer DEFAULT 3,
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    number bigint,
    similarity double precision,
    recordings bigint,
    seconds double precision,
    speech_seconds double precision,
    video text,
    source text,
    start_s double precision,
    end_s double precision
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_heard_voice(similar_voices.number, similar_voices.encoder),
           pgvoice_internal.require_not_negative('max_rows', max_rows);
    WITH sees AS MATERIALIZED (SELECT pgvoice.sees_vectors() AS exact),
    near AS MATERIALIZED (
        SELECT n.*
        FROM sees
        CROSS JOIN LATERAL (
            -- As many more as are left out, so that few are looked up.
            SELECT o.id, o.speech_ms, pgvoice.similarity(-o.distance) AS similarity
            FROM (
                SELECT o.unknown_voice_id AS id, o.speech_ms, CASE
                           WHEN sees.exact THEN m.embedding OPERATOR(public.<#>) o.embedding
                           ELSE ceil((m.embedding OPERATOR(public.<#>) o.embedding) * 100) / 100
                       END AS distance
                FROM pgvoice.unknown_voice_mean AS m
                JOIN pgvoice.unknown_voice_mean AS o
                    ON o.encoder_id = m.encoder_id AND o.unknown_voice_id <> m.unknown_voice_id
                WHERE m.unknown_voice_id = similar_voices.number
                  AND m.encoder_id = similar_voices.encoder
                ORDER BY distance, id
                LIMIT max_rows + cardinality(pgvoice_internal.listed_voices(true))
            ) AS o
            JOIN pgvoice.unknown_voice AS u ON u.id = o.id
            WHERE u.ended_as IS NULL AND u.dismissed_as IS NULL
            ORDER BY o.distance, o.id
            LIMIT max_rows
        ) AS n
    )
    SELECT n.id, pgvoice.shown(n.similarity, sees.exact), l.recordings, l.seconds,
           n.speech_ms / 1000::double precision, r.key, r.source,
           c.clip_start_ms / 1000::double precision, c.clip_end_ms / 1000::double precision
    FROM sees
    CROSS JOIN near AS n
    JOIN pgvoice_internal.linked_as(
        similar_voices.encoder, ARRAY(SELECT n.id FROM near AS n)
    ) AS l ON l.number = n.id
    LEFT JOIN LATERAL (
        SELECT t.* FROM pgvoice_internal.typical_clips(
            n.id, similar_voices.encoder, 100, sees.exact
        ) AS t
        ORDER BY t.similarity DESC NULLS LAST, t.video_id LIMIT 1
    ) AS c ON true
    LEFT JOIN pgvoice.video AS r ON r.id = c.video_id
    ORDER BY pgvoice.shown(n.similarity, sees.exact) DESC, n.id
    LIMIT max_rows
$$;
COMMENT ON FUNCTION pgvoice.similar_voices IS
'The other unknown voices whose means are most similar to that of one, which may be the same person
(join_voices), and a clip of each, a typical one of 100 voices at most. Without those that were dismissed.
Similarities have two digits unless the caller sees_vectors.';

CREATE OR REPLACE FUNCTION pgvoice.voice_turns(
    number bigint, max_rows integer DEFAULT 3,
    encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    video text,
    start_s double precision,
    end_s double precision,
    label text,
    is_voice boolean,
    near_clip boolean,
    text text
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_heard_voice(number, voice_turns.encoder),
           pgvoice_internal.require_not_negative('max_rows', max_rows);
    WITH clip AS MATERIALIZED (
        SELECT c.*, row_number() OVER (ORDER BY c.similarity DESC NULLS LAST, c.video_id) AS place
        FROM pgvoice_internal.typical_clips(
            number, voice_turns.encoder, NULL, pgvoice.sees_vectors()
        ) AS c
        ORDER BY place LIMIT 5
    ), spoken AS (
        SELECT t.*, c.place AS clip,
               coalesce(t.label = c.label, t.start_ms = ANY (c.starts_ms), false) AS is_voice,
               c.place = 1 AND t.start_ms < c.clip_end_ms + 10000 AND t.end_ms > c.clip_start_ms - 10000
                   AS near_clip
        FROM clip AS c JOIN pgvoice.turn AS t ON t.video_id = c.video_id
        WHERE t.text IS NOT NULL
    ), chosen AS (
        SELECT s.* FROM spoken AS s WHERE s.near_clip
        UNION ALL (
            SELECT s.* FROM spoken AS s WHERE s.is_voice AND NOT s.near_clip
            ORDER BY s.end_ms - s.start_ms DESC, s.clip, s.start_ms LIMIT max_rows
        )
    )
    SELECT v.key, s.start_s, s.end_s, s.label, s.is_voice, s.near_clip, s.text
    FROM chosen AS s JOIN pgvoice.video AS v ON v.id = s.video_id
    ORDER BY NOT s.near_clip, s.clip, s.start_ms, s.place
$$;
COMMENT ON FUNCTION pgvoice.voice_turns IS
'What an unknown voice says, where the store keeps text: first all turns within 10 s of its most typical clip,
also those of others (is_voice is false), and then its longest turns in the recordings of the five most
typical clips.';
