-- The HNSW indexes of the segments: which there are, what they leave out, and how to build them.

CREATE OR REPLACE FUNCTION pgvoice.index_covers_before(index regclass) RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET datestyle = 'ISO'
AS $$
    SELECT coalesce(
        substring(
            pg_get_expr(i.indpred, i.indrelid)
            FROM $re$created_at < '([^']+)'::timestamp with time zone$re$
        )::timestamptz,
        'infinity'
    )
    FROM pg_index AS i WHERE i.indexrelid = index
$$;
COMMENT ON FUNCTION pgvoice.index_covers_before(regclass) IS
'The segments in an index are those that were stored before this moment; infinity if all are.';

CREATE OR REPLACE VIEW pgvoice.segment_index AS
SELECT e.id AS encoder_id,
       e.dimension,
       part.relid AS part,
       found.index,
       coalesce(found.valid, false) AS valid,
       EXISTS (
           SELECT FROM pg_stat_progress_create_index AS p
           WHERE p.index_relid = ANY (found.index || found.others)
       ) AS building,
       coalesce(found.rows, 0) AS rows,
       pg_relation_size(found.index) AS bytes,
       found.m,
       found.ef_construction,
       found.covers_before,
       CASE WHEN found.index IS NULL THEN '{}' WHEN found.valid THEN coalesce(found.others, '{}')
            ELSE found.index || found.others END AS left_over
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
                     WHERE option_name = 'ef_construction'), 64) AS ef_construction,
           bound.covers_before,
           array_agg(i.indexrelid::regclass) OVER (
               ORDER BY i.indisvalid DESC, bound.covers_before DESC, i.indexrelid
               ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
           ) AS others
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_am AS method ON method.oid = c.relam
    JOIN pg_opclass AS class ON class.oid = i.indclass[0]
    JOIN pg_attribute AS key ON key.attrelid = i.indexrelid AND key.attnum = 1
    CROSS JOIN LATERAL (
        SELECT pgvoice.index_covers_before(i.indexrelid::regclass) AS covers_before
    ) AS bound
    WHERE i.indrelid = part.relid AND method.amname = 'hnsw' AND class.opcname = 'halfvec_ip_ops'
      AND key.atttypmod = e.dimension
      AND pg_get_expr(i.indpred, i.indrelid) ~ format(
          $re$^\(encoder_id = %1$s\)$|^\(\(encoder_id = %1$s\) AND \(created_at < '[^']+'::[a-z ]+\)\)$$re$,
          e.id
      )
    ORDER BY i.indisvalid DESC, bound.covers_before DESC, i.indexrelid
    LIMIT 1
) AS found ON true;
COMMENT ON VIEW pgvoice.segment_index IS
'The index that serves searches, per encoder and table of segments: the whole table, or each partition.
It has the segments that were stored before covers_before. left_over: indexes of interrupted builds.';

