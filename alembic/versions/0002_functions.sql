-- Functions keep the search path of this session: pgvoice, the schema of the extension, pg_temp.

CREATE FUNCTION pgvoice.snap_ms(seconds double precision, grid_ms integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (round(seconds::numeric * 1000 / grid_ms) * grid_ms)::integer;
COMMENT ON FUNCTION pgvoice.snap_ms(double precision, integer) IS
'The grid point nearest to a time, in milliseconds; halves go away from zero.';

CREATE FUNCTION pgvoice.snap_ms(seconds double precision) RETURNS integer
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN pgvoice.snap_ms(seconds, (SELECT setting.grid_ms::integer FROM pgvoice.setting));
COMMENT ON FUNCTION pgvoice.snap_ms(double precision) IS
'The point of this store''s grid nearest to a time, in milliseconds.';

CREATE FUNCTION pgvoice.similarity(inner_product double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN inner_product > 1 THEN 1 WHEN inner_product < -1 THEN -1 ELSE inner_product END;
COMMENT ON FUNCTION pgvoice.similarity(double precision) IS
'The inner product of two unit vectors, freed of what rounding puts beyond 1 and -1.';

CREATE FUNCTION pgvoice.encoder_id(name text) RETURNS integer
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    ids integer[] := ARRAY(SELECT e.id FROM pgvoice.encoder AS e WHERE e.name = encoder_id.name);
BEGIN
    IF cardinality(ids) = 1 THEN
        RETURN ids[1];
    ELSIF cardinality(ids) = 0 THEN
        RAISE EXCEPTION 'no encoder named % in the store', name USING ERRCODE = 'no_data_found';
    END IF;
    RAISE EXCEPTION '% encoders are named %: pass the id of one, from pgvoice.encoder',
        cardinality(ids), name USING ERRCODE = 'too_many_rows';
END
$$;
COMMENT ON FUNCTION pgvoice.encoder_id(text) IS
'The id of the encoder with this name; an error when none or several have it.';

CREATE FUNCTION pgvoice.sole_encoder() RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    ids integer[] := ARRAY(SELECT id FROM pgvoice.encoder ORDER BY id);
BEGIN
    IF cardinality(ids) > 1 THEN
        RAISE EXCEPTION 'the store holds vectors of % encoders', cardinality(ids)
            USING HINT = 'Name one: encoder => pgvoice.encoder_id(''campplus'').',
                  ERRCODE = 'too_many_rows';
    END IF;
    RETURN ids[1];
END
$$;
COMMENT ON FUNCTION pgvoice.sole_encoder() IS
'The id of the only encoder in the store, NULL when there is none yet; an error for several.';

CREATE FUNCTION pgvoice.refresh_profile(speaker bigint, encoder integer) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    WITH exemplar AS (
        SELECT embedding, dimension FROM pgvoice.enrollment
        WHERE speaker_id = speaker AND encoder_id = encoder AND NOT excluded
    ), mean AS (
        SELECT l2_normalize(avg(embedding)) AS embedding, min(dimension) AS dimension
        FROM exemplar HAVING count(*) > 0
    ), gone AS (
        DELETE FROM pgvoice.profile
        WHERE speaker_id = speaker AND encoder_id = encoder
          AND NOT EXISTS (SELECT FROM mean)
    )
    INSERT INTO pgvoice.profile AS p
        (speaker_id, encoder_id, dimension, embedding, exemplars, cohesion)
    SELECT speaker, encoder, m.dimension, m.embedding, count(*),
           pgvoice.similarity(avg(-(e.embedding <#> m.embedding)))
    FROM mean AS m CROSS JOIN exemplar AS e
    GROUP BY m.dimension, m.embedding
    ON CONFLICT (encoder_id, speaker_id) DO UPDATE
    SET embedding = excluded.embedding, exemplars = excluded.exemplars,
        cohesion = excluded.cohesion, updated_at = now();
$$;
COMMENT ON FUNCTION pgvoice.refresh_profile(bigint, integer) IS
'Recomputes a profile from its exemplars; without exemplars the profile goes.';

CREATE FUNCTION pgvoice.exemplar_similarity(speaker bigint) RETURNS TABLE (
    encoder text,
    source text,
    start_ms integer,
    end_ms integer,
    similarity double precision,
    excluded boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT named.label, e.source, e.start_ms, e.end_ms,
           pgvoice.similarity(-(e.embedding <#> p.embedding)), e.excluded
    FROM pgvoice.enrollment AS e
    JOIN pgvoice.encoder AS named ON named.id = e.encoder_id
    LEFT JOIN pgvoice.profile AS p USING (speaker_id, encoder_id)
    WHERE e.speaker_id = speaker
    ORDER BY named.id, e.embedding <#> p.embedding DESC, e.id
$$;
COMMENT ON FUNCTION pgvoice.exemplar_similarity(bigint) IS
'A speaker''s exemplars with their similarity to the profile, the least similar first.';

CREATE FUNCTION pgvoice.identify(
    video text,
    starts double precision[] DEFAULT NULL,
    ends double precision[] DEFAULT NULL,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    speaker text,
    nearest text,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision,
    reason text
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH asked AS (
        SELECT ordinal, pgvoice.snap_ms(start_s) AS start_ms, pgvoice.snap_ms(end_s) AS end_ms
        FROM unnest(starts, ends) WITH ORDINALITY AS given(start_s, end_s, ordinal)
        UNION ALL
        SELECT row_number() OVER (ORDER BY s.start_ms, s.end_ms), s.start_ms, s.end_ms
        FROM pgvoice.segment_embedding AS s
        WHERE starts IS NULL AND s.encoder_id = encoder
          AND s.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identify.video)
    ), compared AS (
        SELECT asked.*, s.status, best.*
        FROM asked
        LEFT JOIN pgvoice.segment_embedding AS s
            ON s.video_id = (SELECT v.id FROM pgvoice.video AS v WHERE v.key = identify.video)
            AND s.start_ms = asked.start_ms AND s.end_ms = asked.end_ms AND s.encoder_id = encoder
        LEFT JOIN LATERAL (
            SELECT array_agg(ranked.speaker_id ORDER BY ranked.similarity DESC, ranked.speaker_id)
                       AS speakers,
                   array_agg(ranked.similarity ORDER BY ranked.similarity DESC, ranked.speaker_id)
                       AS similarities
            FROM (
                SELECT p.speaker_id, -(s.embedding <#> p.embedding) AS similarity
                FROM pgvoice.profile AS p
                WHERE p.encoder_id = encoder
                ORDER BY s.embedding <#> p.embedding, p.speaker_id
                LIMIT 2
            ) AS ranked
        ) AS best ON s.embedding IS NOT NULL
    ), judged AS (
        SELECT compared.*,
               similarities[1] - similarities[2] AS margin,
               CASE
                   WHEN status IS NULL THEN 'missing'
                   WHEN status NOT IN ('ok', 'partial') THEN status
                   WHEN speakers IS NULL THEN 'no_profiles'
                   WHEN similarities[1] < coalesce(threshold, e.default_threshold)
                       THEN 'below_threshold'
                   WHEN similarities[1] - similarities[2] < coalesce(min_margin, 0)
                       THEN 'ambiguous'
                   ELSE 'matched'
               END AS reason
        FROM compared LEFT JOIN pgvoice.encoder AS e ON e.id = encoder
    )
    SELECT start_ms / 1000.0, end_ms / 1000.0,
           CASE WHEN judged.reason = 'matched' THEN first.name END, first.name,
           pgvoice.similarity(similarities[1]), second.name,
           pgvoice.similarity(similarities[2]), judged.margin, judged.reason
    FROM judged
    LEFT JOIN pgvoice.speaker AS first ON first.id = speakers[1]
    LEFT JOIN pgvoice.speaker AS second ON second.id = speakers[2]
    ORDER BY ordinal
$$;
COMMENT ON FUNCTION pgvoice.identify IS
'Who speaks in a video: one row per segment asked for (seconds), in that order, or all of them.
speaker is set only where reason is matched; nearest and runner_up are the two closest people.';

CREATE FUNCTION pgvoice.speaker_segments(
    speaker text,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    max_rows bigint DEFAULT NULL
) RETURNS TABLE (
    video text,
    start_s double precision,
    end_s double precision,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH target AS (
        SELECT p.speaker_id, p.embedding, coalesce(threshold, e.default_threshold) AS threshold
        FROM pgvoice.profile AS p
        JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
        JOIN pgvoice.encoder AS e ON e.id = p.encoder_id
        WHERE named.name = speaker_segments.speaker AND p.encoder_id = encoder
    ), near AS MATERIALIZED (
        SELECT s.video_id, s.start_ms, s.end_ms, s.embedding, t.speaker_id,
               -(s.embedding <#> t.embedding) AS similarity
        FROM target AS t
        JOIN pgvoice.segment_embedding AS s
            ON s.encoder_id = encoder AND -(s.embedding <#> t.embedding) >= t.threshold
    )
    SELECT v.key, near.start_ms / 1000.0, near.end_ms / 1000.0,
           pgvoice.similarity(near.similarity), other.name,
           pgvoice.similarity(other.similarity), near.similarity - other.similarity
    FROM near
    JOIN pgvoice.video AS v ON v.id = near.video_id
    LEFT JOIN LATERAL (
        SELECT p.speaker_id, named.name, -(near.embedding <#> p.embedding) AS similarity
        FROM pgvoice.profile AS p
        JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
        WHERE p.encoder_id = encoder AND p.speaker_id <> near.speaker_id
        ORDER BY near.embedding <#> p.embedding, p.speaker_id
        LIMIT 1
    ) AS other ON true
    WHERE other.speaker_id IS NULL
       OR ((near.similarity, -near.speaker_id) > (other.similarity, -other.speaker_id)
           AND near.similarity - other.similarity >= coalesce(min_margin, 0))
    ORDER BY near.similarity DESC, v.key, near.start_ms, near.end_ms
    LIMIT max_rows
$$;
COMMENT ON FUNCTION pgvoice.speaker_segments IS
'Where somebody speaks, best first, over all videos: the segments that identify gives to them.';
