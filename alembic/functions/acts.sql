-- What people do, and what it changes.

CREATE OR REPLACE FUNCTION pgvoice_internal.begin_act(
    kind text, subject text, details jsonb DEFAULT '{}'
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    begun bigint := nullif(current_setting('pgvoice.act', true), '')::bigint;
BEGIN
    IF begun IS NULL THEN
        INSERT INTO pgvoice.act (kind, subject, details)
        VALUES (begin_act.kind, begin_act.subject, begin_act.details) RETURNING id INTO begun;
        PERFORM set_config('pgvoice.act', begun::text, true);
    END IF;
    RETURN begun;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.begin_act(text, text, jsonb) IS
'Begins an act, which lasts until the end of the transaction, and returns its number; if one has begun
already, that one.';
