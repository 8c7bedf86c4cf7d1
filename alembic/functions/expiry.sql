-- Unknown voices are forgotten: when linking is disabled, when they expire.

CREATE OR REPLACE FUNCTION pgvoice_internal.refuse_links() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    -- Whoever disables linking waits until this is stored, and then deletes it.
    IF EXISTS (SELECT FROM new_rows) THEN
        PERFORM FROM pgvoice.setting AS s WHERE s.linking FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'voices are not linked in this store'
                USING ERRCODE = 'PV012', HINT = 'Run `pgvoice voices enable`.';
        END IF;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refuse_links() IS
'Refuses unknown voices, their links and their means unless linking is enabled.';

CREATE OR REPLACE TRIGGER unknown_voice_enabled
AFTER INSERT ON pgvoice.unknown_voice REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.refuse_links();

CREATE OR REPLACE TRIGGER linked_voice_enabled
AFTER INSERT ON pgvoice.linked_voice REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.refuse_links();

CREATE OR REPLACE TRIGGER unknown_voice_mean_enabled
AFTER INSERT ON pgvoice.unknown_voice_mean REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.refuse_links();

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_linking() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    deleted bigint;
BEGIN
    NEW.linking_since := CASE WHEN NOT NEW.linking THEN NULL WHEN OLD.linking THEN OLD.linking_since
                              ELSE now() END;
    IF OLD.linking AND NOT NEW.linking THEN
        PERFORM pgvoice_internal.forget_changes(ARRAY(
            SELECT DISTINCT c.act_id FROM pgvoice.act_change AS c
            WHERE c.relation IN ('unknown_voice', 'linked_voice')
        ), 'linking was disabled');
        DELETE FROM pgvoice.unknown_voice;
        GET DIAGNOSTICS deleted = ROW_COUNT;
    END IF;
    IF (OLD.linking, OLD.false_link_rate, OLD.unknown_voice_days)
       <> (NEW.linking, NEW.false_link_rate, NEW.unknown_voice_days) THEN
        PERFORM pgvoice_internal.note('link voices', 'the store', jsonb_build_object(
            'enabled', NEW.linking, 'rate', NEW.false_link_rate, 'days', NEW.unknown_voice_days,
            'deleted', deleted
        ));
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_linking() IS
'Deletes all unknown voices when linking is disabled, with their links, their means and what a person said
about them; acts that changed them cannot be undone any more. Notes how voices are linked.';

CREATE OR REPLACE TRIGGER setting_linking_followed
BEFORE UPDATE OF linking, linking_since, false_link_rate, unknown_voice_days ON pgvoice.setting
FOR EACH ROW EXECUTE FUNCTION pgvoice_internal.follow_linking();

CREATE OR REPLACE FUNCTION pgvoice_internal.may_link(video bigint, encoder integer) RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT s.linking AND greatest(s.linking_since, (
        SELECT max(e.created_at) FROM pgvoice.segment_embedding AS e
        WHERE e.video_id = may_link.video AND e.encoder_id = may_link.encoder
    )) > now() - make_interval(days => s.unknown_voice_days)
    FROM pgvoice.setting AS s
$$;
COMMENT ON FUNCTION pgvoice_internal.may_link(bigint, integer) IS
'Whether voices of this video that are not linked may be: if linking is enabled, and since then, or since a
vector of the video was stored last, fewer days have passed than an unknown voice is kept. So those that expired are not
linked again by what happens to other recordings.';

CREATE OR REPLACE FUNCTION pgvoice_internal.expired_voices() RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT u.id FROM pgvoice.unknown_voice AS u CROSS JOIN pgvoice.setting AS s
    WHERE u.ended_at IS NULL AND u.heard_at < now() - make_interval(days => s.unknown_voice_days)
$$;
COMMENT ON FUNCTION pgvoice_internal.expired_voices() IS
'The unknown voices that no voice has joined for so long that they are to be forgotten.';

CREATE OR REPLACE FUNCTION pgvoice_internal.expire_voices() RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    expired bigint[];
    younger bigint[];
