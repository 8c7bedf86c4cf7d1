-- What compares every segment does so in the workers: Postgres leaves a subquery that refers to the
-- row around it to the leader, which then gets every vector sent; a call it does not.

-- ANALYZE would keep samples of vectors in pg_statistic, and no plan needs them.
ALTER TABLE pgvoice.segment_embedding ALTER COLUMN embedding SET STATISTICS 0;
ALTER TABLE pgvoice.enrollment ALTER COLUMN embedding SET STATISTICS 0;
ALTER TABLE pgvoice.profile ALTER COLUMN embedding SET STATISTICS 0;
ALTER TABLE pgvoice.compared_profile ALTER COLUMN embedding SET STATISTICS 0;

CREATE FUNCTION pgvoice.best_keys(voice vector, encoder integer) RETURNS double precision[]
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000
SET search_path FROM CURRENT
AS $$
BEGIN
    RETURN ARRAY(
        SELECT (voice <#> c.embedding) * c.factor
        FROM pgvoice.compared_profile AS c WHERE c.encoder_id = encoder ORDER BY 1 LIMIT 2
    );
END
$$;
COMMENT ON FUNCTION pgvoice.best_keys(vector, integer) IS
'The keys of the two compared profiles most similar to a voice; of NULL, an empty or NULL key.';

CREATE OR REPLACE FUNCTION pgvoice.compare_fresh(encoder integer) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
AS $$
DECLARE
    passed bigint;
    -- Below the least runner-up of all nothing can enter; there is no such bound where a runner-up
    -- is lacking.
    bound double precision := (
        SELECT CASE WHEN bool_and(n.runner_up_id IS NOT NULL) THEN min(n.runner_up_similarity)
                    ELSE '-Infinity' END
        FROM pgvoice.nearest AS n
        WHERE n.encoder_id = encoder AND n.status IN ('ok', 'partial')
    );
    -- A few: each alone, which is quickest and seldom enters. Else the best two of them, so that a
    -- segment has no more than two that enter.
    chosen CONSTANT text := CASE
        WHEN (SELECT count(*) FROM pgvoice.compared_profile AS c
              WHERE c.encoder_id = encoder AND c.fresh) <= 8
        THEN '(SELECT c.speaker_id, -(s.embedding <#> c.embedding)
               FROM pgvoice.compared_profile AS c WHERE c.encoder_id = $1 AND c.fresh)'
        ELSE '(SELECT two.* FROM pgvoice.best_two(s.embedding, $1, true) AS b CROSS JOIN LATERAL
               (VALUES (b.nearest_id, b.similarity), (b.runner_up_id, b.runner_up_similarity)) AS two)'
    END;
BEGIN
    -- So that they are read from end to end, here and in compare_absent: going by an index, which is
    -- the plan for a table that nobody looked at, takes more than twice as long.
    ANALYZE pgvoice.compared_profile;
    SELECT count(*) INTO passed FROM pgvoice.nearest AS n
    WHERE n.encoder_id = encoder AND n.status IN ('ok', 'partial');
    IF passed = 0 THEN
        RETURN 0;
    END IF;
    -- Alone, so that no vector goes through a join; and CREATE TABLE AS, because Postgres runs its
    -- SELECT in parallel; that of an UPDATE never.
    EXECUTE 'CREATE TEMPORARY TABLE near AS
        SELECT s.video_id, s.start_ms, s.end_ms, f.id, f.similarity
        FROM pgvoice.segment_embedding AS s CROSS JOIN LATERAL ' || chosen || ' AS f(id, similarity)
        WHERE s.encoder_id = $1 AND s.embedding IS NOT NULL AND f.similarity >= $2'
        USING encoder, bound;
    ANALYZE pg_temp.near;
    WITH entering AS MATERIALIZED (
        SELECT n.video_id, n.start_ms, n.end_ms, array_agg(f.id) AS ids,
               array_agg(f.similarity) AS similarities
        FROM pg_temp.near AS f JOIN pgvoice.nearest AS n USING (video_id, start_ms, end_ms)
        WHERE n.encoder_id = encoder
          AND (n.runner_up_id IS NULL OR f.similarity > n.runner_up_similarity
               OR (f.similarity = n.runner_up_similarity AND f.id < n.runner_up_id))
        GROUP BY n.video_id, n.start_ms, n.end_ms
    )
    UPDATE pgvoice.nearest AS n
    SET (nearest_id, similarity, runner_up_id, runner_up_similarity) = (
        SELECT ids[1], similarities[1], ids[2], similarities[2]
        FROM (
            SELECT array_agg(id ORDER BY one.similarity DESC, id) AS ids,
                   array_agg(one.similarity ORDER BY one.similarity DESC, id) AS similarities
            FROM (
                SELECT n.nearest_id, n.similarity
                UNION ALL SELECT n.runner_up_id, n.runner_up_similarity
                UNION ALL SELECT * FROM unnest(e.ids, e.similarities)
            ) AS one(id, similarity)
            WHERE id IS NOT NULL
        ) AS best
    )
    FROM entering AS e
    WHERE n.video_id = e.video_id AND n.start_ms = e.start_ms AND n.end_ms = e.end_ms
      AND n.encoder_id = encoder;
    DROP TABLE pg_temp.near;
    RETURN passed;
