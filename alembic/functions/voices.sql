-- The voices of recordings, and which recordings they are compared with.

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_voices() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    DELETE FROM pgvoice.voice AS v
    WHERE v.video_id IN (SELECT o.video_id FROM old_rows AS o);
    DELETE FROM pgvoice.voice_cohort AS c
    WHERE c.video_id IN (SELECT o.video_id FROM old_rows AS o);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_voices() IS
'Deletes the voices of recordings whose vectors or turns change; refresh_voices computes them again.';

CREATE OR REPLACE TRIGGER segment_embedding_inserted_voices
AFTER INSERT ON pgvoice.segment_embedding REFERENCING NEW TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_voices();

CREATE OR REPLACE TRIGGER segment_embedding_deleted_voices
AFTER DELETE ON pgvoice.segment_embedding REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_voices();

CREATE OR REPLACE TRIGGER segment_embedding_updated_voices
AFTER UPDATE ON pgvoice.segment_embedding REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_voices();

CREATE OR REPLACE TRIGGER turn_deleted_voices
AFTER DELETE ON pgvoice.turn REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_voices();

CREATE OR REPLACE TRIGGER turn_updated_voices
AFTER UPDATE ON pgvoice.turn REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_voices();

CREATE OR REPLACE TRIGGER turn_inserted_voices
AFTER INSERT ON pgvoice.turn REFERENCING NEW TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_voices();

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_all_voices() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    -- TRUNCATE fails if the same statement truncates these too.
    DELETE FROM pgvoice.voice;
    DELETE FROM pgvoice.voice_cohort;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_all_voices() IS
'Empties the voices when the segments are truncated.';

CREATE OR REPLACE TRIGGER segment_embedding_truncated_voices
AFTER TRUNCATE ON pgvoice.segment_embedding
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_all_voices();

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_voices(videos bigint[], encoder integer)
RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    DELETE FROM pgvoice.voice AS v WHERE v.video_id = ANY (videos) AND v.encoder_id = encoder;
    INSERT INTO pgvoice.voice (video_id, label, encoder_id, dimension, embedding, clean_ms)
    SELECT s.video_id, c.label, s.encoder_id, s.dimension,
           public.l2_normalize(public.sum(
               s.embedding OPERATOR(public.*) array_fill(
                   (s.end_ms - s.start_ms)::real, ARRAY[s.dimension]
               )::public.vector
               ORDER BY s.start_ms, s.end_ms
           )),
           sum(s.end_ms - s.start_ms)
    FROM unnest(videos) AS asked(id)
    CROSS JOIN LATERAL pgvoice_internal.clean_segments(asked.id, encoder) AS c
    JOIN pgvoice.segment_embedding AS s
        ON s.video_id = asked.id AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
        AND s.encoder_id = encoder
    WHERE s.embedding IS NOT NULL AND c.label IS NOT NULL
    GROUP BY s.video_id, c.label, s.encoder_id, s.dimension
    -- Vectors that cancel each other out have no direction.
    HAVING public.vector_norm(public.sum(s.embedding)) > 0.01
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_voices(bigint[], integer) IS
'Computes the voices of these videos from their clean segments.';

