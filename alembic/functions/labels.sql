-- The current labels: reading and reverting them.

CREATE OR REPLACE FUNCTION pgvoice.label_reason(speaker_id bigint, reason text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN speaker_id IS NULL AND reason IN ('matched', 'by_cluster', 'pinned') THEN 'removed' ELSE reason
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
       a.end_ms,
       a.encoder_id = (SELECT pgvoice.default_encoder()) AS by_default
FROM pgvoice.attribution AS a
JOIN pgvoice.video AS v ON v.id = a.video_id
JOIN pgvoice.attribution_run AS r ON r.id = a.run_id
JOIN pgvoice.encoder AS e ON e.id = a.encoder_id
LEFT JOIN pgvoice.speaker AS s ON s.id = a.speaker_id
LEFT JOIN pgvoice.speaker AS second ON second.id = a.runner_up_id
-- As is_current decides, which Postgres would call for every row.
WHERE a.current AND (
    a.pinned
    OR NOT EXISTS (SELECT FROM pgvoice.turn_document AS d WHERE d.video_id = a.video_id)
    OR EXISTS (
        SELECT FROM pgvoice.turn AS t
        WHERE t.video_id = a.video_id AND t.start_ms = a.start_ms AND t.end_ms = a.end_ms
    )
);
COMMENT ON VIEW pgvoice.label IS
'The current labels, of the turns where a video has any. similarity, runner_up and margin are as of labelled_at; reason becomes removed
once the speaker is removed; speaker is NULL for nobody known. Each encoder has labels of its own;
by_default marks those of the default encoder, which answers unless another one is named. Similarities have two digits unless the
reader sees_vectors.';

CREATE OR REPLACE FUNCTION pgvoice.speaker_time(
    video text DEFAULT NULL, encoder integer DEFAULT pgvoice.default_encoder()
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

CREATE OR REPLACE FUNCTION pgvoice.revert_labels(run bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    -- A pin has a run for each encoder.
    runs CONSTANT bigint[] := ARRAY(
        SELECT run UNION SELECT unnest(v.run_ids) FROM pgvoice.verdict AS v WHERE run = ANY (v.run_ids)
    );
    withdrawn bigint;
    said record;
BEGIN
    PERFORM pgvoice_internal.hold_labels();
    PERFORM pgvoice_internal.begin_act('revert', format('run %s', run));
    IF NOT EXISTS (
        SELECT FROM pgvoice.attribution_run AS r WHERE r.id = run AND r.reverted_at IS NULL
    ) THEN
        RAISE EXCEPTION 'there is no run % to revert', run
            USING HINT = 'The table pgvoice.attribution_run lists them; each is reverted once.',
                  ERRCODE = 'no_data_found';
    END IF;
    UPDATE pgvoice.attribution_run AS r SET reverted_at = now()
    WHERE r.id = ANY (runs) AND r.reverted_at IS NULL;
    SELECT count(*) INTO withdrawn FROM pgvoice.attribution AS a WHERE a.run_id = run AND a.current;
    UPDATE pgvoice.attribution AS a SET current = false WHERE a.run_id = ANY (runs) AND a.current;
    PERFORM pgvoice_internal.show_newest(
        ARRAY(SELECT a FROM pgvoice.attribution AS a WHERE a.run_id = ANY (runs))
    );
    FOR said IN
        DELETE FROM pgvoice.verdict AS v WHERE v.run_ids && runs RETURNING v.video_id, v.spans
    LOOP
        PERFORM pgvoice_internal.withdraw_pins(said.video_id, said.spans),
                pgvoice_internal.relink(ARRAY[v.key])
        FROM pgvoice.video AS v WHERE v.id = said.video_id;
    END LOOP;
    RETURN withdrawn;
END
$$;
COMMENT ON FUNCTION pgvoice.revert_labels(bigint) IS
'Reverts a run, so that the labels before it become current again; of a pin, those of every encoder, and what
the person said is forgotten. Returns how many labels of the run were current.';
