-- The current labels: reading, pinning and reverting them.

CREATE OR REPLACE FUNCTION pgvoice.label_reason(speaker_id bigint, reason text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN speaker_id IS NULL AND reason IN ('matched', 'pinned') THEN 'removed' ELSE reason
END;
COMMENT ON FUNCTION pgvoice.label_reason(bigint, text) IS
'The reason of a kept label as it is now: removed if its speaker was removed.';

CREATE OR REPLACE VIEW pgvoice.label AS
SELECT v.key AS video,
       a.start_ms / 1000::double precision AS start_s,
       a.end_ms / 1000::double precision AS end_s,
       s.name AS speaker,
       pgvoice.shown(a.similarity, (SELECT pgvoice.sees_vectors())) AS similarity,
       second.name AS runner_up,
       pgvoice.shown(a.margin, (SELECT pgvoice.sees_vectors())) AS margin,
       pgvoice.label_reason(a.speaker_id, a.reason) AS reason,
       a.pinned,
       e.label AS encoder,
       a.run_id AS run,
       r.created_at AS labelled_at,
       a.encoder_id,
       a.start_ms,
       a.end_ms
FROM pgvoice.attribution AS a
JOIN pgvoice.video AS v ON v.id = a.video_id
JOIN pgvoice.attribution_run AS r ON r.id = a.run_id
JOIN pgvoice.encoder AS e ON e.id = a.encoder_id
LEFT JOIN pgvoice.speaker AS s ON s.id = a.speaker_id
LEFT JOIN pgvoice.speaker AS second ON second.id = a.runner_up_id
WHERE a.current;
COMMENT ON VIEW pgvoice.label IS
'The current labels. similarity, runner_up and margin are as of labelled_at; reason becomes removed
once the speaker is removed; speaker is NULL for nobody known. Similarities have two digits unless the
reader sees_vectors.';

CREATE OR REPLACE FUNCTION pgvoice.speaker_time(
    video text DEFAULT NULL, encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS TABLE (speaker text, video text, segments bigint, seconds double precision)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_encoder(speaker_time.encoder);
    SELECT pgvoice_internal.video_ids(ARRAY[speaker_time.video]) WHERE speaker_time.video IS NOT NULL;
    SELECT l.speaker, l.video, count(*), sum(l.end_ms - l.start_ms) / 1000::double precision AS seconds
    FROM pgvoice.label AS l
    WHERE l.encoder_id = speaker_time.encoder
      AND (speaker_time.video IS NULL OR l.video = speaker_time.video)
    GROUP BY l.speaker, l.video
    ORDER BY l.video, seconds DESC, l.speaker
$$;
COMMENT ON FUNCTION pgvoice.speaker_time(text, integer) IS
'How long everybody speaks, from the current labels: a row per video and speaker, for one video or all;
speaker is NULL for nobody known. Overlapping segments each count in full.';

CREATE OR REPLACE FUNCTION pgvoice.pin_label(
    video text,
    start_s double precision,
    end_s double precision,
    speaker text,
    encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    first_ms CONSTANT integer := pgvoice.snap_ms(start_s);
    last_ms CONSTANT integer := pgvoice.snap_ms(end_s);
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[pin_label.video]))[1];
    speaker_of bigint;
    run bigint;
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM pgvoice_internal.hold_labels();
    IF speaker IS NOT NULL THEN
        speaker_of := (pgvoice_internal.speaker_ids(ARRAY[speaker]))[1];
    END IF;
    UPDATE pgvoice.attribution AS a SET current = false
    WHERE a.current AND a.video_id = video_of AND a.start_ms = first_ms AND a.end_ms = last_ms
      AND a.encoder_id = encoder;
    IF NOT FOUND AND NOT EXISTS (
        SELECT FROM pgvoice.segment_embedding AS s
        WHERE s.video_id = video_of AND s.start_ms = first_ms AND s.end_ms = last_ms
          AND s.encoder_id = encoder
    ) THEN
        RAISE EXCEPTION 'no segment from % to % s in %', first_ms / 1000::double precision,
            last_ms / 1000::double precision, quote_literal(video)
            USING HINT = 'pgvoice.identify lists them.', ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO pgvoice.attribution_run (encoder_id, kind, changed)
    VALUES (encoder, 'pin', 1) RETURNING id INTO run;
    INSERT INTO pgvoice.attribution
        (run_id, video_id, start_ms, end_ms, encoder_id, speaker_id, reason, pinned, current)
    VALUES (run, video_of, first_ms, last_ms, encoder, speaker_of,
            CASE WHEN speaker_of IS NULL THEN 'nobody' ELSE 'pinned' END, true, true);
    RETURN run;
END
$$;
COMMENT ON FUNCTION pgvoice.pin_label IS
'Stores who speaks in a segment, NULL for nobody known; this label stays current until it is unpinned.
Returns the run, which can be reverted.';

CREATE OR REPLACE FUNCTION pgvoice.unpin_label(
    video text,
    start_s double precision,
    end_s double precision,
    encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    first_ms CONSTANT integer := pgvoice.snap_ms(start_s);
    last_ms CONSTANT integer := pgvoice.snap_ms(end_s);
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[unpin_label.video]))[1];
    pin bigint;
    pins bigint := 0;
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM pgvoice_internal.hold_labels();
    FOR pin IN
        SELECT a.run_id FROM pgvoice.attribution AS a
        JOIN pgvoice.attribution_run AS r ON r.id = a.run_id AND r.reverted_at IS NULL
        WHERE a.pinned AND a.start_ms = first_ms AND a.end_ms = last_ms AND a.encoder_id = encoder
          AND a.video_id = video_of
        ORDER BY a.run_id DESC
    LOOP
        PERFORM pgvoice.revert_labels(pin);
        pins := pins + 1;
    END LOOP;
    RETURN pins;
