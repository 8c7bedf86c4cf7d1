-- One act of calibration is a row: bands of durations, and what is required in each. At most one
-- is active for an encoder, and the others stay, to go back to.

-- Nothing wrote here before, and nothing was judged by it.
DELETE FROM pgvoice.calibration;
ALTER TABLE pgvoice.calibration
    DROP CONSTRAINT calibration_band_check,
    DROP COLUMN min_ms,
    DROP COLUMN max_ms,
    DROP COLUMN threshold,
    DROP COLUMN margin,
    DROP COLUMN trials,
    ADD COLUMN band_ms integer[] NOT NULL,
    ADD COLUMN thresholds double precision[] NOT NULL,
    ADD COLUMN margins double precision[] NOT NULL,
    ADD COLUMN labels_from text NOT NULL,
    ADD COLUMN measured jsonb NOT NULL,
    ADD COLUMN active boolean DEFAULT false NOT NULL,
    ADD CONSTRAINT calibration_band_ms_check CHECK (band_ms[1] = 0 AND array_position(band_ms, NULL) IS NULL),
    ADD CONSTRAINT calibration_thresholds_check CHECK (cardinality(thresholds) = cardinality(band_ms) AND array_position(thresholds, NULL) IS NULL),
    ADD CONSTRAINT calibration_margins_check CHECK (cardinality(margins) = cardinality(band_ms) AND array_position(margins, NULL) IS NULL);
CREATE UNIQUE INDEX calibration_active_idx ON pgvoice.calibration (encoder_id) WHERE active;
COMMENT ON TABLE pgvoice.calibration IS
'Thresholds measured on this library, per encoder: a row for each time that they were.';
COMMENT ON COLUMN pgvoice.calibration.band_ms IS
'Where each band of durations begins, rising from 0; it ends where the next begins.';
COMMENT ON COLUMN pgvoice.calibration.thresholds IS 'For each band.';
COMMENT ON COLUMN pgvoice.calibration.margins IS 'For each band.';
COMMENT ON COLUMN pgvoice.calibration.labels_from IS 'Where it was known from who speaks.';
COMMENT ON COLUMN pgvoice.calibration.measured IS
'What was measured on people whom the thresholds were not tuned on, and on how much.';
COMMENT ON COLUMN pgvoice.calibration.active IS 'Whether it is what identify goes by.';

ALTER TABLE pgvoice.attribution_run
    ADD COLUMN calibration_id bigint,
    ADD CONSTRAINT attribution_run_calibration_id_fkey FOREIGN KEY(calibration_id) REFERENCES pgvoice.calibration (id);
COMMENT ON COLUMN pgvoice.attribution_run.threshold IS
'NULL for a pin, and where the calibration said it.';
COMMENT ON COLUMN pgvoice.attribution_run.calibration_id IS
'What said threshold or margin, where they were not given.';

