-- Speech that was erased and stays erased, and where people spoke whose voiceprint was deleted.

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
LANGUAGE sql STABLE ROWS 10
SET search_path FROM CURRENT
AS $$
    SELECT t.* FROM pgvoice.erased_span AS t
    WHERE t.audio = erased_spans.sha256 OR t.video = pgvoice_internal.key_hash(erased_spans.video)
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

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_erased_exemplar(
    sha256 text, video bigint, start_ms integer, end_ms integer
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pgvoice_internal.erased_spans(
            (SELECT v.key FROM pgvoice.video AS v WHERE v.id = refuse_erased_exemplar.video), sha256
        ) AS t
        WHERE pgvoice_internal.is_same_speech(
            refuse_erased_exemplar.start_ms, refuse_erased_exemplar.end_ms, t.start_ms, t.end_ms
        )
    ) THEN
        PERFORM pgvoice_internal.raise_erased('the exemplar''s audio', start_ms, end_ms);
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_erased_exemplar IS
'Fails if this speech was erased.';

CREATE OR REPLACE FUNCTION pgvoice_internal.attributed_spans(speaker bigint, encoder integer)
RETURNS TABLE (video_id bigint, start_ms integer, end_ms integer)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT near.video_id, near.start_ms, near.end_ms
    FROM pgvoice.profile AS p
    CROSS JOIN LATERAL pgvoice_internal.segments_of(
        p.speaker_id, p.encoder_id, p.embedding,
        -- Normalised thresholds can lie anywhere.
        CASE WHEN EXISTS (
            SELECT FROM pgvoice.calibration AS c
            WHERE c.encoder_id = p.encoder_id AND c.active AND c.levels IS NOT NULL
        ) THEN -1 ELSE pgvoice_internal.least_required(p.encoder_id, NULL) END
    ) AS near
    CROSS JOIN LATERAL pgvoice_internal.required_of_segment(
        p.encoder_id, near.video_id, near.start_ms, near.end_ms, p.speaker_id, NULL, NULL
    ) AS q
    WHERE p.speaker_id = speaker AND p.encoder_id = encoder AND pgvoice_internal.reason(
        'ok', near.similarity, near.other_similarity, q.threshold, q.margin
    ) = 'matched'
$$;
COMMENT ON FUNCTION pgvoice_internal.attributed_spans(bigint, integer) IS
'The segments that identify assigns to somebody, or would if their consent were valid.';

CREATE OR REPLACE FUNCTION pgvoice_internal.audio_of(video bigint) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(v.audio_sha256, 'video ' || v.id) FROM pgvoice.video AS v WHERE v.id = video
$$;
COMMENT ON FUNCTION pgvoice_internal.audio_of(bigint) IS
'What stands for a recording''s audio in person_span.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_profile_spans() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF pgvoice_internal.is_ended(OLD.speaker_id) THEN
        INSERT INTO pgvoice.person_span (speaker_id, audio, start_ms, end_ms)
        SELECT OLD.speaker_id, pgvoice_internal.audio_of(f.video_id), f.start_ms, f.end_ms
        FROM pgvoice_internal.attributed_spans(OLD.speaker_id, OLD.encoder_id) AS f
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_profile_spans() IS
'Notes where somebody speaks when the profile is deleted because the consent ended.';

CREATE OR REPLACE TRIGGER profile_spans_kept
BEFORE DELETE ON pgvoice.profile
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.keep_profile_spans();

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_exemplar_span() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF pgvoice_internal.is_ended(OLD.speaker_id) THEN
        INSERT INTO pgvoice.person_span (speaker_id, audio, start_ms, end_ms)
        VALUES (OLD.speaker_id, OLD.audio_sha256, OLD.start_ms, OLD.end_ms)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_exemplar_span() IS
'Notes what somebody was enrolled with when an exemplar is deleted because the consent ended.';

CREATE OR REPLACE TRIGGER enrollment_span_kept
BEFORE DELETE ON pgvoice.enrollment
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.keep_exemplar_span();

CREATE OR REPLACE FUNCTION pgvoice_internal.is_ended(speaker bigint) RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.person_valid_until(s.id) <= now()
    FROM pgvoice.speaker AS s WHERE s.id = speaker
$$;
COMMENT ON FUNCTION pgvoice_internal.is_ended(bigint) IS
'Whether somebody may not be named now; NULL once the speaker is deleted.';

CREATE OR REPLACE FUNCTION pgvoice_internal.note_enrolled() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        UPDATE pgvoice.speaker AS s SET enrolled_until = NULL, enrolled_from = least(
            s.enrolled_from, NEW.created_at, now(),
            CASE WHEN TG_OP = 'UPDATE' THEN
                (SELECT o.enrolled_from FROM pgvoice.speaker AS o WHERE o.id = OLD.speaker_id) END
        )
        WHERE s.id = NEW.speaker_id
          AND (TG_OP = 'UPDATE' OR s.enrolled_from IS NULL OR s.enrolled_until IS NOT NULL);
    END IF;
    IF TG_OP <> 'INSERT' THEN
        UPDATE pgvoice.speaker AS s SET enrolled_until = now()
        WHERE s.id = OLD.speaker_id AND s.enrolled_until IS NULL
          AND NOT EXISTS (SELECT FROM pgvoice.enrollment AS e WHERE e.speaker_id = OLD.speaker_id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.note_enrolled() IS
'Notes from when to when somebody is enrolled.';

CREATE OR REPLACE TRIGGER enrollment_noted
AFTER INSERT OR DELETE OR UPDATE OF speaker_id ON pgvoice.enrollment
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.note_enrolled();

CREATE OR REPLACE FUNCTION pgvoice_internal.speech_of(speaker bigint)
RETURNS TABLE (audio text, start_ms integer, end_ms integer)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH heard AS (
        SELECT k.audio, k.start_ms, k.end_ms FROM pgvoice.person_span AS k
        WHERE k.speaker_id = speaker
        UNION ALL
        SELECT e.audio_sha256, e.start_ms, e.end_ms FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = speaker
        UNION ALL
        SELECT pgvoice_internal.audio_of(a.video_id), a.start_ms, a.end_ms
        FROM pgvoice.attribution AS a WHERE a.speaker_id = speaker
        UNION ALL
        SELECT pgvoice_internal.audio_of(f.video_id), f.start_ms, f.end_ms
        FROM pgvoice.profile AS p
        CROSS JOIN LATERAL pgvoice_internal.attributed_spans(p.speaker_id, p.encoder_id) AS f
        WHERE p.speaker_id = speaker
    )
    SELECT merged.audio, lower(merged.span), upper(merged.span)
    FROM (
        SELECT h.audio, unnest(range_agg(int4range(h.start_ms, h.end_ms))) AS span
        FROM heard AS h WHERE h.start_ms < h.end_ms GROUP BY h.audio
    ) AS merged
$$;
COMMENT ON FUNCTION pgvoice_internal.speech_of(bigint) IS
'Where somebody speaks: what they were enrolled with, every label that ever named them, what identify
assigns to them, and what was known when a voiceprint of theirs was deleted. Spans that touch are one.';

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
