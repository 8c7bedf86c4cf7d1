CREATE FUNCTION pgvoice.video_ids(keys text[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    unknown text := (
        SELECT min(asked.key) FROM unnest(keys) AS asked(key)
        WHERE NOT EXISTS (SELECT FROM pgvoice.video AS v WHERE v.key = asked.key)
    );
BEGIN
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'no video % in the store', quote_literal(unknown)
            USING HINT = 'The table pgvoice.video lists them.', ERRCODE = 'no_data_found';
    END IF;
    RETURN ARRAY(SELECT v.id FROM pgvoice.video AS v WHERE v.key = ANY (keys));
END
$$;
COMMENT ON FUNCTION pgvoice.video_ids(text[]) IS
'The ids of the videos with these keys; an error for a key that no video has.';

CREATE FUNCTION pgvoice.speaker_ids(names text[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    unknown text := (
        SELECT min(asked.name) FROM unnest(names) AS asked(name)
        WHERE NOT EXISTS (SELECT FROM pgvoice.speaker AS s WHERE s.name = asked.name)
    );
BEGIN
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'no speaker % in the store', quote_literal(unknown)
            USING HINT = 'The table pgvoice.speaker lists them.', ERRCODE = 'no_data_found';
    END IF;
    RETURN ARRAY(SELECT s.id FROM pgvoice.speaker AS s WHERE s.name = ANY (names));
END
$$;
COMMENT ON FUNCTION pgvoice.speaker_ids(text[]) IS
'The ids of the speakers with these names; an error for a name that nobody has.';

CREATE VIEW pgvoice.segment_index AS
SELECT e.id AS encoder_id,
       e.dimension,
       part.relid AS part,
       found.index,
       coalesce(found.valid, false) AS valid,
       EXISTS (
           SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = found.index
       ) AS building,
       coalesce(found.rows, 0) AS rows,
       pg_relation_size(found.index) AS bytes,
       found.m,
       found.ef_construction
FROM pgvoice.encoder AS e
CROSS JOIN (
    -- A table without partitions is in no tree.
    SELECT 'pgvoice.segment_embedding'::regclass AS relid
    WHERE NOT EXISTS (SELECT FROM pg_partition_tree('pgvoice.segment_embedding'))
    UNION ALL
    SELECT relid FROM pg_partition_tree('pgvoice.segment_embedding') WHERE isleaf
) AS part
LEFT JOIN LATERAL (
    SELECT i.indexrelid::regclass AS index,
           i.indisvalid AS valid,
           greatest(c.reltuples, 0)::bigint AS rows,
           coalesce((SELECT option_value::integer FROM pg_options_to_table(c.reloptions)
                     WHERE option_name = 'm'), 16) AS m,
           coalesce((SELECT option_value::integer FROM pg_options_to_table(c.reloptions)
                     WHERE option_name = 'ef_construction'), 64) AS ef_construction
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_am AS method ON method.oid = c.relam
    JOIN pg_opclass AS class ON class.oid = i.indclass[0]
    JOIN pg_attribute AS key ON key.attrelid = i.indexrelid AND key.attnum = 1
    WHERE i.indrelid = part.relid AND method.amname = 'hnsw' AND class.opcname = 'halfvec_ip_ops'
      AND key.atttypmod = e.dimension
      AND pg_get_expr(i.indpred, i.indrelid) = format('(encoder_id = %s)', e.id)
    ORDER BY i.indisvalid DESC, i.indexrelid
    LIMIT 1
) AS found ON true;
COMMENT ON VIEW pgvoice.segment_index IS
'The index that serves search, per encoder and table of segments: the whole, or each partition.';

CREATE FUNCTION pgvoice.segment_index_statements(encoder integer)
RETURNS TABLE (part text, statement text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH lacking AS (
        SELECT i.*, c.relname, home.nspname AS vector_schema
        FROM pgvoice.segment_index AS i
        JOIN pg_class AS c ON c.oid = i.part
        CROSS JOIN pg_extension AS x
        JOIN pg_namespace AS home ON home.oid = x.extnamespace
        WHERE i.encoder_id = encoder AND NOT i.valid AND NOT i.building AND x.extname = 'vector'
    ), steps AS (
        SELECT lacking.relname, 1 AS place,
               format('DROP INDEX CONCURRENTLY pgvoice.%I', broken.relname) AS sql
        FROM lacking
        JOIN pg_class AS broken ON broken.oid = lacking.index
        UNION ALL
        SELECT relname, 2, format(
            'CREATE INDEX CONCURRENTLY %I ON pgvoice.%I USING hnsw'
            ' ((embedding::%I.halfvec(%s)) %I.halfvec_ip_ops) WITH (m = 16, ef_construction = 128)'
            ' WHERE encoder_id = %s',
            format('%s_encoder_%s_hnsw', relname, encoder_id), relname,
            vector_schema, dimension, vector_schema, encoder_id
        )
        FROM lacking
    )
    SELECT relname, sql FROM steps ORDER BY relname, place
$$;
COMMENT ON FUNCTION pgvoice.segment_index_statements(integer) IS
'What is to be run, each outside of a transaction, for an encoder''s segments to be indexed: what an
interrupted build left is dropped, what is missing is built; nothing where the index is whole.';

CREATE FUNCTION pgvoice.near_statement(
    encoder integer,
    dimension integer,
    by_index boolean,
    same_video boolean,
    among boolean,
    at_least boolean,
    excluding boolean
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $statement$
    SELECT format(
        CASE WHEN by_index THEN $$
            SELECT near.video_id, near.start_ms, near.end_ms, near.embedding <#> $1 AS distance
            FROM (
                SELECT s.* FROM pgvoice.segment_embedding AS s
                WHERE s.encoder_id = %1$s%3$s%4$s
                ORDER BY s.embedding::halfvec(%2$s) <#> $1::halfvec(%2$s)
                LIMIT $10
            ) AS near
            ORDER BY distance, near.video_id, near.start_ms, near.end_ms
        $$ ELSE $$
            SELECT s.video_id, s.start_ms, s.end_ms, s.distance
            FROM (
                SELECT s.video_id, s.start_ms, s.end_ms, s.embedding <#> $1 AS distance
                FROM pgvoice.segment_embedding AS s
                WHERE s.encoder_id = %1$s AND s.embedding IS NOT NULL%3$s
                ORDER BY distance, s.video_id, s.start_ms, s.end_ms
                OFFSET 0
            ) AS s
            WHERE true%4$s
            ORDER BY s.distance, s.video_id, s.start_ms, s.end_ms
            LIMIT $9
        $$ END,
        encoder,
        dimension,
        ' AND (s.video_id, s.start_ms, s.end_ms) <> ($2, $3, $4)'
        || CASE WHEN same_video THEN '' ELSE ' AND s.video_id <> $2' END
        || CASE WHEN among THEN ' AND s.video_id = ANY ($5)' ELSE '' END
        || CASE WHEN at_least THEN ' AND s.end_ms - s.start_ms >= $6' ELSE '' END,
        CASE WHEN excluding THEN format($$
                AND NOT coalesce((
                    SELECT best.speaker_id
                    FROM (
                        SELECT p.speaker_id, own.embedding <#> p.embedding AS distance
                        FROM pgvoice.segment_embedding AS own
                        JOIN pgvoice.profile AS p ON p.encoder_id = own.encoder_id
                        WHERE own.video_id = s.video_id AND own.start_ms = s.start_ms
                          AND own.end_ms = s.end_ms AND own.encoder_id = %s
                        ORDER BY distance, p.speaker_id
                        LIMIT 1
                    ) AS best
                    WHERE -best.distance >= $8
                ) = ANY ($7), false)$$, encoder) ELSE '' END
    )
$statement$;
COMMENT ON FUNCTION pgvoice.near_statement IS
'The statement that pgvoice.near_segments runs. The partial index of an encoder is only used where
id and dimension stand in the statement itself; these two integers are all that is put into it.';

CREATE FUNCTION pgvoice.indexed_segments(encoder integer) RETURNS bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT sum(i.rows)::bigint FROM pgvoice.segment_index AS i
    WHERE i.encoder_id = encoder HAVING bool_and(i.valid)
$$;
COMMENT ON FUNCTION pgvoice.indexed_segments(integer) IS
'About how many segments the index of an encoder holds; NULL where there is no whole index.';

CREATE FUNCTION pgvoice.is_search_by_index(
    encoder integer, indexed bigint, max_rows integer, among bigint[]
) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF max_rows IS NULL OR max_rows > 1000 OR coalesce(indexed, 0) < 10000 THEN
        RETURN false;
    END IF;
    RETURN among IS NULL OR 20000 < (
        SELECT count(*) FROM (
            SELECT FROM pgvoice.segment_embedding AS s
            WHERE s.video_id = ANY (among) AND s.encoder_id = encoder
            LIMIT 20001
        ) AS counted
    );
END
$$;
COMMENT ON FUNCTION pgvoice.is_search_by_index IS
'Whether a search goes by the index, not by comparing every segment that may be found: at least
10,000 segments are indexed, at most 1,000 are asked for, and the videos among which to search (NULL
is all) have more than 20,000 segments.';

CREATE FUNCTION pgvoice.near_segments(
    asked_video bigint,
    asked_start_ms integer,
    asked_end_ms integer,
    encoder integer,
    max_rows integer,
    among bigint[],
    min_ms integer,
    excluded bigint[],
    same_video boolean,
    exact boolean
) RETURNS TABLE (video_id bigint, start_ms integer, end_ms integer, distance double precision)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET hnsw.iterative_scan = relaxed_order
SET hnsw.ef_search = 400
SET hnsw.max_scan_tuples = 20000
SET hnsw.scan_mem_multiplier = 8
AS $$
DECLARE
    asked record;
    threshold double precision := (
        SELECT e.default_threshold FROM pgvoice.encoder AS e WHERE e.id = encoder
    );
    indexed bigint := pgvoice.indexed_segments(encoder);
    by_index boolean := coalesce(
        NOT exact, pgvoice.is_search_by_index(encoder, indexed, max_rows, among)
    );
    filtered boolean := coalesce(
        among IS NOT NULL OR min_ms IS NOT NULL OR cardinality(excluded) > 0, false
    );
    candidates integer := CASE WHEN filtered THEN 4 ELSE 1 END * max_rows + 20;
    effort integer;
    statement text;
    nearest double precision;
    videos bigint[];
    starts integer[];
    ends integer[];
    distances double precision[];
BEGIN
    SELECT s.embedding, s.dimension, s.status INTO asked
    FROM pgvoice.segment_embedding AS s
    WHERE s.video_id = asked_video AND s.start_ms = asked_start_ms AND s.end_ms = asked_end_ms
      AND s.encoder_id = encoder;
    IF asked.embedding IS NULL THEN
        RAISE EXCEPTION 'no vector of the segment from % to % s: it is %',
            asked_start_ms / 1000.0, asked_end_ms / 1000.0, coalesce(asked.status, 'missing')
            USING HINT = CASE WHEN asked.status IS NULL THEN 'Fill it first, or choose another.'
                              ELSE 'Choose another segment.' END,
                  ERRCODE = 'no_data_found';
    END IF;
    IF by_index THEN
        -- Every part of a table in parts is searched, and the best of all are taken.
        SELECT 400 / sqrt(greatest(count(*), 1)) INTO effort
        FROM pg_inherits WHERE inhparent = 'pgvoice.segment_embedding'::regclass;
        PERFORM set_config(
            'hnsw.ef_search', least(greatest(effort, candidates), 1000)::text, true
        );
        PERFORM set_config(
            'hnsw.max_scan_tuples', greatest(indexed / 100, candidates)::integer::text, true
        );
        statement := pgvoice.near_statement(
            encoder, asked.dimension, true, same_video,
            among IS NOT NULL, min_ms IS NOT NULL, cardinality(excluded) > 0
        );
        EXECUTE 'SELECT array_agg(video_id), array_agg(start_ms), array_agg(end_ms),'
            ' array_agg(distance) FROM (' || statement || ') AS near'
        INTO videos, starts, ends, distances
        USING asked.embedding, asked_video, asked_start_ms, asked_end_ms, among, min_ms, excluded,
              threshold, max_rows, candidates;
        -- Once in a while a scan ends in a far corner of the graph; the asked video tells.
        IF among IS NULL OR asked_video = ANY (among) THEN
            statement := pgvoice.near_statement(
                encoder, asked.dimension, false, same_video,
                true, min_ms IS NOT NULL, cardinality(excluded) > 0
            );
            EXECUTE 'SELECT distance FROM (' || statement || ') AS near' INTO nearest
            USING asked.embedding, asked_video, asked_start_ms, asked_end_ms, ARRAY[asked_video],
                  min_ms, excluded, threshold, 1;
        END IF;
        by_index := exact IS NOT NULL
            -- A scan that gave up before it had its candidates cost less than comparing
            -- everything, which is then done: filters that leave few rows lose none.
            OR cardinality(videos) = candidates AND distances[1] <= coalesce(nearest, 2);
    END IF;
    IF by_index THEN
        RETURN QUERY SELECT * FROM unnest(videos, starts, ends, distances) LIMIT max_rows;
    ELSE
        RETURN QUERY EXECUTE pgvoice.near_statement(
            encoder, asked.dimension, false, same_video,
            among IS NOT NULL, min_ms IS NOT NULL, cardinality(excluded) > 0
        )
        USING asked.embedding, asked_video, asked_start_ms, asked_end_ms, among, min_ms, excluded,
              threshold, max_rows;
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice.near_segments IS
'The stored segments nearest to a stored one, in ids and milliseconds; pgvoice.similar_segments for
names and seconds. distance is the inner product, negated.';

CREATE FUNCTION pgvoice.similar_segments(
    video text,
    start_s double precision,
    end_s double precision,
    max_rows integer DEFAULT 20,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    videos text[] DEFAULT NULL,
    since timestamptz DEFAULT NULL,
    min_seconds double precision DEFAULT NULL,
    excluded_speakers text[] DEFAULT NULL,
    same_video boolean DEFAULT true,
    exact boolean DEFAULT NULL
) RETURNS TABLE (
    video text,
    start_s double precision,
    end_s double precision,
    similarity double precision
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT v.key, near.start_ms / 1000.0, near.end_ms / 1000.0, pgvoice.similarity(-near.distance)
    FROM pgvoice.near_segments(
        (pgvoice.video_ids(ARRAY[similar_segments.video]))[1],
        pgvoice.snap_ms(similar_segments.start_s),
        pgvoice.snap_ms(similar_segments.end_s),
        encoder,
        max_rows,
        CASE WHEN videos IS NOT NULL OR since IS NOT NULL THEN ARRAY(
            SELECT v.id FROM pgvoice.video AS v
            WHERE (videos IS NULL OR v.id IN (SELECT unnest(pgvoice.video_ids(videos))))
              AND (since IS NULL OR v.created_at >= since)
        ) END,
        ceil(min_seconds::numeric * 1000)::integer,
        pgvoice.speaker_ids(excluded_speakers),
        same_video,
        exact
    ) AS near
    JOIN pgvoice.video AS v ON v.id = near.video_id
    ORDER BY near.distance, near.video_id, near.start_ms, near.end_ms
$$;
COMMENT ON FUNCTION pgvoice.similar_segments IS
'The stored segments that sound most like a stored one, over all videos, the most similar first;
the segment itself is left out. since: only of videos that came into the store from then on;
excluded_speakers: without what identify gives to these people; same_video => false: without the
asked video''s own. By the index where there is one and it pays, else by comparing every segment;
exact => true or false says which. By the index nearly all of the most similar are found, not for
certain all; similarity is exact either way.';
