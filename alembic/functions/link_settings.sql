-- Whether voices are linked across recordings.

CREATE OR REPLACE FUNCTION pgvoice_internal.hold_linking() RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT FROM pgvoice.setting FOR NO KEY UPDATE
$$;
COMMENT ON FUNCTION pgvoice_internal.hold_linking() IS
'Waits until nobody else links voices, and keeps others waiting until commit.';

CREATE OR REPLACE FUNCTION pgvoice.set_linking(
    enabled boolean, rate double precision DEFAULT NULL, days integer DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    deleted bigint := 0;
BEGIN
    IF (rate > 0 AND rate <= 0.1) IS FALSE THEN
        RAISE EXCEPTION 'the rate of false links is %, but must be above 0 and at most 0.1', rate
            USING HINT = 'Give a share such as 0.01.', ERRCODE = 'invalid_parameter_value';
    END IF;
    IF days <= 0 THEN
        RAISE EXCEPTION 'unknown voices would expire after % days', days
            USING HINT = 'Give a number of days from 1 on.', ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT enabled THEN
        SELECT count(*) INTO deleted FROM pgvoice.unknown_voice;
    END IF;
    -- Triggers delete them, and note it.
    UPDATE pgvoice.setting
    SET linking = enabled, false_link_rate = coalesce(rate, false_link_rate),
        unknown_voice_days = coalesce(days, unknown_voice_days);
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION pgvoice.set_linking IS
'Sets whether voices that match nobody who is enrolled are linked across recordings, which share of voices may
be linked with somebody else''s, and after how many days without a new voice an unknown voice expires; NULL
leaves what is set. If they are not to be linked any more, deletes all unknown voices, their links and means,
and what a person said about them; returns how many.';
