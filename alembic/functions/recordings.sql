-- What writers may delete: segments that a fill can compute again, and what belongs to replaced audio.

-- Pins stay. Erased speech needs no row here: erased_span keeps fills from storing it again.
CREATE OR REPLACE FUNCTION pgvoice.replace_audio(video text, audio_sha256 text) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    video_of bigint;
    was text;
    segments bigint;
    labels bigint;
BEGIN
    SELECT v.id, v.audio_sha256 INTO video_of, was
    FROM pgvoice.video AS v WHERE v.key = replace_audio.video FOR NO KEY UPDATE;
    PERFORM pgvoice_internal.video_ids(ARRAY[replace_audio.video]);
    IF was IS NULL OR was IS NOT DISTINCT FROM replace_audio.audio_sha256 THEN
        RETURN 0;
    END IF;
    DELETE FROM pgvoice.segment_embedding AS s WHERE s.video_id = video_of;
    GET DIAGNOSTICS segments = ROW_COUNT;
    DELETE FROM pgvoice.attribution AS a WHERE a.video_id = video_of AND NOT a.pinned;
    GET DIAGNOSTICS labels = ROW_COUNT;
    DELETE FROM pgvoice.turn_document AS d WHERE d.video_id = video_of;
    UPDATE pgvoice.video AS v SET audio_sha256 = replace_audio.audio_sha256 WHERE v.id = video_of;
    PERFORM pgvoice_internal.note('replace audio', replace_audio.video, jsonb_build_object(
        'was', was, 'audio_sha256', replace_audio.audio_sha256, 'segments', segments, 'labels', labels
    ));
    RETURN segments;
END
$$;
COMMENT ON FUNCTION pgvoice.replace_audio IS
'Notes that a video has other audio than before, and deletes what belongs to the audio before: its
segments, its turns and its labels, except pins. Returns how many segments it deleted; 0 if the audio is the same or was never read.';

-- The plan depends on which of the conditions are given.
CREATE OR REPLACE FUNCTION pgvoice.prune_segments(
    video text DEFAULT NULL,
    encoder integer DEFAULT NULL,
    older_than interval DEFAULT NULL,
    dry_run boolean DEFAULT false
) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    video_of bigint;
    pruned bigint;
BEGIN
    IF num_nonnulls(video, encoder, older_than) = 0 THEN
        RAISE EXCEPTION 'nothing selected' USING HINT = 'Name a video, an encoder or an age.',
            ERRCODE = 'invalid_parameter_value';
    ELSIF older_than < interval '0' THEN
        RAISE EXCEPTION 'older_than is %, but must not be negative', older_than
            USING HINT = 'Give an age, such as 30 days.', ERRCODE = 'invalid_parameter_value';
    END IF;
    IF video IS NOT NULL THEN
        video_of := (pgvoice_internal.video_ids(ARRAY[prune_segments.video]))[1];
    END IF;
    IF encoder IS NOT NULL THEN
        PERFORM pgvoice_internal.require_encoder(encoder);
    END IF;
    IF dry_run THEN
        RETURN (
            SELECT count(*) FROM pgvoice.segment_embedding AS s
            WHERE (video_of IS NULL OR s.video_id = video_of)
              AND (prune_segments.encoder IS NULL OR s.encoder_id = prune_segments.encoder)
              AND (older_than IS NULL OR s.created_at < now() - older_than)
        );
    END IF;
    DELETE FROM pgvoice.segment_embedding AS s
    WHERE (video_of IS NULL OR s.video_id = video_of)
      AND (prune_segments.encoder IS NULL OR s.encoder_id = prune_segments.encoder)
      AND (older_than IS NULL OR s.created_at < now() - older_than);
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;
COMMENT ON FUNCTION pgvoice.prune_segments IS
'Deletes the stored segments that meet every condition given, or only counts them if dry_run, and returns
how many. Fills compute them again when they are asked for, except erased speech.';