CREATE OR REPLACE FUNCTION pgvoice.segment_index_tail(
    encoder integer, OUT segments bigint, OUT outgrown boolean
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
-- The planner takes them for a third of all.
SET enable_seqscan = off
AS $$
    SELECT newer.segments, newer.segments >= 10000 AND 10 * newer.segments >= i.segments
    FROM (
        SELECT sum(i.rows) AS segments, min(i.covers_before) AS covers_before
        FROM pgvoice.segment_index AS i
        WHERE i.encoder_id = encoder HAVING bool_and(i.valid)
    ) AS i
    CROSS JOIN LATERAL (
        SELECT count(*) AS segments FROM pgvoice.segment_embedding AS s
        WHERE s.encoder_id = encoder AND s.created_at >= i.covers_before
          AND s.status IN ('ok', 'partial')
    ) AS newer
$$;
COMMENT ON FUNCTION pgvoice.segment_index_tail(integer) IS
'How many segments were stored since the index of an encoder was built: searches compare each of them. outgrown:
there are so many, at least 10,000 and a tenth of those in the index, that it is worth building again. Both are
NULL if there is no complete index.';

CREATE OR REPLACE FUNCTION pgvoice.segment_index_statements(
    encoder integer, anew boolean DEFAULT false
) RETURNS TABLE (part text, statement text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(encoder);
    WITH found AS (
        SELECT i.*, c.relname, NOT i.valid OR anew
            -- After an interrupted build, only the parts that it did not reach.
            OR tail.outgrown AND i.covers_before = min(i.covers_before) OVER () AS wanted
        FROM pgvoice.segment_index AS i
        JOIN pg_class AS c ON c.oid = i.part
        CROSS JOIN pgvoice.segment_index_tail(encoder) AS tail
        WHERE i.encoder_id = encoder
    ), steps AS (
        SELECT f.relname, CASE WHEN x.id = f.index AND f.valid THEN 3 ELSE 1 END AS place,
               format('DROP INDEX CONCURRENTLY pgvoice.%I', c.relname) AS sql
        FROM found AS f
        -- Searches use a valid one until its successor is complete.
        CROSS JOIN unnest(CASE WHEN f.wanted AND f.valid THEN f.index END || f.left_over) AS x(id)
        JOIN pg_class AS c ON c.oid = x.id
        WHERE NOT f.building
        UNION ALL
        SELECT f.relname, 2, pgvoice_internal.index_statement(
            f.relname, f.encoder_id, f.dimension, now(), CASE WHEN f.valid THEN f.index END
        )
        FROM found AS f WHERE NOT f.building AND f.wanted
    )
    SELECT relname, sql FROM steps ORDER BY relname, place, sql
$$;
COMMENT ON FUNCTION pgvoice.segment_index_statements(integer, boolean) IS
'The statements, each to be run outside of a transaction, that index the segments that an encoder has now: they
drop what an interrupted build left, build what is missing, and replace an index that is outgrown; with anew, any
index. No rows if there is nothing to do.';

CREATE OR REPLACE FUNCTION pgvoice_internal.index_statement(
    part name, encoder_id integer, dimension integer, before timestamptz, beside regclass
) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET datestyle = 'ISO'
AS $$
    SELECT format(
        'CREATE INDEX CONCURRENTLY %I ON pgvoice.%I USING hnsw'
        ' ((embedding::public.halfvec(%s)) public.halfvec_ip_ops) WITH (m = 24, ef_construction = 128)'
        ' WHERE encoder_id = %s AND created_at < %L',
        (
            SELECT min(name) FROM unnest(ARRAY['hnsw', 'hnsw2']) AS suffix(word)
            CROSS JOIN format('%s_encoder_%s_%s', part, encoder_id, word) AS name
            WHERE name IS DISTINCT FROM (
                SELECT c.relname::text FROM pg_class AS c WHERE c.oid = beside
            )
        ),
        part, dimension, encoder_id, before
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.index_statement IS
'The statement that builds the index of the segments that an encoder had before a moment, in a table: the whole
or a partition; beside the one that it replaces, if any.';

CREATE OR REPLACE FUNCTION pgvoice_internal.indexed_segments(
    encoder integer, OUT segments bigint, OUT before timestamptz
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT sum(i.rows)::bigint, nullif(min(i.covers_before), 'infinity')
    FROM pgvoice.segment_index AS i
    WHERE i.encoder_id = encoder HAVING bool_and(i.valid)
$$;
COMMENT ON FUNCTION pgvoice_internal.indexed_segments(integer) IS
'About how many segments the index of an encoder has, and before which moment these were stored: NULL if that
does not matter. Both are NULL if there is no complete index.';

CREATE OR REPLACE FUNCTION pgvoice_internal.is_search_by_index(
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
COMMENT ON FUNCTION pgvoice_internal.is_search_by_index IS
'Whether a search uses the index instead of comparing every candidate: if at least 10,000 segments are
indexed, at most 1,000 are asked for, and the videos to search among (NULL for all) have more than
20,000 segments.';

CREATE OR REPLACE FUNCTION pgvoice_internal.search_efforts(
    tried integer[], segments bigint, parts bigint, fewest integer
) RETURNS integer[]
LANGUAGE sql IMMUTABLE
SET search_path FROM CURRENT
BEGIN ATOMIC
    SELECT array_agg(DISTINCT least(greatest(
        (effort * greatest(sqrt(segments / 1e6), 1) / sqrt(greatest(parts, 1)))::integer,
        fewest
    ), 1000))
    FROM unnest(tried) AS effort;
END;
COMMENT ON FUNCTION pgvoice_internal.search_efforts IS
'The values of hnsw.ef_search to try, in order: more above a million segments, of which an index misses more,
and less if every one of several partitions is searched.';
