-- Checks of verify that take a function of their own.

CREATE OR REPLACE FUNCTION pgvoice_internal.check_voices(sample integer, rounding double precision)
RETURNS TABLE (what text, looked_at bigint, problems bigint, example text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH chosen AS MATERIALIZED (
        SELECT k.encoder_id, array_agg(k.video_id) AS videos
        FROM (
            SELECT u.* FROM (
                SELECT v.video_id, v.encoder_id FROM pgvoice.voice AS v
                UNION SELECT c.video_id, c.encoder_id FROM pgvoice.voice_cohort AS c
            ) AS u
            ORDER BY random() LIMIT (sample + 19) / 20
        ) AS k
        WHERE NOT EXISTS (
            SELECT FROM pgvoice.segment_embedding AS s
            WHERE s.video_id = k.video_id AND public.vector_dims(s.embedding) <> s.dimension
        )
        GROUP BY k.encoder_id
    )
    SELECT 'voices: the unit-length mean of their label''s clean segments, of a sample',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('%s in video %s', label, video_id) AS place,
               v.embedding IS NULL OR x.embedding IS NULL OR c.video_id IS NULL
               OR CASE WHEN public.vector_dims(v.embedding) = public.vector_dims(x.embedding)
                       THEN NOT -(v.embedding OPERATOR(public.<#>) x.embedding) >= 1 - rounding
                       ELSE true END
               OR (v.clean_ms, v.segments, v.clip_start_ms, v.clip_end_ms)
                  IS DISTINCT FROM (x.clean_ms, x.segments, x.clip_start_ms, x.clip_end_ms) AS bad
        FROM (
            SELECT v.* FROM chosen
            JOIN pgvoice.voice AS v
                ON v.encoder_id = chosen.encoder_id AND v.video_id = ANY (chosen.videos)
        ) AS v
        FULL JOIN (
            SELECT chosen.encoder_id, o.* FROM chosen
            CROSS JOIN LATERAL (
                SELECT l.* FROM pgvoice_internal.voices_of(chosen.videos, chosen.encoder_id) AS l
                UNION ALL
                SELECT g.video_id, m.* FROM pgvoice.voice AS g
                CROSS JOIN LATERAL pgvoice_internal.mean_voices(
                    g.video_id, g.encoder_id, array_fill(g.label, ARRAY[g.segments]), g.starts_ms,
                    g.ends_ms
                ) AS m
                WHERE g.encoder_id = chosen.encoder_id AND g.video_id = ANY (chosen.videos)
                  AND g.starts_ms IS NOT NULL
            ) AS o
        ) AS x USING (video_id, encoder_id, label)
        LEFT JOIN pgvoice.voice_cohort AS c USING (video_id, encoder_id)
    ) AS j
$$;
COMMENT ON FUNCTION pgvoice_internal.check_voices(integer, double precision) IS
'Whether voices are what their segments make them, for a twentieth of so many recordings.';

CREATE OR REPLACE FUNCTION pgvoice_internal.check_turns()
RETURNS TABLE (what text, looked_at bigint, problems bigint, example text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT 'turns: overlapped time and clean parts as the turns say',
           count(*), count(*) FILTER (WHERE j.bad), min(j.place) FILTER (WHERE j.bad)
    FROM (
        SELECT format('%s, %s to %s ms', v.key, t.start_ms, t.end_ms) AS place,
               t.overlapped_ms <> coalesce(c.overlapped_ms, 0) OR (
                   SELECT range_agg(int4range(p.start_ms, p.end_ms)) FROM pgvoice.clean_part AS p
                   WHERE p.video_id = t.video_id AND p.turn_start_ms = t.start_ms
                     AND p.turn_end_ms = t.end_ms AND t.label IS NOT NULL
               ) IS DISTINCT FROM nullif(c.clean, '{}') AS bad
        FROM (
            SELECT g.video_id, array_agg(g.place ORDER BY g.place) AS places,
                   array_agg(g.start_ms ORDER BY g.place) AS starts_ms,
                   array_agg(g.end_ms ORDER BY g.place) AS ends_ms,
                   array_agg(g.label ORDER BY g.place) AS labels
            FROM pgvoice.turn AS g GROUP BY g.video_id
        ) AS g
        JOIN pgvoice.video AS v ON v.id = g.video_id
        JOIN pgvoice.turn AS t ON t.video_id = g.video_id
        LEFT JOIN LATERAL pgvoice.clean_speech(g.starts_ms, g.ends_ms, g.labels) AS c
            ON g.places[c.place] = t.place
    ) AS j
$$;
COMMENT ON FUNCTION pgvoice_internal.check_turns() IS
'Whether the overlap is noted as the turns have it.';

CREATE OR REPLACE FUNCTION pgvoice_internal.check_twins()
RETURNS TABLE (what text, looked_at bigint, problems bigint, example text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH apart AS (
        SELECT DISTINCT x.id
        FROM pgvoice.enrollment AS x
        JOIN pgvoice.enrollment AS o
            ON (o.audio_sha256, o.start_ms, o.end_ms, o.created_at)
               = (x.audio_sha256, x.start_ms, x.end_ms, x.created_at)
            AND o.encoder_id <> x.encoder_id AND o.speaker_id <> x.speaker_id
        -- Two people may be enrolled with the same speech, each with both encoders.
        WHERE x.end_ms > 0
          AND NOT EXISTS (SELECT FROM pgvoice_internal.twins_of(ARRAY[x.id], o.encoder_id))
          AND NOT EXISTS (SELECT FROM pgvoice_internal.twins_of(ARRAY[o.id], x.encoder_id))
    )
    SELECT 'encoders: an exemplar of the same person with each', count(*), count(a.id),
           min(format('exemplar %s of %s', x.id, s.name)) FILTER (WHERE a.id IS NOT NULL)
    FROM pgvoice.enrollment AS x
    JOIN pgvoice.speaker AS s ON s.id = x.speaker_id
    LEFT JOIN apart AS a ON a.id = x.id
    UNION ALL
    SELECT 'acts: nothing of encoders that are gone', count(*), count(*) FILTER (WHERE e.id IS NULL),
           min(format('act %s', c.act_id)) FILTER (WHERE e.id IS NULL)
    FROM pgvoice.act_change AS c
    CROSS JOIN LATERAL (
        SELECT (coalesce(c.new, c.old) ->> 'encoder_id')::integer AS encoder_id
    ) AS k
    LEFT JOIN pgvoice.encoder AS e ON e.id = k.encoder_id
    WHERE k.encoder_id IS NOT NULL
$$;
COMMENT ON FUNCTION pgvoice_internal.check_twins() IS
'Whether a span that several encoders have belongs to one person, and what acts changed to encoders that are
there.';
