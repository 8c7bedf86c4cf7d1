DO $$
DECLARE
    index regclass;
BEGIN
    FOR index IN SELECT i.index FROM pgvoice.segment_index AS i WHERE i.index IS NOT NULL LOOP
        EXECUTE format('DROP INDEX %s', index);
    END LOOP;
END
$$;
DROP FUNCTION pgvoice.similar_segments;
DROP FUNCTION pgvoice.near_segments;
DROP FUNCTION pgvoice.is_search_by_index;
DROP FUNCTION pgvoice.indexed_segments;
DROP FUNCTION pgvoice.near_statement;
DROP FUNCTION pgvoice.segment_index_statements;
DROP VIEW pgvoice.segment_index;
DROP FUNCTION pgvoice.speaker_ids;
DROP FUNCTION pgvoice.video_ids;
