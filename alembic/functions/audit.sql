-- The audit trail: what triggers note, and the chain of hashes that shows edits.

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

