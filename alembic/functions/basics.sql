-- What many other functions use: the grid, ids of names, similarities.

CREATE OR REPLACE FUNCTION pgvoice.snap_ms(seconds double precision, grid_ms integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (round(seconds::numeric * 1000 / grid_ms) * grid_ms)::integer;
COMMENT ON FUNCTION pgvoice.snap_ms(double precision, integer) IS
'The grid point nearest to a time, in milliseconds; halves round away from zero.';

CREATE OR REPLACE FUNCTION pgvoice.snap_ms(seconds double precision) RETURNS integer
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN pgvoice.snap_ms(seconds, (SELECT setting.grid_ms::integer FROM pgvoice.setting));
COMMENT ON FUNCTION pgvoice.snap_ms(double precision) IS
'The point of this store''s grid nearest to a time, in milliseconds.';

CREATE OR REPLACE FUNCTION pgvoice.snap_all_ms(seconds double precision[]) RETURNS integer[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN ARRAY(
    SELECT pgvoice.snap_ms(each.second, g.grid_ms::integer)
    FROM pgvoice.setting AS g
    CROSS JOIN unnest(seconds) WITH ORDINALITY AS each(second, place)
    ORDER BY each.place
);
COMMENT ON FUNCTION pgvoice.snap_all_ms(double precision[]) IS
'snap_ms of each time, in order.';

CREATE OR REPLACE FUNCTION pgvoice.similarity(inner_product double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN inner_product > 1 THEN 1 WHEN inner_product < -1 THEN -1 ELSE inner_product END;
COMMENT ON FUNCTION pgvoice.similarity(double precision) IS
'The inner product of two unit vectors, limited to the range from -1 to 1, which rounding can exceed.';

-- Not safe in parallel workers, where some servers forget the role that was set.
CREATE OR REPLACE FUNCTION pgvoice.sees_vectors() RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $$
    SELECT has_column_privilege(
        coalesce(nullif(current_setting('role'), 'none')::name, session_user),
        'pgvoice.segment_embedding', 'embedding', 'SELECT'
    )
$$;
COMMENT ON FUNCTION pgvoice.sees_vectors() IS
'Whether the user of this session, or the role that was set, may read vectors. Whoever may not gets
similarities with two digits, because from exact ones, and enough audio, vectors can be computed.';

CREATE OR REPLACE FUNCTION pgvoice.shown(similarity double precision, exact boolean)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN exact THEN similarity
    -- Multiplying can round the wrong way; dividing whole numbers by 100 gives the nearest to two digits.
    WHEN (floor(similarity * 100) + 1) / 100 <= similarity THEN (floor(similarity * 100) + 1) / 100
    WHEN floor(similarity * 100) / 100 > similarity THEN (floor(similarity * 100) - 1) / 100
    ELSE floor(similarity * 100) / 100
END;
COMMENT ON FUNCTION pgvoice.shown(double precision, boolean) IS
'A similarity or margin as a caller gets it: exact, or rounded down to two digits, so that it reaches a
threshold of two digits exactly if the exact one does.';

CREATE OR REPLACE FUNCTION pgvoice_internal.given(
    name text, requirement double precision, lowest double precision, highest double precision
) RETURNS double precision
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $$
BEGIN
    -- NaN is more than everything.
    IF requirement NOT BETWEEN lowest AND highest THEN
        RAISE EXCEPTION '% is %, but must be from % to %', name, requirement, lowest, highest
            USING HINT = 'Leave it out to use the calibrated one, or the encoder''s own.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN CASE WHEN pgvoice.sees_vectors() THEN requirement ELSE round(requirement * 100) / 100 END;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.given IS
'A threshold or margin that a caller gives, with two digits unless they may see vectors: trying one after
the other would otherwise tell the exact similarity. Fails if it is out of range.';

CREATE OR REPLACE FUNCTION pgvoice.default_encoder() RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT e.id FROM pgvoice.encoder AS e ORDER BY e.default_since DESC NULLS LAST, e.id LIMIT 1;
END;
COMMENT ON FUNCTION pgvoice.default_encoder() IS
'The id of the encoder whose vectors answer unless another one is named: the one that the library switched
to last, else the first; NULL if there is none yet.';

CREATE OR REPLACE FUNCTION pgvoice.encoder_id(name text) RETURNS integer
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    called CONSTANT integer[] := ARRAY(
        SELECT e.id FROM pgvoice.encoder AS e
        WHERE encoder_id.name IN (e.name, e.label)
        ORDER BY e.id <> pgvoice.default_encoder(), e.id
    );
BEGIN
    IF cardinality(called) = 1 OR called[1] = pgvoice.default_encoder() THEN
        RETURN called[1];
    ELSIF cardinality(called) = 0 THEN
        RAISE EXCEPTION 'no encoder named % in the store', name
            USING HINT = 'The table pgvoice.encoder lists them.', ERRCODE = 'no_data_found';
    END IF;
    RAISE EXCEPTION '% encoders are named %', cardinality(called), name
        USING HINT = 'Give the label of one, or pass its id; the table pgvoice.encoder lists them.',
              ERRCODE = 'too_many_rows';
END
$$;
COMMENT ON FUNCTION pgvoice.encoder_id(text) IS
'The id of the encoder with this name or label: of several, the one that answers by default. Fails if there
is none, or several without it.';

CREATE OR REPLACE FUNCTION pgvoice_internal.video_ids(keys text[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    unknown text;
BEGIN
    SELECT min(asked.key) INTO unknown FROM unnest(keys) AS asked(key)
    WHERE NOT EXISTS (SELECT FROM pgvoice.video AS v WHERE v.key = asked.key)
    HAVING count(*) > 0;
    IF FOUND THEN
        RAISE EXCEPTION 'no video % in the store', quote_nullable(unknown)
            USING HINT = 'The table pgvoice.video lists them.', ERRCODE = 'no_data_found';
    END IF;
    RETURN ARRAY(SELECT v.id FROM pgvoice.video AS v WHERE v.key = ANY (keys));
END
$$;
COMMENT ON FUNCTION pgvoice_internal.video_ids(text[]) IS
'The ids of the videos with these keys; fails if no video has one of them.';

CREATE OR REPLACE FUNCTION pgvoice_internal.speaker_ids(names text[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    unknown text;
BEGIN
    SELECT min(asked.name) INTO unknown FROM unnest(names) AS asked(name)
    WHERE NOT EXISTS (SELECT FROM pgvoice.speaker AS s WHERE s.name = asked.name)
    HAVING count(*) > 0;
    IF FOUND THEN
        RAISE EXCEPTION 'no speaker % in the store', quote_nullable(unknown)
            USING HINT = 'The table pgvoice.speaker lists them.', ERRCODE = 'no_data_found';
    END IF;
    RETURN ARRAY(SELECT s.id FROM pgvoice.speaker AS s WHERE s.name = ANY (names));
END
$$;
COMMENT ON FUNCTION pgvoice_internal.speaker_ids(text[]) IS
'The ids of the speakers with these names; fails if nobody has one of them.';

CREATE OR REPLACE FUNCTION pgvoice_internal.held_speaker(speaker text) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    found bigint;
BEGIN
    SELECT s.id INTO found FROM pgvoice.speaker AS s WHERE s.name = speaker FOR NO KEY UPDATE;
    IF found IS NULL THEN
        RAISE EXCEPTION 'no speaker % in the store', quote_literal(speaker)
            USING HINT = 'The table pgvoice.speaker lists them.', ERRCODE = 'no_data_found';
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.held_speaker(text) IS
'The id of a speaker, locked until commit against other enrollments; fails if there is none.';

-- What a caller gives is checked by a statement of its own, before the one that answers, whose plan
-- stays as it is.
CREATE OR REPLACE FUNCTION pgvoice_internal.require_encoder(encoder integer) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF EXISTS (SELECT FROM pgvoice.encoder)
       AND NOT EXISTS (SELECT FROM pgvoice.encoder AS e WHERE e.id = encoder) THEN
        RAISE EXCEPTION 'no encoder % in the store', coalesce(encoder::text, 'NULL')
            USING HINT = 'The table pgvoice.encoder lists them.', ERRCODE = 'no_data_found';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_encoder(integer) IS
'Fails if the store has encoders, but none with this id.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_speaker(speaker bigint) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pgvoice.speaker AS s WHERE s.id = speaker) THEN
        RAISE EXCEPTION 'no speaker with the id % in the store', coalesce(speaker::text, 'NULL')
            USING HINT = 'The table pgvoice.speaker lists them.', ERRCODE = 'no_data_found';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_speaker(bigint) IS
'Fails if there is no speaker with this id.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_not_negative(name text, value double precision)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF value < 0 OR value = 'NaN' THEN
        RAISE EXCEPTION '% is %, but must not be negative', name, value
            USING HINT = 'Give a number from 0 on, or leave it out.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_not_negative(text, double precision) IS
'Fails if a limit is negative or NaN; NULL is none.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_same_length(
    name text, values_given bigint, other_name text, others_given bigint
) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF values_given IS DISTINCT FROM others_given THEN
        RAISE EXCEPTION 'arrays of different length: % in %, % in %',
            coalesce(values_given::text, 'none'), name,
            coalesce(others_given::text, 'none'), other_name
            USING HINT = 'Give one of each for every segment.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_same_length(text, bigint, text, bigint) IS
'Fails if two arrays have different lengths; a NULL array has the same as another.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_segments(
    starts double precision[], ends double precision[], starts_ms integer[], ends_ms integer[]
) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    bad record;
BEGIN
    PERFORM pgvoice_internal.require_same_length(
        'starts', coalesce(cardinality(starts_ms), cardinality(starts)),
        'ends', coalesce(cardinality(ends_ms), cardinality(ends))
    );
    SELECT each.name, each.value INTO bad
    FROM (
        SELECT 'start' AS name, value FROM unnest(starts) AS value
        UNION ALL SELECT 'end', value FROM unnest(ends) AS value
        UNION ALL SELECT 'start', NULL WHERE array_position(starts_ms, NULL) > 0
        UNION ALL SELECT 'end', NULL WHERE array_position(ends_ms, NULL) > 0
    ) AS each
    -- The most seconds whose milliseconds fit an integer; NaN is more.
    WHERE (each.value BETWEEN -2147483 AND 2147483) IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the % % is no time', bad.name, coalesce(bad.value::text, 'NULL')
            USING HINT = 'Give a start and an end for each segment, in seconds up to 2147483.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_segments IS
'Fails unless there is an end for each start, and each is a time.';

CREATE OR REPLACE FUNCTION pgvoice_internal.require_question(
    videos text[], encoder integer, threshold double precision, min_margin double precision
) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.video_ids(videos), pgvoice_internal.require_encoder(encoder),
            pgvoice_internal.given('threshold', threshold, -1, 1),
            pgvoice_internal.given('min_margin', min_margin, 0, 2);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.require_question IS
'Fails if there is no such video or encoder, or if a threshold or margin is out of range.';
