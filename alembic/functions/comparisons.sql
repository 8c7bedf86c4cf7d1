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

CREATE OR REPLACE FUNCTION pgvoice_internal.are_keys(key double precision, second double precision)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN key IS NULL OR (key < 0 AND key > '-Infinity' AND coalesce(second < 0, true));
COMMENT ON FUNCTION pgvoice_internal.are_keys(double precision, double precision) IS
'Whether the two lowest keys are valid; there is no second one of a single profile, and none without a
voice. They are not if a similarity is not positive, nor from the millionth speaker on.';

CREATE OR REPLACE FUNCTION pgvoice_internal.profile_row(
    encoder integer, first_id bigint, last_id bigint, only_fresh boolean, profiles bigint
)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET search_path FROM CURRENT
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT %s FROM (
             SELECT array_agg(c.embedding ORDER BY c.speaker_id) AS voices
             FROM pgvoice.compared_profile AS c
             WHERE c.encoder_id = $1 AND c.speaker_id BETWEEN $2 AND $3 AND (c.fresh OR NOT $4)
         ) AS a',
        (SELECT string_agg(format('a.voices[%s]', place), ', ')
         FROM generate_series(1, profiles) AS place)
    ) USING encoder, first_id, last_id, only_fresh;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.profile_row IS
'So many compared profiles as the columns of one row, by speaker id.';

-- One row for each segment of a source, and all profiles as the columns of one other row: a key is then
-- an expression of two columns, and the lowest is one LEAST. The obvious form, the profiles as rows that
-- are ordered by distance for each segment, takes four times as long: to read a row again, or to put it
-- into a sort, costs more than an inner product. The row of profiles comes from a function, whose result
-- every Postgres keeps for the next segment, in parallel workers too. LIMIT ALL has what is below it
-- computed once.
CREATE OR REPLACE FUNCTION pgvoice_internal.lowest_keys(
    source text, encoder integer, only_fresh boolean
) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
-- So that factors are written in full.
SET extra_float_digits = 1
AS $$
DECLARE
    -- A row has at most 1,664 columns.
    most CONSTANT integer := 500;
    -- Vectors of more than 2 kB are stored apart: subvector fetches them once.
    statement text := format(
        'SELECT s.video_id, s.start_ms, s.end_ms, s.status,
                public.subvector(s.embedding, 1, public.vector_dims(s.embedding)) AS voice,
                NULL::double precision AS key, NULL::double precision AS second
         FROM %s LIMIT ALL', source
    );
    part record;
BEGIN
    FOR part IN
        SELECT min(c.speaker_id) AS first_id, max(c.speaker_id) AS last_id, count(*) AS profiles,
               string_agg(format('v%s public.vector', c.place), ', ' ORDER BY c.place) AS voices,
               string_agg(format(
                   '(s.voice OPERATOR(public.<#>) p.v%1$s) * %2$L::double precision AS k%1$s',
                   c.place, c.factor
               ), ', ') AS computed,
               string_agg(format('k%s', c.place), ', ') AS keys,
               string_agg(format('nullif(k%s, lowest)', c.place), ', ') AS others
        FROM (
            SELECT c.speaker_id, c.factor, c.ordinal / most AS part, c.ordinal % most AS place
            FROM (
                SELECT c.*, row_number() OVER (ORDER BY c.speaker_id) - 1 AS ordinal
                FROM pgvoice.compared_profile AS c
                WHERE c.encoder_id = encoder AND (c.fresh OR NOT only_fresh)
            ) AS c
        ) AS c
        GROUP BY c.part
    LOOP
        statement := format(
            'SELECT l.video_id, l.start_ms, l.end_ms, l.status, l.voice, l.lowest AS key,
                    least(l.second, nullif(l.key, lowest), %4$s) AS second
             FROM (
                 SELECT k.*, least(k.key, %3$s) AS lowest
                 FROM (
                     SELECT s.*, %2$s FROM (%5$s) AS s
                     CROSS JOIN pgvoice_internal.profile_row(%6$s, %7$s, %8$s, %9$L, %10$s)
                         AS p(%1$s)
                     LIMIT ALL
                 ) AS k LIMIT ALL
             ) AS l LIMIT ALL',
            part.voices, part.computed, part.keys, part.others, statement,
            encoder, part.first_id, part.last_id, only_fresh, part.profiles
        );
    END LOOP;
    RETURN statement;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.lowest_keys IS
'The statement that computes the two lowest keys of each segment of a source, which is what follows FROM,
with segment_embedding as s: of all compared profiles, or of the fresh ones.';

