-- The HNSW indexes of the segments: which there are, and the statements that build them.

CREATE OR REPLACE VIEW pgvoice.segment_index AS
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
'The index that serves searches, per encoder and table of segments: the whole table, or each partition.';

CREATE OR REPLACE FUNCTION pgvoice.segment_index_statements(encoder integer)
RETURNS TABLE (part text, statement text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(encoder);
    WITH lacking AS (
        SELECT i.*, c.relname
        FROM pgvoice.segment_index AS i
        JOIN pg_class AS c ON c.oid = i.part
        WHERE i.encoder_id = encoder AND NOT i.valid AND NOT i.building
    ), steps AS (
        SELECT lacking.relname, 1 AS place,
               format('DROP INDEX CONCURRENTLY pgvoice.%I', broken.relname) AS sql
        FROM lacking
        JOIN pg_class AS broken ON broken.oid = lacking.index
        UNION ALL
        SELECT relname, 2,
               pgvoice_internal.index_statement(relname, encoder_id, dimension)
        FROM lacking
    )
    SELECT relname, sql FROM steps ORDER BY relname, place
$$;
COMMENT ON FUNCTION pgvoice.segment_index_statements(integer) IS
'The statements, each to be run outside of a transaction, that index an encoder''s segments: they drop
what an interrupted build left and build what is missing. No rows if the index is complete.';

CREATE OR REPLACE FUNCTION pgvoice_internal.index_statement(
    part name, encoder_id integer, dimension integer
) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT format(
        'CREATE INDEX CONCURRENTLY %I ON pgvoice.%I USING hnsw'
        ' ((embedding::public.halfvec(%s)) public.halfvec_ip_ops) WITH (m = 24, ef_construction = 128)'
        ' WHERE encoder_id = %s',
        format('%s_encoder_%s_hnsw', part, encoder_id), part, dimension, encoder_id
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.index_statement IS
'The statement that builds the index of an encoder''s segments in a table, the whole or a partition.';
