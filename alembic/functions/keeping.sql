-- From verdicts to kept labels: keep_labels and its steps.

CREATE OR REPLACE FUNCTION pgvoice_internal.verdict_moves() RETURNS TABLE (
    outcome text,
    from_speaker text,
    from_reason text,
    to_speaker text,
    to_reason text,
    segments bigint,
    seconds double precision,
    video_count bigint,
    longest_videos text[]
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH per_video AS (
        SELECT v.pinned, v.old_speaker_id, v.old_reason, v.speaker_id, v.reason, v.video_id,
               count(*) AS segments, sum(v.end_ms - v.start_ms) AS ms
        FROM pg_temp.verdict AS v
        GROUP BY v.pinned, v.old_speaker_id, v.old_reason, v.speaker_id, v.reason, v.video_id
    ), move AS MATERIALIZED (
        SELECT a.pinned, m.*
        FROM (
            SELECT p.pinned, array_agg(p.video_id) AS videos, array_agg(p.old_speaker_id) AS old_ids,
                   array_agg(p.old_reason) AS old_reasons, array_agg(p.speaker_id) AS ids,
                   array_agg(p.reason) AS reasons, array_agg(p.segments) AS segments,
                   array_agg(p.ms) AS ms
            FROM per_video AS p GROUP BY p.pinned
        ) AS a
        CROSS JOIN LATERAL pgvoice_internal.summed_videos(
            a.videos, a.old_ids, a.old_reasons, a.ids, a.reasons, a.segments, a.ms
        ) AS m
    ), stays AS (
        SELECT t.speaker_id, t.segments - coalesce(sum(m.segments), 0)::bigint AS segments,
               t.ms - coalesce(sum(m.ms), 0) AS ms
        FROM pg_temp.total AS t
        LEFT JOIN move AS m ON t.speaker_id IS NOT DISTINCT FROM
            CASE WHEN m.pinned THEN m.from_id ELSE m.to_id END
        GROUP BY t.speaker_id, t.segments, t.ms
    ), told AS (
        SELECT CASE WHEN m.pinned THEN 'pinned' ELSE 'changed' END AS outcome, m.from_speaker,
               m.from_reason, m.to_speaker, m.to_reason, m.segments, m.ms, m.video_count,
               m.longest_videos
        FROM move AS m
        UNION ALL
        SELECT 'unchanged', named.name, NULL, named.name, NULL, s.segments, s.ms, NULL, NULL
        FROM stays AS s LEFT JOIN pgvoice.speaker AS named ON named.id = s.speaker_id
        WHERE s.segments > 0
    )
    SELECT t.outcome, t.from_speaker, t.from_reason, t.to_speaker, t.to_reason, t.segments,
           t.ms / 1000::double precision, t.video_count, t.longest_videos
    FROM told AS t
    ORDER BY t.outcome, t.segments DESC, t.ms DESC, t.from_speaker, t.from_reason, t.to_speaker,
             t.to_reason;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.verdict_moves() IS
'Summarises the verdicts of keep_labels: from whom to whom.';

CREATE OR REPLACE FUNCTION pgvoice_internal.apply_verdicts(
    run_kind text, encoder integer, given_threshold double precision, given_margin double precision
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    stored bigint;
    run bigint;
BEGIN
    -- Erasing a recording takes precedence: its verdicts are not stored.
    PERFORM FROM pgvoice.video AS v WHERE v.id IN (SELECT video_id FROM pg_temp.verdict)
    ORDER BY v.id FOR KEY SHARE;
    DELETE FROM pg_temp.verdict AS d
    WHERE NOT EXISTS (SELECT FROM pgvoice.video AS v WHERE v.id = d.video_id);
    SELECT count(*) INTO stored FROM pg_temp.verdict WHERE NOT pinned;
    IF stored = 0 THEN
        RETURN NULL;
    END IF;
    -- Labels of an encoder that does not answer change nothing that a person sees: an undo takes back
    -- what was done before (see follow_undone_labels), and revert_labels the run.
    IF encoder = pgvoice.default_encoder() AND NOT pgvoice_internal.is_undoing() THEN
        PERFORM pgvoice_internal.begin_act(run_kind, CASE WHEN count(*) = 1 THEN min(v.key)
            ELSE format('%s recordings', count(*)) END)
        FROM pgvoice.video AS v
        WHERE v.id IN (SELECT d.video_id FROM pg_temp.verdict AS d WHERE NOT d.pinned);
    END IF;
    -- NULL unless given: other thresholds depend on the gallery, the duration, or the recording.
    INSERT INTO pgvoice.attribution_run
        (encoder_id, kind, threshold, margin, changed, calibration_id)
    SELECT encoder, run_kind,
           given_threshold, coalesce(given_margin, CASE WHEN c.id IS NULL THEN 0 END), stored,
           CASE WHEN given_threshold IS NULL OR given_margin IS NULL THEN c.id END
    FROM pgvoice.encoder AS e
    LEFT JOIN pgvoice.calibration AS c ON c.encoder_id = e.id AND c.active
    WHERE e.id = encoder
    RETURNING id INTO run;
    UPDATE pgvoice.attribution AS a SET current = false FROM pg_temp.verdict AS v
    WHERE a.video_id = v.video_id AND a.start_ms = v.start_ms AND a.end_ms = v.end_ms
      AND a.encoder_id = encoder AND a.run_id = v.old_run AND NOT v.pinned;
    -- Pins that no word supports any more, as the person was removed.
    UPDATE pgvoice.attribution AS a SET pinned = false FROM pg_temp.verdict AS v
    WHERE a.video_id = v.video_id AND a.start_ms = v.start_ms AND a.end_ms = v.end_ms
      AND a.encoder_id = encoder AND a.pinned AND v.was_pinned AND NOT v.pinned
      AND v.reason NOT IN ('pinned', 'nobody');
    INSERT INTO pgvoice.attribution (run_id, video_id, start_ms, end_ms, encoder_id, speaker_id,
        similarity, runner_up_id, margin, reason, pinned, current)
    SELECT run, v.video_id, v.start_ms, v.end_ms, encoder, v.speaker_id, v.similarity,
           v.runner_up_id, v.margin, v.reason, v.reason IN ('pinned', 'nobody'), true
    FROM pg_temp.verdict AS v WHERE NOT v.pinned;
    RETURN run;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.apply_verdicts IS
'Stores the changed labels that keep_labels found, and returns their run; NULL if there are none.';

CREATE OR REPLACE FUNCTION pgvoice.keep_labels(
    videos text[] DEFAULT NULL,
    encoder integer DEFAULT pgvoice.default_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    only_labelled boolean DEFAULT false,
    dry_run boolean DEFAULT false,
    by_label boolean DEFAULT true,
    speakers text[] DEFAULT NULL,
    one_label_one_name boolean DEFAULT false
) RETURNS TABLE (
    outcome text,
    from_speaker text,
    from_reason text,
    to_speaker text,
    to_reason text,
    segments bigint,
    seconds double precision,
    video_count bigint,
    longest_videos text[],
    run bigint
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    among bigint[] := pgvoice_internal.speaker_ids(keep_labels.speakers);
    -- The whole library from nearest, so that nothing is compared twice; all else from identify.
    by_nearest boolean := keep_labels.videos IS NULL AND among IS NULL;
    source text := CASE WHEN by_nearest THEN 'pgvoice_internal.verdicts($1, $2, $3)'
                        ELSE 'pgvoice_internal.verdicts_of($4, $1, $2, $3, $5)' END;
    chosen text := CASE WHEN keep_labels.only_labelled THEN
        ' AND EXISTS (SELECT FROM pgvoice.attribution AS l
              WHERE l.current AND l.video_id = v.video_id AND l.encoder_id = $1)' ELSE '' END;
    kept bigint;
BEGIN
    PERFORM pgvoice_internal.require_question(videos, encoder, threshold, min_margin);
    PERFORM pgvoice_internal.hold_labels();
    PERFORM pgvoice.refresh_voices(keep_labels.videos, keep_labels.encoder);
    IF by_nearest AND (NOT keep_labels.only_labelled OR EXISTS (
        SELECT FROM pgvoice.attribution AS a
        WHERE a.current AND a.encoder_id = keep_labels.encoder
    )) THEN
        PERFORM pgvoice.refresh_nearest(keep_labels.encoder);
    END IF;
    EXECUTE 'CREATE TEMPORARY TABLE judged AS SELECT v.* FROM ' || source || ' AS v WHERE true'
        || chosen
        USING keep_labels.encoder, keep_labels.threshold, keep_labels.min_margin,
              keep_labels.videos, among;
    IF keep_labels.one_label_one_name THEN
        PERFORM pgvoice_internal.keep_one_name_each(keep_labels.encoder, among);
    END IF;
    IF keep_labels.by_label THEN
        PERFORM pgvoice_internal.judge_together(keep_labels.encoder, among);
    END IF;
    CREATE TEMPORARY TABLE verdict AS
        WITH held AS (
            SELECT v.*, CASE WHEN v.heard = 'matched' THEN v.nearest_id END AS heard_id,
                   a.run_id AS old_run, a.speaker_id AS old_speaker_id, a.reason AS old_reason,
                   coalesce(a.pinned, false) AS was_pinned, a.run_id IS NULL
                       OR a.speaker_id IS DISTINCT FROM v.speaker_id OR a.reason <> v.reason AS differs
            FROM pg_temp.judged AS v
            LEFT JOIN pgvoice.attribution AS a
                ON a.current AND a.video_id = v.video_id AND a.start_ms = v.start_ms
                AND a.end_ms = v.end_ms AND a.encoder_id = keep_labels.encoder
        )
        SELECT h.video_id, h.start_ms, h.end_ms, h.speaker_id, h.similarity, h.runner_up_id,
               h.margin, h.reason, h.old_run, h.old_speaker_id,
               pgvoice.label_reason(h.old_speaker_id, h.old_reason) AS old_reason, h.was_pinned,
               false AS pinned
        FROM held AS h WHERE h.differs
        UNION ALL
        -- A person's word that is kept already, and what is heard instead.
        SELECT h.video_id, h.start_ms, h.end_ms, h.heard_id, NULL, NULL, NULL, h.heard, h.old_run,
               h.speaker_id, h.reason, true, true
        FROM held AS h
        WHERE NOT h.differs AND h.was_pinned AND h.heard_id IS DISTINCT FROM h.speaker_id;
    CREATE TEMPORARY TABLE total AS
        SELECT v.speaker_id, count(*) AS segments, sum(v.end_ms - v.start_ms) AS ms
        FROM pg_temp.judged AS v GROUP BY v.speaker_id;
    IF NOT keep_labels.dry_run THEN
        kept := pgvoice_internal.apply_verdicts(
            CASE WHEN keep_labels.only_labelled THEN 'relabel' ELSE 'label' END,
            keep_labels.encoder, keep_labels.threshold, keep_labels.min_margin
        );
    END IF;
    RETURN QUERY
    SELECT d.*, kept FROM pgvoice_internal.verdict_moves() AS d;
    DROP TABLE pg_temp.judged;
    DROP TABLE pg_temp.verdict;
    DROP TABLE pg_temp.total;
END
$$;
COMMENT ON FUNCTION pgvoice.keep_labels IS
'Stores who speaks in these videos, or in all, as a run of labels: the answers of identify_clusters for
the turns, or those of identify if by_label is false. Returns from whom to
whom, with segments and seconds. speakers are as in identify, one_label_one_name as in
identify_clusters. outcome is changed, unchanged, or pinned where a person''s word stays and the voice alone
would have another answer. only_labelled skips videos without labels; dry_run changes nothing. run is NULL if nothing
was stored.';
