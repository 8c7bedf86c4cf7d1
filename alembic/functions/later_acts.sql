-- What came after an act: later acts that depend on it, and labels of encoders that had none.

CREATE OR REPLACE FUNCTION pgvoice_internal.later_act(act bigint) RETURNS bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH later AS (
        SELECT c.* FROM pgvoice.act_change AS c
        JOIN pgvoice.act AS a ON a.id = c.act_id AND a.undone_at IS NULL
        WHERE c.act_id > later_act.act
    ), effect AS MATERIALIZED (
        SELECT * FROM pgvoice_internal.act_effects(later_act.act)
    ), person AS (
        SELECT (e.key ->> 'id')::bigint AS id FROM effect AS e
        WHERE e.relation = 'speaker' AND e.old IS NULL
    ), consent AS (
        SELECT (e.new ->> 'speaker_id')::bigint AS speaker_id FROM effect AS e
        WHERE e.relation = 'consent' AND e.old IS NULL
    ), unknown AS (
        SELECT (e.key ->> 'id')::bigint AS id FROM effect AS e
        WHERE e.relation = 'unknown_voice' AND e.old IS NULL
    )
    SELECT max(found.act_id) FROM (
        -- It changed the same columns of a row.
        SELECT l.act_id FROM effect AS e JOIN later AS l ON l.relation = e.relation AND l.key = e.key
        WHERE pgvoice_internal.changed_columns(e.relation, e.old, e.new)
           && pgvoice_internal.changed_columns(l.relation, l.old, l.new)
        UNION ALL
        -- Or those of an exemplar's copy.
        SELECT l.act_id FROM effect AS e
        CROSS JOIN LATERAL pgvoice_internal.copies_of(ARRAY[(e.key ->> 'id')::bigint]) AS c
        JOIN later AS l
            ON l.relation = 'enrollment' AND l.key = jsonb_build_object('id', c.copy)
        WHERE e.relation = 'enrollment'
          AND pgvoice_internal.changed_columns(e.relation, e.old, e.new)
           && pgvoice_internal.changed_columns(l.relation, l.old, l.new)
        UNION ALL
        -- It says something about a person or an unknown voice whom this act created.
        SELECT l.act_id FROM later AS l
        JOIN person AS p ON p.id IN (
            (l.new ->> 'speaker_id')::bigint, (l.new ->> 'runner_up_id')::bigint
        )
        UNION ALL
        SELECT l.act_id FROM later AS l
        JOIN unknown AS u ON u.id IN (
            (l.new ->> 'unknown_voice_id')::bigint, (l.new ->> 'merged_into')::bigint
        )
        UNION ALL
        SELECT l.act_id FROM later AS l
        JOIN pgvoice.attribution AS a
            ON l.relation = 'attribution_run' AND l.old IS NULL AND a.run_id = (l.key ->> 'id')::bigint
        JOIN person AS p ON p.id IN (a.speaker_id, a.runner_up_id)
        UNION ALL
        -- It enrolled somebody with the consent of this act.
        SELECT l.act_id FROM later AS l
        JOIN consent AS c ON l.relation = 'enrollment' AND (l.new ->> 'speaker_id')::bigint = c.speaker_id
        UNION ALL
        -- It gave somebody else the name that this act took away.
        SELECT l.act_id FROM effect AS e
        JOIN pgvoice.speaker AS s ON s.name = e.old ->> 'name' AND s.id <> (e.key ->> 'id')::bigint
        JOIN later AS l ON l.relation = 'speaker' AND (l.key ->> 'id')::bigint = s.id
            AND l.new ->> 'name' = s.name
        WHERE e.relation = 'speaker'
    ) AS found
$$;
COMMENT ON FUNCTION pgvoice_internal.later_act(bigint) IS
'The newest later act that depends on this one, because it changed the same rows or says something about
somebody whom this one created; NULL if there is none.';

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_undone_labels(act bigint) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    labelled CONSTANT integer[] := ARRAY(
        SELECT DISTINCT (coalesce(e.new, e.old) ->> 'encoder_id')::integer
        FROM pgvoice_internal.act_effects(act, 'attribution_run') AS e
    );
    other integer;
BEGIN
    IF labelled = '{}' THEN
        RETURN;
    END IF;
    FOR other IN
        SELECT DISTINCT a.encoder_id FROM pgvoice.attribution AS a
        WHERE a.encoder_id <> ALL (labelled) ORDER BY a.encoder_id
    LOOP
        -- By recording, as labelling the whole library would also link voices anew.
        PERFORM pgvoice.keep_labels(ARRAY(
            SELECT v.key FROM pgvoice.video AS v WHERE EXISTS (
                SELECT FROM pgvoice.attribution AS a WHERE a.video_id = v.id AND a.encoder_id = other
            ) AND EXISTS (SELECT FROM pgvoice_internal.act_effects(act, 'enrollment'))
        ), other, only_labelled => true);
        -- Also what was only labelled as a person had said; if that was all, nothing else.
        PERFORM pgvoice.keep_labels(ARRAY(
            SELECT DISTINCT v.key FROM pgvoice_internal.act_effects(act, 'verdict') AS e
            JOIN pgvoice.video AS v ON v.id = (coalesce(e.new, e.old) ->> 'video_id')::bigint
            JOIN pgvoice.attribution AS a ON a.video_id = v.id AND a.encoder_id = other
        ), other);
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_undone_labels(bigint) IS
'Labels again with encoders that had no labels when an act enrolled somebody, or gave a word, and labelled: its
own labels are restored.';
