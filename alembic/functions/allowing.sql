-- What ends an erasure: a new consent, or a deliberate act for a recording.

CREATE OR REPLACE FUNCTION pgvoice_internal.allow_spans(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    lifted bigint;
BEGIN
    IF cardinality(ids) = 0 THEN
        RETURN 0;
    END IF;
    WITH gone AS (
        DELETE FROM pgvoice.erased_span AS t WHERE t.id = ANY (ids) RETURNING t.*
    ), emptied AS (
        DELETE FROM pgvoice.segment_embedding AS s USING gone AS t, pgvoice.video AS v
        WHERE (v.audio_sha256 = t.audio OR pgvoice_internal.key_hash(v.key) = t.video)
          AND s.video_id = v.id AND s.status = 'erased'
          AND pgvoice_internal.is_same_speech(s.start_ms, s.end_ms, t.start_ms, t.end_ms)
          AND NOT EXISTS (
              SELECT FROM pgvoice_internal.erased_spans(v.key, v.audio_sha256) AS other
              WHERE other.id <> ALL (ids) AND pgvoice_internal.is_same_speech(
                  s.start_ms, s.end_ms, other.start_ms, other.end_ms
              )
          )
    )
    SELECT count(*) INTO lifted FROM gone;
    RETURN lifted;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.allow_spans(bigint[]) IS
'Forgets that these spans were erased, with the statuses of their segments, so that the next fill
computes them.';

CREATE OR REPLACE FUNCTION pgvoice_internal.allow_person(speaker bigint, since timestamptz) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    named CONSTANT text := (SELECT s.name FROM pgvoice.speaker AS s WHERE s.id = speaker);
    hash CONSTANT bytea := pgvoice_internal.name_hash(named);
    lifted CONSTANT bigint := pgvoice_internal.allow_spans(ARRAY(
        SELECT t.id FROM pgvoice.erased_span AS t WHERE t.person = hash AND t.created_at < since
    ));
BEGIN
    IF lifted > 0 THEN
        PERFORM pgvoice_internal.note('allow speech', named, jsonb_build_object('spans', lifted));
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.allow_person(bigint, timestamptz) IS
'Ends the erasures of somebody with this name that are older than a consent.';

CREATE OR REPLACE FUNCTION pgvoice_internal.allow_video(video text) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    hash CONSTANT bytea := pgvoice_internal.key_hash(allow_video.video);
    lifted CONSTANT bigint := pgvoice_internal.allow_spans(ARRAY(
        SELECT t.id FROM pgvoice.erased_span AS t WHERE t.person IS NULL AND t.video = hash
    ));
BEGIN
    IF lifted > 0 THEN
        PERFORM pgvoice_internal.note('allow', video, jsonb_build_object('erasures', lifted));
    END IF;
    RETURN lifted;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.allow_video(text) IS
'Ends the erasures of the recording with this key; returns how many there were.';
