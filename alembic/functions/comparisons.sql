-- The comparisons of segments with profiles that refresh_nearest makes.

-- Returns one row, not a set, so that Postgres does not inline it and parallel workers can call it. A
-- subquery in its place would be a little faster, but never parallel.
CREATE OR REPLACE FUNCTION pgvoice_internal.best_two(
    voice public.vector,
    encoder integer,
    only_fresh boolean,
    OUT nearest_id bigint,
    OUT similarity double precision,
    OUT runner_up_id bigint,
    OUT runner_up_similarity double precision
)
LANGUAGE sql STABLE PARALLEL SAFE COST 10000
BEGIN ATOMIC
    SELECT ids[1], similarities[1], ids[2], similarities[2]
    FROM (
        SELECT array_agg(ranked.speaker_id ORDER BY ranked.similarity DESC, ranked.speaker_id)
                   AS ids,
               array_agg(ranked.similarity ORDER BY ranked.similarity DESC, ranked.speaker_id)
                   AS similarities
        FROM (
            SELECT c.speaker_id, -(voice OPERATOR(public.<#>) c.embedding) AS similarity
            FROM pgvoice.compared_profile AS c
            WHERE voice IS NOT NULL AND c.encoder_id = encoder AND (c.fresh OR NOT only_fresh)
            ORDER BY voice OPERATOR(public.<#>) c.embedding, c.speaker_id
            LIMIT 2
        ) AS ranked
    ) AS best;
END;
COMMENT ON FUNCTION pgvoice_internal.best_two IS
'The two compared profiles most similar to a voice, ties by speaker id as in identify; only among the
fresh ones if only_fresh. NULLs if there is no voice or no profile.';

-- A key is a negative inner product (a float32 in a float64) times 1 - id / 2^46. Its last bits store
-- the speaker; rounded to float32 it is the inner product again. Negative keys keep their order, and of
-- equal ones the lower id comes first. Sorting one number takes half the time of sorting a row.
CREATE OR REPLACE FUNCTION pgvoice_internal.key_speaker(key double precision) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round((1 - key / key::real) * 2e0^46)::bigint;
COMMENT ON FUNCTION pgvoice_internal.key_speaker IS 'The speaker in a key.';

CREATE OR REPLACE FUNCTION pgvoice_internal.are_keys(keys double precision[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN keys[2] < 0 AND keys[1] > '-Infinity';
COMMENT ON FUNCTION pgvoice_internal.are_keys IS
'Whether two keys are valid. They are not if a similarity is not positive, nor from the millionth
speaker on.';

CREATE OR REPLACE FUNCTION pgvoice_internal.best_keys(voice public.vector, encoder integer)
RETURNS double precision[]
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000
SET search_path FROM CURRENT
AS $$
BEGIN
    RETURN ARRAY(
        SELECT (voice OPERATOR(public.<#>) c.embedding) * c.factor
        FROM pgvoice.compared_profile AS c WHERE c.encoder_id = encoder ORDER BY 1 LIMIT 2
    );
END
$$;
COMMENT ON FUNCTION pgvoice_internal.best_keys(public.vector, integer) IS
'The keys of the two compared profiles most similar to a voice; none or NULL keys for a NULL voice.';

CREATE OR REPLACE FUNCTION pgvoice_internal.compare_fresh(encoder integer) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
AS $$
DECLARE
    passed bigint;
    -- Nothing less similar than every runner-up can enter; if a segment has no runner-up, everything can.
    bound double precision := (
        SELECT CASE WHEN bool_and(n.runner_up_id IS NOT NULL) THEN min(n.runner_up_similarity)
                    ELSE '-Infinity' END
        FROM pgvoice.nearest AS n
        WHERE n.encoder_id = encoder AND n.status IN ('ok', 'partial')
    );
    -- Comparing a few fresh profiles one by one is fastest, and few enter. If there are more, only the
    -- best two per segment are kept.
    chosen CONSTANT text := CASE
        WHEN (SELECT count(*) FROM pgvoice.compared_profile AS c
              WHERE c.encoder_id = encoder AND c.fresh) <= 8
        THEN '(SELECT c.speaker_id, -(s.embedding OPERATOR(public.<#>) c.embedding)
               FROM pgvoice.compared_profile AS c WHERE c.encoder_id = $1 AND c.fresh)'
        ELSE '(SELECT two.* FROM pgvoice_internal.best_two(s.embedding, $1, true) AS b CROSS JOIN LATERAL
               (VALUES (b.nearest_id, b.similarity), (b.runner_up_id, b.runner_up_similarity)) AS two)'
    END;
BEGIN
    -- Makes the planner read the whole table, here and in compare_absent. Without statistics it chooses
    -- an index scan, which takes more than twice as long.
    ANALYZE pgvoice.compared_profile;
    SELECT count(*) INTO passed FROM pgvoice.nearest AS n
    WHERE n.encoder_id = encoder AND n.status IN ('ok', 'partial');
    IF passed = 0 THEN
        RETURN 0;
    END IF;
    -- A separate step, so that no vector passes through a join; CREATE TABLE AS, because Postgres can
    -- run its SELECT in parallel, but never that of an UPDATE.
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
COMMENT ON FUNCTION pgvoice_internal.compare_fresh(integer) IS
'Compares every segment in nearest with the fresh profiles only and updates the rows whose best two
change; returns how many segments it compared.';

CREATE OR REPLACE FUNCTION pgvoice_internal.compare_absent(
    encoder integer, OUT segments bigint, OUT pairs bigint
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
-- The planner underestimates the cost of the calls, compared with which starting workers is free.
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
AS $$
DECLARE
    -- Up to this many segments are looked up one by one; more are found by a parallel scan.
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
            -- Not an anti-join: the planner would expect one row of it and start no worker.
            source := 'pgvoice.segment_embedding AS s LEFT JOIN pgvoice.nearest AS n
                USING (video_id, start_ms, end_ms, encoder_id)';
            chosen := chosen || ' AND coalesce(n.status, ''absent'') = ''absent''';
        END IF;
    END IF;
    -- CREATE TABLE AS, because Postgres can run its SELECT in parallel, but never that of an INSERT.
    EXECUTE 'CREATE TEMPORARY TABLE compared AS
        SELECT s.video_id, s.start_ms, s.end_ms, s.status,
               pgvoice_internal.best_keys(s.embedding, $1) AS keys
        FROM ' || source || chosen USING encoder;
    INSERT INTO pgvoice.nearest (video_id, start_ms, end_ms, encoder_id, status, nearest_id,
        similarity, runner_up_id, runner_up_similarity)
    SELECT c.video_id, c.start_ms, c.end_ms, encoder, c.status,
           pgvoice_internal.key_speaker(c.keys[1]), (-c.keys[1])::real,
           pgvoice_internal.key_speaker(c.keys[2]), (-c.keys[2])::real
    FROM pg_temp.compared AS c WHERE pgvoice_internal.are_keys(c.keys)
    UNION ALL
    SELECT c.video_id, c.start_ms, c.end_ms, encoder, c.status, b.*
    FROM pg_temp.compared AS c
    JOIN pgvoice.segment_embedding AS s
        ON s.video_id = c.video_id AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
        AND s.encoder_id = encoder
    CROSS JOIN LATERAL pgvoice_internal.best_two(s.embedding, encoder, false) AS b
    WHERE pgvoice_internal.are_keys(c.keys) IS NOT TRUE;
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
COMMENT ON FUNCTION pgvoice_internal.compare_absent(integer) IS
'Compares the segments that are not in nearest with every profile and adds them.';
