-- From a person's word to the stored labels of every encoder, and back.

CREATE OR REPLACE FUNCTION pgvoice_internal.show_newest(labels pgvoice.attribution[]) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    UPDATE pgvoice.attribution AS a SET current = true
    FROM (
        SELECT DISTINCT ON (x.video_id, x.start_ms, x.end_ms, x.encoder_id)
               x.video_id, x.start_ms, x.end_ms, x.encoder_id, x.run_id, held.current
        FROM unnest(labels) AS mine
        JOIN pgvoice.attribution AS x USING (video_id, start_ms, end_ms, encoder_id)
        JOIN pgvoice.attribution_run AS r ON r.id = x.run_id AND r.reverted_at IS NULL
        LEFT JOIN pgvoice.attribution AS held
            ON held.current AND held.video_id = mine.video_id AND held.start_ms = mine.start_ms
            AND held.end_ms = mine.end_ms AND held.encoder_id = mine.encoder_id
        ORDER BY x.video_id, x.start_ms, x.end_ms, x.encoder_id, x.pinned DESC, x.run_id DESC
    ) AS best
    WHERE best.current IS NULL AND a.video_id = best.video_id AND a.start_ms = best.start_ms
      AND a.end_ms = best.end_ms AND a.encoder_id = best.encoder_id AND a.run_id = best.run_id
$$;
COMMENT ON FUNCTION pgvoice_internal.show_newest IS
'Makes the newest pin, or else the newest label, current in the segments of these labels that have no current
one.';

CREATE OR REPLACE FUNCTION pgvoice_internal.withdraw_pins(video bigint, spans int4multirange)
RETURNS TABLE (start_ms integer, end_ms integer)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    gone pgvoice.attribution[];
BEGIN
    WITH near AS MATERIALIZED (
        SELECT a AS label, a.start_ms, a.end_ms, a.pinned
        FROM pgvoice.attribution AS a
        JOIN pgvoice.attribution_run AS r ON r.id = a.run_id AND r.reverted_at IS NULL
        WHERE a.video_id = video AND (a.pinned OR r.kind = 'pin')
          AND spans && int4range(a.start_ms, greatest(a.start_ms, a.end_ms))
    )
    SELECT array_agg(n.label) INTO gone
    FROM near AS n
    LEFT JOIN pgvoice_internal.segment_words(
        video, ARRAY(SELECT o.start_ms FROM near AS o), ARRAY(SELECT o.end_ms FROM near AS o)
    ) AS w ON w.start_ms = n.start_ms AND w.end_ms = n.end_ms
    WHERE CASE WHEN n.pinned THEN w.verdict_id IS NULL ELSE w.denied IS NULL END;
    UPDATE pgvoice.attribution_run AS r SET reverted_at = now()
    WHERE r.kind = 'pin' AND r.id IN (SELECT g.run_id FROM unnest(gone) AS g) AND NOT EXISTS (
        SELECT FROM pgvoice.attribution AS a
        WHERE a.run_id = r.id AND (a.video_id, a.start_ms, a.end_ms) NOT IN (
            SELECT g.video_id, g.start_ms, g.end_ms FROM unnest(gone) AS g WHERE g.run_id = r.id
        )
    );
    UPDATE pgvoice.attribution AS a SET current = false
    FROM unnest(gone) AS g
    WHERE a.current AND a.video_id = g.video_id AND a.start_ms = g.start_ms
      AND a.end_ms = g.end_ms AND a.encoder_id = g.encoder_id AND a.run_id = g.run_id;
    DELETE FROM pgvoice.attribution AS a
    USING unnest(gone) AS g
    JOIN pgvoice.attribution_run AS r ON r.id = g.run_id AND r.reverted_at IS NULL
    WHERE a.video_id = g.video_id AND a.start_ms = g.start_ms AND a.end_ms = g.end_ms
      AND a.encoder_id = g.encoder_id AND a.run_id = g.run_id;
    PERFORM pgvoice_internal.show_newest(gone);
    RETURN QUERY SELECT DISTINCT g.start_ms, g.end_ms FROM unnest(gone) AS g;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.withdraw_pins IS
'Withdraws the labels near these spans that a person''s word put there, and that no word supports any more:
those before become current again. Returns their segments.';

