-- Where people speak, also those whose voiceprint was deleted, so that erasing finds it.

CREATE OR REPLACE FUNCTION pgvoice_internal.attributed_spans(speaker bigint, encoder integer)
RETURNS TABLE (video_id bigint, start_ms integer, end_ms integer)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT near.video_id, near.start_ms, near.end_ms
    FROM pgvoice.profile AS p
    CROSS JOIN LATERAL pgvoice_internal.assigned_segments(
        p.speaker_id, p.encoder_id, NULL, NULL
    ) AS near
    WHERE p.speaker_id = speaker AND p.encoder_id = encoder
$$;
COMMENT ON FUNCTION pgvoice_internal.attributed_spans(bigint, integer) IS
'The segments that sound like somebody, also if their consent is not valid: those that identify assigns to
them, and the clean parts of turns.';

CREATE OR REPLACE FUNCTION pgvoice_internal.audio_of(video bigint) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(v.audio_sha256, 'video ' || v.id) FROM pgvoice.video AS v WHERE v.id = video
$$;
COMMENT ON FUNCTION pgvoice_internal.audio_of(bigint) IS
'What stands for a recording''s audio in person_span, and in the exemplars taken from its segments.';

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
        SELECT pgvoice_internal.audio_of(w.video_id), lower(each), upper(each)
        FROM pgvoice.verdict AS w CROSS JOIN LATERAL unnest(w.spans) AS each
        WHERE w.holds AND w.speaker_id = speaker
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
'Where somebody speaks: what they were enrolled with, every label that ever named them, what a person said,
what identify
assigns to them, and what was known when a voiceprint of theirs was deleted. Spans that touch are one.';
