-- A search by the index begins with little effort, and takes more only where that ended in a far
-- corner; new indexes have more links, so that it seldom does. Of so few rows the videos are looked
-- up, not all read.

CREATE OR REPLACE FUNCTION pgvoice.near_segments(
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
LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT
SET hnsw.iterative_scan = relaxed_order
SET hnsw.ef_search = 400
SET hnsw.max_scan_tuples = 20000
SET hnsw.scan_mem_multiplier = 8
AS $$
DECLARE
    asked record;
    indexed bigint := pgvoice.indexed_segments(encoder);
    by_index boolean := coalesce(
        NOT exact, pgvoice.is_search_by_index(encoder, indexed, max_rows, among)
    );
    filtered boolean := coalesce(
        among IS NOT NULL OR min_ms IS NOT NULL OR cardinality(excluded) > 0, false
    );
    candidates integer := CASE WHEN filtered THEN 4 ELSE 1 END * max_rows + 20;
    efforts integer[];
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
        SELECT array_agg(
            DISTINCT least(greatest((tried / parts.factor)::integer, candidates + 10), 1000)
        )
        INTO efforts
        FROM unnest(CASE WHEN filtered THEN ARRAY[400] ELSE ARRAY[130, 400] END) AS tried
        CROSS JOIN (
            SELECT sqrt(greatest(count(*), 1))
            FROM pg_inherits WHERE inhparent = 'pgvoice.segment_embedding'::regclass
        ) AS parts(factor);
        PERFORM set_config(
            'hnsw.max_scan_tuples', greatest(indexed / 100, candidates)::integer::text, true
        );
        IF among IS NULL OR asked_video = ANY (among) THEN
            EXECUTE 'SELECT distance FROM (' || pgvoice.near_statement(
                encoder, asked.dimension, false, same_video,
                true, min_ms IS NOT NULL, cardinality(excluded) > 0
            ) || ') AS near' INTO nearest
            USING asked.embedding, asked_video, asked_start_ms, asked_end_ms, ARRAY[asked_video],
                  min_ms, excluded, 1;
        END IF;
        statement := pgvoice.near_statement(
            encoder, asked.dimension, true, same_video,
            among IS NOT NULL, min_ms IS NOT NULL, cardinality(excluded) > 0
        );
        -- Once in a while a scan ends in a far corner of the graph, which the asked video tells: with
        -- more effort it seldom does.
        FOREACH effort IN ARRAY efforts LOOP
            PERFORM set_config('hnsw.ef_search', effort::text, true);
            EXECUTE 'SELECT array_agg(video_id), array_agg(start_ms), array_agg(end_ms),'
                ' array_agg(distance) FROM (' || statement || ') AS near'
            INTO videos, starts, ends, distances
            USING asked.embedding, asked_video, asked_start_ms, asked_end_ms, among, min_ms,
                  excluded, max_rows, candidates;
            EXIT WHEN distances[1] <= coalesce(nearest, 2);
        END LOOP;
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
              max_rows;
    END IF;
END
$$;