CREATE OR REPLACE FUNCTION pgvoice_internal.near_recordings(videos bigint[], encoder integer)
RETURNS TABLE (video_id bigint, near bigint[], recordings integer)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH several AS MATERIALIZED (
        SELECT v.video_id, count(*) AS voices
        FROM pgvoice.voice AS v
        WHERE v.encoder_id = encoder
        GROUP BY v.video_id
        HAVING count(*) >= 2
        -- A sample that stays the same.
        ORDER BY hashint8(v.video_id)
        LIMIT 1000
    ), centre AS MATERIALIZED (
        SELECT v.video_id, public.avg(v.embedding) AS voice
        FROM pgvoice.voice AS v
        WHERE v.encoder_id = encoder
          AND (v.video_id = ANY (videos) OR v.video_id IN (SELECT s.video_id FROM several AS s))
        GROUP BY v.video_id
    ), ranked AS (
        SELECT mine.video_id, s.video_id AS other,
               mine.voice OPERATOR(public.<#>) theirs.voice AS distance,
               sum(s.voices - 1) OVER (
                   PARTITION BY mine.video_id
                   ORDER BY mine.voice OPERATOR(public.<#>) theirs.voice, s.video_id
               ) - (s.voices - 1) AS compared
        FROM centre AS mine
        CROSS JOIN several AS s
        JOIN centre AS theirs ON theirs.video_id = s.video_id
        WHERE mine.video_id = ANY (videos) AND s.video_id <> mine.video_id
    )
    SELECT asked.id, coalesce(array_agg(r.other ORDER BY r.distance, r.other)
                              FILTER (WHERE r.compared < 20), '{}'),
           (SELECT count(*) FROM several)::integer
    FROM unnest(videos) AS asked(id)
    LEFT JOIN ranked AS r ON r.video_id = asked.id
    GROUP BY asked.id
$$;
COMMENT ON FUNCTION pgvoice_internal.near_recordings(bigint[], integer) IS
'For each of these videos, the recordings with two voices or more whose voices are most similar to its
own on average (the inner product of their mean voices), among at most 1,000: so many that there are 20
comparisons if each leaves out one voice.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_cohorts(videos bigint[], encoder integer)
RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    WITH near AS MATERIALIZED (
        SELECT n.* FROM pgvoice_internal.near_recordings(videos, encoder) AS n
    ), compared AS MATERIALIZED (
        SELECT n.video_id, -(mine.embedding OPERATOR(public.<#>) theirs.embedding) AS similarity,
               row_number() OVER (
                   PARTITION BY n.video_id, mine.label, theirs.video_id
                   ORDER BY mine.embedding OPERATOR(public.<#>) theirs.embedding
               ) AS place
        FROM near AS n
        JOIN pgvoice.voice AS mine ON mine.video_id = n.video_id AND mine.encoder_id = encoder
        JOIN pgvoice.voice AS theirs
            ON theirs.video_id = ANY (n.near) AND theirs.encoder_id = encoder
    ), usual AS (
        SELECT c.video_id, avg(c.similarity) FILTER (WHERE c.place > 1) AS mean
        FROM compared AS c GROUP BY c.video_id
    ), across AS (
        SELECT c.video_id, avg(c.similarity) AS mean, count(*) AS comparisons
        FROM compared AS c
        JOIN usual AS u USING (video_id)
        WHERE c.place > 1 OR c.similarity < pgvoice_internal.own_voice_level(encoder, u.mean)
        GROUP BY c.video_id
    ), within AS (
        SELECT a.video_id, avg(-(a.embedding OPERATOR(public.<#>) b.embedding)) AS mean,
               count(*) AS comparisons
        FROM pgvoice.voice AS a
        JOIN pgvoice.voice AS b
            ON b.video_id = a.video_id AND b.encoder_id = a.encoder_id AND b.label > a.label
        WHERE a.video_id = ANY (videos) AND a.encoder_id = encoder
        GROUP BY a.video_id
    )
    INSERT INTO pgvoice.voice_cohort AS c (video_id, encoder_id, near, voices, recordings,
        across_mean, across, within_mean, within)
    SELECT n.video_id, encoder, n.near,
           (SELECT count(*) FROM pgvoice.voice AS v
            WHERE v.video_id = n.video_id AND v.encoder_id = encoder),
           n.recordings, pgvoice.similarity(across.mean), coalesce(across.comparisons, 0),
           pgvoice.similarity(within.mean), coalesce(within.comparisons, 0)
    FROM near AS n
    LEFT JOIN across USING (video_id)
    LEFT JOIN within USING (video_id)
    ON CONFLICT (video_id, encoder_id) DO UPDATE SET near = excluded.near, voices = excluded.voices,
        recordings = excluded.recordings, across_mean = excluded.across_mean,
        across = excluded.across, within_mean = excluded.within_mean, within = excluded.within
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_cohorts(bigint[], integer) IS
'Chooses near for these videos again and stores how similar their voices are to those of near, and to each
other. Of each recording in near, the voice that is most similar to a voice is left out if it reaches
own_voice_level: it may be the same person, but no two voices of one recording are.';

CREATE OR REPLACE FUNCTION pgvoice.refresh_voices(
    videos text[] DEFAULT NULL, encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    several CONSTANT bigint := (
        SELECT count(*) FROM pgvoice.voice_cohort AS c
        WHERE c.encoder_id = encoder AND c.voices >= 2
    );
    chosen bigint[];
    others bigint[];
BEGIN
    PERFORM pgvoice_internal.video_ids(videos), pgvoice_internal.require_encoder(encoder);
    -- A recording that is being erased is left out, and one of these waits to be erased.
    SELECT array_agg(v.id) INTO chosen FROM (
        SELECT v.id FROM pgvoice.video AS v
        WHERE (videos IS NULL OR v.key = ANY (videos))
          AND EXISTS (SELECT FROM pgvoice.turn_document AS d WHERE d.video_id = v.id)
          AND NOT EXISTS (
              SELECT FROM pgvoice.voice_cohort AS c
              WHERE c.video_id = v.id AND c.encoder_id = refresh_voices.encoder
          )
        ORDER BY v.id FOR KEY SHARE
    ) AS v;
    IF chosen IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM pgvoice_internal.keep_voices(chosen, encoder);
    PERFORM pgvoice_internal.keep_cohorts(chosen, encoder);
    -- Those that had few others to choose from choose again, and those near the new ones, which may be
    -- near them.
    others := ARRAY(
        SELECT c.video_id FROM pgvoice.voice_cohort AS c
        JOIN pgvoice.video AS v ON v.id = c.video_id
        WHERE c.encoder_id = encoder AND c.video_id <> ALL (chosen)
          AND (c.recordings < 1000 AND 3 * c.recordings <= 2 * several OR c.video_id IN (
              SELECT unnest(n.near) FROM pgvoice.voice_cohort AS n
              WHERE n.encoder_id = encoder AND n.video_id = ANY (chosen)
          ))
        ORDER BY c.video_id FOR KEY SHARE OF v
    );
    PERFORM pgvoice_internal.keep_cohorts(others, encoder);
    PERFORM pgvoice_internal.fit_library(encoder, false);
    RETURN cardinality(chosen);
END
$$;
COMMENT ON FUNCTION pgvoice.refresh_voices IS
'Computes the voices of these videos, or of all, from their stored turns and vectors, unless these are as
they were, and brings the library''s thresholds up to date; returns how many videos were computed. Every
fill and every labelling of the library calls it.';
