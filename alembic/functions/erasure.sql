-- Speech that was erased, and stays erased.

CREATE OR REPLACE FUNCTION pgvoice_internal.is_same_speech(
    start_ms integer, end_ms integer, other_start_ms integer, other_end_ms integer
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (start_ms, end_ms) = (other_start_ms, other_end_ms)
    OR least(end_ms, other_end_ms) - greatest(start_ms, other_start_ms)
       >= greatest(1, least(500, (end_ms - start_ms) / 2, (other_end_ms - other_start_ms) / 2));
COMMENT ON FUNCTION pgvoice_internal.is_same_speech IS
'Whether two spans of the same audio share so much that a vector of one tells of the other: half a second,
below which no vector is made, or half of the shorter one.';

CREATE OR REPLACE FUNCTION pgvoice_internal.erased_spans(video text, sha256 text)
RETURNS SETOF pgvoice.erased_span
LANGUAGE plpgsql STABLE ROWS 10
SET search_path FROM CURRENT
AS $$
DECLARE
    hash CONSTANT bytea := pgvoice_internal.key_hash(erased_spans.video);
BEGIN
    RETURN QUERY
    SELECT t.* FROM pgvoice.erased_span AS t
    WHERE t.audio = erased_spans.sha256 OR t.video = hash;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.erased_spans(text, text) IS
'What was erased of a recording: of the same file under any key, or under the same key.';

CREATE OR REPLACE FUNCTION pgvoice.erased_segments(
    video text, starts_ms integer[], ends_ms integer[]
) RETURNS TABLE (start_ms integer, end_ms integer)
LANGUAGE plpgsql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.require_segments(NULL, NULL, starts_ms, ends_ms);
    IF EXISTS (SELECT FROM pgvoice.erased_span) THEN
        RETURN QUERY
        WITH erased AS MATERIALIZED (
            SELECT t.start_ms, t.end_ms FROM pgvoice_internal.erased_spans(
                video,
                (SELECT v.audio_sha256 FROM pgvoice.video AS v WHERE v.key = erased_segments.video)
            ) AS t
        )
        SELECT asked.start_ms, asked.end_ms
        FROM unnest(starts_ms, ends_ms) AS asked(start_ms, end_ms)
        WHERE EXISTS (
            SELECT FROM erased AS t WHERE pgvoice_internal.is_same_speech(
                asked.start_ms, asked.end_ms, t.start_ms, t.end_ms
            )
        );
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice.erased_segments(text, integer[], integer[]) IS
'Those of these segments whose speech was erased: no vector of them is stored again.';

CREATE OR REPLACE FUNCTION pgvoice.erased_videos(videos text[]) RETURNS SETOF text
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT DISTINCT asked.video
    FROM unnest(videos) AS asked(video)
    JOIN pgvoice.erased_span AS t
        ON t.video = pgvoice_internal.key_hash(asked.video) AND t.person IS NULL
        AND (t.start_ms, t.end_ms) = (0, 2147483647)
$$;
COMMENT ON FUNCTION pgvoice.erased_videos(text[]) IS
'Those of these recordings that were erased as a whole, by key.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_erased() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    hit record;
BEGIN
    IF EXISTS (SELECT FROM pgvoice.erased_span) THEN
        WITH erased AS MATERIALIZED (
            SELECT v.id, v.key, t.start_ms, t.end_ms
            FROM pgvoice.video AS v
            CROSS JOIN LATERAL pgvoice_internal.erased_spans(v.key, v.audio_sha256) AS t
            WHERE v.id IN (SELECT n.video_id FROM new_rows AS n WHERE n.embedding IS NOT NULL)
        )
        SELECT e.key, n.start_ms, n.end_ms INTO hit
        FROM erased AS e JOIN new_rows AS n ON n.video_id = e.id
        WHERE n.embedding IS NOT NULL AND pgvoice_internal.is_same_speech(
            n.start_ms, n.end_ms, e.start_ms, e.end_ms
        )
        LIMIT 1;
        IF FOUND THEN
            PERFORM pgvoice_internal.raise_erased(hit.key, hit.start_ms, hit.end_ms);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_erased() IS
'Refuses vectors of speech that was erased, of any encoder.';

CREATE OR REPLACE TRIGGER segment_embedding_not_erased
AFTER INSERT ON pgvoice.segment_embedding REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.refuse_erased();

CREATE OR REPLACE TRIGGER segment_embedding_still_erased
AFTER UPDATE ON pgvoice.segment_embedding REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.refuse_erased();

CREATE OR REPLACE FUNCTION pgvoice_internal.raise_erased(
    source text, start_ms integer, end_ms integer
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    RAISE EXCEPTION 'the speech from % to % s in % was erased', start_ms / 1000::double precision,
        end_ms / 1000::double precision, quote_literal(source)
        USING ERRCODE = 'PV003',
              HINT = 'A new consent of the person allows it again; for a recording, `pgvoice erase'
                     ' allow --video`.';
END
$$;
COMMENT ON FUNCTION pgvoice_internal.raise_erased(text, integer, integer) IS
'Fails with the span that was erased, and what allows it again.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_erased_audio() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    hit record;
BEGIN
    SELECT s.start_ms, s.end_ms INTO hit
    FROM pgvoice_internal.erased_spans(NEW.key, NEW.audio_sha256) AS t
    JOIN pgvoice.segment_embedding AS s ON s.video_id = NEW.id AND s.embedding IS NOT NULL
        AND pgvoice_internal.is_same_speech(s.start_ms, s.end_ms, t.start_ms, t.end_ms)
    LIMIT 1;
    IF FOUND THEN
        PERFORM pgvoice_internal.raise_erased(NEW.key, hit.start_ms, hit.end_ms);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_erased_audio() IS
'Refuses to give a recording the audio or the key of one that was erased, while it has such vectors.';

CREATE OR REPLACE TRIGGER video_not_erased
AFTER UPDATE OF key, audio_sha256 ON pgvoice.video
FOR EACH ROW WHEN ((OLD.key, OLD.audio_sha256) IS DISTINCT FROM (NEW.key, NEW.audio_sha256))
EXECUTE FUNCTION pgvoice_internal.refuse_erased_audio();

CREATE OR REPLACE FUNCTION pgvoice_internal.is_erased(
    sha256 text, video bigint, start_ms integer, end_ms integer
) RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT EXISTS (
        SELECT FROM pgvoice_internal.erased_spans(
            (SELECT v.key FROM pgvoice.video AS v WHERE v.id = is_erased.video), sha256
        ) AS t
        WHERE pgvoice_internal.is_same_speech(
            is_erased.start_ms, is_erased.end_ms, t.start_ms, t.end_ms
        )
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.is_erased IS
'Whether the speech of an exemplar was erased.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_erased_exemplar(
    sha256 text, video bigint, start_ms integer, end_ms integer
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF pgvoice_internal.is_erased(sha256, video, start_ms, end_ms) THEN
        PERFORM pgvoice_internal.raise_erased('the exemplar''s audio', start_ms, end_ms);
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_erased_exemplar IS
'Fails if this speech was erased.';

CREATE OR REPLACE FUNCTION pgvoice_internal.erase_speech(
    speaker bigint, audios text[], starts_ms integer[], ends_ms integer[]
) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.make_key();
    INSERT INTO pgvoice.erased_span (audio, video, person, start_ms, end_ms)
    SELECT CASE WHEN v.id IS NULL THEN told.audio ELSE v.audio_sha256 END,
           CASE WHEN v.audio_sha256 IS NULL THEN pgvoice_internal.key_hash(v.key) END,
           pgvoice_internal.name_hash(s.name), told.start_ms, told.end_ms
    FROM pgvoice.speaker AS s
    CROSS JOIN unnest(audios, starts_ms, ends_ms) AS told(audio, start_ms, end_ms)
    LEFT JOIN pgvoice.video AS v ON 'video ' || v.id = told.audio
    WHERE s.id = speaker AND (v.id IS NOT NULL OR told.audio NOT LIKE 'video %');
END
$$;
COMMENT ON FUNCTION pgvoice_internal.erase_speech IS
'Notes that speech of somebody was erased, so that no vector of it is stored again.';

CREATE OR REPLACE FUNCTION pgvoice_internal.erase_recording(video bigint) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.make_key();
    INSERT INTO pgvoice.erased_span (audio, video, start_ms, end_ms)
    SELECT v.audio_sha256, pgvoice_internal.key_hash(v.key), 0, 2147483647
    FROM pgvoice.video AS v WHERE v.id = erase_recording.video;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.erase_recording(bigint) IS
'Notes that a recording was erased: no vector of its audio or of its key is stored again.';
