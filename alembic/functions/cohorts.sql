-- Which recordings a recording's voices are compared with.

CREATE OR REPLACE FUNCTION pgvoice_internal.near_recordings(videos bigint[], encoder integer)
RETURNS TABLE (video_id bigint, near bigint[], recordings integer)
LANGUAGE sql STABLE ROWS 10
SET search_path FROM CURRENT
AS $$
    WITH several AS MATERIALIZED (
        SELECT c.video_id, c.voices, public.sum(v.embedding) AS centre
        FROM (
            SELECT o.video_id, o.voices FROM pgvoice.voice_cohort AS o
            WHERE o.encoder_id = encoder AND o.voices >= 2
            -- A sample that stays the same.
            ORDER BY hashint8(o.video_id)
            LIMIT 1000
        ) AS c
        JOIN pgvoice.voice AS v ON v.video_id = c.video_id AND v.encoder_id = encoder
        WHERE v.starts_ms IS NULL
        GROUP BY c.video_id, c.voices
    )
    SELECT asked.id, coalesce(nearest.ids, '{}'), (SELECT count(*) FROM several)::integer
    FROM unnest(videos) AS asked(id)
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT public.sum(v.embedding) FROM pgvoice.voice AS v
             WHERE v.video_id = asked.id AND v.encoder_id = encoder AND v.starts_ms IS NULL),
            -- Its turns have no labels.
            (SELECT public.sum(s.embedding) FROM pgvoice.segment_embedding AS s
             WHERE s.video_id = asked.id AND s.encoder_id = encoder AND s.embedding IS NOT NULL)
        ) AS centre
    ) AS mine
    CROSS JOIN LATERAL (
        SELECT array_agg(n.video_id ORDER BY n.place) FILTER (WHERE n.before < 20) AS ids
        FROM (
            SELECT one.video_id, row_number() OVER nearest_first AS place,
                   sum(one.voices - 1) OVER nearest_first - (one.voices - 1) AS before
            FROM (
                SELECT s.video_id, s.voices,
                       (mine.centre OPERATOR(public.<#>) s.centre) / s.voices AS distance
                FROM several AS s
                WHERE s.video_id <> asked.id AND mine.centre IS NOT NULL
                ORDER BY distance, s.video_id
                -- Enough if each has two voices.
                LIMIT 20
            ) AS one
            WINDOW nearest_first AS (ORDER BY one.distance, one.video_id)
        ) AS n
    ) AS nearest
$$;
COMMENT ON FUNCTION pgvoice_internal.near_recordings(bigint[], integer) IS
'For each of these videos, the recordings with two voices or more whose voices are most similar to its
own on average (the inner product of their mean voices), among at most 1,000: so many that there are 20
comparisons if each leaves out one voice. Of a video without labels, the mean of all segments is compared.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_cohorts(videos bigint[], encoder integer)
RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    WITH near AS MATERIALIZED (
        SELECT n.* FROM pgvoice_internal.near_recordings(videos, encoder) AS n
    ), pair AS MATERIALIZED (
        -- Materialised, so that no vector is sorted.
        SELECT n.video_id, mine.label, theirs.video_id AS other_id,
               -(mine.embedding OPERATOR(public.<#>) theirs.embedding) AS similarity
        FROM near AS n
        JOIN pgvoice.voice AS mine ON mine.video_id = n.video_id AND mine.encoder_id = encoder
        CROSS JOIN unnest(n.near) AS other(id)
        JOIN pgvoice.voice AS theirs ON theirs.video_id = other.id AND theirs.encoder_id = encoder
        WHERE mine.starts_ms IS NULL AND theirs.starts_ms IS NULL
    ), compared AS MATERIALIZED (
        SELECT s.video_id, s.similarity, row_number() OVER (
                   PARTITION BY s.video_id, s.label, s.other_id ORDER BY s.similarity DESC
               ) AS place
        FROM pair AS s
    ), usual AS MATERIALIZED (
        SELECT c.video_id, pgvoice_internal.own_voice_level(
                   encoder, avg(c.similarity) FILTER (WHERE c.place > 1)
               ) AS own_voice
        FROM compared AS c GROUP BY c.video_id
    ), across AS MATERIALIZED (
        SELECT c.video_id, avg(c.similarity) AS mean, count(*) AS comparisons
        FROM compared AS c
        JOIN usual AS u USING (video_id)
        WHERE c.place > 1 OR c.similarity < u.own_voice
        GROUP BY c.video_id
    ), within AS MATERIALIZED (
        SELECT a.video_id, avg(-(a.embedding OPERATOR(public.<#>) b.embedding)) AS mean,
               count(*) AS comparisons
        FROM pgvoice.voice AS a
        JOIN pgvoice.voice AS b
            ON b.video_id = a.video_id AND b.encoder_id = a.encoder_id AND b.label > a.label
        WHERE a.video_id = ANY (videos) AND a.encoder_id = encoder
          AND a.starts_ms IS NULL AND b.starts_ms IS NULL
        GROUP BY a.video_id
    )
    -- Only rows that are there: the voices of the others were forgotten meanwhile.
    UPDATE pgvoice.voice_cohort AS c
    SET near = n.near, recordings = n.recordings,
        across_mean = pgvoice.similarity(across.mean), across = coalesce(across.comparisons, 0),
        within_mean = pgvoice.similarity(within.mean), within = coalesce(within.comparisons, 0)
    FROM near AS n
    LEFT JOIN across USING (video_id)
    LEFT JOIN within USING (video_id)
    WHERE c.video_id = n.video_id AND c.encoder_id = encoder
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_cohorts(bigint[], integer) IS
'Chooses near for these videos again and stores how similar their voices are to those of near, and to each
other. Of each recording in near, the voice that is most similar to a voice is left out if it reaches
own_voice_level: it may be the same person, but no two voices of one recording are. Voices that the store
grouped itself are left out, as it cannot know that.';