END
$$;
COMMENT ON FUNCTION pgvoice.compare_fresh(integer) IS
'Compares every segment in nearest with the fresh profiles only, and writes those rows whose best two
change; returns how many segments were compared.';

CREATE OR REPLACE FUNCTION pgvoice.compare_absent(encoder integer, OUT segments bigint, OUT pairs bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
-- The planner counts a call per row as if it were one; what it takes for dear is nothing beside it.
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
AS $$
DECLARE
    -- Up to so many are looked up one by one, in one process; more are found by a parallel scan.
    few CONSTANT bigint := 100000;
    source text := 'pgvoice.segment_embedding AS s';
    chosen text := ' WHERE s.encoder_id = $1';
    number bigint;
BEGIN
    IF EXISTS (SELECT FROM pgvoice.nearest AS n WHERE n.encoder_id = encoder) THEN
        CREATE TEMPORARY TABLE absent AS
        SELECT s.video_id, s.start_ms, s.end_ms FROM pgvoice.segment_embedding AS s
        WHERE s.encoder_id = encoder AND NOT EXISTS (
            SELECT FROM pgvoice.nearest AS n
            WHERE n.video_id = s.video_id AND n.start_ms = s.start_ms AND n.end_ms = s.end_ms
              AND n.encoder_id = s.encoder_id
        );
        ANALYZE pg_temp.absent;
        SELECT count(*) INTO number FROM pg_temp.absent;
        IF number <= few THEN
            source := 'pg_temp.absent AS a JOIN pgvoice.segment_embedding AS s
                USING (video_id, start_ms, end_ms)';
        ELSE
            -- An anti-join is taken for one that leaves a single row, not worth a worker.
            source := 'pgvoice.segment_embedding AS s LEFT JOIN pgvoice.nearest AS n
                USING (video_id, start_ms, end_ms, encoder_id)';
            chosen := chosen || ' AND coalesce(n.status, ''absent'') = ''absent''';
        END IF;
    END IF;
    -- CREATE TABLE AS, because Postgres runs its SELECT in parallel; that of an INSERT never.
    EXECUTE 'CREATE TEMPORARY TABLE compared AS
        SELECT s.video_id, s.start_ms, s.end_ms, s.status,
               pgvoice.best_keys(s.embedding, $1) AS keys
        FROM ' || source || chosen USING encoder;
    INSERT INTO pgvoice.nearest (video_id, start_ms, end_ms, encoder_id, status, nearest_id,
        similarity, runner_up_id, runner_up_similarity)
    SELECT c.video_id, c.start_ms, c.end_ms, encoder, c.status,
           pgvoice.key_speaker(c.keys[1]), pgvoice.key_similarity(c.keys[1]),
           pgvoice.key_speaker(c.keys[2]), pgvoice.key_similarity(c.keys[2])
    FROM pg_temp.compared AS c WHERE pgvoice.are_keys(c.keys)
    UNION ALL
    SELECT c.video_id, c.start_ms, c.end_ms, encoder, c.status, b.*
    FROM pg_temp.compared AS c
    JOIN pgvoice.segment_embedding AS s
        ON s.video_id = c.video_id AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
        AND s.encoder_id = encoder
    CROSS JOIN LATERAL pgvoice.best_two(s.embedding, encoder, false) AS b
    WHERE pgvoice.are_keys(c.keys) IS NOT TRUE;
    SELECT count(*), count(*) FILTER (WHERE c.keys[1] IS NOT NULL) INTO segments, pairs
    FROM pg_temp.compared AS c;
    pairs := pairs
        * (SELECT count(*) FROM pgvoice.compared_profile AS c WHERE c.encoder_id = encoder);
    DROP TABLE IF EXISTS pg_temp.absent;
    DROP TABLE pg_temp.compared;
    IF segments > few THEN
        ANALYZE pgvoice.nearest;
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice.compare_absent(integer) IS
'Compares the segments that are not in nearest with every profile, and adds them.';
