-- The audit trail: what triggers note about opt-outs, thresholds, settings and deleted segments.

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_opt_out() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    action CONSTANT text := CASE TG_OP
        WHEN 'INSERT' THEN 'opt out' WHEN 'DELETE' THEN 'allow' ELSE 'change opt-out' END;
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.name_hash <> OLD.name_hash THEN
        PERFORM pgvoice_internal.note(action, 'opt-out ' || coalesce(OLD.id, NEW.id));
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_opt_out() IS 'Notes opt-outs by their number.';

CREATE OR REPLACE TRIGGER opt_out_audited
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.opt_out
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.audit_opt_out();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_opt_out_voice() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.note(CASE TG_OP
        WHEN 'INSERT' THEN 'opt out voice' WHEN 'DELETE' THEN 'allow voice'
        ELSE 'change opt-out voice' END,
        'opt-out ' || o.id, jsonb_build_object('encoder', e.label))
    FROM pgvoice.opt_out AS o CROSS JOIN pgvoice.encoder AS e
    WHERE o.id = coalesce(OLD.opt_out_id, NEW.opt_out_id)
      AND e.id = coalesce(OLD.encoder_id, NEW.encoder_id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_opt_out_voice() IS
'Notes whose voice is refused, by the number of the opt-out.';

CREATE OR REPLACE TRIGGER opt_out_voice_audited
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.opt_out_voice
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.audit_opt_out_voice();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_requirement() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.note(
        'require consent', 'the store', jsonb_build_object('required', NEW.consent_required)
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_requirement() IS 'Notes whether consent is required.';

CREATE OR REPLACE TRIGGER setting_audited
AFTER UPDATE OF consent_required ON pgvoice.setting
FOR EACH ROW WHEN (OLD.consent_required <> NEW.consent_required)
EXECUTE FUNCTION pgvoice_internal.audit_requirement();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_threshold() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.note('change threshold', NEW.label, jsonb_build_object(
        'from', OLD.default_threshold, 'to', NEW.default_threshold
    ));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_threshold() IS 'Notes changes of an encoder''s own threshold.';

CREATE OR REPLACE TRIGGER encoder_audited
AFTER UPDATE OF default_threshold ON pgvoice.encoder
FOR EACH ROW WHEN (OLD.default_threshold <> NEW.default_threshold)
EXECUTE FUNCTION pgvoice_internal.audit_threshold();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_default_encoder() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.note(
        'change default encoder', n.label, jsonb_build_object('from', was.label)
    )
    FROM pgvoice.encoder AS n
    CROSS JOIN (
        SELECT b.id, b.label FROM (
            SELECT o.id, o.label, o.default_since FROM old_rows AS o
            UNION ALL
            SELECT e.id, e.label, e.default_since FROM pgvoice.encoder AS e
            WHERE e.id NOT IN (SELECT o.id FROM old_rows AS o)
        ) AS b
        ORDER BY b.default_since DESC NULLS LAST, b.id LIMIT 1
    ) AS was
    WHERE n.id = pgvoice.default_encoder() AND n.id <> was.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_default_encoder() IS 'Notes when another encoder answers.';

CREATE OR REPLACE TRIGGER encoder_update_audited
AFTER UPDATE ON pgvoice.encoder REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.audit_default_encoder();

CREATE OR REPLACE TRIGGER encoder_deletion_audited
AFTER DELETE ON pgvoice.encoder REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.audit_default_encoder();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_calibration() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    action CONSTANT text := CASE
        WHEN TG_OP = 'DELETE' THEN 'delete calibration'
        WHEN TG_OP = 'INSERT' THEN CASE WHEN NEW.active THEN 'calibrate' END
        WHEN NEW.active AND NOT OLD.active THEN 'calibrate'
        WHEN OLD.active AND NOT NEW.active THEN 'reset calibration'
        WHEN (OLD.band_ms, OLD.thresholds, OLD.margins, OLD.gallery, OLD.far_bound)
             IS DISTINCT FROM (NEW.band_ms, NEW.thresholds, NEW.margins, NEW.gallery, NEW.far_bound)
             THEN 'change calibration'
    END;
BEGIN
    IF action IS NOT NULL THEN
        PERFORM pgvoice_internal.note(
            action, e.label, jsonb_build_object('calibration', coalesce(OLD.id, NEW.id))
        )
        FROM pgvoice.encoder AS e
        WHERE e.id = coalesce(OLD.encoder_id, NEW.encoder_id)
          AND NOT pgvoice_internal.is_dropping(e.id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_calibration() IS
'Notes which calibration is used, and changes of one, besides those that go with their encoder.';

CREATE OR REPLACE TRIGGER calibration_audited
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.calibration
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.audit_calibration();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_segments() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    -- Without those that go with their recording.
    PERFORM pgvoice_internal.note(
        'delete segments',
        CASE WHEN count(*) = 1 THEN min(v.key) ELSE count(*) || ' recordings' END,
        jsonb_build_object('segments', sum(o.segments))
    )
    FROM (SELECT x.video_id, count(*) AS segments FROM old_rows AS x
          WHERE x.embedding IS NOT NULL GROUP BY x.video_id) AS o
    JOIN pgvoice.video AS v ON v.id = o.video_id
    HAVING count(*) > 0;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_segments() IS
'Notes how many vectors of which recording are deleted.';

CREATE OR REPLACE TRIGGER segment_embedding_delete_audited
AFTER DELETE ON pgvoice.segment_embedding REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.audit_segments();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_emptied() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.note(
        'erase segments',
        CASE WHEN count(*) = 1 THEN min(v.key) ELSE count(*) || ' recordings' END,
        jsonb_build_object('segments', sum(o.segments))
    )
    FROM (
        SELECT x.video_id, sum(x.before) AS segments FROM (
            SELECT r.video_id, 1 AS before FROM old_rows AS r WHERE r.embedding IS NOT NULL
            UNION ALL
            SELECT r.video_id, -1 FROM new_rows AS r WHERE r.embedding IS NOT NULL
        ) AS x
        GROUP BY x.video_id HAVING sum(x.before) > 0
    ) AS o
    JOIN pgvoice.video AS v ON v.id = o.video_id
    HAVING count(*) > 0;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_emptied() IS
'Notes how many vectors of which recording are erased, without their rows.';

CREATE OR REPLACE TRIGGER segment_embedding_update_audited
AFTER UPDATE ON pgvoice.segment_embedding REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.audit_emptied();

CREATE OR REPLACE FUNCTION pgvoice_internal.audit_video() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.note('delete recording', OLD.key, '{}', ARRAY['erase video']);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.audit_video() IS 'Notes which recordings are deleted.';

CREATE OR REPLACE TRIGGER video_audited
AFTER DELETE ON pgvoice.video
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.audit_video();
