-- Trials to calibrate thresholds with, and the calibration that is active.

CREATE OR REPLACE FUNCTION pgvoice_internal.profile_without(
    speaker bigint, encoder integer, sha256 text, video bigint, start_ms integer, end_ms integer
) RETURNS public.vector
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH exemplar AS (
        SELECT e.id, e.embedding, (e.audio_sha256 = sha256 OR coalesce(e.video_id = video, false))
               AND e.start_ms < profile_without.end_ms AND e.end_ms > profile_without.start_ms AS same
        FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker AND e.encoder_id = encoder AND NOT e.excluded
    )
    SELECT CASE
        WHEN bool_or(x.same) THEN (
            SELECT public.l2_normalize(public.avg(y.embedding ORDER BY y.id))
            FROM exemplar AS y WHERE y.same IS NOT TRUE
        )
        ELSE (
            SELECT p.embedding FROM pgvoice.profile AS p
            WHERE p.speaker_id = speaker AND p.encoder_id = encoder
        )
    END
    FROM exemplar AS x
$$;
COMMENT ON FUNCTION pgvoice_internal.profile_without IS
'The profile made without the exemplars that overlap this span of this audio; NULL if no exemplar
is left.';

CREATE OR REPLACE FUNCTION pgvoice.segment_trials(
    videos text[],
    starts_ms integer[],
    ends_ms integer[],
    speakers text[],
    encoder integer DEFAULT pgvoice.default_encoder()
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
    SELECT pgvoice_internal.require_encoder(encoder),
           pgvoice_internal.require_segment_vectors(encoder),
           pgvoice_internal.require_segments(NULL, NULL, starts_ms, ends_ms),
           pgvoice_internal.require_same_length('starts', cardinality(starts_ms), each.name, each.size)
    FROM (VALUES ('videos', cardinality(videos)), ('speakers', cardinality(speakers))) AS each(name, size);
    WITH labelled AS MATERIALIZED (
        SELECT a.ordinal, s.end_ms - s.start_ms AS duration_ms, a.name, named.id AS speaker_id,
               s.embedding,
               CASE WHEN named.id IS NOT NULL THEN pgvoice_internal.profile_without(
                   named.id, encoder, v.audio_sha256, v.id, s.start_ms, s.end_ms
               ) END AS own_profile
        FROM unnest(videos, starts_ms, ends_ms, speakers) WITH ORDINALITY
            AS a(video, start_ms, end_ms, name, ordinal)
        JOIN pgvoice.video AS v ON v.key = a.video
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = v.id AND s.start_ms = a.start_ms AND s.end_ms = a.end_ms
            AND s.encoder_id = encoder
        LEFT JOIN pgvoice.speaker AS named ON named.name = a.name
        WHERE s.embedding IS NOT NULL AND NOT EXISTS (
            SELECT FROM pgvoice.turn AS t
            WHERE t.video_id = s.video_id AND t.start_ms = s.start_ms AND t.end_ms = s.end_ms
              AND t.overlapped_ms > 0
        )
    )
    SELECT l.ordinal, l.duration_ms, l.name, p.speaker_id,
           p.speaker_id IS NOT DISTINCT FROM l.speaker_id,
           pgvoice.similarity(-(l.embedding OPERATOR(public.<#>) CASE
               WHEN p.speaker_id = l.speaker_id THEN l.own_profile ELSE p.embedding END))
    FROM labelled AS l
    CROSS JOIN pgvoice.valid_profile AS p
    WHERE p.encoder_id = encoder
    ORDER BY l.ordinal, p.speaker_id
$$;
COMMENT ON FUNCTION pgvoice.segment_trials IS
'Stored segments with a known speaker, each compared with every profile: a row per pair, in order.
own marks the speaker''s own profile, made without the exemplars that are this same speech; its
similarity is NULL if none is left. A speaker who is not enrolled has no own profile. trial numbers the
segments as given, from 1; segments without a vector, and turns that others overlap, are left out.';

CREATE OR REPLACE FUNCTION pgvoice.exemplar_trials(encoder integer DEFAULT pgvoice.default_encoder())
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
    SELECT pgvoice_internal.require_encoder(encoder),
           pgvoice_internal.require_segment_vectors(encoder);
    WITH left_out AS MATERIALIZED (
        SELECT x.id, x.end_ms - x.start_ms AS duration_ms, named.name, x.speaker_id, x.embedding,
               pgvoice_internal.profile_without(
                   x.speaker_id, encoder, x.audio_sha256, x.video_id, x.start_ms, x.end_ms
               ) AS own_profile
        FROM pgvoice.enrollment AS x
        JOIN pgvoice.speaker AS named ON named.id = x.speaker_id
        JOIN pgvoice.valid_profile AS v
            ON v.speaker_id = x.speaker_id AND v.encoder_id = x.encoder_id
        WHERE x.encoder_id = encoder AND NOT x.excluded
    )
    SELECT l.id, l.duration_ms, l.name, p.speaker_id, p.speaker_id = l.speaker_id,
           pgvoice.similarity(-(l.embedding OPERATOR(public.<#>) CASE
               WHEN p.speaker_id = l.speaker_id THEN l.own_profile ELSE p.embedding END))
    FROM left_out AS l
    CROSS JOIN pgvoice.valid_profile AS p
    WHERE p.encoder_id = encoder
    ORDER BY l.id, p.speaker_id
$$;
COMMENT ON FUNCTION pgvoice.exemplar_trials IS
'Like segment_trials, for the exemplars that people are enrolled with; trial is the exemplar''s id.';

CREATE OR REPLACE FUNCTION pgvoice.activate_calibration(calibration bigint) RETURNS void
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
END
$$;
COMMENT ON FUNCTION pgvoice.activate_calibration(bigint) IS
'Makes a calibration the active one, which identify uses; kept labels stay as they are until
keep_labels judges them again.';

CREATE OR REPLACE FUNCTION pgvoice.reset_calibration(encoder integer DEFAULT pgvoice.default_encoder())
RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    was bigint;
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM FROM pgvoice.encoder AS e WHERE e.id = encoder FOR NO KEY UPDATE;
    UPDATE pgvoice.calibration AS c SET active = false
    WHERE c.encoder_id = encoder AND c.active RETURNING c.id INTO was;
    RETURN was;
END
$$;
COMMENT ON FUNCTION pgvoice.reset_calibration(integer) IS
'Goes back to the encoder''s own threshold. Returns the id of the calibration that was active, which
stays in the store.';
