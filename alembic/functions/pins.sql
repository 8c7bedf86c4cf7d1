-- A person's word on segments and labels of a recording: pins, and their withdrawal.

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
    RETURN runs[1];
END
$$;
COMMENT ON FUNCTION pgvoice_internal.say IS
'Stores that somebody speaks in these spans, which these segments make up, or does not; speaker is NULL for
nobody known. Changes the stored labels of every encoder accordingly, in a run for each; returns the first.';

CREATE OR REPLACE FUNCTION pgvoice_internal.person(name text, new boolean) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    found bigint;
BEGIN
    IF person.name IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT s.id INTO found FROM pgvoice.speaker AS s WHERE s.name = person.name;
    IF found IS NULL AND new THEN
        INSERT INTO pgvoice.speaker (name) VALUES (person.name)
        ON CONFLICT DO NOTHING RETURNING id INTO found;
    END IF;
    RETURN coalesce(found, (pgvoice_internal.speaker_ids(ARRAY[person.name]))[1]);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.person(text, boolean) IS
'The id of a speaker, whom it adds by name alone if new; fails if there is none.';

CREATE OR REPLACE FUNCTION pgvoice.pin_labels(
    video text,
    starts_ms integer[],
    ends_ms integer[],
    speaker text,
    holds boolean DEFAULT true,
    new boolean DEFAULT false
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[pin_labels.video]))[1];
    spans int4multirange;
    absent record;
BEGIN
    PERFORM pgvoice_internal.require_segments(NULL, NULL, starts_ms, ends_ms);
    IF speaker IS NULL AND NOT holds THEN
        RAISE EXCEPTION 'nobody cannot be denied'
            USING HINT = 'Name the person who does not speak there.',
                  ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pgvoice_internal.hold_labels();
    SELECT asked.* INTO absent FROM unnest(starts_ms, ends_ms) AS asked(start_ms, end_ms)
    WHERE NOT EXISTS (
        SELECT FROM pgvoice.turn AS t WHERE t.video_id = video_of
          AND t.start_ms = asked.start_ms AND t.end_ms = asked.end_ms
    ) AND NOT EXISTS (
        SELECT FROM pgvoice.attribution AS a WHERE a.current AND a.video_id = video_of
          AND a.start_ms = asked.start_ms AND a.end_ms = asked.end_ms
    ) AND NOT EXISTS (
        SELECT FROM pgvoice.segment_embedding AS s WHERE s.video_id = video_of
          AND s.start_ms = asked.start_ms AND s.end_ms = asked.end_ms
    )
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'no segment from % to % s in %', absent.start_ms / 1000::double precision,
            absent.end_ms / 1000::double precision, quote_literal(video)
            USING HINT = 'pgvoice.resolve_span finds the segments near it.',
                  ERRCODE = 'no_data_found';
    END IF;
    SELECT range_agg(int4range(g.start_ms, greatest(g.start_ms, g.end_ms))) INTO spans
    FROM unnest(starts_ms, ends_ms) AS g(start_ms, end_ms);
    IF coalesce(isempty(spans), true) THEN
        RAISE EXCEPTION 'no segments to pin'
            USING HINT = 'Give at least one that is not empty.', ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT e.* INTO absent FROM pgvoice.erased_segments(video, starts_ms, ends_ms) AS e
    WHERE holds AND speaker IS NOT NULL LIMIT 1;
    IF FOUND THEN
        PERFORM pgvoice_internal.raise_erased(video, absent.start_ms, absent.end_ms);
    END IF;
    PERFORM pgvoice_internal.begin_act('pin', pin_labels.video, jsonb_build_object(
        'speaker', speaker, 'holds', holds, 'segments', cardinality(starts_ms)
    ));
    RETURN pgvoice_internal.say(
        video_of, spans, starts_ms, ends_ms, holds, pgvoice_internal.person(speaker, new)
    );
END
$$;
COMMENT ON FUNCTION pgvoice.pin_labels IS
'Stores who speaks in segments, NULL for nobody known, or if holds is false, who does not. identify, label
runs and linking obey it with every encoder until it is unpinned, and the stored labels change at once. new
adds somebody who is not enrolled. Returns the run, which can be reverted; NULL if no label changed.';

CREATE OR REPLACE FUNCTION pgvoice.pin_label(
    video text,
    start_s double precision,
    end_s double precision,
    speaker text,
    holds boolean DEFAULT true,
    new boolean DEFAULT false
) RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice.pin_labels(
        video, ARRAY[pgvoice.snap_ms(start_s)], ARRAY[pgvoice.snap_ms(end_s)], speaker, holds, new
    )
$$;
COMMENT ON FUNCTION pgvoice.pin_label IS 'pin_labels for one segment, in seconds.';

CREATE OR REPLACE FUNCTION pgvoice_internal.voice_segments(
    video text, label text, OUT starts_ms integer[], OUT ends_ms integer[]
)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[voice_segments.video]))[1];
    labels text;