CREATE OR REPLACE FUNCTION pgvoice_internal.worded_labels(
    video bigint, encoder integer, verdicts bigint[], starts_ms integer[], ends_ms integer[]
) RETURNS TABLE (
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    similarity double precision,
    runner_up_id bigint,
    margin double precision,
    reason text
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH touched AS MATERIALIZED (
        SELECT c.start_ms, c.end_ms, a.speaker_id FROM (
            SELECT k.start_ms, k.end_ms FROM pgvoice_internal.current_segments(video, encoder) AS k
            UNION SELECT g.start_ms, g.end_ms FROM unnest(starts_ms, ends_ms) AS g(start_ms, end_ms)
            UNION SELECT x.start_ms, x.end_ms FROM pgvoice.attribution AS x
            WHERE x.current AND x.video_id = video AND x.encoder_id = encoder
        ) AS c
        LEFT JOIN pgvoice.attribution AS a
            ON a.current AND a.video_id = video AND a.start_ms = c.start_ms
            AND a.end_ms = c.end_ms AND a.encoder_id = encoder
        WHERE EXISTS (
            SELECT FROM pgvoice.verdict AS w WHERE w.id = ANY (verdicts)
              AND w.spans && int4range(c.start_ms, greatest(c.start_ms, c.end_ms))
        ) AND (a.video_id IS NOT NULL OR EXISTS (
            SELECT FROM pgvoice.segment_embedding AS s
            WHERE s.video_id = video AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
              AND s.encoder_id = encoder
        ))
    ), said AS MATERIALIZED (
        SELECT t.start_ms, t.end_ms, w.verdict_id, w.speaker_id, t.speaker_id = ANY (w.denied) AS denied
        FROM touched AS t
        JOIN pgvoice_internal.segment_words(
            video, ARRAY(SELECT o.start_ms FROM touched AS o), ARRAY(SELECT o.end_ms FROM touched AS o)
        ) AS w ON w.start_ms = t.start_ms AND w.end_ms = t.end_ms
    )
    SELECT s.start_ms, s.end_ms, s.speaker_id, NULL::double precision, NULL::bigint,
           NULL::double precision, CASE WHEN s.speaker_id IS NULL THEN 'nobody' ELSE 'pinned' END
    FROM said AS s WHERE s.verdict_id = ANY (verdicts)
    UNION ALL
    SELECT d.start_ms, d.end_ms, d.speaker_id, d.similarity, d.runner_up_id, d.margin, d.reason
    FROM pgvoice_internal.verdicts_in(
        video, ARRAY(SELECT s.start_ms FROM said AS s WHERE s.denied AND s.verdict_id IS NULL),
        ARRAY(SELECT s.end_ms FROM said AS s WHERE s.denied AND s.verdict_id IS NULL),
        encoder, NULL, NULL
    ) AS d
$$;
COMMENT ON FUNCTION pgvoice_internal.worded_labels IS
'The labels that new verdicts make: of what they say who speaks, in each segment that is
stored or labelled, and of labels whose speaker they deny, judged again.';

CREATE OR REPLACE FUNCTION pgvoice_internal.say(
    video bigint, spans int4multirange, starts_ms integer[], ends_ms integer[], holds boolean,
    speaker bigint
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    verdicts bigint[] := ARRAY[pgvoice_internal.keep_word(video, spans, holds, speaker, NULL)];
    encoder integer;
    run bigint;
    runs bigint[] := '{}';
BEGIN
    -- Turns within turns of other labels need words of their own.
    verdicts := verdicts || ARRAY(
        SELECT pgvoice_internal.keep_word(
            video, int4multirange(int4range(g.start_ms, g.end_ms)), holds, speaker, NULL
        )
        FROM (SELECT DISTINCT * FROM unnest(starts_ms, ends_ms)) AS g(start_ms, end_ms)
        WHERE g.start_ms < g.end_ms AND NOT EXISTS (
            SELECT FROM pgvoice_internal.applying_words(video, starts_ms, ends_ms) AS w
            WHERE w.start_ms = g.start_ms AND w.end_ms = g.end_ms AND w.verdict_id = verdicts[1]
        )
    );
    IF NOT holds THEN
        PERFORM pgvoice_internal.withdraw_pins(video, spans);
    END IF;
    FOR encoder IN SELECT e.id FROM pgvoice.encoder AS e ORDER BY e.id LOOP
        CREATE TEMPORARY TABLE worded AS
            SELECT l.* FROM pgvoice_internal.worded_labels(
                video, encoder, verdicts, starts_ms, ends_ms
            ) AS l;
        IF EXISTS (SELECT FROM pg_temp.worded) THEN
            INSERT INTO pgvoice.attribution_run (encoder_id, kind, changed)
            SELECT encoder, 'pin', count(*) FROM pg_temp.worded RETURNING id INTO run;
            UPDATE pgvoice.attribution AS a SET current = false FROM pg_temp.worded AS l
            WHERE a.current AND a.video_id = video AND a.start_ms = l.start_ms
              AND a.end_ms = l.end_ms AND a.encoder_id = encoder;
            INSERT INTO pgvoice.attribution (run_id, video_id, start_ms, end_ms, encoder_id,
                speaker_id, similarity, runner_up_id, margin, reason, pinned, current)
            SELECT run, video, l.start_ms, l.end_ms, encoder, l.speaker_id, l.similarity,
                   l.runner_up_id, l.margin, l.reason, l.reason IN ('pinned', 'nobody'), true
            FROM pg_temp.worded AS l;
            runs := runs || run;
        END IF;
        DROP TABLE pg_temp.worded;
    END LOOP;
    UPDATE pgvoice.verdict AS w SET run_ids = runs WHERE w.id = ANY (verdicts) AND runs <> '{}';
    PERFORM pgvoice_internal.relink(ARRAY(SELECT v.key FROM pgvoice.video AS v WHERE v.id = video));
    RETURN runs[1];
END
$$;
COMMENT ON FUNCTION pgvoice_internal.say IS
'Stores that somebody speaks in these spans, which these segments make up, or does not; speaker is NULL for
nobody known. Changes the stored labels of every encoder accordingly, in a run for each; returns the first.';
