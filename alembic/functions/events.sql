-- What happens in the store, told to whoever listens: numbers only, as everybody may.

CREATE OR REPLACE FUNCTION pgvoice_internal.tell() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pg_notify('pgvoice', jsonb_build_object(
        'event', TG_ARGV[0], 'id', to_jsonb(NEW) -> TG_ARGV[1]
    )::text);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.tell() IS
'Tells listeners of an event when the transaction commits. Takes its name, and the column of its number.';

-- Other encoders hear what was told already, or what nobody asks for yet.
CREATE OR REPLACE TRIGGER fill_run_told
AFTER INSERT ON pgvoice.fill_run
FOR EACH ROW WHEN (NEW.filled > 0 AND NEW.encoder_id = pgvoice.default_encoder())
EXECUTE FUNCTION pgvoice_internal.tell('filled', 'id');

CREATE OR REPLACE TRIGGER speaker_told
AFTER UPDATE OF enrolled_from ON pgvoice.speaker
FOR EACH ROW WHEN (OLD.enrolled_from IS NULL AND NEW.enrolled_from IS NOT NULL)
EXECUTE FUNCTION pgvoice_internal.tell('named', 'id');

CREATE OR REPLACE TRIGGER unknown_voice_named_told
AFTER UPDATE OF ended_as ON pgvoice.unknown_voice
FOR EACH ROW WHEN (NEW.ended_as = 'named')
EXECUTE FUNCTION pgvoice_internal.tell('named', 'speaker_id');

-- Only linking changes when one was heard while no act goes on.
CREATE OR REPLACE TRIGGER unknown_voice_heard_told
AFTER UPDATE OF heard_at ON pgvoice.unknown_voice
FOR EACH ROW WHEN (
    NEW.heard_at > OLD.heard_at AND NEW.ended_at IS NULL AND NEW.dismissed_as IS NULL
    AND coalesce(current_setting('pgvoice.act', true), '') = ''
)
EXECUTE FUNCTION pgvoice_internal.tell('heard', 'id');

CREATE OR REPLACE FUNCTION pgvoice_internal.tell_labelled() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF NEW.encoder_id = pgvoice.default_encoder() AND NOT EXISTS (
        SELECT FROM pgvoice.act AS a
        WHERE a.id = pgvoice_internal.current_act() AND a.kind NOT IN ('label', 'relabel')
    ) THEN
        PERFORM pg_notify(
            'pgvoice', jsonb_build_object('event', 'labelled', 'id', NEW.id)::text
        );
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.tell_labelled() IS
'Tells listeners of a run of labels of the default encoder, unless it follows from what somebody said, such as
a name.';

CREATE OR REPLACE TRIGGER attribution_run_told
AFTER INSERT ON pgvoice.attribution_run
FOR EACH ROW WHEN (NEW.kind <> 'pin')
EXECUTE FUNCTION pgvoice_internal.tell_labelled();

CREATE OR REPLACE FUNCTION pgvoice.happened(event text, id bigint)
RETURNS TABLE (kind text, video text, speaker text, voice bigint, at timestamptz)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT 'filled', v.key, NULL, NULL::bigint, f.finished_at
    FROM pgvoice.fill_run AS f JOIN pgvoice.video AS v ON v.id = f.video_id
    WHERE happened.event = 'filled' AND f.id = happened.id
    UNION ALL
    SELECT 'named', NULL, s.name, u.id, coalesce(u.ended_at, s.enrolled_from, s.created_at)
    FROM pgvoice.speaker AS s
    LEFT JOIN LATERAL (
        SELECT n.id, n.ended_at FROM pgvoice.unknown_voice AS n
        WHERE n.speaker_id = s.id ORDER BY n.ended_at DESC LIMIT 1
    ) AS u ON true
    WHERE happened.event = 'named' AND s.id = happened.id
    UNION ALL
    SELECT 'heard', l.key, NULL, u.id, u.heard_at
    FROM pgvoice.unknown_voice AS u
    CROSS JOIN LATERAL (
        SELECT v.key FROM pgvoice.linked_voice AS k JOIN pgvoice.video AS v ON v.id = k.video_id
        WHERE k.unknown_voice_id = u.id ORDER BY k.linked_at DESC, v.id DESC LIMIT 1
    ) AS l
    WHERE happened.event = 'heard' AND u.id = happened.id AND u.ended_at IS NULL
    UNION ALL
    SELECT 'heard', v.key, s.name, NULL, r.created_at
    FROM (
        SELECT DISTINCT a.video_id, a.speaker_id, a.run_id FROM pgvoice.attribution AS a
        WHERE a.run_id = happened.id AND a.speaker_id IS NOT NULL AND happened.event = 'labelled'
    ) AS n
    JOIN pgvoice.attribution_run AS r ON r.id = n.run_id AND r.reverted_at IS NULL
    JOIN pgvoice.video AS v ON v.id = n.video_id
    JOIN pgvoice.speaker AS s ON s.id = n.speaker_id
    WHERE NOT EXISTS (
        -- Of any encoder.
        SELECT FROM pgvoice.attribution AS before
        WHERE before.video_id = n.video_id AND before.speaker_id = n.speaker_id
          AND before.run_id < n.run_id
    )
$$;
COMMENT ON FUNCTION pgvoice.happened(text, bigint) IS
'What a notification on the channel pgvoice is about, from its event and id: a recording that was filled, a
person who was named, a known voice that was heard again. That is an unknown voice that a voice has joined, or
somebody whom a run of labels names in a recording for the first time. No row if that is gone.';
