-- Acts are undone: the rows that they changed become what they were.

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_undo(act bigint) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    one pgvoice.act;
    later bigint;
    taken text;
BEGIN
    SELECT a.* INTO one FROM pgvoice.act AS a WHERE a.id = refuse_undo.act FOR UPDATE;
    -- What is to be forgotten counts as forgotten.
    SELECT f.why INTO one.final_because FROM pgvoice_internal.acts_to_forget() AS f
    WHERE f.act = one.id AND one.final_because IS NULL
    UNION ALL SELECT one.final_because;
    IF one.id IS NULL THEN
        RAISE EXCEPTION 'no act % in the store', act
            USING HINT = 'The table pgvoice.act lists them.', ERRCODE = 'no_data_found';
    ELSIF one.undone_at IS NOT NULL THEN
        RAISE EXCEPTION '% was undone already', pgvoice_internal.act_text(act)
            USING HINT = 'An act is undone once.', ERRCODE = 'PV020';
    ELSIF one.final_because IS NOT NULL THEN
        RAISE EXCEPTION '% cannot be undone: what it changed is not kept, because %',
            pgvoice_internal.act_text(act), one.final_because
            USING HINT = 'Later acts can be undone, if there are any.', ERRCODE = 'PV020';
    ELSIF EXISTS (
        SELECT FROM pgvoice.act_change AS c WHERE c.act_id = act AND c.relation = 'erased_span'
    ) THEN
        RAISE EXCEPTION '% cannot be undone: it ended an erasure', pgvoice_internal.act_text(act)
            USING HINT = 'Withdraw the consent instead.', ERRCODE = 'PV020';
    END IF;
    later := pgvoice_internal.later_act(act);
    IF later IS NOT NULL THEN
        RAISE EXCEPTION '% cannot be undone before %, which depends on it',
            pgvoice_internal.act_text(act), pgvoice_internal.act_text(later)
            USING HINT = format('Run `pgvoice undo %s` first.', later), ERRCODE = 'PV020';
    END IF;
    SELECT s.name INTO taken FROM pgvoice_internal.act_effects(act, 'speaker') AS e
    JOIN pgvoice.speaker AS s ON s.name = e.old ->> 'name' AND s.id <> (e.key ->> 'id')::bigint
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% cannot be undone: there is another % now',
            pgvoice_internal.act_text(act), quote_literal(taken)
            USING HINT = 'Rename that person first.', ERRCODE = 'PV020';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_undo(bigint) IS
'Fails if an act cannot be undone, and says why.';

CREATE OR REPLACE FUNCTION pgvoice_internal.undo_labels(act bigint) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    runs CONSTANT bigint[] := ARRAY(
        SELECT DISTINCT coalesce(e.key ->> 'run_id', e.key ->> 'id')::bigint
        FROM pgvoice_internal.act_effects(act) AS e
        WHERE e.relation = 'attribution_run' OR e.relation = 'attribution' AND e.new IS NULL
    );
    added CONSTANT bigint[] := ARRAY(
        SELECT (e.key ->> 'id')::bigint FROM pgvoice_internal.act_effects(act, 'attribution_run') AS e
        WHERE e.old IS NULL
    );
BEGIN
    PERFORM pgvoice_internal.put_back(act, 'attribution_run'),
            pgvoice_internal.put_back(act, 'attribution');
    IF cardinality(runs) > 0 THEN
        PERFORM pgvoice_internal.choose_current(runs, added);
    END IF;
    PERFORM pgvoice_internal.take_away(act, 'attribution_run');
END
$$;
COMMENT ON FUNCTION pgvoice_internal.undo_labels(bigint) IS
'Restores the labels that an act changed or deleted, and deletes those that it added.';

