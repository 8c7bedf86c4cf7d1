-- Exemplars that are the same span of the same person with several encoders.

-- What is done to one holds for all. Which exemplars are outliers is another matter: it follows from an
-- encoder's vectors, and holds for that one.
CREATE OR REPLACE FUNCTION pgvoice_internal.is_undoing() RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT EXISTS (SELECT FROM pgvoice.act AS a WHERE a.undone_at = now())
$$;
COMMENT ON FUNCTION pgvoice_internal.is_undoing() IS
'Whether this transaction undoes an act, which restores exemplars one by one: see follow_undone.';

CREATE OR REPLACE FUNCTION pgvoice_internal.is_dropping(encoder integer) RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT EXISTS (
        SELECT FROM pgvoice.encoder AS e
        JOIN pgvoice.audit_event AS a ON a.action = 'drop encoder' AND a.subject = e.label
            AND a.at = now() AND a.actor = session_user
        WHERE e.id = is_dropping.encoder
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.is_dropping(integer) IS
'Whether this transaction drops an encoder, as it has noted in the audit trail.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_stored_twins(exemplars bigint[], strict boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    each integer;
    ids bigint[];
    embeddings public.vector[];
    is_opted_out boolean;
BEGIN
    FOR each IN SELECT e.id FROM pgvoice.encoder AS e ORDER BY e.id LOOP
        SELECT array_agg(s.exemplar), array_agg(s.embedding) INTO ids, embeddings
        FROM pgvoice_internal.stored_twins(ARRAY(
            SELECT x.id FROM pgvoice.enrollment AS x
            WHERE x.id = ANY (exemplars) AND x.encoder_id <> each
              AND NOT EXISTS (SELECT FROM pgvoice_internal.twins_of(ARRAY[x.id], each))
        ), each) AS s;
        CONTINUE WHEN ids IS NULL;
        SELECT array_agg(j.exemplar) FILTER (WHERE j.refused IS NULL),
               array_agg(j.embedding) FILTER (WHERE j.refused IS NULL),
               bool_or(j.refused = 'opted out')
        INTO ids, embeddings, is_opted_out
        FROM pgvoice_internal.judged_twins(ids, embeddings, each) AS j;
        IF strict AND is_opted_out THEN
            RAISE EXCEPTION 'a voice that was erased, and asked not to be enrolled again'
                USING ERRCODE = 'PV002';
        END IF;
        IF ids IS NOT NULL THEN
            PERFORM pgvoice_internal.keep_twins(ids, embeddings, each);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_stored_twins(bigint[], boolean) IS
'Gives exemplars to all encoders that have a stored vector of their span. If strict, fails if one of these
encoders recognises somebody who opted out, whom the exemplar''s own may not know.';

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_enrolled() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF NOT pgvoice_internal.is_undoing() THEN
        PERFORM pgvoice_internal.keep_stored_twins(
            ARRAY(SELECT n.id FROM new_rows AS n WHERE n.end_ms > 0), true
        );
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_enrolled() IS
'Enrolls with every encoder that has a stored vector of a span that somebody is enrolled with.';

CREATE OR REPLACE TRIGGER enrollment_insert_twins
AFTER INSERT ON pgvoice.enrollment REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.follow_enrolled();

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_moved() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    one record;
BEGIN
    IF pgvoice_internal.is_undoing() THEN
        RETURN NULL;
    END IF;
    FOR one IN
        SELECT t.id, t.encoder_id, o.speaker_id AS giver, n.speaker_id AS taker, EXISTS (
                   SELECT FROM pgvoice.enrollment AS k
                   WHERE (k.speaker_id, k.encoder_id, k.audio_sha256, k.start_ms, k.end_ms)
                       = (n.speaker_id, t.encoder_id, t.audio_sha256, t.start_ms, t.end_ms)
               ) AS is_there
        FROM old_rows AS o
        JOIN new_rows AS n ON n.id = o.id AND n.speaker_id <> o.speaker_id
        JOIN pgvoice.enrollment AS t
            ON (t.speaker_id, t.audio_sha256, t.start_ms, t.end_ms)
               = (o.speaker_id, n.audio_sha256, n.start_ms, n.end_ms)
            AND t.encoder_id <> n.encoder_id
        WHERE n.end_ms > 0
        ORDER BY t.id
    LOOP
        IF one.is_there THEN
            DELETE FROM pgvoice.enrollment AS e WHERE e.id = one.id;
        ELSE
            UPDATE pgvoice.enrollment AS e SET speaker_id = one.taker WHERE e.id = one.id;
        END IF;
        PERFORM pgvoice_internal.refresh_profile(person, one.encoder_id)
        FROM unnest(ARRAY[one.giver, one.taker]) AS person;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_moved() IS
'Moves the twins of exemplars that are given to somebody else.';

CREATE OR REPLACE TRIGGER enrollment_update_twins
AFTER UPDATE ON pgvoice.enrollment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.follow_moved();

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_unenrolled() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    gone jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM old_rows AS o WHERE o.end_ms > 0) OR pgvoice_internal.is_undoing() THEN
        RETURN NULL;
    END IF;
    WITH deleted AS (
        DELETE FROM pgvoice.enrollment AS t USING old_rows AS o
        WHERE (t.speaker_id, t.audio_sha256, t.start_ms, t.end_ms)
            = (o.speaker_id, o.audio_sha256, o.start_ms, o.end_ms)
          AND t.encoder_id <> o.encoder_id AND o.end_ms > 0
          AND NOT pgvoice_internal.is_dropping(o.encoder_id)
        RETURNING t.speaker_id, t.encoder_id
    )
    SELECT jsonb_agg(DISTINCT to_jsonb(d)) INTO gone FROM deleted AS d;
    PERFORM pgvoice_internal.refresh_profile(g.speaker_id, g.encoder_id)
    FROM jsonb_to_recordset(gone) AS g(speaker_id bigint, encoder_id integer)
    JOIN pgvoice.speaker AS s ON s.id = g.speaker_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_unenrolled() IS