CREATE OR REPLACE FUNCTION pgvoice_internal.compare(
    source text, encoder integer, only_fresh boolean, least_similar double precision
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
-- The planner underestimates the cost of inner products, compared with which starting workers is free.
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
-- Compiling thousands of expressions takes seconds.
SET jit = off
-- Holds the row of profiles, of whatever dimension, which is read again for each segment.
SET work_mem = '40MB'
AS $$
BEGIN
    -- CREATE TABLE AS, because Postgres can run its SELECT in parallel, but never that of an INSERT or
    -- an UPDATE. If least_similar is positive, so are all similarities that matter.
    EXECUTE format(
        'CREATE TEMPORARY TABLE compared AS
         SELECT k.video_id, k.start_ms, k.end_ms, k.status, k.valid,
                CASE WHEN k.valid THEN pgvoice_internal.key_speaker(k.key) END AS nearest_id,
                CASE WHEN k.valid THEN (-k.key)::real::double precision END AS similarity,
                CASE WHEN k.valid THEN pgvoice_internal.key_speaker(k.second) END AS runner_up_id,
                CASE WHEN k.valid THEN (-k.second)::real::double precision END
                    AS runner_up_similarity
         FROM (
             SELECT s.*, pgvoice_internal.are_keys(s.key, s.second) AS valid
             FROM (
                 SELECT s.video_id, s.start_ms, s.end_ms, s.status, s.key,
                        CASE WHEN s.second < 0 OR $1 <= 0 THEN s.second END AS second
                 FROM (%s) AS s
                 WHERE $1 <= 0 OR (s.key < 0 AND (-s.key)::real >= $1)
             ) AS s
         ) AS k', pgvoice_internal.lowest_keys(source, encoder, only_fresh)
    ) USING least_similar;
    UPDATE pg_temp.compared AS c
    SET (nearest_id, similarity, runner_up_id, runner_up_similarity) = (
        SELECT b.* FROM pgvoice.segment_embedding AS s
        CROSS JOIN LATERAL pgvoice_internal.best_two(s.embedding, encoder, only_fresh) AS b
        WHERE s.video_id = c.video_id AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
          AND s.encoder_id = encoder
    )
    WHERE NOT c.valid;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.compare IS
'Makes the temporary table compared: the two compared profiles nearest to each segment of a source, as for
lowest_keys, and their similarities. Leaves out segments, and runners-up, less similar than a positive
least_similar.';

CREATE OR REPLACE FUNCTION pgvoice_internal.compare_fresh(encoder integer) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
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
BEGIN
    SELECT count(*) INTO passed FROM pgvoice.nearest AS n
    WHERE n.encoder_id = encoder AND n.status IN ('ok', 'partial');
    IF passed = 0 THEN
        RETURN 0;
    END IF;
    PERFORM pgvoice_internal.compare(
        'pgvoice.segment_embedding AS s WHERE s.embedding IS NOT NULL AND s.encoder_id = ' || encoder,
        encoder, true, bound
    );
    UPDATE pgvoice.nearest AS n
    SET (nearest_id, similarity, runner_up_id, runner_up_similarity) = (
        SELECT ids[1], similarities[1], ids[2], similarities[2]
        FROM (
            SELECT array_agg(id ORDER BY one.similarity DESC, id) AS ids,
                   array_agg(one.similarity ORDER BY one.similarity DESC, id) AS similarities
            FROM (
                VALUES (n.nearest_id, n.similarity), (n.runner_up_id, n.runner_up_similarity),
                       (c.nearest_id, c.similarity), (c.runner_up_id, c.runner_up_similarity)
            ) AS one(id, similarity)
            WHERE id IS NOT NULL
        ) AS best
    )
    FROM pg_temp.compared AS c
    WHERE n.video_id = c.video_id AND n.start_ms = c.start_ms AND n.end_ms = c.end_ms
      AND n.encoder_id = encoder
      AND (n.runner_up_id IS NULL OR c.similarity > n.runner_up_similarity
           OR (c.similarity = n.runner_up_similarity AND c.nearest_id < n.runner_up_id));
    DROP TABLE pg_temp.compared;
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
AS $$
DECLARE
    -- Up to this many segments are looked up one by one; more are found by a parallel scan.
    few CONSTANT bigint := 100000;
    source text := 'pgvoice.segment_embedding AS s';
    chosen text := ' WHERE s.encoder_id = ' || encoder;
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
    PERFORM pgvoice_internal.compare(source || chosen, encoder, false, '-Infinity');
    INSERT INTO pgvoice.nearest (video_id, start_ms, end_ms, encoder_id, status, nearest_id,
        similarity, runner_up_id, runner_up_similarity)
    SELECT c.video_id, c.start_ms, c.end_ms, encoder, c.status, c.nearest_id, c.similarity,
           c.runner_up_id, c.runner_up_similarity
    FROM pg_temp.compared AS c;
    SELECT count(*), count(c.nearest_id) INTO segments, pairs FROM pg_temp.compared AS c;
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
