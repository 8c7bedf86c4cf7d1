-- A person's word on segments: pins.

CREATE OR REPLACE FUNCTION pgvoice.pin_labels(
    video text,
    starts_ms integer[],
    ends_ms integer[],
    speaker text,
    encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[pin_labels.video]))[1];
    speaker_of bigint;
    absent record;
    run bigint;
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM pgvoice_internal.require_segments(NULL, NULL, starts_ms, ends_ms);
    PERFORM pgvoice_internal.hold_labels();
    IF speaker IS NOT NULL THEN
        speaker_of := (pgvoice_internal.speaker_ids(ARRAY[speaker]))[1];
    END IF;
    SELECT asked.* INTO absent FROM unnest(starts_ms, ends_ms) AS asked(start_ms, end_ms)
    WHERE NOT EXISTS (
        SELECT FROM pgvoice.attribution AS a
        WHERE a.current AND a.video_id = video_of AND a.start_ms = asked.start_ms
          AND a.end_ms = asked.end_ms AND a.encoder_id = encoder
    ) AND NOT EXISTS (
        SELECT FROM pgvoice.segment_embedding AS s
        WHERE s.video_id = video_of AND s.start_ms = asked.start_ms AND s.end_ms = asked.end_ms
          AND s.encoder_id = encoder
    )
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'no segment from % to % s in %', absent.start_ms / 1000::double precision,
            absent.end_ms / 1000::double precision, quote_literal(video)
            USING HINT = 'pgvoice.resolve_span finds the segments near it.',
                  ERRCODE = 'no_data_found';
    END IF;
    PERFORM pgvoice_internal.begin_act('pin', video, jsonb_build_object(
        'speaker', speaker, 'segments', cardinality(starts_ms)
    ));
    UPDATE pgvoice.attribution AS a SET current = false
    FROM unnest(starts_ms, ends_ms) AS asked(start_ms, end_ms)
    WHERE a.current AND a.video_id = video_of AND a.start_ms = asked.start_ms
      AND a.end_ms = asked.end_ms AND a.encoder_id = encoder;
    INSERT INTO pgvoice.attribution_run (encoder_id, kind, changed)
    SELECT encoder, 'pin', count(*)
    FROM (SELECT DISTINCT * FROM unnest(starts_ms, ends_ms)) AS asked
    RETURNING id INTO run;
    INSERT INTO pgvoice.attribution
        (run_id, video_id, start_ms, end_ms, encoder_id, speaker_id, reason, pinned, current)
    SELECT DISTINCT run, video_of, asked.start_ms, asked.end_ms, encoder, speaker_of,
           CASE WHEN speaker_of IS NULL THEN 'nobody' ELSE 'pinned' END, true, true
    FROM unnest(starts_ms, ends_ms) AS asked(start_ms, end_ms);
    RETURN run;
END
$$;
COMMENT ON FUNCTION pgvoice.pin_labels IS
'Stores who speaks in segments, NULL for nobody known; these labels stay current until they are unpinned.
Returns the run, which can be reverted.';

CREATE OR REPLACE FUNCTION pgvoice.pin_label(
    video text,
    start_s double precision,
    end_s double precision,
    speaker text,
    encoder integer DEFAULT pgvoice.sole_encoder()
) RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice.pin_labels(
        video, ARRAY[pgvoice.snap_ms(start_s)], ARRAY[pgvoice.snap_ms(end_s)], speaker, encoder
    )
$$;
COMMENT ON FUNCTION pgvoice.pin_label IS 'pin_labels for one segment, in seconds.';

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
    PERFORM pgvoice_internal.begin_act('unpin', video);
    FOR pin IN
        SELECT a.run_id FROM pgvoice.attribution AS a
        JOIN pgvoice.attribution_run AS r ON r.id = a.run_id AND r.reverted_at IS NULL
        WHERE a.pinned AND a.start_ms = first_ms AND a.end_ms = last_ms AND a.encoder_id = encoder
          AND a.video_id = video_of
        ORDER BY a.run_id DESC
    LOOP
        IF EXISTS (
            SELECT FROM pgvoice.attribution AS o
            WHERE o.run_id = pin
              AND (o.video_id, o.start_ms, o.end_ms) <> (video_of, first_ms, last_ms)
        ) THEN
            DELETE FROM pgvoice.attribution AS a
            WHERE a.run_id = pin AND a.video_id = video_of AND a.start_ms = first_ms
              AND a.end_ms = last_ms AND a.encoder_id = encoder;
        ELSE
            PERFORM pgvoice.revert_labels(pin);
        END IF;
        pins := pins + 1;
    END LOOP;
    UPDATE pgvoice.attribution AS a SET current = true
    FROM (
        SELECT x.run_id FROM pgvoice.attribution AS x
        JOIN pgvoice.attribution_run AS r ON r.id = x.run_id AND r.reverted_at IS NULL
        WHERE x.video_id = video_of AND x.start_ms = first_ms AND x.end_ms = last_ms
          AND x.encoder_id = encoder
        ORDER BY x.pinned DESC, x.run_id DESC LIMIT 1
    ) AS best
    WHERE pins > 0 AND NOT a.current AND a.run_id = best.run_id AND a.video_id = video_of
      AND a.start_ms = first_ms AND a.end_ms = last_ms AND a.encoder_id = encoder;
    RETURN pins;
END
$$;
COMMENT ON FUNCTION pgvoice.unpin_label IS
'Reverts the pins of a segment, so that the label from its runs becomes current again; what was pinned
together with it stays pinned. Returns how many pins there were.';
