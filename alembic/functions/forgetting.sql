-- What acts changed is forgotten, and they cannot be undone any more.

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_changes(acts bigint[], why text) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    forgotten bigint;
BEGIN
    UPDATE pgvoice.act AS a SET final_because = why
    WHERE a.id = ANY (acts) AND a.undone_at IS NULL AND a.final_because IS NULL
      AND EXISTS (SELECT FROM pgvoice.act_change AS c WHERE c.act_id = a.id);
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    DELETE FROM pgvoice.act_change AS c WHERE c.act_id = ANY (acts);
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_changes(bigint[], text) IS
'Deletes what these acts changed, so that they cannot be undone any more; returns how many could.';

-- Long enough to notice a wrong name; not longer, as the changes contain voiceprints of exemplars that
-- somebody removed.
CREATE OR REPLACE FUNCTION pgvoice_internal.undo_days() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 90;
COMMENT ON FUNCTION pgvoice_internal.undo_days() IS
'For so many days an act can be undone.';

CREATE OR REPLACE FUNCTION pgvoice_internal.old_acts() RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT a.id FROM pgvoice.act AS a
    WHERE a.created_at < now() - make_interval(days => pgvoice_internal.undo_days())
      AND EXISTS (SELECT FROM pgvoice.act_change AS c WHERE c.act_id = a.id)
$$;
COMMENT ON FUNCTION pgvoice_internal.old_acts() IS
'The acts that are too old to be undone, and whose changes are still there.';

