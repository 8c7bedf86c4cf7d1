-- The voices of recordings, and which recordings they are compared with.

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_voices() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    changed bigint[] := ARRAY(SELECT DISTINCT o.video_id FROM old_rows AS o);
    of_encoders integer[];
BEGIN
    -- If refresh_voices is reading them now, what it stores must be deleted too.
    PERFORM FROM pgvoice.turn_document AS d WHERE d.video_id = ANY (changed)
    ORDER BY d.video_id FOR KEY SHARE;
    IF TG_TABLE_NAME = 'turn' THEN
        of_encoders := ARRAY(SELECT e.id FROM pgvoice.encoder AS e);
    ELSE
        of_encoders := ARRAY(SELECT DISTINCT o.encoder_id FROM old_rows AS o);
    END IF;
    DELETE FROM pgvoice.voice AS v
    WHERE v.video_id = ANY (changed) AND v.encoder_id = ANY (of_encoders);
    DELETE FROM pgvoice.voice_cohort AS c
    WHERE c.video_id = ANY (changed) AND c.encoder_id = ANY (of_encoders);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_voices() IS
'Deletes the voices of recordings whose vectors or turns change: of the vectors'' encoders, or of all.
refresh_voices computes them again.';

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
    -- Not TRUNCATE, as this may be part of truncating all that refers to recordings.
    DELETE FROM pgvoice.voice;
    DELETE FROM pgvoice.voice_cohort;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_all_voices() IS
'Deletes all voices when the segments or the turns are truncated.';

CREATE OR REPLACE TRIGGER segment_embedding_truncated_voices
AFTER TRUNCATE ON pgvoice.segment_embedding
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_all_voices();

CREATE OR REPLACE TRIGGER turn_truncated_voices
AFTER TRUNCATE ON pgvoice.turn
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_all_voices();

CREATE OR REPLACE FUNCTION pgvoice_internal.voices_of(videos bigint[], encoder integer)
RETURNS TABLE (
    video_id bigint, label text, dimension integer, embedding public.vector, clean_ms bigint
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT s.video_id, c.label, s.dimension,
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
    GROUP BY s.video_id, c.label, s.dimension
    -- Vectors that cancel each other out have no direction.
    HAVING public.vector_norm(public.sum(s.embedding)) > 0.01
$$;
COMMENT ON FUNCTION pgvoice_internal.voices_of(bigint[], integer) IS
'The voices of these videos, from their clean segments.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_voices(videos bigint[], encoder integer)
RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    DELETE FROM pgvoice.voice AS v WHERE v.video_id = ANY (videos) AND v.encoder_id = encoder;
    WITH kept AS (
        INSERT INTO pgvoice.voice (video_id, label, encoder_id, dimension, embedding, clean_ms)
        SELECT v.video_id, v.label, encoder, v.dimension, v.embedding, v.clean_ms
        FROM pgvoice_internal.voices_of(videos, encoder) AS v
        RETURNING video_id
    )
    INSERT INTO pgvoice.voice_cohort (video_id, encoder_id, near, voices, recordings, across, within)
    SELECT asked.id, encoder, '{}', count(k.video_id), 0, 0, 0
    FROM unnest(videos) AS asked(id)
    LEFT JOIN kept AS k ON k.video_id = asked.id
    GROUP BY asked.id
    ON CONFLICT (video_id, encoder_id) DO UPDATE SET voices = excluded.voices
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_voices(bigint[], integer) IS
'Computes the voices of these videos, and stores how many there are; keep_cohorts has to follow.';

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
        GROUP BY c.video_id, c.voices
    )
    SELECT asked.id, coalesce(nearest.ids, '{}'), (SELECT count(*) FROM several)::integer
    FROM unnest(videos) AS asked(id)
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT public.sum(v.embedding) FROM pgvoice.voice AS v
             WHERE v.video_id = asked.id AND v.encoder_id = encoder),
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
    ), compared AS MATERIALIZED (
        SELECT s.video_id, s.similarity, row_number() OVER (
                   PARTITION BY s.video_id, s.label, s.other_id ORDER BY s.similarity DESC
               ) AS place
        FROM pair AS s
    ), usual AS (
        SELECT c.video_id, pgvoice_internal.own_voice_level(
                   encoder, avg(c.similarity) FILTER (WHERE c.place > 1)
               ) AS own_voice
        FROM compared AS c GROUP BY c.video_id
    ), across AS (
        SELECT c.video_id, avg(c.similarity) AS mean, count(*) AS comparisons
        FROM compared AS c
        JOIN usual AS u USING (video_id)
        WHERE c.place > 1 OR c.similarity < u.own_voice
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
own_voice_level: it may be the same person, but no two voices of one recording are.';

CREATE OR REPLACE FUNCTION pgvoice.refresh_voices(
    videos text[] DEFAULT NULL, encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    several bigint;
    chosen bigint[];
    others bigint[];
BEGIN
    PERFORM pgvoice_internal.video_ids(videos), pgvoice_internal.require_encoder(encoder);
    -- Whoever changes a recording at this moment is not waited for. Otherwise changes wait until the
    -- end of this transaction, and then delete its voices.
    chosen := ARRAY(
        SELECT v.id FROM pgvoice.video AS v
        JOIN pgvoice.turn_document AS d ON d.video_id = v.id
        WHERE (videos IS NULL OR v.key = ANY (videos)) AND NOT EXISTS (
            SELECT FROM pgvoice.voice_cohort AS c
            WHERE c.video_id = v.id AND c.encoder_id = refresh_voices.encoder
        )
        ORDER BY v.id FOR KEY SHARE OF v SKIP LOCKED FOR UPDATE OF d SKIP LOCKED
    );
    IF chosen = '{}' THEN
        RETURN 0;
    END IF;
    PERFORM pgvoice_internal.keep_voices(chosen, encoder);
    PERFORM pgvoice_internal.keep_cohorts(chosen, encoder);
    SELECT count(*) INTO several FROM pgvoice.voice_cohort AS c
    WHERE c.encoder_id = encoder AND c.voices >= 2;
    -- Those near the new ones choose again, as these may be near them, and those that had few others to
    -- choose from; once the library has shrunk, also those near one that is gone.
    others := ARRAY(
        SELECT unnest(n.near) FROM pgvoice.voice_cohort AS n
        WHERE n.encoder_id = encoder AND n.video_id = ANY (chosen)
        UNION
        SELECT c.video_id FROM pgvoice.voice_cohort AS c
        WHERE c.encoder_id = encoder AND c.recordings < 1000 AND 3 * c.recordings <= 2 * several
        UNION
        SELECT c.video_id FROM pgvoice.voice_cohort AS c
        WHERE c.encoder_id = encoder AND several < (
            SELECT l.recordings FROM pgvoice.library_tail AS l WHERE l.encoder_id = encoder
        ) AND EXISTS (
            SELECT FROM unnest(c.near) AS n(id)
            WHERE NOT EXISTS (SELECT FROM pgvoice.video AS v WHERE v.id = n.id)
        )
        EXCEPT
        SELECT unnest(chosen)
    );
    others := ARRAY(
        SELECT c.video_id FROM pgvoice.voice_cohort AS c
        JOIN pgvoice.video AS v ON v.id = c.video_id
        WHERE c.encoder_id = encoder AND c.video_id = ANY (others)
        ORDER BY c.video_id FOR KEY SHARE OF v SKIP LOCKED FOR NO KEY UPDATE OF c SKIP LOCKED
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
