-- Consents, opted-out names and the append-only audit trail.

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_change() IS 'Keeps audit_event append-only.';

CREATE OR REPLACE TRIGGER audit_event_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON pgvoice.audit_event
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.refuse_change();

CREATE OR REPLACE FUNCTION pgvoice_internal.name_hash(name text) RETURNS bytea
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT sha256(k.key || convert_to(lower(btrim(name)), 'UTF8')) FROM pgvoice.opt_out_key AS k
$$;
COMMENT ON FUNCTION pgvoice_internal.name_hash(text) IS
'The hash of a name with the store''s key of fixed length; ignores case and outer blanks.';

CREATE OR REPLACE FUNCTION pgvoice_internal.has_consent(speaker bigint) RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT EXISTS (
        SELECT FROM pgvoice.consent AS c
        WHERE c.speaker_id = speaker AND c.withdrawn_at IS NULL
          AND (c.expires_at IS NULL OR c.expires_at > now())
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.has_consent(bigint) IS
'Whether a speaker has a consent that is neither withdrawn nor expired.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_enrollment() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    named CONSTANT text := (SELECT s.name FROM pgvoice.speaker AS s WHERE s.id = NEW.speaker_id);
BEGIN
    IF named IS NOT NULL AND (SELECT s.consent_required FROM pgvoice.setting AS s)
       AND NOT pgvoice_internal.has_consent(NEW.speaker_id) THEN
        RAISE EXCEPTION '% has no valid consent on record', quote_literal(named)
            USING ERRCODE = 'PV001', HINT = 'Keep the consent in pgvoice.consent first.';
    END IF;
    IF EXISTS (
        SELECT FROM pgvoice.opt_out_voice AS o
        WHERE o.encoder_id = NEW.encoder_id
          AND -(o.embedding OPERATOR(public.<#>) NEW.embedding) >= pgvoice_internal.duplicate_limit(NEW.encoder_id)
    ) THEN
        RAISE EXCEPTION 'a voice that was erased, and asked not to be enrolled again'
            USING ERRCODE = 'PV002';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_enrollment() IS
'Refuses to enroll people without a consent, and voices that opted out.';

CREATE OR REPLACE TRIGGER enrollment_agreed
AFTER INSERT ON pgvoice.enrollment
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.refuse_enrollment();

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_name() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pgvoice.opt_out AS o WHERE o.name_hash = pgvoice_internal.name_hash(NEW.name)
    ) THEN
        RAISE EXCEPTION 'a name that was erased, and asked not to be enrolled again'
            USING ERRCODE = 'PV002';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_name() IS 'Refuses names that opted out.';

CREATE OR REPLACE TRIGGER speaker_name_allowed
BEFORE INSERT OR UPDATE OF name ON pgvoice.speaker
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.refuse_name();

CREATE OR REPLACE FUNCTION pgvoice_internal.require_consent(required boolean) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    UPDATE pgvoice.setting SET consent_required = required
$$;
COMMENT ON FUNCTION pgvoice_internal.require_consent(boolean) IS
'Sets whether enrolling somebody requires a valid consent from now on; existing enrollments stay.';