'Deletes the twins of exemplars that are deleted, unless these go with their encoder.';

CREATE OR REPLACE TRIGGER enrollment_delete_twins
AFTER DELETE ON pgvoice.enrollment REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.follow_unenrolled();

CREATE OR REPLACE FUNCTION pgvoice_internal.copies_of(exemplars bigint[])
RETURNS TABLE (exemplar bigint, copy bigint)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT t.exemplar, t.twin
    FROM pgvoice_internal.twins_of(exemplars) AS t
    JOIN pgvoice.enrollment AS e ON e.id = t.exemplar
    JOIN pgvoice.enrollment AS o ON o.id = t.twin AND o.created_at = e.created_at
$$;
COMMENT ON FUNCTION pgvoice_internal.copies_of(bigint[]) IS
'The twins of exemplars that were made with them or from them. Somebody may have been enrolled with the same
span and another encoder at another time: undoing the one is not undoing the other.';

CREATE OR REPLACE FUNCTION pgvoice_internal.copies_to_undo(act bigint)
RETURNS TABLE (exemplar bigint, copy bigint, speaker_id bigint, excluded boolean)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH changed AS MATERIALIZED (
        SELECT (e.key ->> 'id')::bigint AS id
        FROM pgvoice_internal.act_effects(act, 'enrollment') AS e
    )
    SELECT c.id, f.copy, x.speaker_id, x.excluded
    FROM changed AS c
    LEFT JOIN pgvoice.enrollment AS x ON x.id = c.id
    LEFT JOIN pgvoice_internal.copies_of(ARRAY(SELECT o.id FROM changed AS o)) AS f
        ON f.exemplar = c.id AND f.copy NOT IN (SELECT o.id FROM changed AS o)
$$;
COMMENT ON FUNCTION pgvoice_internal.copies_to_undo(bigint) IS
'The exemplars that an act changed, as they are before it is undone, with copies that it did not change, as
these were made since.';

CREATE OR REPLACE FUNCTION pgvoice_internal.move_copy(copy bigint, speaker bigint) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    moved pgvoice.enrollment;
BEGIN
    -- Stored anew, as in put_back_voiceprints.
    DELETE FROM pgvoice.enrollment AS e WHERE e.id = copy RETURNING e.* INTO moved;
    moved.speaker_id := speaker;
    INSERT INTO pgvoice.enrollment OVERRIDING SYSTEM VALUE SELECT moved.*
    ON CONFLICT ON CONSTRAINT enrollment_span_key DO NOTHING;
EXCEPTION WHEN SQLSTATE 'PV001' OR SQLSTATE 'PV002' OR SQLSTATE 'PV003' THEN
    NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.move_copy(bigint, bigint) IS
'Gives an exemplar back to somebody, unless it may not be stored.';

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_undone(before jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT DISTINCT b.copy, b.speaker_id AS giver, x.speaker_id AS taker, c.encoder_id,
               b.excluded AS was_excluded, x.excluded
        FROM jsonb_to_recordset(before)
            AS b(exemplar bigint, copy bigint, speaker_id bigint, excluded boolean)
        JOIN pgvoice.enrollment AS c ON c.id = b.copy
        LEFT JOIN pgvoice.enrollment AS x ON x.id = b.exemplar
        WHERE (x.speaker_id, x.excluded) IS DISTINCT FROM (b.speaker_id, b.excluded)
        ORDER BY b.copy
    LOOP
        IF one.taker IS NULL THEN
            DELETE FROM pgvoice.enrollment AS e WHERE e.id = one.copy;
        ELSIF one.taker <> one.giver THEN
            PERFORM pgvoice_internal.move_copy(one.copy, one.taker);
        END IF;
        UPDATE pgvoice.enrollment AS e SET excluded = one.excluded
        WHERE e.id = one.copy AND e.excluded = one.was_excluded AND e.excluded <> one.excluded;
        PERFORM pgvoice_internal.refresh_profile(s.id, one.encoder_id)
        FROM pgvoice.speaker AS s WHERE s.id IN (one.giver, one.taker);
    END LOOP;
    PERFORM pgvoice_internal.keep_stored_twins(ARRAY(
        SELECT DISTINCT b.exemplar
        FROM jsonb_to_recordset(before) AS b(exemplar bigint, speaker_id bigint)
        WHERE b.speaker_id IS NULL
    ), false);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_undone(jsonb) IS
'Does to copies what undoing an act did to their exemplars, given as copies_to_undo had them before: deletes
them, or gives them back. Exemplars that came back are given to all encoders that have a stored vector.';
