-- A person's word that unknown voices are one person, or several.

CREATE OR REPLACE FUNCTION pgvoice_internal.merge_voices(numbers bigint[]) RETURNS jsonb
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    kept CONSTANT bigint := (SELECT min(n) FROM unnest(numbers) AS n);
    others CONSTANT bigint[] := ARRAY(SELECT DISTINCT n FROM unnest(numbers) AS n WHERE n > kept ORDER BY n);
    act CONSTANT bigint := pgvoice_internal.begin_act(
        'same', format('voices %s', array_to_string(kept || others, ', ')),
        jsonb_build_object('voice', kept)
    );
    keys text[];
    voices bigint;
BEGIN
    SELECT array_agg(DISTINCT h.key), count(pgvoice_internal.keep_word(
        h.video_id, h.spans, true, NULL, kept
    ))
    INTO keys, voices FROM pgvoice_internal.heard_in(numbers) AS h
    WHERE h.spans IS NOT NULL;
    UPDATE pgvoice.unknown_voice AS u SET heard_at = (
        SELECT max(o.heard_at) FROM pgvoice.unknown_voice AS o WHERE o.id = ANY (numbers)
    ) WHERE u.id = kept;
    UPDATE pgvoice.unknown_voice AS u SET ended_at = now(), ended_as = 'merged', merged_into = kept
    WHERE u.id = ANY (others);
    UPDATE pgvoice.linked_voice AS l SET unknown_voice_id = kept WHERE l.unknown_voice_id = ANY (others);
    PERFORM pgvoice_internal.relink(keys);
    RETURN jsonb_build_object('act', act, 'voice', kept, 'voices', voices);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.merge_voices(bigint[]) IS
'Makes several unknown voices that are held one, as one act.';

CREATE OR REPLACE FUNCTION pgvoice.join_voices(numbers bigint[], dry_run boolean DEFAULT false)
RETURNS TABLE (act bigint, number bigint, voices bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    done jsonb;
BEGIN
    IF (SELECT count(DISTINCT n) FROM unnest(numbers) AS n) < 2 THEN
        RAISE EXCEPTION 'only one unknown voice is given'
            USING HINT = 'Give two or more that are the same person.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
    BEGIN
        PERFORM pgvoice_internal.hold_voices(numbers);
        done := pgvoice_internal.merge_voices(numbers);
        PERFORM pgvoice_internal.end_rehearsal(dry_run);
    EXCEPTION WHEN SQLSTATE 'PV099' THEN
        done := done - 'act';
    END;
    RETURN QUERY SELECT d.* FROM jsonb_to_record(done) AS d(act bigint, voice bigint, voices bigint);
END
$$;
COMMENT ON FUNCTION pgvoice.join_voices IS
'Says that several unknown voices are one person, as one act that can be undone. The oldest one is left, and
its number is returned; the others are merged into it. dry_run changes nothing.';

CREATE OR REPLACE FUNCTION pgvoice_internal.split_voice(number bigint, video bigint) RETURNS jsonb
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    key_of CONSTANT text := (SELECT v.key FROM pgvoice.video AS v WHERE v.id = split_voice.video);
    act bigint;
    keys text[];
    parted bigint;
BEGIN
    IF (SELECT count(*) FILTER (WHERE h.video_id = split_voice.video) NOT BETWEEN 1 AND count(*) - 1
        FROM pgvoice_internal.heard_in(ARRAY[number]) AS h) THEN
        RAISE EXCEPTION 'voice % is % heard in %', number, CASE WHEN EXISTS (
            SELECT FROM pgvoice.linked_voice AS l
            WHERE l.unknown_voice_id = number AND l.video_id = split_voice.video
        ) THEN 'only' ELSE 'not' END, quote_literal(key_of)
            USING HINT = 'pgvoice.voice_appearances lists where it is heard.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
    act := pgvoice_internal.begin_act(
        'different', format('voice %s', number), jsonb_build_object('video', key_of)
    );
    SELECT array_agg(DISTINCT h.key), count(*) FILTER (WHERE pgvoice_internal.keep_word(
        h.video_id, h.spans, h.video_id <> split_voice.video, NULL, number
    ) IS NOT NULL AND h.video_id = split_voice.video)
    INTO keys, parted FROM pgvoice_internal.heard_in(ARRAY[number]) AS h
    WHERE h.spans IS NOT NULL;
    DELETE FROM pgvoice.linked_voice AS l
    WHERE l.unknown_voice_id = number AND l.video_id = split_voice.video;
    PERFORM pgvoice_internal.relink(keys);
    RETURN jsonb_build_object('act', act, 'voice', number, 'voices', parted);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.split_voice(bigint, bigint) IS
'Takes the voices of a video out of an unknown voice that is held, as one act.';

CREATE OR REPLACE FUNCTION pgvoice.part_voice(number bigint, video text, dry_run boolean DEFAULT false)
RETURNS TABLE (act bigint, voices bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[video]))[1];
    done jsonb;
BEGIN
    BEGIN
        PERFORM pgvoice_internal.hold_voices(ARRAY[number]);
        done := pgvoice_internal.split_voice(number, video_of);
        PERFORM pgvoice_internal.end_rehearsal(dry_run);
    EXCEPTION WHEN SQLSTATE 'PV099' THEN
        done := done - 'act';
    END;
    RETURN QUERY SELECT d.* FROM jsonb_to_record(done) AS d(act bigint, voices bigint);
END
$$;
COMMENT ON FUNCTION pgvoice.part_voice IS
'Says that the voices in a video are somebody else than the unknown voice in other videos, as one act that can
be undone. They are linked anew, and never with it. voices is how many. dry_run changes nothing.';