CREATE OR REPLACE FUNCTION pgvoice_internal.undo_pins(act bigint) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.withdraw_pins(
        (e.new ->> 'video_id')::bigint, (e.new ->> 'spans')::int4multirange
    )
    FROM pgvoice_internal.act_effects(act, 'verdict') AS e
    WHERE e.old IS NULL AND EXISTS (
        SELECT FROM pgvoice.video AS v WHERE v.id = (e.new ->> 'video_id')::bigint
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.undo_pins(bigint) IS
'Withdraws the labels that runs since an act stored because of what a person said with it.';

-- Links first: an unknown voice without any ends, and its mean follows from them.
CREATE OR REPLACE FUNCTION pgvoice_internal.undo_links(act bigint) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.put_back(act, 'linked_voice'),
            pgvoice_internal.take_away(act, 'linked_voice'),
            pgvoice_internal.put_back(act, 'unknown_voice'),
            pgvoice_internal.carry_undone(act);
    -- A fill may have linked further voices to one that this act created.
    DELETE FROM pgvoice.unknown_voice AS u
    USING pgvoice_internal.undo_plan(act, 'unknown_voice') AS p
    WHERE p.target IS NULL AND u.id = (p.key ->> 'id')::bigint
      AND NOT EXISTS (SELECT FROM pgvoice.linked_voice AS l WHERE l.unknown_voice_id = u.id);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.undo_links(bigint) IS
'Restores unknown voices and their links, besides those that a fill has made since.';

CREATE OR REPLACE FUNCTION pgvoice_internal.undo_changes(act bigint) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET extra_float_digits = 1
AS $$
DECLARE
    -- Triggers note in speakers that exemplars come and go: for undoing they do not.
    people CONSTANT jsonb := (
        SELECT jsonb_object_agg(s.id, to_jsonb(s)) FROM pgvoice.speaker AS s WHERE s.id IN (
            SELECT (e.key ->> 'id')::bigint FROM pgvoice_internal.act_effects(act, 'speaker') AS e
            UNION
            SELECT (x.stored ->> 'speaker_id')::bigint
            FROM pgvoice_internal.act_effects(act, 'enrollment') AS e
            CROSS JOIN LATERAL (VALUES (e.old), (e.new)) AS x(stored)
        )
    );
    copies CONSTANT jsonb := (
        SELECT jsonb_agg(c) FROM pgvoice_internal.copies_to_undo(act) AS c
    );
BEGIN
    PERFORM pgvoice_internal.put_back(act, 'speaker'),
            pgvoice_internal.put_back(act, 'consent'),
            pgvoice_internal.take_away(act, 'enrollment'),
            pgvoice_internal.put_back_voiceprints(act, 'enrollment'),
            pgvoice_internal.take_away(act, 'profile'),
            pgvoice_internal.put_back_voiceprints(act, 'profile'),
            pgvoice_internal.mend_profiles(act),
            pgvoice_internal.follow_undone(copies),
            pgvoice_internal.put_back(act, 'person_span'),
            pgvoice_internal.take_away(act, 'person_span'),
            pgvoice_internal.undo_labels(act),
            pgvoice_internal.take_away(act, 'verdict'),
            pgvoice_internal.put_back(act, 'verdict'),
            pgvoice_internal.undo_pins(act),
            pgvoice_internal.undo_links(act);
    PERFORM pgvoice_internal.take_away(act, 'consent');
    UPDATE pgvoice.profile AS p SET valid_until = p.valid_until
    FROM pgvoice_internal.act_effects(act, 'consent') AS e
    WHERE p.speaker_id = (coalesce(e.new, e.old) ->> 'speaker_id')::bigint;
    PERFORM pgvoice_internal.take_away(act, 'speaker');
    UPDATE pgvoice.speaker AS s
    SET enrolled_from = (t.target ->> 'enrolled_from')::timestamptz,
        enrolled_until = (t.target ->> 'enrolled_until')::timestamptz
    FROM (
        SELECT b.id::bigint AS id, jsonb_object_agg(c.name, CASE
            WHEN e.new IS NOT NULL AND e.new -> c.name = b.stored -> c.name THEN e.old -> c.name
            ELSE b.stored -> c.name
        END) AS target
        FROM jsonb_each(people) AS b(id, stored)
        CROSS JOIN (VALUES ('enrolled_from'), ('enrolled_until')) AS c(name)
        LEFT JOIN pgvoice_internal.act_effects(act, 'speaker') AS e ON e.key ->> 'id' = b.id
        GROUP BY b.id
        UNION ALL
        SELECT (e.key ->> 'id')::bigint, e.old
        FROM pgvoice_internal.act_effects(act, 'speaker') AS e WHERE e.new IS NULL
    ) AS t
    WHERE s.id = t.id;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.undo_changes(bigint) IS
'Restores all rows that an act changed, in an order in which each finds those that it refers to.';

CREATE OR REPLACE FUNCTION pgvoice_internal.restored_rows(act bigint)
RETURNS TABLE (what text, restored bigint, left_out bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    changed text;
BEGIN
    FOR changed IN
        SELECT DISTINCT e.relation FROM pgvoice_internal.act_effects(act) AS e ORDER BY e.relation
    LOOP
        RETURN QUERY
        SELECT changed, count(*) FILTER (WHERE p.is_undone), count(*) FILTER (WHERE NOT p.is_undone)
        FROM pgvoice_internal.undo_plan(act, changed) AS p;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.restored_rows(bigint) IS
'How many rows of each table are what they were before an act, and how many could not be restored.';

CREATE OR REPLACE FUNCTION pgvoice.undo(number bigint DEFAULT NULL, dry_run boolean DEFAULT false)
RETURNS TABLE (
    act bigint,
    kind text,
    subject text,
    what text,
    restored bigint,
    left_out bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    chosen bigint := undo.number;
    told record;
    found jsonb;
BEGIN
    PERFORM set_config('pgvoice.act', '', true);
    PERFORM FROM pgvoice.lock AS l WHERE l.name = 'enrollment' FOR UPDATE;
    PERFORM pgvoice_internal.hold_labels();
    chosen := coalesce(chosen, (
        SELECT max(a.id) FROM pgvoice.act AS a
        WHERE a.undone_at IS NULL
          AND EXISTS (SELECT FROM pgvoice.act_change AS c WHERE c.act_id = a.id)
    ));
    IF chosen IS NULL THEN
        RAISE EXCEPTION 'no act to undo' USING ERRCODE = 'PV020';
    END IF;
    PERFORM FROM pgvoice.speaker AS s WHERE s.id IN (
        SELECT (x.stored ->> 'speaker_id')::bigint FROM pgvoice.act_change AS c
        CROSS JOIN LATERAL (VALUES (c.old), (c.new)) AS x(stored)
        WHERE c.act_id = chosen AND c.relation IN ('enrollment', 'consent', 'profile')
        UNION ALL
        SELECT (c.key ->> 'id')::bigint FROM pgvoice.act_change AS c
        WHERE c.act_id = chosen AND c.relation = 'speaker'
    ) ORDER BY s.id FOR UPDATE;
    PERFORM pgvoice_internal.refuse_undo(chosen);
    BEGIN
        SELECT a.kind, pgvoice_internal.act_subject(a.id) AS subject,
               (a.changed ->> 'label')::bigint AS labels
        INTO told FROM pgvoice.act AS a WHERE a.id = chosen;
        PERFORM pgvoice_internal.note('undo', a.subject, jsonb_build_object(
            'act', chosen, 'kind', a.kind
        ))
        FROM pgvoice.act AS a WHERE a.id = chosen;
        UPDATE pgvoice.act AS a SET undone_at = now(), undone_by = session_user,
            undone_on_behalf_of = pgvoice_internal.claimed_author()
        WHERE a.id = chosen;
        PERFORM pgvoice_internal.undo_changes(chosen);
        PERFORM pgvoice_internal.follow_undone_labels(chosen);
        found := (SELECT jsonb_agg(r) FROM pgvoice_internal.restored_rows(chosen) AS r);
        DELETE FROM pgvoice.act_change AS c WHERE c.act_id = chosen;
        PERFORM pgvoice_internal.end_rehearsal(dry_run);
    EXCEPTION WHEN SQLSTATE 'PV099' THEN
        NULL;
    END;
    RETURN QUERY
    SELECT chosen, told.kind, told.subject, f.what, f.restored, f.left_out
    FROM jsonb_to_recordset(found) AS f(what text, restored bigint, left_out bigint)
    UNION ALL
    SELECT chosen, told.kind, told.subject, 'label', told.labels, 0 WHERE told.labels > 0;
END
$$;
COMMENT ON FUNCTION pgvoice.undo(bigint, boolean) IS
'Undoes an act, or the newest one that is not undone: the rows that it changed become what they were.
Returns how many of each table were restored, with the labels, and how many were not, because they were
erased or changed by something that is no act. Fails if a later act depends on it. dry_run changes nothing.';
