-- The stored segments that sound most like a stored one.

CREATE OR REPLACE FUNCTION pgvoice.similar_segments(
    video text,
    start_s double precision,
    end_s double precision,
    max_rows integer DEFAULT 20,
    encoder integer DEFAULT pgvoice.default_encoder(),
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
    similarity double precision,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(similar_segments.encoder),
           pgvoice_internal.require_segments(
               ARRAY[similar_segments.start_s], ARRAY[similar_segments.end_s], NULL, NULL
           ),
           pgvoice_internal.require_not_negative('max_rows', max_rows),
           pgvoice_internal.require_not_negative('min_seconds', min_seconds);
    WITH sees AS MATERIALIZED (SELECT pgvoice.sees_vectors() AS exact)
    SELECT v.key, near.start_ms / 1000.0, near.end_ms / 1000.0,
           pgvoice.shown(pgvoice.similarity(-near.distance), sees.exact), near.start_ms, near.end_ms
    FROM sees
    CROSS JOIN pgvoice_internal.near_segments(
        (pgvoice_internal.video_ids(ARRAY[similar_segments.video]))[1],
        pgvoice.snap_ms(similar_segments.start_s),
        pgvoice.snap_ms(similar_segments.end_s),
        encoder,
        max_rows,
        CASE WHEN videos IS NOT NULL OR since IS NOT NULL THEN ARRAY(
            SELECT v.id FROM pgvoice.video AS v
            WHERE (videos IS NULL OR v.id IN (SELECT unnest(pgvoice_internal.video_ids(videos))))
              AND (since IS NULL OR v.created_at >= since)
        ) END,
        ceil(min_seconds::numeric * 1000)::integer,
        pgvoice_internal.speaker_ids(excluded_speakers),
        same_video,
        similar_segments.exact,
        NOT pgvoice.sees_vectors()
    ) AS near
    JOIN pgvoice.video AS v ON v.id = near.video_id
    ORDER BY pgvoice.shown(-near.distance, sees.exact) DESC, near.video_id, near.start_ms,
             near.end_ms
$$;
COMMENT ON FUNCTION pgvoice.similar_segments IS
'The stored segments that sound most like a stored one, over all videos, the most similar first,
without the segment itself. since: only videos added to the store from then on; excluded_speakers:
without the segments that identify assigns to these people; same_video => false: without other segments
of the same video. Uses the index if there is one and it is faster, else compares every segment; exact =>
false or true forces one or the other. The index may miss a few of the most similar segments; similarity
is exact either way, or has two digits unless the caller sees_vectors, who then gets at most 100 rows.';

-- ROWS 100 makes the planner look up the videos of the few rows found, instead of reading all videos.
CREATE OR REPLACE FUNCTION pgvoice_internal.near_segments(
    asked_video bigint,
    asked_start_ms integer,
    asked_end_ms integer,
    encoder integer,
    max_rows integer,
    among bigint[],
    min_ms integer,
    excluded bigint[],
    same_video boolean,
    exact boolean,
    coarse boolean
) RETURNS TABLE (video_id bigint, start_ms integer, end_ms integer, distance double precision)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT
SET hnsw.iterative_scan = relaxed_order
SET hnsw.ef_search = 400
SET hnsw.max_scan_tuples = 20000
SET hnsw.scan_mem_multiplier = 8
SET enable_seqscan = on
AS $$
DECLARE
    asked record;
    indexed record;
    by_index boolean;
    filtered boolean := coalesce(
        among IS NOT NULL OR min_ms IS NOT NULL OR cardinality(excluded) > 0, false
    );
    candidates integer := CASE WHEN filtered THEN 4 ELSE 1 END * least(max_rows, 100000000) + 20;
    efforts integer[];
    effort integer;
    statement text;
    nearest double precision;
    videos bigint[];
    starts integer[];
    ends integer[];
    distances double precision[];
BEGIN
    IF coarse AND coalesce(max_rows > 100, true) THEN
        RAISE EXCEPTION '% similar segments are too many for a user who may not see vectors',
            coalesce(max_rows::text, 'all')
            USING HINT = 'Ask for at most 100, or as an admin.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT s.dimension, s.status, s.created_at, s.embedding IS NOT NULL AS embedded INTO asked
    FROM pgvoice.segment_embedding AS s
    WHERE s.video_id = asked_video AND s.start_ms = asked_start_ms AND s.end_ms = asked_end_ms
      AND s.encoder_id = encoder;
    IF asked.embedded IS NOT TRUE THEN
        RAISE EXCEPTION 'no vector of the segment from % to % s: it is %',
            asked_start_ms / 1000::double precision, asked_end_ms / 1000::double precision,
            coalesce(asked.status, 'missing')
            USING HINT = CASE WHEN asked.status IS NULL THEN 'Fill it first, or choose another.'
                              ELSE 'Choose another segment.' END,
                  ERRCODE = 'no_data_found';
    END IF;
    SELECT i.segments, i.before INTO indexed FROM pgvoice_internal.indexed_segments(encoder) AS i;
    by_index := coalesce(
        NOT exact, pgvoice_internal.is_search_by_index(encoder, indexed.segments, max_rows, among)
    );
    IF by_index THEN
        efforts := pgvoice_internal.search_efforts(
            CASE
                -- Nothing of its own video would reveal a scan that ended in a remote part.
                WHEN asked.created_at >= indexed.before THEN ARRAY[1000]
                WHEN filtered THEN ARRAY[400] ELSE ARRAY[130, 400]
            END,
            indexed.segments,
            (SELECT count(*) FROM pg_inherits
             WHERE inhparent = 'pgvoice.segment_embedding'::regclass),
            candidates + 10
        );
        PERFORM set_config(
            'hnsw.max_scan_tuples',
            greatest(indexed.segments / 100, candidates)::integer::text, true
        );
        IF among IS NULL OR asked_video = ANY (among) THEN
            EXECUTE 'SELECT distance FROM (' || pgvoice_internal.near_statement(
                encoder, asked.dimension, false, same_video,
                true, min_ms IS NOT NULL, cardinality(excluded) > 0, coarse, NULL, indexed.before
            ) || ') AS near' INTO nearest
            USING asked_video, asked_start_ms, asked_end_ms, ARRAY[asked_video], min_ms, excluded, 1;
        END IF;
        statement := pgvoice_internal.near_statement(
            encoder, asked.dimension, true, same_video,
            among IS NOT NULL, min_ms IS NOT NULL, cardinality(excluded) > 0, coarse,
            NULL, indexed.before
        );
        -- Occasionally a scan ends in a remote part of the graph, where nothing is as near as the
        -- nearest segment of the same video. Repeating it with more effort nearly always helps.
        FOREACH effort IN ARRAY efforts LOOP
            PERFORM set_config('hnsw.ef_search', effort::text, true);
            EXECUTE 'SELECT array_agg(video_id), array_agg(start_ms), array_agg(end_ms),'
                ' array_agg(distance) FROM (' || statement || ') AS near'
            INTO videos, starts, ends, distances
            USING asked_video, asked_start_ms, asked_end_ms, among, min_ms, excluded, max_rows,
                  candidates;
            EXIT WHEN distances[1] <= coalesce(nearest, 2);
        END LOOP;
        by_index := exact IS NOT NULL
            -- A scan that gave up early cost little; everything is compared then, so that filters
            -- that leave few rows lose none of them.
            OR coalesce(cardinality(videos), 0) = candidates
            AND distances[1] <= coalesce(nearest, 2);
    END IF;
    -- Everything, or what the index does not cover: its tail.
    statement := pgvoice_internal.near_statement(
        encoder, asked.dimension, false, same_video, among IS NOT NULL, min_ms IS NOT NULL,
        cardinality(excluded) > 0, coarse, CASE WHEN by_index THEN indexed.before END, NULL
    );
    IF NOT by_index THEN
        RETURN QUERY EXECUTE statement
        USING asked_video, asked_start_ms, asked_end_ms, among, min_ms, excluded, max_rows;
    ELSIF indexed.before IS NULL THEN
        RETURN QUERY SELECT * FROM unnest(videos, starts, ends, distances) LIMIT max_rows;
    ELSE
        -- The planner's statistics may not know how few these are.
        PERFORM set_config('enable_seqscan', 'off', true);
        RETURN QUERY EXECUTE 'SELECT n.* FROM (SELECT * FROM unnest($8, $9, $10, $11)'
            ' AS old(video_id, start_ms, end_ms, distance) UNION ALL (' || statement || ')) AS n'
            ' ORDER BY n.distance, n.video_id, n.start_ms, n.end_ms LIMIT $7'
        USING asked_video, asked_start_ms, asked_end_ms, among, min_ms, excluded, max_rows,
              videos, starts, ends, distances;
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.near_segments IS
'The stored segments nearest to a stored one, with the ids of their videos. distance is the negative
inner product; coarse: with two digits, by which they are ordered then.';

CREATE OR REPLACE FUNCTION pgvoice_internal.near_statement(
    encoder integer,
    dimension integer,
    by_index boolean,
    same_video boolean,
    among boolean,
    at_least boolean,
    excluding boolean,
    coarse boolean,
    stored_from timestamptz,
    stored_before timestamptz
) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET datestyle = 'ISO'
AS $statement$
    SELECT format(
        CASE WHEN by_index THEN $$
            SELECT s.video_id, s.start_ms, s.end_ms, %6$s AS distance
            FROM (
                SELECT s.* FROM pgvoice.segment_embedding AS s
                WHERE s.encoder_id = %1$s%7$s AND s.embedding IS NOT NULL%3$s%4$s
                ORDER BY s.embedding::public.halfvec(%2$s)
                    OPERATOR(public.<#>) %5$s::public.halfvec(%2$s)
                LIMIT $8
            ) AS s
            ORDER BY distance, s.video_id, s.start_ms, s.end_ms
        $$ ELSE $$
            SELECT s.video_id, s.start_ms, s.end_ms, s.distance
            FROM (
                SELECT s.video_id, s.start_ms, s.end_ms, %6$s AS distance
                FROM pgvoice.segment_embedding AS s
                WHERE s.encoder_id = %1$s%7$s AND s.embedding IS NOT NULL%3$s
                ORDER BY distance, s.video_id, s.start_ms, s.end_ms
                OFFSET 0
            ) AS s
            WHERE true%4$s
            ORDER BY s.distance, s.video_id, s.start_ms, s.end_ms
            LIMIT $7
        $$ END,
        encoder, dimension,
        ' AND (s.video_id, s.start_ms, s.end_ms) <> ($1, $2, $3)'
        || CASE WHEN same_video THEN '' ELSE ' AND s.video_id <> $1' END
        || CASE WHEN among THEN ' AND s.video_id = ANY ($4)' ELSE '' END
        || CASE WHEN at_least THEN ' AND s.end_ms - s.start_ms >= $5' ELSE '' END,
        CASE WHEN excluding THEN format($$
                AND NOT coalesce((
                    SELECT near.speaker_id
                    FROM (
                        SELECT two.speakers[1] AS speaker_id, two.speakers[2] AS other_id,
                               two.similarities
                        FROM pgvoice.segment_embedding AS own
                        CROSS JOIN LATERAL
                            pgvoice_internal.nearest_two(own.embedding, %1$s) AS two
                        WHERE own.video_id = s.video_id AND own.start_ms = s.start_ms
                          AND own.end_ms = s.end_ms AND own.encoder_id = %1$s
                          AND two.speakers[1] = ANY ($6)
                        -- Thresholds are only looked up for these people.
                        OFFSET 0
                    ) AS near
                    JOIN pgvoice.profile AS one
                        ON one.encoder_id = %1$s AND one.speaker_id = near.speaker_id
                    LEFT JOIN pgvoice.profile AS other
                        ON other.encoder_id = %1$s AND other.speaker_id = near.other_id
                    CROSS JOIN LATERAL pgvoice_internal.required_of_segment(
                        %1$s, s.video_id, s.start_ms, s.end_ms, near.speaker_id, NULL, NULL
                    ) AS q
                    WHERE 'matched' = pgvoice_internal.reason(
                        'ok', near.similarities[1], near.similarities[2], q.threshold, q.margin,
                        pgvoice_internal.are_two_voices(
                            near.similarities[1], near.similarities[2],
                            -(one.embedding OPERATOR(public.<#>) other.embedding)
                        )
                    )
                ) = ANY ($6), false)$$, encoder) ELSE '' END,
        asked.voice,
        format(
            CASE WHEN coarse THEN 'ceil((%s) * 100) / 100' ELSE '%s' END,
            's.embedding OPERATOR(public.<#>) ' || asked.voice
        ),
        concat(
            ' AND s.created_at >= ' || quote_literal(stored_from),
            ' AND s.created_at < ' || quote_literal(stored_before)
        )
    )
    -- Looked up by the statement itself: as a parameter, the vector would be in the plan.
    FROM format(
        '(SELECT a.embedding FROM pgvoice.segment_embedding AS a WHERE a.video_id = $1'
        ' AND a.start_ms = $2 AND a.end_ms = $3 AND a.encoder_id = %s)', encoder
    ) AS asked(voice)
$statement$;
COMMENT ON FUNCTION pgvoice_internal.near_statement IS
'The statement that near_segments runs. Postgres uses the partial index of an encoder only if id, dimension and
the moment up to which it reaches are literals in the statement; these and no texts are put into it.';
