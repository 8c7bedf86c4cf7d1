-- Checks of verify about unknown voices, a person's word, and acts.

CREATE OR REPLACE FUNCTION pgvoice_internal.check_links(rounding double precision)
RETURNS TABLE (what text, looked_at bigint, problems bigint, example text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT 'unknown voices: linked while they have not ended, and only if linking is enabled',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('voice %s', coalesce(u.id, l.unknown_voice_id)) AS place,
               u.id IS NULL OR NOT s.linking OR (l.unknown_voice_id IS NULL) <> (u.ended_at IS NOT NULL)
                   AS bad
        FROM pgvoice.unknown_voice AS u
        FULL JOIN (
            SELECT DISTINCT o.unknown_voice_id FROM pgvoice.linked_voice AS o
        ) AS l ON l.unknown_voice_id = u.id
        CROSS JOIN pgvoice.setting AS s
    ) AS j
    UNION ALL
    SELECT 'links: of a recording and an encoder that are there',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('%s in video %s', l.label, l.video_id) AS place,
               v.id IS NULL OR e.id IS NULL AS bad
        FROM pgvoice.linked_voice AS l
        LEFT JOIN pgvoice.video AS v ON v.id = l.video_id
        LEFT JOIN pgvoice.encoder AS e ON e.id = l.encoder_id
    ) AS j
    UNION ALL
    SELECT 'unknown voices: the same with every encoder',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('%s in video %s', label, video_id) AS place, w.bad IS NOT NULL AS bad
        FROM pgvoice.linked_voice AS l
        FULL JOIN (
            SELECT e.id AS encoder_id, f.video_id, f.label, true AS bad
            FROM pgvoice.encoder AS e
            CROSS JOIN LATERAL pgvoice_internal.lagging_voices(
                pgvoice.default_encoder(), e.id, ARRAY(
                    SELECT c.video_id FROM pgvoice.voice_cohort AS c WHERE c.encoder_id = e.id
                )
            ) AS f
            WHERE e.id <> pgvoice.default_encoder()
        ) AS w USING (video_id, encoder_id, label)
    ) AS j
    UNION ALL
    SELECT 'unknown voices: the mean of their voices',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('voice %s', coalesce(m.unknown_voice_id, x.unknown_voice_id)) AS place, CASE
                   -- Voices that change are computed again later, and then the mean.
                   WHEN x.voices < x.linked THEN false
                   WHEN m.unknown_voice_id IS NULL THEN x.length > 0.02
                   WHEN x.unknown_voice_id IS NULL OR m.voices <> x.voices 
                       OR (m.clean_ms, m.speech_ms) <> (x.clean_ms, x.speech_ms)
                       OR public.vector_dims(m.embedding) <> public.vector_dims(x.mean) THEN true
                   ELSE NOT abs(m.length - x.length) < 100 * rounding
                       OR NOT -(m.embedding OPERATOR(public.<#>) x.mean) >= x.length - 100 * rounding
                       OR NOT abs(m.level - x.level) < rounding
                       OR NOT abs(m.impostor_mean - x.impostor_mean) < rounding
               END AS bad
        FROM pgvoice.unknown_voice_mean AS m
        FULL JOIN (
            SELECT o.*, public.vector_norm(o.mean) AS length FROM (
                SELECT l.unknown_voice_id, l.encoder_id, count(*) AS linked, count(v.label) AS voices,
                       sum(v.clean_ms) AS clean_ms, sum(v.speech_ms) AS speech_ms,
                       public.avg(v.embedding) AS mean, avg(l.level) AS level,
                       avg(l.impostor_mean) AS impostor_mean
                FROM pgvoice.linked_voice AS l
                LEFT JOIN pgvoice.voice AS v USING (video_id, encoder_id, label)
                GROUP BY l.unknown_voice_id, l.encoder_id
            ) AS o
        ) AS x USING (unknown_voice_id, encoder_id)
    ) AS j
$$;
COMMENT ON FUNCTION pgvoice_internal.check_links(double precision) IS
'Whether unknown voices, their links and their means agree.';

CREATE OR REPLACE FUNCTION pgvoice_internal.check_acts()
RETURNS TABLE (what text, looked_at bigint, problems bigint, example text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT 'words: about a recording and a person that are there',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('word %s', w.id) AS place,
               v.id IS NULL OR (s.id IS NULL) <> (w.speaker_id IS NULL)
                   OR (u.id IS NULL) <> (w.unknown_voice_id IS NULL) OR lower(w.spans) < 0 AS bad
        FROM pgvoice.verdict AS w
        LEFT JOIN pgvoice.video AS v ON v.id = w.video_id
        LEFT JOIN pgvoice.speaker AS s ON s.id = w.speaker_id
        LEFT JOIN pgvoice.unknown_voice AS u ON u.id = w.unknown_voice_id
    ) AS j
    UNION ALL
    SELECT 'acts: what they changed is kept only if they can be undone',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('act %s', c.act_id) AS place,
               a.id IS NULL OR a.undone_at IS NOT NULL OR a.final_because IS NOT NULL AS bad
        FROM pgvoice.act_change AS c LEFT JOIN pgvoice.act AS a ON a.id = c.act_id
    ) AS j
    UNION ALL
    SELECT 'acts: nothing about people who were erased',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('act %s', c.act_id) AS place, s.id IS NULL AND k.id IS NULL AS bad
        FROM pgvoice.act_change AS c
        CROSS JOIN LATERAL (VALUES
            ((c.old ->> 'speaker_id')::bigint), ((c.new ->> 'speaker_id')::bigint)
        ) AS told(speaker_id)
        LEFT JOIN pgvoice.speaker AS s ON s.id = told.speaker_id
        -- An undo would bring them back.
        LEFT JOIN (
            SELECT DISTINCT (x.key ->> 'id')::bigint AS id FROM pgvoice.act_change AS x
            WHERE x.relation = 'speaker'
        ) AS k ON k.id = told.speaker_id
        WHERE told.speaker_id IS NOT NULL
    ) AS j
$$;
COMMENT ON FUNCTION pgvoice_internal.check_acts() IS
'Whether a person''s word and what acts changed is about what is there, and kept only as long as it may be.';
