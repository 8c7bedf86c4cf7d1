-- What people do, and what it changes.

CREATE OR REPLACE FUNCTION pgvoice_internal.current_act() RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT a.id FROM pgvoice.act AS a
    WHERE a.id = CASE WHEN current_setting('pgvoice.act', true) ~ '^[0-9]{1,18}$'
                      THEN current_setting('pgvoice.act', true)::bigint END
      AND a.transaction = pg_current_xact_id()::text::bigint AND a.created_at = now()
      AND a.undone_at IS NULL
$$;
COMMENT ON FUNCTION pgvoice_internal.current_act() IS
'The act that this transaction has begun, or NULL: the setting pgvoice.act, which anybody may set, counts
only for an act of this transaction.';

CREATE OR REPLACE FUNCTION pgvoice_internal.begin_act(
    kind text, subject text, details jsonb DEFAULT '{}'
) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    begun bigint := pgvoice_internal.current_act();
BEGIN
    IF begun IS NULL THEN
        INSERT INTO pgvoice.act (kind, subject, details, on_behalf_of, transaction)
        VALUES (begin_act.kind, begin_act.subject, begin_act.details,
                pgvoice_internal.claimed_author(), pg_current_xact_id()::text::bigint)
        RETURNING id INTO begun;
        PERFORM set_config('pgvoice.act', begun::text, true);
    END IF;
    RETURN begun;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.begin_act(text, text, jsonb) IS
'Begins an act, which lasts until the end of the transaction, and returns its number; if one has begun
already, that one. An act that changes nothing is deleted at the end.';

-- Numbers, times and vectors as text that reads back exactly, and is the same in every session.
CREATE OR REPLACE FUNCTION pgvoice_internal.record_change() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET extra_float_digits = 1
AS $$
DECLARE
    before CONSTANT jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after CONSTANT jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
BEGIN
    IF before IS DISTINCT FROM after THEN
        INSERT INTO pgvoice.act_change (act_id, relation, key, old, new)
        SELECT a.id, TG_TABLE_NAME, (
            SELECT jsonb_object_agg(name, coalesce(after, before) -> name)
            FROM unnest(TG_ARGV) AS name
        ), before, after
        FROM pgvoice_internal.current_act() AS a(id) WHERE a.id IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.record_change() IS
'Keeps the row before and after a change while an act is going on. Takes the columns of the primary key.';

CREATE OR REPLACE TRIGGER speaker_recorded
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.speaker
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('id');

CREATE OR REPLACE TRIGGER enrollment_recorded
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.enrollment
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('id');

CREATE OR REPLACE TRIGGER profile_recorded
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.profile
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('encoder_id', 'speaker_id');

CREATE OR REPLACE TRIGGER consent_recorded
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.consent
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('id');

CREATE OR REPLACE TRIGGER person_span_recorded
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.person_span
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('speaker_id', 'audio', 'start_ms', 'end_ms');

CREATE OR REPLACE TRIGGER verdict_recorded
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.verdict
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('id');

CREATE OR REPLACE TRIGGER attribution_run_recorded
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.attribution_run
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('id');

CREATE OR REPLACE TRIGGER unknown_voice_recorded
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.unknown_voice
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('id');

CREATE OR REPLACE TRIGGER linked_voice_recorded
AFTER INSERT OR UPDATE OR DELETE ON pgvoice.linked_voice
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('video_id', 'encoder_id', 'label');

CREATE OR REPLACE TRIGGER erased_span_recorded
AFTER DELETE ON pgvoice.erased_span
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('id');

-- New labels are not recorded: they are deleted with their run. Which one is current follows from the
-- runs.
CREATE OR REPLACE TRIGGER attribution_recorded
AFTER DELETE OR UPDATE OF speaker_id, similarity, runner_up_id, margin, reason, pinned ON pgvoice.attribution
FOR EACH ROW WHEN (current_setting('pgvoice.act', true) <> '')
EXECUTE FUNCTION pgvoice_internal.record_change('video_id', 'start_ms', 'end_ms', 'encoder_id', 'run_id');

CREATE OR REPLACE FUNCTION pgvoice_internal.finish_act() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    counts CONSTANT jsonb := (
        SELECT jsonb_object_agg(c.relation, c.rows) FROM (
            SELECT x.relation, count(DISTINCT x.key) AS rows FROM pgvoice.act_change AS x
            WHERE x.act_id = NEW.id GROUP BY x.relation
        ) AS c
    );
    labels CONSTANT bigint := (
        SELECT coalesce(sum((x.new ->> 'changed')::bigint), 0) FROM pgvoice.act_change AS x
        WHERE x.act_id = NEW.id AND x.relation = 'attribution_run' AND x.old IS NULL
    ) + (
        SELECT count(DISTINCT x.key) FROM pgvoice.act_change AS x
        WHERE x.act_id = NEW.id AND x.relation = 'attribution'
          AND x.old -> 'speaker_id' IS DISTINCT FROM x.new -> 'speaker_id'
    );
BEGIN
    IF counts IS NULL THEN
        DELETE FROM pgvoice.act AS a WHERE a.id = NEW.id AND a.undone_at IS NULL;
    ELSE
        UPDATE pgvoice.act AS a SET changed = counts || jsonb_build_object('label', labels)
        WHERE a.id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.finish_act() IS
'Counts what an act changed, and labels that got another speaker, at the end of its transaction; deletes the act if that is nothing.';

CREATE CONSTRAINT TRIGGER act_finished
AFTER INSERT ON pgvoice.act DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.finish_act();

CREATE OR REPLACE FUNCTION pgvoice_internal.act_subject(act bigint) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT concat_ws(' ', a.subject, CASE
        WHEN strpos(a.subject, a.details ->> 'speaker') = 0 THEN a.details ->> 'speaker'
    END)
    FROM pgvoice.act AS a
    WHERE a.id = act_subject.act
$$;
COMMENT ON FUNCTION pgvoice_internal.act_subject(bigint) IS
'What an act is about, with the person if there is one.';

CREATE OR REPLACE FUNCTION pgvoice_internal.act_text(act bigint) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT format('act %s (%s %s)', a.id, a.kind, pgvoice_internal.act_subject(a.id))
    FROM pgvoice.act AS a
    WHERE a.id = act_text.act
$$;
COMMENT ON FUNCTION pgvoice_internal.act_text(bigint) IS 'An act as messages name it.';