CREATE OR REPLACE FUNCTION pgvoice.required(
    encoder integer,
    duration_ms integer,
    given_threshold double precision,
    given_margin double precision
) RETURNS TABLE (threshold double precision, margin double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(given_threshold, c.thresholds[width_bucket(duration_ms, c.band_ms)],
                    e.default_threshold),
           coalesce(given_margin, c.margins[width_bucket(duration_ms, c.band_ms)], 0)
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = encoder;
END;
COMMENT ON FUNCTION pgvoice.required IS
'What is required of a segment of this length for it to get a name: what is given, else what the
active calibration says of such lengths, else the encoder''s own. The one place where everything that
judges gets its threshold and margin.';

CREATE FUNCTION pgvoice.least_required(encoder integer, given_threshold double precision)
RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(given_threshold, (SELECT min(t) FROM unnest(c.thresholds) AS t),
                    e.default_threshold)
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = encoder
$$;
COMMENT ON FUNCTION pgvoice.least_required IS
'The lowest threshold that pgvoice.required says of any length.';

CREATE OR REPLACE FUNCTION pgvoice.identify(
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
               CASE WHEN status IS NULL THEN 'missing' ELSE pgvoice.reason(
                   status, similarities[1], similarities[2], q.threshold, q.margin
               ) END AS reason
        FROM compared
        LEFT JOIN LATERAL pgvoice.required(encoder, end_ms - start_ms, threshold, min_margin) AS q
            ON true
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

-- In plpgsql, because Postgres runs what such a function returns in parallel.
CREATE OR REPLACE FUNCTION pgvoice.speaker_segments(
    speaker text,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    max_rows bigint DEFAULT NULL,
    ordered text DEFAULT 'similarity'
) RETURNS TABLE (
    video text,
    start_s double precision,
    end_s double precision,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    by_time CONSTANT boolean := pgvoice.is_by_time(ordered);
    target record;
BEGIN
    SELECT p.speaker_id, p.embedding,
           pgvoice.least_required(encoder, speaker_segments.threshold) AS least
    INTO target
    FROM pgvoice.profile AS p
    JOIN pgvoice.speaker AS named ON named.id = p.speaker_id
    WHERE named.name = speaker_segments.speaker AND p.encoder_id = encoder;
    RETURN QUERY
    SELECT v.key, near.start_ms / 1000.0::double precision, near.end_ms / 1000.0::double precision,
           pgvoice.similarity(near.similarity), other.name,
           pgvoice.similarity(near.other_similarity), near.similarity - near.other_similarity
    FROM (
        SELECT s.video_id, s.start_ms, s.end_ms, -(s.embedding <#> target.embedding) AS similarity,
               r.speaker_id AS other_id, r.similarity AS other_similarity
        FROM pgvoice.segment_embedding AS s
        CROSS JOIN LATERAL pgvoice.rival(s.embedding, encoder, target.speaker_id) AS r
        WHERE s.encoder_id = encoder AND -(s.embedding <#> target.embedding) >= target.least
    ) AS near
    CROSS JOIN LATERAL pgvoice.required(
        encoder, near.end_ms - near.start_ms, speaker_segments.threshold, min_margin
    ) AS q
    JOIN pgvoice.video AS v ON v.id = near.video_id
    LEFT JOIN pgvoice.speaker AS other ON other.id = near.other_id
    WHERE (near.other_id IS NULL
           OR (near.similarity, -target.speaker_id) > (near.other_similarity, -near.other_id))
      AND pgvoice.reason(
          'ok', near.similarity, near.other_similarity, q.threshold, q.margin
      ) = 'matched'
    ORDER BY CASE WHEN NOT by_time THEN near.similarity END DESC,
             v.key, near.start_ms, near.end_ms
    LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION pgvoice.speaker_segments IS
'Where somebody speaks, over all videos: the segments that identify gives to them, best first, or
by video and time where ordered is ''time''.';

CREATE OR REPLACE FUNCTION pgvoice.near_statement(
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
                LIMIT $9
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
            LIMIT $8
        $$ END,
        encoder,
        dimension,
        ' AND (s.video_id, s.start_ms, s.end_ms) <> ($2, $3, $4)'
        || CASE WHEN same_video THEN '' ELSE ' AND s.video_id <> $2' END
        || CASE WHEN among THEN ' AND s.video_id = ANY ($5)' ELSE '' END
        || CASE WHEN at_least THEN ' AND s.end_ms - s.start_ms >= $6' ELSE '' END,
        CASE WHEN excluding THEN format($$
                AND NOT coalesce((
                    SELECT two.ids[1]
                    FROM (
                        SELECT array_agg(best.speaker_id ORDER BY best.distance, best.speaker_id)
                                   AS ids,
                               array_agg(-best.distance ORDER BY best.distance, best.speaker_id)
                                   AS similarities
                        FROM (
                            SELECT p.speaker_id, own.embedding <#> p.embedding AS distance
                            FROM pgvoice.segment_embedding AS own
                            JOIN pgvoice.profile AS p ON p.encoder_id = own.encoder_id
                            WHERE own.video_id = s.video_id AND own.start_ms = s.start_ms
                              AND own.end_ms = s.end_ms AND own.encoder_id = %1$s
                            ORDER BY distance, p.speaker_id
                            LIMIT 2
                        ) AS best
                    ) AS two
                    CROSS JOIN LATERAL
                        pgvoice.required(%1$s, s.end_ms - s.start_ms, NULL, NULL) AS q
                    WHERE pgvoice.reason(
                        'ok', two.similarities[1], two.similarities[2], q.threshold, q.margin
                    ) = 'matched'
                ) = ANY ($7), false)$$, encoder) ELSE '' END
    )
$statement$;
COMMENT ON FUNCTION pgvoice.near_statement IS
'The statement that pgvoice.near_segments runs. The partial index of an encoder is only used where
id and dimension stand in the statement itself; these two integers are all that is put into it.';

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
LANGUAGE plpgsql STABLE
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
              max_rows, candidates;
        -- Once in a while a scan ends in a far corner of the graph; the asked video tells.
        IF among IS NULL OR asked_video = ANY (among) THEN
            statement := pgvoice.near_statement(
                encoder, asked.dimension, false, same_video,
                true, min_ms IS NOT NULL, cardinality(excluded) > 0
            );
            EXECUTE 'SELECT distance FROM (' || statement || ') AS near' INTO nearest
            USING asked.embedding, asked_video, asked_start_ms, asked_end_ms, ARRAY[asked_video],
                  min_ms, excluded, 1;
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
              max_rows;
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice.near_segments IS
'The stored segments nearest to a stored one, in ids and milliseconds; pgvoice.similar_segments for
names and seconds. distance is the inner product, negated.';

CREATE OR REPLACE FUNCTION pgvoice.apply_verdicts(
    run_kind text, encoder integer, given_threshold double precision, given_margin double precision
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    stored bigint;
    run bigint;
BEGIN
    SELECT count(*) INTO stored FROM pg_temp.verdict WHERE NOT pinned;
    IF stored = 0 THEN
        RETURN NULL;
    END IF;
    -- What a calibration said differs from length to length.
    INSERT INTO pgvoice.attribution_run
        (encoder_id, kind, threshold, margin, changed, calibration_id)
    SELECT encoder, run_kind,
           coalesce(given_threshold, CASE WHEN c.id IS NULL THEN e.default_threshold END),
           coalesce(given_margin, CASE WHEN c.id IS NULL THEN 0 END), stored,
           CASE WHEN given_threshold IS NULL OR given_margin IS NULL THEN c.id END
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = encoder
    RETURNING id INTO run;
    UPDATE pgvoice.attribution AS a SET current = false FROM pg_temp.verdict AS v
    WHERE a.video_id = v.video_id AND a.start_ms = v.start_ms AND a.end_ms = v.end_ms
      AND a.encoder_id = encoder AND a.run_id = v.old_run AND NOT v.pinned;
    INSERT INTO pgvoice.attribution (run_id, video_id, start_ms, end_ms, encoder_id, speaker_id,
        similarity, runner_up_id, margin, reason, current)
    SELECT run, v.video_id, v.start_ms, v.end_ms, encoder, v.speaker_id, v.similarity,
           v.runner_up_id, v.margin, v.reason, true
    FROM pg_temp.verdict AS v WHERE NOT v.pinned;
    RETURN run;
END
$$;
COMMENT ON FUNCTION pgvoice.apply_verdicts IS
'Keeps the labels that keep_labels found changed, as a run; NULL when there is none.';

CREATE FUNCTION pgvoice.profile_without(
    speaker bigint, encoder integer, sha256 text, video bigint, start_ms integer, end_ms integer
) RETURNS vector
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH exemplar AS (
        SELECT e.embedding, (e.audio_sha256 = sha256 OR coalesce(e.video_id = video, false))
               AND e.start_ms < profile_without.end_ms AND e.end_ms > profile_without.start_ms AS same
        FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder AND NOT e.excluded
    )
    SELECT CASE WHEN bool_or(x.same) THEN (SELECT l2_normalize(avg(y.embedding)) FROM exemplar AS y WHERE y.same IS NOT TRUE)
                ELSE (SELECT p.embedding FROM pgvoice.profile AS p
                      WHERE p.speaker_id = speaker AND p.encoder_id = encoder) END
    FROM exemplar AS x
$$;
COMMENT ON FUNCTION pgvoice.profile_without IS
'A profile as it would be without the exemplars that overlap this span of this audio; NULL where none
would be left.';

CREATE FUNCTION pgvoice.segment_trials(
    videos text[],
    starts double precision[],
    ends double precision[],
    speakers text[],
    encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS TABLE (
    trial bigint,
    duration_ms integer,
    speaker text,
    profile_id bigint,
    own boolean,
    similarity double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH labelled AS MATERIALIZED (
        SELECT a.ordinal, s.end_ms - s.start_ms AS duration_ms, a.name, named.id AS speaker_id,
               s.embedding,
               CASE WHEN named.id IS NOT NULL THEN pgvoice.profile_without(
                   named.id, encoder, v.audio_sha256, v.id, s.start_ms, s.end_ms
               ) END AS own_profile
        FROM unnest(videos, starts, ends, speakers) WITH ORDINALITY
            AS a(video, start_s, end_s, name, ordinal)
        JOIN pgvoice.video AS v ON v.key = a.video
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = v.id AND s.start_ms = pgvoice.snap_ms(a.start_s)
            AND s.end_ms = pgvoice.snap_ms(a.end_s) AND s.encoder_id = encoder
        LEFT JOIN pgvoice.speaker AS named ON named.name = a.name
        WHERE s.embedding IS NOT NULL
    )
    SELECT l.ordinal, l.duration_ms, l.name, p.speaker_id, p.speaker_id IS NOT DISTINCT FROM l.speaker_id,
           pgvoice.similarity(-(l.embedding <#> CASE
               WHEN p.speaker_id = l.speaker_id THEN l.own_profile ELSE p.embedding END))
    FROM labelled AS l
    CROSS JOIN pgvoice.profile AS p
    WHERE p.encoder_id = encoder
    ORDER BY l.ordinal, p.speaker_id
$$;
COMMENT ON FUNCTION pgvoice.segment_trials IS
'Stored segments of which it is known who speaks, each with every profile: a row per pair, in order.
own is the speaker''s own profile, without the exemplars that are this very speech: NULL where none is
left. A speaker whom nobody is enrolled under has none. trial counts the segments as they were given,
from 1; those without a vector are left out.';

CREATE FUNCTION pgvoice.exemplar_trials(encoder integer DEFAULT pgvoice.sole_encoder())
RETURNS TABLE (
    trial bigint,
    duration_ms integer,
    speaker text,
    profile_id bigint,
    own boolean,
    similarity double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH left_out AS MATERIALIZED (
        SELECT x.id, x.end_ms - x.start_ms AS duration_ms, named.name, x.speaker_id, x.embedding,
               pgvoice.profile_without(
                   x.speaker_id, encoder, x.audio_sha256, x.video_id, x.start_ms, x.end_ms
               ) AS own_profile
        FROM pgvoice.enrollment AS x
        JOIN pgvoice.speaker AS named ON named.id = x.speaker_id
        WHERE x.encoder_id = encoder AND NOT x.excluded
    )
    SELECT l.id, l.duration_ms, l.name, p.speaker_id, p.speaker_id = l.speaker_id,
           pgvoice.similarity(-(l.embedding <#> CASE
               WHEN p.speaker_id = l.speaker_id THEN l.own_profile ELSE p.embedding END))
    FROM left_out AS l
    CROSS JOIN pgvoice.profile AS p
    WHERE p.encoder_id = encoder
    ORDER BY l.id, p.speaker_id
$$;
COMMENT ON FUNCTION pgvoice.exemplar_trials IS
'As segment_trials, of the exemplars that people are enrolled with; trial is the exemplar''s id.';

CREATE FUNCTION pgvoice.activate_calibration(calibration bigint) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    encoder integer := (SELECT c.encoder_id FROM pgvoice.calibration AS c WHERE c.id = calibration);
BEGIN
    IF encoder IS NULL THEN
        RAISE EXCEPTION 'there is no calibration %', calibration
            USING HINT = 'The table pgvoice.calibration lists them.', ERRCODE = 'no_data_found';
    END IF;
    PERFORM pgvoice.reset_calibration(encoder);
    UPDATE pgvoice.calibration AS c SET active = true WHERE c.id = calibration;
    INSERT INTO pgvoice.audit_event (action, subject, details)
    SELECT 'calibrate', e.label, jsonb_build_object('calibration', calibration)
    FROM pgvoice.encoder AS e WHERE e.id = encoder;
END
$$;
COMMENT ON FUNCTION pgvoice.activate_calibration(bigint) IS
'Makes a calibration the one that identify goes by; labels that are kept stay until they are judged again.';

CREATE FUNCTION pgvoice.reset_calibration(encoder integer DEFAULT pgvoice.sole_encoder())
RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    was bigint;
BEGIN
    PERFORM FROM pgvoice.encoder AS e WHERE e.id = encoder FOR NO KEY UPDATE;
    UPDATE pgvoice.calibration AS c SET active = false
    WHERE c.encoder_id = encoder AND c.active RETURNING c.id INTO was;
    IF was IS NOT NULL THEN
        INSERT INTO pgvoice.audit_event (action, subject, details)
        SELECT 'reset calibration', e.label, jsonb_build_object('calibration', was)
        FROM pgvoice.encoder AS e WHERE e.id = encoder;
    END IF;
    RETURN was;
END
$$;
COMMENT ON FUNCTION pgvoice.reset_calibration(integer) IS
'Goes back to the encoder''s own threshold; returns the calibration that was active, which is kept.';