END
$$;
COMMENT ON FUNCTION pgvoice.unpin_label IS
'Reverts the pins of a segment, so that the label from its runs becomes current again. Returns how many
pins there were.';

CREATE OR REPLACE FUNCTION pgvoice.revert_labels(run bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    withdrawn bigint;
BEGIN
    PERFORM pgvoice_internal.hold_labels();
    UPDATE pgvoice.attribution_run AS r SET reverted_at = now()
    WHERE r.id = run AND r.reverted_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run % to revert', run
            USING HINT = 'The table pgvoice.attribution_run lists them; each is reverted once.',
                  ERRCODE = 'no_data_found';
    END IF;
    UPDATE pgvoice.attribution AS a SET current = false WHERE a.run_id = run AND a.current;
    GET DIAGNOSTICS withdrawn = ROW_COUNT;
    UPDATE pgvoice.attribution AS a SET current = true
    FROM (
        SELECT DISTINCT ON (x.video_id, x.start_ms, x.end_ms, x.encoder_id)
               x.video_id, x.start_ms, x.end_ms, x.encoder_id, x.run_id, held.current
        FROM pgvoice.attribution AS mine
        JOIN pgvoice.attribution AS x USING (video_id, start_ms, end_ms, encoder_id)
        JOIN pgvoice.attribution_run AS r ON r.id = x.run_id AND r.reverted_at IS NULL
        LEFT JOIN pgvoice.attribution AS held
            ON held.current AND held.video_id = mine.video_id AND held.start_ms = mine.start_ms
            AND held.end_ms = mine.end_ms AND held.encoder_id = mine.encoder_id
        WHERE mine.run_id = run
        ORDER BY x.video_id, x.start_ms, x.end_ms, x.encoder_id, x.pinned DESC, x.run_id DESC
    ) AS best
    WHERE best.current IS NULL AND a.video_id = best.video_id AND a.start_ms = best.start_ms
      AND a.end_ms = best.end_ms AND a.encoder_id = best.encoder_id AND a.run_id = best.run_id;
    RETURN withdrawn;
END
$$;
COMMENT ON FUNCTION pgvoice.revert_labels(bigint) IS
'Reverts a run, so that the labels before it become current again. Returns how many labels of the run
were current.';
