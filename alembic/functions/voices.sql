-- The voices of recordings.

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
    PERFORM FROM pgvoice.video AS v WHERE v.id = ANY (changed)
    ORDER BY v.id FOR KEY SHARE;
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

CREATE OR REPLACE FUNCTION pgvoice_internal.voice_means(
    video bigint, encoder integer, labels text[], starts_ms integer[], ends_ms integer[]
) RETURNS TABLE (
    label text, dimension integer, embedding public.vector, clean_ms bigint, segments bigint, length real
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT t.label, t.dimension, public.l2_normalize(t.total), t.clean_ms, t.segments,
           (public.vector_norm(t.total) / t.clean_ms)::real
    FROM (
        SELECT g.label, s.dimension, public.sum(
                   s.embedding OPERATOR(public.*) array_fill(
                       (s.end_ms - s.start_ms)::real, ARRAY[s.dimension]
                   )::public.vector ORDER BY s.start_ms, s.end_ms
               ) AS total, sum(s.end_ms - s.start_ms) AS clean_ms, count(*) AS segments
        FROM unnest(labels, starts_ms, ends_ms) AS g(label, start_ms, end_ms)
        CROSS JOIN LATERAL (
            -- OFFSET: each is looked up by its key, however many rows the planner expects.
            SELECT o.* FROM pgvoice.segment_embedding AS o
            WHERE o.video_id = video AND o.start_ms = g.start_ms AND o.end_ms = g.end_ms
              AND o.encoder_id = encoder OFFSET 0
        ) AS s
        WHERE s.embedding IS NOT NULL AND g.label IS NOT NULL
        GROUP BY g.label, s.dimension
        -- Vectors that cancel each other out have no direction.
        HAVING public.vector_norm(public.sum(s.embedding)) > 0.01
    ) AS t
$$;
COMMENT ON FUNCTION pgvoice_internal.voice_means IS
'The mean vector of each label''s segments of a video, weighted by duration, and of how much speech it is.
length is what it had before it was scaled to 1: the more alike the segments, the closer to 1.';

CREATE OR REPLACE FUNCTION pgvoice_internal.mean_voices(
    video bigint, encoder integer, labels text[], starts_ms integer[], ends_ms integer[]
) RETURNS TABLE (
    label text,
    dimension integer,
    embedding public.vector,
    clean_ms bigint,
    segments bigint,
    clip_start_ms integer,
    clip_end_ms integer
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH spoken AS MATERIALIZED (
        SELECT g.label, s.start_ms, s.end_ms, s.end_ms - s.start_ms AS ms, s.status, s.embedding
        FROM unnest(labels, starts_ms, ends_ms) AS g(label, start_ms, end_ms)
        CROSS JOIN LATERAL (
            SELECT o.* FROM pgvoice.segment_embedding AS o
            WHERE o.video_id = video AND o.start_ms = g.start_ms AND o.end_ms = g.end_ms
              AND o.encoder_id = encoder
            OFFSET 0
        ) AS s
        WHERE s.embedding IS NOT NULL AND g.label IS NOT NULL
    ), mean AS MATERIALIZED (
        SELECT m.*
        FROM pgvoice_internal.voice_means(video, encoder, labels, starts_ms, ends_ms) AS m
    ), clip AS MATERIALIZED (
        SELECT DISTINCT ON (m.label) m.label,
               CASE WHEN s.status = 'ok' THEN s.start_ms + greatest(s.ms - 8000, 0) / 2
                    ELSE s.start_ms END AS start_ms,
               least(s.ms, 8000) AS length_ms
        FROM mean AS m JOIN spoken AS s ON s.label = m.label
        ORDER BY m.label, s.status <> 'ok', least(s.ms, 3000) DESC,
                 m.embedding OPERATOR(public.<#>) s.embedding, s.start_ms, s.end_ms
    )
    SELECT m.label, m.dimension, m.embedding, m.clean_ms, m.segments, c.start_ms,
           c.start_ms + c.length_ms
    FROM mean AS m JOIN clip AS c USING (label)
$$;
COMMENT ON FUNCTION pgvoice_internal.mean_voices IS
'The voices that these segments of a video make: the mean of each label''s, and the best clip to listen to.
That is the segment of at least 3 s that is closest to the mean, or else the longest; of more than 8 s, its
middle. Segments of which only the beginning was heard (status partial) come last, with their first 8 s.';

CREATE OR REPLACE FUNCTION pgvoice_internal.voices_of(videos bigint[], encoder integer)
RETURNS TABLE (
    video_id bigint,
    label text,
    dimension integer,
    embedding public.vector,
    clean_ms bigint,
    segments bigint,
    clip_start_ms integer,
    clip_end_ms integer
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT asked.id, m.*
    FROM unnest(videos) AS asked(id)
    CROSS JOIN LATERAL (
        SELECT array_agg(s.label) AS labels, array_agg(s.start_ms) AS starts_ms,
               array_agg(s.end_ms) AS ends_ms
        FROM pgvoice_internal.clean_segments(asked.id, encoder) AS s
    ) AS c
    CROSS JOIN LATERAL pgvoice_internal.mean_voices(
        asked.id, encoder, c.labels, c.starts_ms, c.ends_ms
    ) AS m
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
        INSERT INTO pgvoice.voice (video_id, label, encoder_id, dimension, embedding, clean_ms,
            speech_ms, segments, clip_start_ms, clip_end_ms)
        SELECT v.video_id, v.label, encoder, v.dimension, v.embedding, v.clean_ms, coalesce(s.ms, 0),
               v.segments, v.clip_start_ms, v.clip_end_ms
        FROM pgvoice_internal.voices_of(videos, encoder) AS v
        LEFT JOIN (
            SELECT t.video_id, t.label, sum(t.end_ms - t.start_ms) AS ms
            FROM pgvoice.turn AS t WHERE t.video_id = ANY (videos)
            GROUP BY t.video_id, t.label
        ) AS s USING (video_id, label)
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
'Computes the voices of these videos, and stores how many have labels; keep_cohorts has to follow.';

CREATE OR REPLACE FUNCTION pgvoice.refresh_voices(
    videos text[] DEFAULT NULL, encoder integer DEFAULT pgvoice.default_encoder()
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
    ) || ARRAY(
        SELECT v.id FROM pgvoice.video AS v
        WHERE (videos IS NULL OR v.key = ANY (videos))
          AND (SELECT s.linking FROM pgvoice.setting AS s)
          AND NOT EXISTS (SELECT FROM pgvoice.turn_document AS d WHERE d.video_id = v.id)
          AND NOT EXISTS (
              SELECT FROM pgvoice.voice_cohort AS c
              WHERE c.video_id = v.id AND c.encoder_id = refresh_voices.encoder
          ) AND EXISTS (
              SELECT FROM pgvoice.segment_embedding AS s
              WHERE s.video_id = v.id AND s.encoder_id = refresh_voices.encoder
                AND s.embedding IS NOT NULL
          )
        ORDER BY v.id FOR UPDATE OF v SKIP LOCKED
    );
    IF videos IS NULL AND (SELECT s.linking FROM pgvoice.setting AS s) THEN
        PERFORM pgvoice_internal.leave_named(encoder);
    END IF;
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
    PERFORM pgvoice_internal.keep_grouped_voices(chosen, encoder);
    PERFORM pgvoice_internal.link_refreshed(
        chosen, encoder, pgvoice_internal.fit_library(encoder, false)
    );
    RETURN cardinality(chosen);
END
$$;
COMMENT ON FUNCTION pgvoice.refresh_voices IS
'Computes the voices of these videos, or of all, from their stored turns and vectors, unless these are as
they were, or from their vectors alone if linking is on and no turn has a label, and brings the library''s thresholds up to date; returns how many videos were computed. Every
fill and every labelling of the library calls it.';
