-- A person's word on segments and labels of a recording: pins, and their withdrawal.

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
        SELECT g.start_ms, g.end_ms
        FROM (
            SELECT v.starts_ms, v.ends_ms FROM pgvoice.voice AS v
            WHERE v.video_id = video_of AND v.label = voice_segments.label
              AND v.starts_ms IS NOT NULL
            ORDER BY v.encoder_id <> pgvoice.default_encoder(), v.encoder_id LIMIT 1
        ) AS v
        CROSS JOIN LATERAL unnest(v.starts_ms, v.ends_ms) AS g(start_ms, end_ms)
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
'The turns of a label, filled or not, or the segments of a voice that the store grouped with the default encoder,
or another one if that has none; fails if there are none.';

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
    PERFORM pgvoice_internal.relink(ARRAY[video]);
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
