-- Consents, and who may be enrolled and named because of them.

CREATE OR REPLACE VIEW pgvoice.valid_profile AS
SELECT p.speaker_id, p.encoder_id, p.dimension, p.embedding, p.exemplars, p.cohesion
FROM pgvoice.profile AS p
WHERE p.valid_until > now();
COMMENT ON VIEW pgvoice.valid_profile IS
'The profiles of people who may be named now: only these are compared with anybody''s voice.';

CREATE OR REPLACE FUNCTION pgvoice_internal.valid_consents(speaker bigint)
RETURNS TABLE (consent bigint, valid_until timestamptz)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT c.id, coalesce(c.expires_at, 'infinity')
    FROM pgvoice.consent AS c
    WHERE c.speaker_id = speaker AND c.withdrawn_at IS NULL
      AND c.granted_at <= now() + interval '5 minutes'
      AND c.granted_at > coalesce((
          SELECT max(w.withdrawn_at) FROM pgvoice.consent AS w WHERE w.speaker_id = speaker
      ), '-infinity')
$$;
COMMENT ON FUNCTION pgvoice_internal.valid_consents(bigint) IS
'The consents of a speaker that were granted after the last withdrawal, and until when each is valid;
also those that have expired.';

CREATE OR REPLACE FUNCTION pgvoice_internal.person_valid_until(speaker bigint) RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT CASE
        WHEN s.consent_required OR EXISTS (
            SELECT FROM pgvoice.consent AS c WHERE c.speaker_id = speaker
        ) THEN coalesce((
            SELECT max(v.valid_until) FROM pgvoice_internal.valid_consents(speaker) AS v
        ), '-infinity')
        ELSE 'infinity'
    END
    FROM pgvoice.setting AS s
$$;
COMMENT ON FUNCTION pgvoice_internal.person_valid_until(bigint) IS
'Until when somebody may be enrolled and named: until their consents end; without end if they never
gave one and the store requires none; -infinity if they have none.';

CREATE OR REPLACE FUNCTION pgvoice_internal.hold_consents(speaker bigint) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM FROM pgvoice.speaker AS s WHERE s.id = speaker FOR SHARE;
    PERFORM FROM pgvoice.setting FOR SHARE;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.hold_consents(bigint) IS
'Waits until nobody else changes the speaker''s consents or whether consent is required, and locks
both until commit.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_consent() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    -- Serialises with hold_consents.
    PERFORM FROM pgvoice.speaker AS s
    WHERE s.id = coalesce(NEW.speaker_id, OLD.speaker_id) FOR NO KEY UPDATE;
    IF TG_OP = 'DELETE' THEN
        -- Undoing the act that granted it deletes it.
        IF FOUND AND NOT EXISTS (
            SELECT FROM pgvoice.act_change AS c JOIN pgvoice.act AS a ON a.id = c.act_id
            WHERE c.relation = 'consent' AND c.key = jsonb_build_object('id', OLD.id)
              AND c.old IS NULL AND a.undone_at = now()
        ) THEN
            RAISE EXCEPTION 'a consent is not deleted before the speaker is'
                USING ERRCODE = 'PV004', HINT = 'Set withdrawn_at instead.';
        END IF;
        RETURN OLD;
    END IF;
    -- The clocks of two machines may differ a little.
    IF TG_OP = 'INSERT' AND greatest(NEW.granted_at, NEW.withdrawn_at) > now() + interval '5 minutes' THEN
        RAISE EXCEPTION 'a consent of % is in the future', greatest(NEW.granted_at, NEW.withdrawn_at)
            USING ERRCODE = 'PV004', HINT = 'Store it once it is granted.';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL
           OR (NEW.id, NEW.speaker_id, NEW.granted_by, NEW.purpose, NEW.evidence, NEW.granted_at,
               NEW.expires_at) IS DISTINCT FROM
              (OLD.id, OLD.speaker_id, OLD.granted_by, OLD.purpose, OLD.evidence, OLD.granted_at,
               OLD.expires_at) THEN
            RAISE EXCEPTION 'a consent can be withdrawn once, and not changed otherwise'
                USING ERRCODE = 'PV004', HINT = 'Store another consent.';
        END IF;
        NEW.withdrawn_at := now();
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_consent() IS
'Refuses consents of the future, and changes to a consent other than its withdrawal, which is now.';

