-- Rows that acts changed: what they were, are, and become when the act is undone.

CREATE OR REPLACE FUNCTION pgvoice_internal.act_effects(act bigint, relation text DEFAULT NULL)
RETURNS TABLE (relation text, key jsonb, old jsonb, new jsonb)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT e.* FROM (
        SELECT c.relation, c.key, (array_agg(c.old ORDER BY c.place))[1] AS old,
               (array_agg(c.new ORDER BY c.place DESC))[1] AS new
        FROM pgvoice.act_change AS c
        WHERE c.act_id = act_effects.act
          AND (act_effects.relation IS NULL OR c.relation = act_effects.relation)
        GROUP BY c.relation, c.key
    ) AS e
    WHERE e.old IS DISTINCT FROM e.new
$$;
COMMENT ON FUNCTION pgvoice_internal.act_effects(bigint, text) IS
'What an act changed in all: each row before and afterwards, NULL if there was none.';

CREATE OR REPLACE FUNCTION pgvoice_internal.derived_columns(relation text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE relation
    WHEN 'attribution' THEN '{current}'::text[]
    WHEN 'attribution_run' THEN '{calibration_id}'
    WHEN 'enrollment' THEN '{video_id}'
    WHEN 'profile' THEN '{valid_until}'
    WHEN 'speaker' THEN '{enrolled_from,enrolled_until}'
    WHEN 'unknown_voice' THEN '{heard_at}'
    ELSE '{}'
END;
COMMENT ON FUNCTION pgvoice_internal.derived_columns(text) IS
'The columns of a table that follow from other rows and change with them: no act depends on another because
of them.';

CREATE OR REPLACE FUNCTION pgvoice_internal.changed_columns(relation text, old jsonb, new jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT coalesce(array_agg(name), '{}') FROM jsonb_object_keys(coalesce(old, new)) AS name
    WHERE old -> name IS DISTINCT FROM new -> name
      AND name <> ALL (pgvoice_internal.derived_columns(relation))
$$;
COMMENT ON FUNCTION pgvoice_internal.changed_columns(text, jsonb, jsonb) IS
'The columns in which two states of a row differ, without derived ones; all of them if there is only one
state.';

CREATE OR REPLACE FUNCTION pgvoice_internal.still_there(relation text, stored text) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH reference AS (
        SELECT a.attname AS name, k.confdeltype = 'c' OR a.attnotnull AS needed,
               format('NOT EXISTS (SELECT FROM %s AS r WHERE r.%I = (%s ->> %L)::bigint)',
                      k.confrelid::regclass, b.attname, stored, a.attname) AS gone
        FROM pg_constraint AS k
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
        WHERE k.conrelid = format('pgvoice.%I', relation)::regclass AND k.contype = 'f'
    )
    SELECT format(
        'CASE WHEN %s THEN %s%s END',
        coalesce(string_agg(format('(%s ->> %L IS NULL OR NOT %s)', stored, r.name, r.gone), ' AND ')
                 FILTER (WHERE r.needed), 'true'),
        stored,
        string_agg(format(
            ' || CASE WHEN %s ->> %L IS NOT NULL AND %s THEN %L ELSE %L END::jsonb',
            stored, r.name, r.gone, jsonb_build_object(r.name, NULL), '{}'
        ), '') FILTER (WHERE NOT r.needed)
    )
    FROM reference AS r
$$;
COMMENT ON FUNCTION pgvoice_internal.still_there(text, text) IS
'An expression for a row as it can be stored now, given one for the row: NULL if a row that it belongs to was
deleted; other references to deleted rows become NULL.';

-- What is gone was erased since, unless the act deleted it, and what is there again was stored since.
CREATE OR REPLACE FUNCTION pgvoice_internal.undo_plan(act bigint, relation text)
RETURNS TABLE (key jsonb, now_there jsonb, target jsonb, is_undone boolean)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET extra_float_digits = 1
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        $plan$
        SELECT p.key, p.now_there,
               CASE WHEN p.target = p.now_there THEN p.target ELSE %4$s END,
               CASE WHEN p.old IS NULL OR p.now_there IS NULL
                    THEN p.old IS NULL AND p.now_there IS NULL
                    ELSE NOT EXISTS (
                        SELECT FROM jsonb_each(p.old) AS o
                        WHERE o.value IS DISTINCT FROM p.new -> o.key
                          AND o.value <> p.now_there -> o.key
                          AND o.key <> ALL (pgvoice_internal.derived_columns(%2$L))
                    ) END
        FROM (
            SELECT e.key, e.old, e.new, x.now_there, CASE
                       WHEN x.now_there IS NULL AND e.new IS NOT NULL THEN NULL
                       WHEN x.now_there IS NULL THEN e.old || %5$L
                       WHEN e.new IS NULL THEN x.now_there
                       WHEN e.old IS NULL AND %2$L = 'linked_voice'
                           AND x.now_there -> 'unknown_voice_id' <> e.new -> 'unknown_voice_id'
                           THEN x.now_there
                       WHEN e.old IS NULL THEN NULL
                       ELSE x.now_there || coalesce((
                           SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(e.old) AS o
                           WHERE o.value <> e.new -> o.key
                             AND x.now_there -> o.key = e.new -> o.key
                             AND NOT %5$L::jsonb ? o.key
                       ), '{}')
                   END AS target
            FROM pgvoice_internal.act_effects($1, %2$L) AS e
            CROSS JOIN LATERAL jsonb_populate_record(NULL::pgvoice.%1$I, e.key) AS k
            LEFT JOIN pgvoice.%1$I AS t ON %3$s
            CROSS JOIN LATERAL (SELECT to_jsonb(t) AS now_there) AS x
            OFFSET 0
        ) AS p
        $plan$,
        relation, relation, pgvoice_internal.same_key(relation, 't', 'k'),
        pgvoice_internal.still_there(relation, 'p.target'),
        CASE relation WHEN 'attribution' THEN '{"current": false}' ELSE '{}' END
    ) USING act;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.undo_plan(bigint, text) IS
'Each row of a table that an act changed: what it is now; what undoing makes it, NULL for no row; and whether
it is what it was before the act. Only columns are restored that are what the act made them, and only links
to unknown voices deleted that the act made.';

CREATE OR REPLACE FUNCTION pgvoice_internal.same_key(relation text, one text, other text) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT string_agg(format('%I.%I = %I.%I', one, a.attname, other, a.attname), ' AND ')
    FROM pg_index AS i
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[])
    WHERE i.indrelid = format('pgvoice.%I', relation)::regclass AND i.indisprimary
