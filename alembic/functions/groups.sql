-- The unknown voices that voices are linked as: stored, with their means.

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_means(changed bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM FROM pgvoice.unknown_voice AS u WHERE u.id = ANY (changed)
    ORDER BY u.id FOR NO KEY UPDATE;
    INSERT INTO pgvoice.unknown_voice_mean AS m (unknown_voice_id, encoder_id, dimension, embedding,
        length, impostor_mean, level, voices, clean_ms, speech_ms)
    -- In an order, so that the same voices always have the same mean.
    SELECT s.unknown_voice_id, s.encoder_id, s.dimension, public.l2_normalize(s.total),
           public.vector_norm(s.total) / s.voices, s.impostor_mean, s.level, s.voices,
           s.clean_ms, s.speech_ms
    FROM (
        SELECT l.unknown_voice_id, l.encoder_id, v.dimension,
               public.sum(v.embedding ORDER BY l.video_id, l.label) AS total,
               avg(l.impostor_mean ORDER BY l.video_id, l.label) AS impostor_mean,
               avg(l.level ORDER BY l.video_id, l.label) AS level, count(*) AS voices,
               sum(v.clean_ms) AS clean_ms, sum(v.speech_ms) AS speech_ms
        FROM pgvoice.linked_voice AS l
        JOIN pgvoice.voice AS v USING (video_id, encoder_id, label)
        WHERE l.unknown_voice_id = ANY (changed)
        GROUP BY l.unknown_voice_id, l.encoder_id, v.dimension
    ) AS s
    WHERE public.vector_norm(s.total) > 0.01
    ON CONFLICT (encoder_id, unknown_voice_id) DO UPDATE SET
        embedding = excluded.embedding, length = excluded.length,
        impostor_mean = excluded.impostor_mean, level = excluded.level, voices = excluded.voices,
        clean_ms = excluded.clean_ms, speech_ms = excluded.speech_ms;
    DELETE FROM pgvoice.unknown_voice_mean AS m
    WHERE m.unknown_voice_id = ANY (changed) AND NOT EXISTS (
        SELECT FROM pgvoice.linked_voice AS l
        WHERE l.unknown_voice_id = m.unknown_voice_id AND l.encoder_id = m.encoder_id
    );
    UPDATE pgvoice.unknown_voice AS u SET ended_at = now(), ended_as = 'gone'
    WHERE u.id = ANY (changed) AND u.ended_at IS NULL AND NOT EXISTS (
        SELECT FROM pgvoice.linked_voice AS l WHERE l.unknown_voice_id = u.id
    );
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_means(bigint[]) IS
'Computes the means of these unknown voices again; those without voices end, unless they ended otherwise.
Voices that are being computed again do not count, unless all are.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_changed_means() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    changed bigint[];
    added bigint[];
BEGIN
    IF TG_OP <> 'INSERT' THEN
        changed := ARRAY(SELECT DISTINCT o.unknown_voice_id FROM old_rows AS o);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        changed := changed || ARRAY(SELECT DISTINCT n.unknown_voice_id FROM new_rows AS n);
    END IF;
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM pgvoice.unknown_voice AS u WHERE u.id = ANY (changed)
        ORDER BY u.id FOR NO KEY UPDATE;
        -- Only added to a mean of many, which is computed anew at each multiple of 64.
        WITH joined AS MATERIALIZED (
            SELECT n.unknown_voice_id, n.encoder_id, count(*) AS voices,
                   public.sum(v.embedding ORDER BY n.video_id, n.label) AS total,
                   sum(n.impostor_mean ORDER BY n.video_id, n.label) AS impostor_mean,
                   sum(n.level ORDER BY n.video_id, n.label) AS level,
                   sum(v.clean_ms) AS clean_ms, sum(v.speech_ms) AS speech_ms
            FROM new_rows AS n JOIN pgvoice.voice AS v USING (video_id, encoder_id, label)
            GROUP BY n.unknown_voice_id, n.encoder_id
        ), sum AS MATERIALIZED (
            SELECT j.unknown_voice_id, j.encoder_id, m.voices + j.voices AS voices,
                   (m.impostor_mean * m.voices + j.impostor_mean) / (m.voices + j.voices) AS impostor_mean,
                   (m.level * m.voices + j.level) / (m.voices + j.voices) AS level,
                   m.clean_ms + j.clean_ms AS clean_ms, m.speech_ms + j.speech_ms AS speech_ms,
                   m.embedding OPERATOR(public.*)
                   array_fill((m.length * m.voices)::real, ARRAY[m.dimension])::public.vector
                   OPERATOR(public.+) j.total AS total
            FROM joined AS j
            JOIN pgvoice.unknown_voice_mean AS m USING (unknown_voice_id, encoder_id)
            WHERE m.voices >= 64 AND m.voices / 64 = (m.voices + j.voices) / 64
        ), kept AS (
            UPDATE pgvoice.unknown_voice_mean AS m
            SET embedding = public.l2_normalize(s.total),
                length = public.vector_norm(s.total) / s.voices, impostor_mean = s.impostor_mean,
                level = s.level, voices = s.voices, clean_ms = s.clean_ms,
                speech_ms = s.speech_ms
            FROM sum AS s
            WHERE m.unknown_voice_id = s.unknown_voice_id AND m.encoder_id = s.encoder_id
            RETURNING m.unknown_voice_id
        )
        SELECT array_agg(k.unknown_voice_id) INTO added FROM kept AS k;
        changed := ARRAY(SELECT unnest(changed) EXCEPT SELECT unnest(added));
    END IF;
    IF cardinality(changed) > 0 THEN
        PERFORM pgvoice_internal.keep_means(changed);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_changed_means() IS
'Keeps the means of unknown voices up to date when a voice is linked, moved or deleted.';

CREATE OR REPLACE TRIGGER linked_voice_inserted_means
AFTER INSERT ON pgvoice.linked_voice REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.keep_changed_means();

CREATE OR REPLACE TRIGGER linked_voice_updated_means
AFTER UPDATE ON pgvoice.linked_voice REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.keep_changed_means();

CREATE OR REPLACE TRIGGER linked_voice_deleted_means
AFTER DELETE ON pgvoice.linked_voice REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.keep_changed_means();

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_groups(
    encoder integer,
    clusters integer[],
    videos bigint[],
    labels text[],
    groups bigint[],
    forced bigint[],
    counts double precision[],
    impostor_means double precision[],
    levels double precision[]
) RETURNS bigint[]
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    cluster_ids integer[];
    ids bigint[];
    heirs bigint[];
    lacking integer[];
    lack integer;
    found bigint;
BEGIN
    WITH piece AS MATERIALIZED (
        SELECT p.* FROM unnest(clusters, groups, forced, counts) AS p(cluster, id, forced, number)
    ), heir AS (
        -- The cluster that has the most voices of a group, of those that are all here.
        SELECT DISTINCT ON (s.id) s.id, s.cluster
        FROM (
            SELECT p.id, p.cluster, sum(p.number) AS number, sum(sum(p.number)) OVER (
                       PARTITION BY p.id
                   ) AS here
            FROM piece AS p WHERE p.id IS NOT NULL GROUP BY p.id, p.cluster
        ) AS s
        WHERE s.here >= (
            SELECT count(*) FROM pgvoice.linked_voice AS l
            WHERE l.unknown_voice_id = s.id AND l.encoder_id = encoder
        ) AND NOT EXISTS (SELECT FROM piece AS f WHERE f.forced = s.id)
        ORDER BY s.id, s.number DESC, s.cluster
    ), claim AS (
        SELECT h.cluster, h.id FROM heir AS h
        UNION SELECT p.cluster, p.forced FROM piece AS p WHERE p.forced IS NOT NULL
    )
    SELECT array_agg(c.cluster), array_agg(c.id) INTO cluster_ids, ids
    FROM (
        SELECT p.cluster, (SELECT min(c.id) FROM claim AS c WHERE c.cluster = p.cluster) AS id
        FROM (SELECT DISTINCT p.cluster FROM piece AS p) AS p ORDER BY p.cluster
    ) AS c;
    FOR lack IN 1 .. cardinality(ids) LOOP
        IF ids[lack] IS NULL THEN
            -- Another encoder's, if this one has not.
            SELECT o.unknown_voice_id INTO found
            FROM unnest(clusters, videos, labels) AS p(cluster, video_id, label)
            JOIN pgvoice.linked_voice AS o
                ON o.video_id = p.video_id AND o.label = p.label AND o.encoder_id <> encoder
            WHERE p.cluster = cluster_ids[lack] AND o.unknown_voice_id <> ALL (array_remove(ids, NULL))
              AND NOT EXISTS (
                  SELECT FROM pgvoice.linked_voice AS l
                  WHERE l.unknown_voice_id = o.unknown_voice_id AND l.encoder_id = encoder
              )
            GROUP BY o.unknown_voice_id ORDER BY count(*) DESC, o.unknown_voice_id LIMIT 1;
            IF found IS NULL THEN
                INSERT INTO pgvoice.unknown_voice DEFAULT VALUES RETURNING id INTO found;
            END IF;
            ids[lack] := found;
        END IF;
    END LOOP;
    -- The younger ones whose voices all go to an older one.
    UPDATE pgvoice.unknown_voice AS u
    SET ended_at = now(), ended_as = 'merged', merged_into = heir.id
    FROM (
        SELECT p.id AS younger, min(c.id) AS id
        FROM unnest(groups, clusters) AS p(id, cluster)
        JOIN unnest(cluster_ids, ids) AS c(cluster, id) USING (cluster)
        WHERE p.id IS NOT NULL
        GROUP BY p.id HAVING bool_and(c.id < p.id)
    ) AS heir
    WHERE u.id = heir.younger AND u.ended_at IS NULL AND u.id <> ALL (ids) AND NOT EXISTS (
        SELECT FROM pgvoice.linked_voice AS l
        WHERE l.unknown_voice_id = u.id AND CASE WHEN l.encoder_id <> encoder
            -- Others' follow, but those that this encoder lacks.
            THEN NOT EXISTS (
                SELECT FROM pgvoice_internal.counterparts(encoder, l.encoder_id, ARRAY[l.video_id]) AS c
                WHERE c.label = l.label
            )
            ELSE NOT EXISTS (
                SELECT FROM unnest(videos, labels, groups) AS p(video_id, label, id)
                WHERE p.video_id = l.video_id AND p.label = l.label OR p.label IS NULL AND p.id = u.id
            ) END
    );
    UPDATE pgvoice.linked_voice AS l SET unknown_voice_id = c.id, linked_at = now()
    FROM unnest(groups, labels, clusters) AS p(id, label, cluster)
    JOIN unnest(cluster_ids, ids) AS c(cluster, id) USING (cluster)
    WHERE p.label IS NULL AND l.unknown_voice_id = p.id AND l.encoder_id = encoder AND c.id <> p.id
      AND NOT EXISTS (
          SELECT FROM unnest(videos, labels) AS v(video_id, label)
          WHERE v.video_id = l.video_id AND v.label = l.label
      );
    UPDATE pgvoice.unknown_voice AS u SET heard_at = now()
    WHERE u.id IN (
        SELECT c.id
        FROM unnest(groups, labels, clusters) AS p(id, label, cluster)
        JOIN unnest(cluster_ids, ids) AS c(cluster, id) USING (cluster)
        WHERE p.label IS NOT NULL AND p.id IS NULL
    ) AND u.heard_at < now();
    INSERT INTO pgvoice.linked_voice AS l
        (video_id, label, encoder_id, unknown_voice_id, impostor_mean, level)
    SELECT p.video_id, p.label, encoder, c.id, p.impostor_mean, p.level
    FROM unnest(clusters, videos, labels, impostor_means, levels)
        AS p(cluster, video_id, label, impostor_mean, level)
    JOIN unnest(cluster_ids, ids) AS c(cluster, id) USING (cluster)
    WHERE p.label IS NOT NULL
    ON CONFLICT (video_id, encoder_id, label) DO UPDATE SET
        unknown_voice_id = excluded.unknown_voice_id, impostor_mean = excluded.impostor_mean,
        level = excluded.level, linked_at = now()
    WHERE (l.unknown_voice_id, l.impostor_mean, l.level)
        <> (excluded.unknown_voice_id, excluded.impostor_mean, excluded.level);
    RETURN ids;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_groups IS
'Stores which unknown voice each voice belongs to. A cluster keeps the oldest of those that have most of
their voices in it, or takes the one that another encoder has for the same voices, or a new one. A younger
one whose voices all join an older one ends as merged into it.';
