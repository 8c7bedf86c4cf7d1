-- Links of other encoders follow those of the default one, whatever changes these.

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_links() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    answering CONSTANT integer := pgvoice.default_encoder();
    changed bigint[];
BEGIN
    IF NOT EXISTS (SELECT FROM pgvoice.encoder AS e WHERE e.id <> answering) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        -- With a recording or an unknown voice, the links of all encoders go.
        changed := ARRAY(
            SELECT DISTINCT o.video_id FROM old_rows AS o
            JOIN pgvoice.video AS v ON v.id = o.video_id
            JOIN pgvoice.unknown_voice AS u ON u.id = o.unknown_voice_id
            WHERE o.encoder_id = answering
        );
    ELSIF TG_OP = 'INSERT' THEN
        changed := ARRAY(SELECT DISTINCT n.video_id FROM new_rows AS n WHERE n.encoder_id = answering);
    ELSE
        -- No join, whose plan could be one for few rows.
        changed := ARRAY(
            SELECT DISTINCT c.video_id FROM (
                SELECT n.video_id, n.label, n.unknown_voice_id FROM new_rows AS n
                WHERE n.encoder_id = answering
                EXCEPT
                SELECT o.video_id, o.label, o.unknown_voice_id FROM old_rows AS o
                WHERE o.encoder_id = answering
            ) AS c
        );
    END IF;
    IF changed = '{}' THEN
        RETURN NULL;
    END IF;
    PERFORM pgvoice_internal.carry_voices(answering, e.id, changed)
    FROM pgvoice.encoder AS e
    WHERE e.id <> answering AND EXISTS (
        SELECT FROM pgvoice.voice AS v WHERE v.video_id = ANY (changed) AND v.encoder_id = e.id
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_links() IS
'Links the voices of other encoders as those of the default encoder whose links change.';

CREATE OR REPLACE TRIGGER linked_voice_inserted_followed
AFTER INSERT ON pgvoice.linked_voice REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.follow_links();

CREATE OR REPLACE TRIGGER linked_voice_updated_followed
AFTER UPDATE ON pgvoice.linked_voice REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.follow_links();

CREATE OR REPLACE TRIGGER linked_voice_deleted_followed
AFTER DELETE ON pgvoice.linked_voice REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.follow_links();

CREATE OR REPLACE FUNCTION pgvoice_internal.switch_links() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    answering CONSTANT integer := pgvoice.default_encoder();
    before CONSTANT integer := (
        SELECT e.id FROM (
            SELECT o.id, o.default_since FROM old_rows AS o
            UNION ALL
            SELECT c.id, c.default_since FROM pgvoice.encoder AS c
            WHERE NOT EXISTS (SELECT FROM old_rows AS o WHERE o.id = c.id)
        ) AS e
        ORDER BY e.default_since DESC NULLS LAST, e.id LIMIT 1
    );
BEGIN
    IF before <> answering THEN
        PERFORM pgvoice_internal.carry_voices(before, answering),
                pgvoice_internal.refresh_levels(answering, pgvoice_internal.voices_heard(answering));
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.switch_links() IS
'Lets an encoder that becomes the default one begin with the links of the one before.';

CREATE OR REPLACE TRIGGER encoder_switched_links
AFTER UPDATE ON pgvoice.encoder REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.switch_links();