$$;
COMMENT ON FUNCTION pgvoice_internal.same_key(text, text, text) IS
'A condition: two rows have the same primary key.';

CREATE OR REPLACE FUNCTION pgvoice_internal.take_away(act bigint, relation text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    EXECUTE format(
        'DELETE FROM pgvoice.%1$I AS t
         USING pgvoice_internal.undo_plan($1, %2$L) AS p,
               LATERAL jsonb_populate_record(NULL::pgvoice.%1$I, p.key) AS k
         WHERE p.target IS NULL AND p.now_there IS NOT NULL AND %3$s',
        relation, relation, pgvoice_internal.same_key(relation, 't', 'k')
    ) USING act;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.take_away(bigint, text) IS
'Deletes the rows of a table that an act added.';

CREATE OR REPLACE FUNCTION pgvoice_internal.put_back(act bigint, relation text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    names CONSTANT text := (
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute AS a
        WHERE a.attrelid = format('pgvoice.%I', relation)::regclass AND a.attnum > 0
          AND NOT a.attisdropped AND a.attidentity = ''
    );
BEGIN
    EXECUTE format(
        'UPDATE pgvoice.%1$I AS t
         SET (%4$s) = (SELECT %4$s FROM jsonb_populate_record(NULL::pgvoice.%1$I, p.target))
         FROM pgvoice_internal.undo_plan($1, %2$L) AS p,
              LATERAL jsonb_populate_record(NULL::pgvoice.%1$I, p.key) AS k
         WHERE p.target <> p.now_there AND %3$s',
        relation, relation, pgvoice_internal.same_key(relation, 't', 'k'), names
    ) USING act;
    EXECUTE format(
        'INSERT INTO pgvoice.%1$I OVERRIDING SYSTEM VALUE
         SELECT r.* FROM pgvoice_internal.undo_plan($1, %2$L) AS p,
                LATERAL jsonb_populate_record(NULL::pgvoice.%1$I, p.target) AS r
         WHERE p.now_there IS NULL AND p.target IS NOT NULL',
        relation, relation
    ) USING act;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.put_back(bigint, text) IS
'Restores the rows of a table that an act changed or deleted.';

-- Row by row: triggers refuse voiceprints of people whose consent ended or who opted out, and of speech
-- that was erased. Moved exemplars are stored anew, as what was agreed to does not pass to another name.
CREATE OR REPLACE FUNCTION pgvoice_internal.put_back_voiceprints(act bigint, relation text)
RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT p.key, p.target FROM pgvoice_internal.undo_plan(act, relation) AS p
        WHERE p.target IS NOT NULL AND p.target IS DISTINCT FROM p.now_there
        ORDER BY p.key
    LOOP
        BEGIN
            EXECUTE format(
                'DELETE FROM pgvoice.%1$I AS t USING jsonb_populate_record(NULL::pgvoice.%1$I, $1) AS k
                 WHERE %2$s', relation, pgvoice_internal.same_key(relation, 't', 'k')
            ) USING one.key;
            EXECUTE format(
                'INSERT INTO pgvoice.%1$I OVERRIDING SYSTEM VALUE
                 SELECT r.* FROM jsonb_populate_record(NULL::pgvoice.%1$I, $1) AS r', relation
            ) USING one.target;
        EXCEPTION WHEN SQLSTATE 'PV001' OR SQLSTATE 'PV002' OR SQLSTATE 'PV003' THEN
            NULL;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.put_back_voiceprints(bigint, text) IS
'Restores the exemplars or profiles that an act changed or deleted, but those that may not be stored.';

CREATE OR REPLACE FUNCTION pgvoice_internal.mend_profiles(act bigint) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    WITH touched AS (
        SELECT DISTINCT (x.stored ->> 'speaker_id')::bigint AS speaker_id,
               (x.stored ->> 'encoder_id')::integer AS encoder_id
        FROM pgvoice_internal.act_effects(act) AS e
        CROSS JOIN LATERAL (VALUES (e.old), (e.new)) AS x(stored)
        WHERE e.relation IN ('enrollment', 'profile') AND x.stored IS NOT NULL
    ), exemplar AS (
        SELECT t.speaker_id, t.encoder_id, count(e.id) AS exemplars, public.avg(e.embedding) AS mean
        FROM touched AS t
        JOIN pgvoice.speaker AS s ON s.id = t.speaker_id
        LEFT JOIN pgvoice.enrollment AS e
            ON e.speaker_id = t.speaker_id AND e.encoder_id = t.encoder_id AND NOT e.excluded
        GROUP BY t.speaker_id, t.encoder_id
    )
    SELECT pgvoice_internal.refresh_profile(x.speaker_id, x.encoder_id)
    FROM exemplar AS x
    LEFT JOIN pgvoice.profile AS p
        ON p.speaker_id = x.speaker_id AND p.encoder_id = x.encoder_id
    WHERE coalesce(p.exemplars, 0) <> x.exemplars OR x.exemplars > 0
      AND NOT -(p.embedding OPERATOR(public.<#>) public.l2_normalize(x.mean)) > 1 - 1e-6
$$;
COMMENT ON FUNCTION pgvoice_internal.mend_profiles(bigint) IS
'Computes the profiles that an act concerned, where they are not the mean of their exemplars: some could
not be restored.';

CREATE OR REPLACE FUNCTION pgvoice_internal.choose_current(runs bigint[], but bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    is_best boolean;
BEGIN
    FOREACH is_best IN ARRAY ARRAY[false, true] LOOP
        UPDATE pgvoice.attribution AS a SET current = is_best
        FROM (
            SELECT x.video_id, x.start_ms, x.end_ms, x.encoder_id, x.run_id,
                   counts.so AND row_number() OVER (
                       PARTITION BY x.video_id, x.start_ms, x.end_ms, x.encoder_id
                       ORDER BY counts.so DESC, x.pinned DESC, x.run_id DESC
                   ) = 1 AS best
            FROM (
                SELECT DISTINCT m.video_id, m.start_ms, m.end_ms, m.encoder_id
                FROM pgvoice.attribution AS m WHERE m.run_id = ANY (runs)
            ) AS mine
            JOIN pgvoice.attribution AS x USING (video_id, start_ms, end_ms, encoder_id)
            JOIN pgvoice.attribution_run AS r ON r.id = x.run_id
            CROSS JOIN LATERAL (
                SELECT r.reverted_at IS NULL AND r.id <> ALL (but) AS so
            ) AS counts
        ) AS ranked
        WHERE ranked.best = is_best AND a.current <> is_best AND a.video_id = ranked.video_id
          AND a.start_ms = ranked.start_ms AND a.end_ms = ranked.end_ms
          AND a.encoder_id = ranked.encoder_id AND a.run_id = ranked.run_id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.choose_current(bigint[], bigint[]) IS
'Makes the newest pin, or else the newest label, current in each segment that these runs have labelled;
reverted runs do not count, nor those in but.';