BEGIN
    -- An act could be undone, which would bring them back.
    IF nullif(current_setting('pgvoice.act', true), '') IS NOT NULL THEN
        RETURN 0;
    END IF;
    expired := ARRAY(
        SELECT u.id FROM pgvoice.unknown_voice AS u
        WHERE u.id IN (SELECT pgvoice_internal.expired_voices())
        ORDER BY u.id FOR NO KEY UPDATE SKIP LOCKED
    );
    IF expired = '{}' THEN
        RETURN 0;
    END IF;
    WITH RECURSIVE became AS (
        SELECT unnest(expired) AS id
        UNION
        SELECT u.id FROM became AS b JOIN pgvoice.unknown_voice AS u ON u.merged_into = b.id
    )
    SELECT array_agg(b.id) INTO younger FROM became AS b;
    UPDATE pgvoice.unknown_voice AS u SET ended_at = now(), ended_as = 'expired'
    WHERE u.id = ANY (expired);
    DELETE FROM pgvoice.linked_voice AS l WHERE l.unknown_voice_id = ANY (expired);
    DELETE FROM pgvoice.verdict AS w WHERE w.unknown_voice_id = ANY (younger);
    PERFORM pgvoice_internal.forget_changes(ARRAY(
        SELECT DISTINCT c.act_id FROM pgvoice.act_change AS c
        CROSS JOIN LATERAL (VALUES (c.old), (c.new)) AS either(row)
        WHERE c.relation IN ('linked_voice', 'verdict')
              AND (either.row ->> 'unknown_voice_id')::bigint = ANY (younger)
           OR c.relation = 'unknown_voice' AND (either.row ->> 'id')::bigint = ANY (younger)
    ), 'an unknown voice expired');
    PERFORM pgvoice_internal.note('expire', 'unknown voices', jsonb_build_object(
        'unknown_voices', cardinality(expired)
    ));
    RETURN cardinality(expired);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.expire_voices() IS
'Ends the unknown voices that have expired, deletes their links and means and what a person said about them,
and returns how many there were. Does nothing while an act is open.';

CREATE OR REPLACE FUNCTION pgvoice_internal.renew_links(videos bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    encoder integer;
    linked CONSTANT bigint[] := ARRAY(
        SELECT DISTINCT l.unknown_voice_id FROM pgvoice.linked_voice AS l
        WHERE l.video_id = ANY (videos)
    );
BEGIN
    FOR encoder IN
        SELECT DISTINCT l.encoder_id FROM pgvoice.linked_voice AS l
        WHERE l.video_id = ANY (videos) ORDER BY l.encoder_id
    LOOP
        PERFORM pgvoice.refresh_voices(
            ARRAY(SELECT v.key FROM pgvoice.video AS v WHERE v.id = ANY (videos)), encoder
        );
    END LOOP;
    DELETE FROM pgvoice.linked_voice AS l
    WHERE l.video_id = ANY (videos) AND NOT EXISTS (
        SELECT FROM pgvoice.voice AS v
        WHERE v.video_id = l.video_id AND v.label = l.label AND v.encoder_id = l.encoder_id
    );
    IF linked <> '{}' THEN
        PERFORM pgvoice_internal.keep_means(linked);
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.renew_links(bigint[]) IS
'Computes the voices of videos again whose vectors were deleted, so that the means of unknown voices contain
none of these; links of voices that are gone are deleted.';

CREATE OR REPLACE FUNCTION pgvoice_internal.forget_opted_out() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    DELETE FROM pgvoice.linked_voice AS l
    USING pgvoice.voice AS v, new_rows AS o
    WHERE (v.video_id, v.label, v.encoder_id) = (l.video_id, l.label, l.encoder_id)
      AND v.encoder_id = o.encoder_id AND -(o.embedding OPERATOR(public.<#>) v.embedding)
          >= least(o.similarity_limit, pgvoice_internal.duplicate_limit(o.encoder_id));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.forget_opted_out() IS
'Deletes the links of voices of somebody who asks not to be recognised; linking leaves them out afterwards.';

CREATE OR REPLACE TRIGGER opt_out_voice_links
AFTER INSERT ON pgvoice.opt_out_voice REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.forget_opted_out();
