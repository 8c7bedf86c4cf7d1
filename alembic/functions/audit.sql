-- The audit trail: the chain of hashes that shows edits.

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_change() IS
'Keeps the audit trail append-only for everybody who cannot turn triggers off.';

CREATE OR REPLACE TRIGGER audit_event_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON pgvoice.audit_event
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.refuse_change();

CREATE OR REPLACE TRIGGER audit_link_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON pgvoice.audit_link
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.refuse_change();

CREATE OR REPLACE FUNCTION pgvoice_internal.claimed_author() RETURNS text
LANGUAGE sql STABLE
RETURN left(nullif(btrim(current_setting('pgvoice.author', true)), ''), 500);
COMMENT ON FUNCTION pgvoice_internal.claimed_author() IS
'For whom the user of this session says that they work: the setting pgvoice.author, which anybody may set.';

CREATE OR REPLACE FUNCTION pgvoice_internal.note(
    action text,
    subject text,
    details jsonb DEFAULT '{}',
    implied_by text[] DEFAULT '{}'
) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    INSERT INTO pgvoice.audit_event (action, subject, details)
    SELECT note.action, note.subject, jsonb_strip_nulls(
        note.details || jsonb_build_object('on_behalf_of', pgvoice_internal.claimed_author())
    )
    WHERE NOT EXISTS (
        SELECT FROM pgvoice.audit_event AS e
        WHERE e.subject = note.subject AND e.action = ANY (implied_by)
          AND e.at = now() AND e.actor = session_user
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.note IS
'Adds an event to the audit trail, unless this transaction has already noted one of implied_by about the
same subject. details must not contain a vector.';

CREATE OR REPLACE FUNCTION pgvoice_internal.event_hash(previous bytea, event pgvoice.audit_event)
RETURNS bytea
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT sha256(previous || convert_to(jsonb_build_array(
        event.id, (extract(epoch FROM event.at) * 1000000)::bigint, event.actor, event.action,
        event.subject, event.details
    )::text, 'UTF8'))
$$;
COMMENT ON FUNCTION pgvoice_internal.event_hash IS
'The hash of an event and of the hash before it. The text that is hashed is the same in every session, as
it holds no time, date or float.';

-- At the end of the transaction: whoever audits first would otherwise keep all others waiting until
-- then, and two transactions that wait for each other's rows would end in a deadlock.
CREATE OR REPLACE FUNCTION pgvoice_internal.chain_event() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    head pgvoice.audit_head;
BEGIN
    -- If somebody deleted the head, the chain is broken from here on.
    INSERT INTO pgvoice.audit_head (place, hash)
    SELECT coalesce(max(l.place), 0), sha256('') FROM pgvoice.audit_link AS l
    WHERE NOT EXISTS (SELECT FROM pgvoice.audit_head) HAVING true
    ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM pgvoice.audit_head FOR UPDATE;
    head.place := head.place + 1;
    head.hash := pgvoice_internal.event_hash(head.hash, NEW);
    INSERT INTO pgvoice.audit_link (place, event_id, hash) VALUES (head.place, NEW.id, head.hash);
    UPDATE pgvoice.audit_head SET place = head.place, hash = head.hash;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.chain_event() IS
'Adds an event to the chain of hashes.';

CREATE CONSTRAINT TRIGGER audit_event_chained
AFTER INSERT ON pgvoice.audit_event DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.chain_event();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_breaks()
RETURNS TABLE (place text, broken boolean)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT format('event %s', coalesce(e.id, l.event_id)),
           coalesce(l.hash <> pgvoice_internal.event_hash(
               coalesce(l.before, sha256('')), e
           ) OR l.place <> l.rank, true)
    FROM (
        SELECT k.*, lag(k.hash) OVER w AS before, row_number() OVER w AS rank
        FROM pgvoice.audit_link AS k WINDOW w AS (ORDER BY k.place)
    ) AS l
    FULL JOIN pgvoice.audit_event AS e ON e.id = l.event_id
    -- This transaction's own events are chained when it ends.
    WHERE l.place IS NOT NULL OR e.at <> now()
    UNION ALL
    SELECT 'the end of the trail',
           (h.place, h.hash) IS DISTINCT FROM (l.place, l.hash)
    FROM (SELECT) AS one
    LEFT JOIN pgvoice.audit_head AS h ON true
    LEFT JOIN (
        SELECT k.place, k.hash FROM pgvoice.audit_link AS k ORDER BY k.place DESC LIMIT 1
    ) AS l ON true
    WHERE h.place IS NOT NULL OR l.place IS NOT NULL
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_breaks() IS
'Every event of the audit trail, and its end: whether it was edited, deleted or put in since it was
written.';
