-- The audit trail: what triggers note, whoever makes the change and by whatever statement.

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_speaker() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pgvoice_internal.note('remove', OLD.name, jsonb_build_object('exemplars', (
            SELECT count(*) FROM pgvoice.enrollment AS e WHERE e.speaker_id = OLD.id
        )), ARRAY['erase speaker', 'merge']);
        RETURN OLD;
    END IF;
    IF NEW.name <> OLD.name THEN
        PERFORM pgvoice_internal.note('rename', OLD.name, jsonb_build_object('to', NEW.name));
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_speaker() IS 'Notes who is renamed or removed.';

CREATE OR REPLACE TRIGGER speaker_audited
BEFORE DELETE OR UPDATE OF name ON pgvoice.speaker
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.audit_speaker();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_enrolled() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.note('enroll', s.name, jsonb_build_object(
        'encoder', e.label, 'added', n.exemplars
    ))
    FROM (
        SELECT x.speaker_id, x.encoder_id, count(*) AS exemplars FROM new_rows AS x
        GROUP BY x.speaker_id, x.encoder_id
    ) AS n
    JOIN pgvoice.speaker AS s ON s.id = n.speaker_id
    JOIN pgvoice.encoder AS e ON e.id = n.encoder_id
    -- Whoever has them with another encoder is not enrolled by giving them to this one.
    WHERE NOT EXISTS (
        SELECT FROM pgvoice.audit_event AS c
        WHERE c.at = now() AND c.actor = session_user
          AND (c.action = 'carry over' AND (c.subject = e.label OR pg_trigger_depth() > 1)
               OR c.action IN ('enroll', 'undo') AND pg_trigger_depth() > 1)
    ) OR EXISTS (
        SELECT FROM new_rows AS x
        WHERE x.speaker_id = n.speaker_id AND x.encoder_id = n.encoder_id
          AND NOT EXISTS (SELECT FROM pgvoice_internal.twins_of(ARRAY[x.id]))
    )
    ORDER BY s.name, e.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_enrolled() IS
'Notes who is enrolled, besides exemplars that are carried over to another encoder, which is one event.';

CREATE OR REPLACE TRIGGER enrollment_insert_audited
AFTER INSERT ON pgvoice.enrollment REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.audit_enrolled();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_exemplars() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.note(c.action, s.name, jsonb_build_object(
        'encoder', e.label, 'exemplars', c.exemplars, 'to', kept.name
    ), CASE c.action WHEN 'move exemplars' THEN ARRAY['merge']
                     WHEN 'leave out exemplars' THEN ARRAY['drop outliers'] ELSE '{}' END)
    FROM (
        SELECT told.action, o.speaker_id, o.encoder_id,
               CASE WHEN told.action = 'move exemplars' THEN n.speaker_id END AS kept_id,
               count(*) AS exemplars
        FROM old_rows AS o JOIN new_rows AS n ON n.id = o.id
        CROSS JOIN LATERAL (VALUES
            ('move exemplars', n.speaker_id <> o.speaker_id),
            ('leave out exemplars', n.excluded AND NOT o.excluded),
            ('restore exemplars', o.excluded AND NOT n.excluded),
            ('change exemplars', n.encoder_id <> o.encoder_id
                OR n.embedding OPERATOR(public.<>) o.embedding
                OR (n.audio_sha256, n.start_ms, n.end_ms) <> (o.audio_sha256, o.start_ms, o.end_ms))
        ) AS told(action, happened)
        WHERE told.happened
        GROUP BY told.action, o.speaker_id, o.encoder_id, kept_id
    ) AS c
    JOIN pgvoice.speaker AS s ON s.id = c.speaker_id
    JOIN pgvoice.encoder AS e ON e.id = c.encoder_id
    LEFT JOIN pgvoice.speaker AS kept ON kept.id = c.kept_id
    ORDER BY s.name, e.id, c.action;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_exemplars() IS 'Notes whose exemplars change, and how.';