CREATE OR REPLACE TRIGGER consent_unchanged
BEFORE INSERT OR UPDATE OR DELETE ON pgvoice.consent
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.refuse_consent();

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_consent() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE pgvoice.profile AS p SET valid_until = p.valid_until WHERE p.speaker_id = NEW.speaker_id;
    IF EXISTS (
        SELECT FROM pgvoice_internal.valid_consents(NEW.speaker_id) AS v
        WHERE v.consent = NEW.id AND v.valid_until > now()
    ) THEN
        PERFORM pgvoice_internal.allow_person(NEW.speaker_id, NEW.granted_at);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_consent() IS
'Brings valid_until of the person''s profiles up to date. A valid consent that was granted after an
erasure ends it.';

CREATE OR REPLACE TRIGGER consent_followed
AFTER INSERT OR UPDATE ON pgvoice.consent
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.follow_consent();

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_requirement() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE pgvoice.profile AS p SET valid_until = p.valid_until;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_requirement() IS
'Brings valid_until of all profiles up to date.';

CREATE OR REPLACE TRIGGER setting_requirement_followed
AFTER UPDATE OF consent_required ON pgvoice.setting
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.follow_requirement();

CREATE OR REPLACE FUNCTION pgvoice_internal.has_voice_opted_out(voice public.vector, encoder integer)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT EXISTS (
        SELECT FROM pgvoice.opt_out_voice AS o
        WHERE o.encoder_id = encoder AND -(o.embedding OPERATOR(public.<#>) voice)
            >= least(o.similarity_limit, pgvoice_internal.duplicate_limit(encoder))
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.has_voice_opted_out(public.vector, integer) IS
'Whether a voice opted out, as far as this encoder can tell.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_voice(voice public.vector, encoder integer)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF pgvoice_internal.has_voice_opted_out(voice, encoder) THEN
        RAISE EXCEPTION 'a voice that was erased, and asked not to be enrolled again'
            USING ERRCODE = 'PV002';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_voice(public.vector, integer) IS
'Fails if a voice opted out.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_enrollment() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    named text := (SELECT s.name FROM pgvoice.speaker AS s WHERE s.id = NEW.speaker_id);
BEGIN
    PERFORM pgvoice_internal.hold_consents(NEW.speaker_id);
    IF pgvoice_internal.person_valid_until(NEW.speaker_id) <= now()
       -- What somebody agreed to does not pass to another name.
       OR (TG_OP = 'UPDATE' AND OLD.speaker_id <> NEW.speaker_id
           AND EXISTS (SELECT FROM pgvoice.consent AS c WHERE c.speaker_id = OLD.speaker_id)
           AND NOT EXISTS (SELECT FROM pgvoice_internal.valid_consents(NEW.speaker_id) AS v
                           WHERE v.valid_until > now())) THEN
        RAISE EXCEPTION '% has no valid consent on record', quote_literal(named)
            USING ERRCODE = 'PV001', HINT = 'Keep the consent in pgvoice.consent first.';
    END IF;
    PERFORM pgvoice_internal.refuse_voice(NEW.embedding, NEW.encoder_id);
    PERFORM pgvoice_internal.refuse_erased_exemplar(
        NEW.audio_sha256, NEW.video_id, NEW.start_ms, NEW.end_ms
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_enrollment() IS
'Refuses exemplars of people without a consent, of voices that opted out, and of speech that was erased.';

CREATE OR REPLACE TRIGGER enrollment_agreed
AFTER INSERT OR UPDATE OF speaker_id, encoder_id, embedding, audio_sha256, start_ms, end_ms
ON pgvoice.enrollment
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.refuse_enrollment();

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_valid_until() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.hold_consents(NEW.speaker_id);
    NEW.valid_until := pgvoice_internal.person_valid_until(NEW.speaker_id);
    IF TG_OP = 'INSERT' OR NEW.embedding OPERATOR(public.<>) OLD.embedding THEN
        PERFORM pgvoice_internal.refuse_voice(NEW.embedding, NEW.encoder_id);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_valid_until() IS
'Computes until when a profile may be used, whatever the statement says, and refuses voices that opted
out.';

CREATE OR REPLACE TRIGGER profile_valid_until
BEFORE INSERT OR UPDATE ON pgvoice.profile
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.keep_valid_until();

CREATE OR REPLACE FUNCTION pgvoice_internal.require_consent(required boolean) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    UPDATE pgvoice.setting SET consent_required = required WHERE consent_required <> required
$$;
COMMENT ON FUNCTION pgvoice_internal.require_consent(boolean) IS
'Sets whether enrolling and naming somebody requires a valid consent.';
