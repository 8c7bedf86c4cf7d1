-- From times as people type them, or a diarizer's label, to stored segments.

CREATE OR REPLACE FUNCTION pgvoice_internal.meant_segments(
    video_id bigint, start_s double precision, end_s double precision, encoder integer,
    with_vector boolean
) RETURNS TABLE (start_ms integer, end_ms integer, rule text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH asked AS MATERIALIZED (
        SELECT round(start_s::numeric * 1000)::integer AS first_ms,
               round(end_s::numeric * 1000)::integer AS last_ms,
               pgvoice.snap_ms(start_s) AS start_ms, pgvoice.snap_ms(end_s) AS end_ms
    ), labelled AS (
        SELECT a.start_ms, a.end_ms FROM pgvoice.attribution AS a
        WHERE a.current AND a.video_id = meant_segments.video_id AND a.encoder_id = encoder
    ), exact AS MATERIALIZED (
        SELECT q.start_ms, q.end_ms FROM asked AS q
        WHERE EXISTS (
            SELECT FROM pgvoice.segment_embedding AS s
            WHERE s.video_id = meant_segments.video_id AND s.start_ms = q.start_ms
              AND s.end_ms = q.end_ms AND s.encoder_id = encoder
        ) OR EXISTS (
            SELECT FROM labelled AS l WHERE l.start_ms = q.start_ms AND l.end_ms = q.end_ms
        )
    ), candidate AS (
        SELECT c.start_ms, c.end_ms, c.start_ms - q.first_ms AS late, c.end_ms - q.last_ms AS longer
        FROM asked AS q
        CROSS JOIN (
            SELECT k.start_ms, k.end_ms
            FROM pgvoice_internal.current_segments(meant_segments.video_id, encoder) AS k
            JOIN pgvoice.segment_embedding AS s
                ON s.video_id = meant_segments.video_id AND s.start_ms = k.start_ms
                AND s.end_ms = k.end_ms AND s.encoder_id = encoder
            WHERE s.embedding IS NOT NULL OR NOT with_vector
            UNION
            SELECT l.start_ms, l.end_ms FROM labelled AS l WHERE NOT with_vector
        ) AS c
        WHERE NOT EXISTS (SELECT FROM exact)
    ), judged AS (
        SELECT c.start_ms, c.end_ms, abs(c.late) + abs(c.longer) AS distance, CASE
            WHEN greatest(abs(c.late), abs(c.longer)) <= 100 THEN '1 rounded'
            WHEN c.late >= -100 AND c.longer <= 100 THEN '2 covered'
            WHEN greatest(abs(c.late), abs(c.longer)) <= 500 THEN '3 near'
            ELSE '4 far'
        END AS rule
        FROM candidate AS c
    ), ranked AS (
        SELECT j.*, rank() OVER (
            ORDER BY j.rule, CASE WHEN j.rule <> '2 covered' THEN j.distance END
        ) AS place, row_number() OVER (ORDER BY j.rule, j.distance, j.start_ms, j.end_ms) AS row
        FROM judged AS j
    )
    SELECT e.start_ms, e.end_ms, 'exact' FROM exact AS e
    UNION ALL
    SELECT r.start_ms, r.end_ms, substr(r.rule, 3) FROM ranked AS r
    WHERE CASE WHEN r.rule = '4 far'
        THEN r.row <= 3 AND NOT EXISTS (SELECT FROM ranked AS o WHERE o.rule < '4') ELSE r.place = 1 END
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION pgvoice_internal.meant_segments IS
'The segments that a span may mean, by the first rule of resolve_span that fits any; several are equally
near. If none fits, the three nearest, with the rule far.';

CREATE OR REPLACE FUNCTION pgvoice_internal.resolved_segments(
    key text, start_s double precision, end_s double precision, encoder integer, with_vector boolean
) RETURNS TABLE (start_ms integer, end_ms integer)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[key]))[1];
    starts integer[];
    ends integer[];
    fits text;
    named text;
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM pgvoice_internal.require_segments(ARRAY[start_s], ARRAY[end_s], NULL, NULL);
    SELECT array_agg(m.start_ms), array_agg(m.end_ms), min(m.rule), string_agg(
        format('%s-%s', m.start_ms / 1000::double precision, m.end_ms / 1000::double precision),
        ', ' ORDER BY m.start_ms, m.end_ms
    ) INTO starts, ends, fits, named
    FROM pgvoice_internal.meant_segments(video_of, start_s, end_s, encoder, with_vector) AS m;
    IF coalesce(fits, 'far') = 'far' THEN
        RAISE EXCEPTION 'no segment from % to % s in %', start_s, end_s, quote_literal(key)
            USING DETAIL = coalesce('the nearest are ' || named, 'none is stored'),
                  HINT = 'pgvoice.identify lists them.', ERRCODE = 'no_data_found';
    ELSIF fits <> 'covered' AND cardinality(starts) > 1 THEN
        RAISE EXCEPTION 'several segments in % are equally near to % to % s', quote_literal(key),
            start_s, end_s
            USING DETAIL = named, HINT = 'Name one of them.', ERRCODE = 'too_many_rows';
    END IF;
    RETURN QUERY SELECT m.* FROM unnest(starts, ends) AS m(start_ms, end_ms) ORDER BY 1, 2;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.resolved_segments IS