CREATE OR REPLACE TRIGGER enrollment_update_audited
AFTER UPDATE ON pgvoice.enrollment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.audit_exemplars();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_unenrolled() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    -- Without the exemplars that go with their speaker.
    PERFORM pgvoice_internal.note('delete exemplars', s.name, jsonb_build_object(
        'encoder', e.label, 'exemplars', o.exemplars
    ), ARRAY['withdraw consent', 'expire'])
    FROM (
        SELECT x.speaker_id, x.encoder_id, count(*) AS exemplars FROM old_rows AS x
        GROUP BY x.speaker_id, x.encoder_id
    ) AS o
    JOIN pgvoice.speaker AS s ON s.id = o.speaker_id
    JOIN pgvoice.encoder AS e ON e.id = o.encoder_id
    WHERE NOT pgvoice_internal.is_dropping(e.id)
    ORDER BY s.name, e.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_unenrolled() IS
'Notes whose exemplars are deleted, besides those that go with their encoder.';

CREATE OR REPLACE TRIGGER enrollment_delete_audited
AFTER DELETE ON pgvoice.enrollment REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.audit_unenrolled();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_profile() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    one CONSTANT pgvoice.profile := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    mean CONSTANT public.vector := (
        SELECT public.l2_normalize(public.avg(e.embedding)) FROM pgvoice.enrollment AS e
        WHERE e.speaker_id = one.speaker_id AND e.encoder_id = one.encoder_id AND NOT e.excluded
    );
    implied CONSTANT boolean := CASE
        WHEN mean IS NULL THEN TG_OP = 'DELETE'
        WHEN public.vector_dims(mean) <> public.vector_dims(one.embedding) THEN false
        ELSE TG_OP <> 'DELETE' AND -(one.embedding OPERATOR(public.<#>) mean) > 1 - 1e-5
    END;
BEGIN
    IF NOT implied THEN
        PERFORM pgvoice_internal.note(
            CASE WHEN TG_OP = 'DELETE' THEN 'delete profile' ELSE 'change profile' END,
            s.name, jsonb_build_object('encoder', e.label)
        )
        FROM pgvoice.speaker AS s CROSS JOIN pgvoice.encoder AS e
        WHERE s.id = one.speaker_id AND e.id = one.encoder_id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_profile() IS
'Notes changes of a profile that do not follow from its exemplars.';

CREATE OR REPLACE TRIGGER profile_audited
AFTER INSERT OR DELETE OR UPDATE OF speaker_id, encoder_id, embedding ON pgvoice.profile
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.audit_profile();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_consent() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF NEW.withdrawn_at IS NULL THEN
        PERFORM pgvoice_internal.note('consent', s.name, jsonb_build_object(
            'granted_by', NEW.granted_by, 'purpose', NEW.purpose,
            'until', to_char(NEW.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI UTC')
        ))
        FROM pgvoice.speaker AS s WHERE s.id = NEW.speaker_id;
    ELSE
        PERFORM pgvoice_internal.note('withdraw consent', s.name, jsonb_build_object('exemplars', (
            SELECT count(*) FROM pgvoice.enrollment AS e WHERE e.speaker_id = s.id
        )), ARRAY['withdraw consent'])
        FROM pgvoice.speaker AS s WHERE s.id = NEW.speaker_id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_consent() IS 'Notes who gives a consent, or withdraws it.';

CREATE OR REPLACE TRIGGER consent_audited
AFTER INSERT OR UPDATE ON pgvoice.consent
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.audit_consent();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_act() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.note(
        NEW.kind, NEW.subject, NEW.details || jsonb_build_object('act', NEW.id)
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_act() IS
'Notes what somebody said about unknown voices. What other acts do is noted by the triggers of the tables.';

CREATE OR REPLACE TRIGGER act_audited
AFTER UPDATE OF changed ON pgvoice.act
FOR EACH ROW WHEN (NEW.kind IN ('name', 'accept', 'reject', 'dismiss', 'same', 'different'))
EXECUTE FUNCTION pgvoice_internal.audit_act();