CREATE OR REPLACE FUNCTION pgvoice_internal.same_people(speakers bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH RECURSIVE moved AS MATERIALIZED (
        SELECT (c.old ->> 'speaker_id')::bigint AS one, (c.new ->> 'speaker_id')::bigint AS other
        FROM pgvoice.act_change AS c WHERE c.relation = 'enrollment'
        UNION
        SELECT (coalesce(c.new, c.old) ->> 'speaker_id')::bigint, x.speaker_id
        FROM pgvoice.act_change AS c
        JOIN pgvoice.enrollment AS x ON x.id = (c.key ->> 'id')::bigint
        WHERE c.relation = 'enrollment'
    ), person AS (
        SELECT unnest(speakers) AS id
        UNION
        SELECT CASE WHEN m.one = p.id THEN m.other ELSE m.one END
        FROM person AS p JOIN moved AS m ON p.id IN (m.one, m.other) AND m.one <> m.other
    )
    SELECT coalesce(array_agg(p.id), '{}') FROM person AS p WHERE p.id IS NOT NULL
$$;
COMMENT ON FUNCTION pgvoice_internal.same_people(bigint[]) IS
'The ids of these people, and of those whose exemplars were once theirs, or the other way round, as after a
merge.';

CREATE OR REPLACE FUNCTION pgvoice_internal.voiceprint_acts(speakers bigint[]) RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH person AS MATERIALIZED (
        SELECT unnest(pgvoice_internal.same_people(speakers)) AS id
    )
    SELECT DISTINCT c.act_id FROM pgvoice.act_change AS c
    WHERE c.relation IN ('enrollment', 'profile') AND EXISTS (
        SELECT FROM person AS p
        WHERE p.id IN ((c.old ->> 'speaker_id')::bigint, (c.new ->> 'speaker_id')::bigint)
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.voiceprint_acts(bigint[]) IS
'The acts whose changes contain vectors of these people.';

CREATE OR REPLACE FUNCTION pgvoice_internal.unagreed_people() RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT s.id FROM pgvoice.speaker AS s
    WHERE EXISTS (SELECT FROM pgvoice.consent AS c WHERE c.speaker_id = s.id)
      AND pgvoice_internal.person_valid_until(s.id) <= now()
$$;
COMMENT ON FUNCTION pgvoice_internal.unagreed_people() IS
'The people whose consents have all ended.';

CREATE OR REPLACE FUNCTION pgvoice_internal.acts_to_forget() RETURNS TABLE (act bigint, why text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT DISTINCT ON (f.act) f.act, f.why FROM (
        SELECT o.act, 'it is too old' FROM pgvoice_internal.old_acts() AS o(act)
        UNION ALL
        SELECT v.act, 'somebody''s consent ended'
        FROM pgvoice_internal.voiceprint_acts(
            ARRAY(SELECT pgvoice_internal.unagreed_people())
        ) AS v(act)
    ) AS f(act, why)
    ORDER BY f.act, f.why
$$;
COMMENT ON FUNCTION pgvoice_internal.acts_to_forget() IS
'The acts whose changes are to be deleted, as they are too old or contain vectors of people whose consents
have ended, and why.';

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_old_acts() RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(sum(pgvoice_internal.forget_changes(f.acts, f.why)), 0)::bigint FROM (
        SELECT array_agg(t.act) AS acts, t.why FROM pgvoice_internal.acts_to_forget() AS t
        GROUP BY t.why
    ) AS f
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_old_acts() IS
'Deletes the changes of acts_to_forget; returns how many acts there were.';

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_unagreed() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF pgvoice_internal.person_valid_until(NEW.speaker_id) <= now() THEN
        PERFORM pgvoice_internal.forget_changes(
            ARRAY(SELECT pgvoice_internal.voiceprint_acts(ARRAY[NEW.speaker_id])),
            'somebody''s consent ended'
        );
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_unagreed() IS
'Forgets the vectors of somebody whose consents have ended, also those of what acts changed.';

-- At the end of the transaction: undoing an act may store consents one after the other.
CREATE CONSTRAINT TRIGGER consent_ended
AFTER INSERT OR UPDATE ON pgvoice.consent DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.forget_unagreed();

CREATE OR REPLACE FUNCTION pgvoice_internal.people_called(person text) RETURNS bigint[]
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT ARRAY(
        SELECT s.id FROM pgvoice.speaker AS s WHERE s.name = person
        UNION
        SELECT (c.key ->> 'id')::bigint FROM pgvoice.act_change AS c
        WHERE c.relation = 'speaker' AND person IN (c.old ->> 'name', c.new ->> 'name')
          AND NOT EXISTS (SELECT FROM pgvoice.speaker AS s WHERE s.id = (c.key ->> 'id')::bigint)
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.people_called(text) IS
'The ids of the speaker of this name, and of those who were removed or merged, and whom an undo could bring
back.';

CREATE OR REPLACE FUNCTION pgvoice_internal.acts_about(speakers bigint[]) RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.voiceprint_acts(speakers)
    UNION
    SELECT c.act_id FROM pgvoice.act_change AS c
    CROSS JOIN LATERAL (VALUES (c.old), (c.new)) AS either(row)
    WHERE c.relation IN ('consent', 'verdict', 'person_span', 'unknown_voice')
          AND (either.row ->> 'speaker_id')::bigint = ANY (speakers)
       OR c.relation = 'speaker' AND (either.row ->> 'id')::bigint = ANY (speakers)
$$;
COMMENT ON FUNCTION pgvoice_internal.acts_about(bigint[]) IS
'The acts that changed these people, or what was said about them.';

CREATE OR REPLACE FUNCTION pgvoice_internal.names_of(person text, speakers bigint[]) RETURNS text[]
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH RECURSIVE called AS (
        SELECT given.name FROM (
            SELECT person AS name
            UNION ALL
            SELECT either.row ->> 'name' FROM pgvoice.act_change AS c
            CROSS JOIN LATERAL (VALUES (c.old), (c.new)) AS either(row)
            WHERE c.relation = 'speaker' AND (either.row ->> 'id')::bigint = ANY (speakers)
        ) AS given
        UNION
        SELECT e.subject FROM called AS k
        JOIN pgvoice.audit_event AS e
            ON e.action IN ('rename', 'merge') AND k.name IN (e.details ->> 'to', e.details ->> 'into')
    )
    SELECT array_agg(k.name) FROM called AS k WHERE k.name IS NOT NULL
$$;
COMMENT ON FUNCTION pgvoice_internal.names_of(text, bigint[]) IS
'What somebody has been called.';

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_person(person text) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    speakers CONSTANT bigint[] := pgvoice_internal.people_called(person);
    names CONSTANT text[] := pgvoice_internal.names_of(person, speakers);
    forgotten bigint;
BEGIN
    forgotten := pgvoice_internal.forget_changes(
        ARRAY(SELECT pgvoice_internal.acts_about(speakers)), 'somebody was erased'
    );
    DELETE FROM pgvoice.act_change AS c
    WHERE c.relation = 'attribution' AND EXISTS (
        SELECT FROM (VALUES (c.old), (c.new)) AS either(row)
        WHERE (either.row ->> 'speaker_id')::bigint = ANY (speakers)
           OR (either.row ->> 'runner_up_id')::bigint = ANY (speakers)
    );
    UPDATE pgvoice.act AS a SET subject = 'somebody who was erased', details = '{}'
    WHERE a.subject = ANY (names) OR EXISTS (
        SELECT FROM jsonb_path_query(a.details, 'strict $.** ? (@.type() == "string")') AS said(value)
        WHERE said.value #>> '{}' = ANY (names)
    );
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_person(text) IS
'Deletes what acts changed about somebody of this name, also if they were removed, and the name in acts;
returns how many acts cannot be undone any more.';

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_recordings() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    gone CONSTANT bigint[] := ARRAY(SELECT o.id FROM old_rows AS o);
BEGIN
    PERFORM pgvoice_internal.forget_changes(ARRAY(
        SELECT DISTINCT c.act_id FROM pgvoice.act_change AS c
        CROSS JOIN LATERAL (VALUES (c.old), (c.new)) AS either(row)
        WHERE c.relation = 'enrollment' AND (either.row ->> 'video_id')::bigint = ANY (gone)
          -- Exemplars outlive their recording, unless they were removed.
          AND NOT EXISTS (
              SELECT FROM pgvoice.enrollment AS x WHERE x.id = (c.key ->> 'id')::bigint
          )
    ), 'a recording was erased');
    UPDATE pgvoice.act_change AS c
    SET old = c.old || '{"video_id": null}', new = c.new || '{"video_id": null}'
    WHERE c.relation = 'enrollment' AND (
        (c.old ->> 'video_id')::bigint = ANY (gone) OR (c.new ->> 'video_id')::bigint = ANY (gone)
    );
    DELETE FROM pgvoice.act_change AS c
    WHERE c.relation IN ('attribution', 'linked_voice', 'verdict')
      AND (coalesce(c.new, c.old) ->> 'video_id')::bigint = ANY (gone);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_recordings() IS
'Deletes what acts changed about recordings that are deleted, and the vectors of their exemplars that were
removed.';

CREATE OR REPLACE TRIGGER video_deleted_changes
AFTER DELETE ON pgvoice.video REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_recordings();

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_erased_speech() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.forget_changes(
        array_agg(c.act_id),
        CASE WHEN n.person IS NULL THEN 'a recording was erased' ELSE 'somebody was erased' END
    )
    FROM pgvoice.act_change AS c
    CROSS JOIN LATERAL (VALUES (c.old), (c.new)) AS either(row)
    LEFT JOIN pgvoice.video AS v ON v.id = (either.row ->> 'video_id')::bigint
    JOIN new_rows AS n
        ON n.audio = either.row ->> 'audio_sha256' OR n.video = pgvoice_internal.key_hash(v.key)
    WHERE c.relation = 'enrollment' AND pgvoice_internal.is_same_speech(
        (either.row ->> 'start_ms')::integer, (either.row ->> 'end_ms')::integer, n.start_ms, n.end_ms
    ) AND NOT EXISTS (
        SELECT FROM pgvoice.enrollment AS x WHERE x.id = (c.key ->> 'id')::bigint
    )
    GROUP BY n.person IS NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_erased_speech() IS
'Forgets the vectors of exemplars that were removed, if their speech is erased.';

CREATE OR REPLACE TRIGGER erased_span_changes
AFTER INSERT ON pgvoice.erased_span REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_erased_speech();
