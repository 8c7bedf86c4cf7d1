-- What acts changed is kept with the default encoder when another one is dropped.

CREATE OR REPLACE FUNCTION pgvoice_internal.changes_to_leave(encoder integer)
RETURNS TABLE (act_id bigint, place bigint, relation text, key jsonb, old jsonb, new jsonb)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT c.act_id, c.place, c.relation, c.key, c.old, c.new FROM pgvoice.act_change AS c
    WHERE c.relation IN ('enrollment', 'profile', 'linked_voice', 'attribution', 'attribution_run')
      AND (coalesce(c.new, c.old) ->> 'encoder_id')::integer = changes_to_leave.encoder
$$;
COMMENT ON FUNCTION pgvoice_internal.changes_to_leave(integer) IS
'What acts changed in rows of an encoder.';

CREATE OR REPLACE FUNCTION pgvoice_internal.leave_exemplars(encoder integer, heir integer)
RETURNS SETOF bigint
LANGUAGE sql
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET extra_float_digits = 1
AS $$
    WITH changed AS MATERIALIZED (
        SELECT c.*, (c.key ->> 'id')::bigint AS id
        FROM pgvoice_internal.changes_to_leave(leave_exemplars.encoder) AS c
        WHERE c.relation = 'enrollment'
    ), copy AS MATERIALIZED (
        SELECT f.exemplar, f.copy, to_jsonb(x) AS stored
        FROM pgvoice_internal.copies_of(ARRAY(SELECT DISTINCT c.id FROM changed AS c)) AS f
        JOIN pgvoice.enrollment AS x ON x.id = f.copy AND x.encoder_id = heir
    ), given AS (
        UPDATE pgvoice.act_change AS c
        SET key = jsonb_build_object('id', f.copy), old = c.old || k.own, new = c.new || k.own
        FROM changed AS o
        JOIN copy AS f ON f.exemplar = o.id
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(s.key, s.value) AS own FROM jsonb_each(f.stored) AS s
            WHERE s.key IN ('id', 'encoder_id', 'dimension', 'embedding')
        ) AS k
        WHERE c.act_id = o.act_id AND c.place = o.place AND NOT EXISTS (
            SELECT FROM pgvoice.act_change AS w
            WHERE w.act_id = o.act_id AND w.relation = 'enrollment'
              AND w.key = jsonb_build_object('id', f.copy)
        )
    ), ended AS (
        -- As the act left it: deleted, and of which span it was.
        SELECT DISTINCT ON (c.act_id, c.id) c.act_id, c.id, c.new, c.old
        FROM changed AS c ORDER BY c.act_id, c.id, c.place DESC
    )
    SELECT DISTINCT e.act_id FROM ended AS e
    WHERE e.new IS NULL AND NOT EXISTS (
        SELECT FROM pgvoice.act_change AS w
        WHERE w.act_id = e.act_id AND w.relation = 'enrollment' AND w.new IS NULL
          AND w.old -> 'encoder_id' = to_jsonb(heir)
          AND (w.old -> 'speaker_id', w.old -> 'audio_sha256', w.old -> 'start_ms', w.old -> 'end_ms')
            = (e.old -> 'speaker_id', e.old -> 'audio_sha256', e.old -> 'start_ms', e.old -> 'end_ms')
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.leave_exemplars(integer, integer) IS
'Lets acts have changed the copies of another encoder instead of an encoder''s exemplars. Returns the acts that
cannot: they deleted exemplars of which there are no vectors any more.';

CREATE OR REPLACE FUNCTION pgvoice_internal.leave_links(encoder integer, heir integer)
RETURNS SETOF bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    WITH changed AS MATERIALIZED (
        SELECT c.*, (c.key ->> 'video_id')::bigint AS video_id, c.key ->> 'label' AS label
        FROM pgvoice_internal.changes_to_leave(leave_links.encoder) AS c
        WHERE c.relation = 'linked_voice'
    ), level AS MATERIALIZED (
        SELECT q.* FROM pgvoice_internal.voice_levels(
            heir, ARRAY(SELECT DISTINCT c.video_id FROM changed AS c)
        ) AS q
    ), meant AS MATERIALIZED (
        SELECT c.act_id, c.place, c.old, c.key || jsonb_build_object('encoder_id', heir) AS key,
               jsonb_build_object(
                   'encoder_id', heir, 'impostor_mean', q.impostor_mean, 'level', q.level
               ) AS own, q.label IS NOT NULL AS is_heard, EXISTS (
                   SELECT FROM pgvoice.act_change AS w
                   WHERE w.act_id = c.act_id AND w.relation = 'linked_voice'
                     AND w.key = c.key || jsonb_build_object('encoder_id', heir)
               ) AS is_there
        FROM changed AS c
        LEFT JOIN level AS q ON q.video_id = c.video_id AND q.label = c.label
    ), given AS (
        UPDATE pgvoice.act_change AS c
        SET key = m.key, old = c.old || m.own, new = c.new || m.own
        FROM meant AS m
        WHERE c.act_id = m.act_id AND c.place = m.place AND m.is_heard AND NOT m.is_there
    )
    SELECT DISTINCT m.act_id FROM meant AS m
    WHERE m.old IS NOT NULL AND NOT m.is_heard AND NOT m.is_there
$$;
COMMENT ON FUNCTION pgvoice_internal.leave_links(integer, integer) IS
'Lets acts have changed the links of another encoder instead of an encoder''s, of the same labels. Returns the
acts that cannot, as the other one has not heard these voices.';

CREATE OR REPLACE FUNCTION pgvoice_internal.leave_runs(encoder integer) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    WITH gone AS MATERIALIZED (
        SELECT r.id FROM pgvoice.attribution_run AS r WHERE r.encoder_id = leave_runs.encoder
    )
    UPDATE pgvoice.act_change AS c SET old = c.old || k.old, new = c.new || k.new
    FROM (
        SELECT w.act_id, w.place,
               jsonb_build_object('run_ids', (
                   SELECT coalesce(jsonb_agg(run), '[]') FROM jsonb_array_elements(w.old -> 'run_ids') AS run
                   WHERE run::text::bigint NOT IN (SELECT g.id FROM gone AS g)
               )) AS old,
               jsonb_build_object('run_ids', (
                   SELECT coalesce(jsonb_agg(run), '[]') FROM jsonb_array_elements(w.new -> 'run_ids') AS run
                   WHERE run::text::bigint NOT IN (SELECT g.id FROM gone AS g)
               )) AS new
        FROM pgvoice.act_change AS w WHERE w.relation = 'verdict'
    ) AS k
    WHERE c.act_id = k.act_id AND c.place = k.place AND EXISTS (SELECT FROM gone)
$$;
COMMENT ON FUNCTION pgvoice_internal.leave_runs(integer) IS
'Takes the runs of an encoder out of the words that acts gave or withdrew.';

CREATE OR REPLACE FUNCTION pgvoice_internal.leave_acts(encoder integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    heir CONSTANT integer := pgvoice.default_encoder();
    why CONSTANT text := (
        SELECT format('the encoder %s was dropped', e.label) FROM pgvoice.encoder AS e
        WHERE e.id = leave_acts.encoder
    );
    touched CONSTANT bigint[] := ARRAY(
        SELECT DISTINCT c.act_id FROM pgvoice_internal.changes_to_leave(leave_acts.encoder) AS c
    );
    lost bigint[];
BEGIN
    lost := ARRAY(
        SELECT pgvoice_internal.leave_exemplars(leave_acts.encoder, heir)
        UNION SELECT pgvoice_internal.leave_links(leave_acts.encoder, heir)
    );
    PERFORM pgvoice_internal.leave_runs(leave_acts.encoder), pgvoice_internal.forget_changes(lost, why);
    DELETE FROM pgvoice.act_change AS c USING pgvoice_internal.changes_to_leave(leave_acts.encoder) AS o
    WHERE c.act_id = o.act_id AND c.place = o.place;
    UPDATE pgvoice.act AS a SET final_because = why
    WHERE a.id = ANY (touched) AND a.undone_at IS NULL AND a.final_because IS NULL
      AND NOT EXISTS (SELECT FROM pgvoice.act_change AS c WHERE c.act_id = a.id);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.leave_acts(integer) IS
'Lets acts have changed what the default encoder has instead of what an encoder has that is dropped. Acts cannot
be undone any more if that is not possible, or if nothing is left of what they changed.';