BEGIN
    WITH segment AS (
        SELECT t.start_ms, t.end_ms FROM pgvoice.turn AS t
        WHERE t.video_id = video_of AND t.label = voice_segments.label
        UNION
        SELECT g.start_ms, g.end_ms FROM pgvoice.voice AS v
        CROSS JOIN LATERAL unnest(v.starts_ms, v.ends_ms) AS g(start_ms, end_ms)
        WHERE v.video_id = video_of AND v.label = voice_segments.label
    )
    SELECT array_agg(s.start_ms), array_agg(s.end_ms) INTO starts_ms, ends_ms FROM segment AS s;
    IF starts_ms IS NULL THEN
        SELECT string_agg(DISTINCT x.label, ', ') INTO labels FROM (
            SELECT t.label FROM pgvoice.turn AS t WHERE t.video_id = video_of
            UNION SELECT v.label FROM pgvoice.voice AS v WHERE v.video_id = video_of
        ) AS x;
        RAISE EXCEPTION 'no turns of % in %', quote_nullable(label), quote_literal(video)
            USING DETAIL = coalesce('the labels are ' || labels, 'no turns with labels are stored'),
                  HINT = 'The table pgvoice.turn has them.', ERRCODE = 'no_data_found';
    END IF;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.voice_segments(text, text) IS
'The turns of a label, filled or not, or the segments of a voice that the store grouped; fails if there are
none.';

CREATE OR REPLACE FUNCTION pgvoice.pin_voice(
    video text,
    label text,
    speaker text,
    holds boolean DEFAULT true,
    new boolean DEFAULT false
) RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice.pin_labels(video, s.starts_ms, s.ends_ms, speaker, holds, new)
    FROM pgvoice_internal.voice_segments(video, label) AS s
$$;
COMMENT ON FUNCTION pgvoice.pin_voice IS
'pin_labels for all turns of a diarizer''s label, or for a voice that the store grouped.';

CREATE OR REPLACE FUNCTION pgvoice.unpin_labels(video text, starts_ms integer[], ends_ms integer[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[unpin_labels.video]))[1];
    spans int4multirange;
    unpinned bigint;
BEGIN
    PERFORM pgvoice_internal.require_segments(NULL, NULL, starts_ms, ends_ms);
    PERFORM pgvoice_internal.hold_labels();
    PERFORM pgvoice_internal.begin_act('unpin', unpin_labels.video, jsonb_build_object(
        'segments', cardinality(starts_ms)
    ));
    spans := (
        SELECT range_agg(int4range(g.start_ms, greatest(g.start_ms, g.end_ms)))
        FROM unnest(starts_ms, ends_ms) AS g(start_ms, end_ms)
    );
    CREATE TEMPORARY TABLE unpinned AS
        SELECT w.start_ms, w.end_ms, w.verdict_id
        FROM pgvoice_internal.applying_words(video_of, starts_ms, ends_ms) AS w
        WHERE w.unknown_voice_id IS NULL;
    CREATE TEMPORARY TABLE said AS
        SELECT u.verdict_id, range_agg(int4range(u.start_ms, u.end_ms)) AS spans
        FROM pg_temp.unpinned AS u GROUP BY u.verdict_id;
    DELETE FROM pgvoice.verdict AS v USING pg_temp.said AS s
    WHERE v.id = s.verdict_id AND v.spans <@ s.spans;
    UPDATE pgvoice.verdict AS v SET spans = v.spans - s.spans FROM pg_temp.said AS s
    WHERE v.id = s.verdict_id;
    INSERT INTO pg_temp.unpinned (start_ms, end_ms)
    SELECT p.start_ms, p.end_ms FROM pgvoice_internal.withdraw_pins(video_of, spans) AS p;
    SELECT count(*) INTO unpinned FROM (
        SELECT g.start_ms, g.end_ms FROM unnest(starts_ms, ends_ms) AS g(start_ms, end_ms)
        INTERSECT SELECT u.start_ms, u.end_ms FROM pg_temp.unpinned AS u
    ) AS changed;
    DROP TABLE pg_temp.unpinned, pg_temp.said;
    RETURN unpinned;
END
$$;
COMMENT ON FUNCTION pgvoice.unpin_labels IS
'Withdraws what a person said of segments, so that the labels from runs become current again; what was said
of others with it stays. Returns of how many segments something was said.';

CREATE OR REPLACE FUNCTION pgvoice.unpin_label(
    video text, start_s double precision, end_s double precision
) RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice.unpin_labels(
        video, ARRAY[pgvoice.snap_ms(start_s)], ARRAY[pgvoice.snap_ms(end_s)]
    )
$$;
COMMENT ON FUNCTION pgvoice.unpin_label IS 'unpin_labels for one segment, in seconds.';

CREATE OR REPLACE FUNCTION pgvoice.unpin_voice(video text, label text) RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice.unpin_labels(video, s.starts_ms, s.ends_ms)
    FROM pgvoice_internal.voice_segments(video, label) AS s
$$;
COMMENT ON FUNCTION pgvoice.unpin_voice(text, text) IS
'unpin_labels for all turns of a diarizer''s label, or for a voice that the store grouped.';