'What resolve_span returns, in milliseconds; fails if no segment fits, or several equally well.';

CREATE OR REPLACE FUNCTION pgvoice.resolve_span(
    video text,
    start_s double precision,
    end_s double precision,
    encoder integer DEFAULT pgvoice.default_encoder(),
    with_vector boolean DEFAULT false
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT r.start_ms / 1000::double precision, r.end_ms / 1000::double precision, r.start_ms,
           r.end_ms
    FROM pgvoice_internal.resolved_segments(
        resolve_span.video, resolve_span.start_s, resolve_span.end_s, resolve_span.encoder,
        resolve_span.with_vector
    ) AS r
$$;
COMMENT ON FUNCTION pgvoice.resolve_span IS
'The stored segments that a span means: the one at the same points of the grid; else the nearest that
starts and ends within 0.1 s of it; else all that lie inside it, to within 0.1 s; else the nearest that
starts and ends within 0.5 s. Near is the sum of both distances. Apart from the first, segments are those
of the stored turns, if there are any, and those with a current label; with_vector: only those with a
vector. Fails if none fits, or two are equally near, and names them.';

CREATE OR REPLACE FUNCTION pgvoice_internal.labelled_segments(
    key text, label text, encoder integer
) RETURNS TABLE (start_ms integer, end_ms integer, embedded boolean, shared_ms integer)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    video_of CONSTANT bigint := (pgvoice_internal.video_ids(ARRAY[key]))[1];
    labels CONSTANT text := (
        SELECT string_agg(DISTINCT t.label, ', ') FROM pgvoice.turn AS t WHERE t.video_id = video_of
    );
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    IF NOT EXISTS (
        SELECT FROM pgvoice.turn AS t
        WHERE t.video_id = video_of AND t.label = labelled_segments.label
    ) THEN
        RAISE EXCEPTION 'no turns of % in %', quote_nullable(label), quote_literal(key)
            USING DETAIL = coalesce('the labels are ' || labels, 'no turns with labels are stored'),
                  HINT = 'The table pgvoice.turn has them.', ERRCODE = 'no_data_found';
    END IF;
    RETURN QUERY
    SELECT DISTINCT t.start_ms, t.end_ms, s.embedding IS NOT NULL, coalesce((
        SELECT sum(upper(each.span) - lower(each.span))::integer FROM (
            SELECT unnest(range_agg(int4range(
                greatest(o.start_ms, t.start_ms), least(o.end_ms, t.end_ms)
            ))) AS span
            FROM pgvoice.turn AS o
            WHERE o.video_id = video_of AND o.label <> t.label AND o.start_ms < t.end_ms
              AND t.start_ms < o.end_ms AND o.start_ms <= o.end_ms
        ) AS each
    ), 0)
    FROM pgvoice.turn AS t
    JOIN pgvoice.segment_embedding AS s
        ON s.video_id = t.video_id AND s.start_ms = t.start_ms AND s.end_ms = t.end_ms
        AND s.encoder_id = encoder
    WHERE t.video_id = video_of AND t.label = labelled_segments.label;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.labelled_segments IS
'The stored segments of a label''s turns, each with how much of it the turns of other labels overlap.
Fails if no turn has the label.';

CREATE OR REPLACE FUNCTION pgvoice.label_segments(
    video text, label text, encoder integer DEFAULT pgvoice.default_encoder()
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT s.start_ms / 1000::double precision, s.end_ms / 1000::double precision, s.start_ms,
           s.end_ms
    FROM pgvoice_internal.labelled_segments(video, label, encoder) AS s
    ORDER BY s.start_ms, s.end_ms
$$;
COMMENT ON FUNCTION pgvoice.label_segments IS
'The stored segments of the turns of a diarizer''s label, in time order. Fails if no turn has it.';

CREATE OR REPLACE FUNCTION pgvoice.clear_segments(
    video text, label text, encoder integer DEFAULT pgvoice.default_encoder(),
    max_seconds double precision DEFAULT 30
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.require_not_negative('max_seconds', max_seconds);
    WITH ranked AS (
        SELECT s.start_ms, s.end_ms, s.shared_ms = 0 AND s.end_ms - s.start_ms >= 1500 AS clear,
               row_number() OVER best AS place,
               sum(s.end_ms - s.start_ms) OVER best - (s.end_ms - s.start_ms) AS before_ms
        FROM pgvoice_internal.labelled_segments(video, label, encoder) AS s
        WHERE s.embedded
        WINDOW best AS (
            ORDER BY s.shared_ms = 0 AND s.end_ms - s.start_ms >= 1500 DESC,
                     s.end_ms - s.start_ms - 2 * s.shared_ms DESC, s.start_ms, s.end_ms
        )
    )
    SELECT r.start_ms / 1000::double precision, r.end_ms / 1000::double precision, r.start_ms,
           r.end_ms
    FROM ranked AS r
    WHERE r.place = 1 OR (r.clear AND r.before_ms < max_seconds * 1000)
    ORDER BY r.start_ms, r.end_ms
$$;
COMMENT ON FUNCTION pgvoice.clear_segments IS
'Segments to enroll a label''s speaker with: the longest with a vector that no turn of another label
overlaps, of at least 1.5 s each, until they have max_seconds; if there is none, the one with most speech
of its own. Fails if no turn has the label.';
