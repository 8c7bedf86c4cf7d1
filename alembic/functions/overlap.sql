-- Overlapping speech: how much of a turn others talk into, and its clean parts.

CREATE OR REPLACE FUNCTION pgvoice.clean_speech(
    starts_ms integer[], ends_ms integer[], labels text[]
) RETURNS TABLE (place bigint, start_ms integer, end_ms integer, overlapped_ms integer, clean int4multirange)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH spoken AS MATERIALIZED (
        SELECT g.place, g.start_ms, g.end_ms, g.label, int4range(g.start_ms, g.end_ms) AS span
        FROM unnest(starts_ms, ends_ms, labels) WITH ORDINALITY AS g(start_ms, end_ms, label, place)
        WHERE g.label IS NOT NULL AND g.start_ms < g.end_ms
    ), stretch AS (
        SELECT unnest(range_agg(s.span)) AS span FROM spoken AS s GROUP BY s.label
    ), change AS (
        SELECT each.at, sum(each.labels) AS labels
        FROM (
            SELECT lower(t.span) AS at, 1 AS labels FROM stretch AS t
            UNION ALL SELECT upper(t.span), -1 FROM stretch AS t
        ) AS each
        GROUP BY each.at
    ), counted AS (
        SELECT c.at, lead(c.at) OVER in_time AS until, sum(c.labels) OVER in_time AS labels
        FROM change AS c WINDOW in_time AS (ORDER BY c.at)
    ), shared AS MATERIALIZED (
        SELECT range_agg(int4range(c.at, c.until)) AS spans FROM counted AS c WHERE c.labels > 1
    )
    SELECT s.place, s.start_ms, s.end_ms,
           (SELECT sum(upper(o) - lower(o))::integer
            FROM unnest(int4multirange(s.span) * shared.spans) AS o),
           -- As the table clean_part requires.
           coalesce((SELECT range_agg(c) FROM unnest(int4multirange(s.span) - shared.spans) AS c
                     WHERE upper(c) - lower(c) >= 600), '{}')
    FROM spoken AS s JOIN shared ON s.span && shared.spans
$$;
COMMENT ON FUNCTION pgvoice.clean_speech IS
'The turns that turns of other labels overlap, by their place in the arrays: how much of each is
overlapped, and its clean parts, the stretches of at least 0.6 s in which nobody else speaks. Turns
without a label neither overlap nor are overlapped.';

CREATE OR REPLACE FUNCTION pgvoice_internal.refresh_overlap(video_id bigint) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    video_of CONSTANT bigint := refresh_overlap.video_id;
BEGIN
    WITH overlap AS MATERIALIZED (
        SELECT g.places[c.place] AS place, c.start_ms, c.end_ms, c.overlapped_ms, c.clean
        FROM (
            SELECT array_agg(t.place ORDER BY t.place) AS places,
                   array_agg(t.start_ms ORDER BY t.place) AS starts_ms,
                   array_agg(t.end_ms ORDER BY t.place) AS ends_ms,
                   array_agg(t.label ORDER BY t.place) AS labels
            FROM pgvoice.turn AS t WHERE t.video_id = video_of
        ) AS g
        CROSS JOIN LATERAL pgvoice.clean_speech(g.starts_ms, g.ends_ms, g.labels) AS c
    ), part AS (
        SELECT DISTINCT o.start_ms AS turn_start_ms, o.end_ms AS turn_end_ms,
               lower(each) AS start_ms, upper(each) AS end_ms
        FROM overlap AS o CROSS JOIN unnest(o.clean) AS each
    ), measured AS (
        UPDATE pgvoice.turn AS t SET overlapped_ms = n.overlapped_ms
        FROM (
            SELECT x.place, coalesce(o.overlapped_ms, 0) AS overlapped_ms
            FROM pgvoice.turn AS x LEFT JOIN overlap AS o ON o.place = x.place
            WHERE x.video_id = video_of
        ) AS n
        WHERE t.video_id = video_of AND t.place = n.place AND t.overlapped_ms <> n.overlapped_ms
    ), gone AS (
        DELETE FROM pgvoice.clean_part AS c
        WHERE c.video_id = video_of AND (c.turn_start_ms, c.turn_end_ms, c.start_ms, c.end_ms)
              NOT IN (SELECT p.turn_start_ms, p.turn_end_ms, p.start_ms, p.end_ms FROM part AS p)
    )
    INSERT INTO pgvoice.clean_part (video_id, turn_start_ms, turn_end_ms, start_ms, end_ms)
    SELECT video_of, p.turn_start_ms, p.turn_end_ms, p.start_ms, p.end_ms FROM part AS p
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.refresh_overlap(bigint) IS
'Stores how much of each turn of a video is overlapped, and the clean parts.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_overlap() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
    videos bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        videos := ARRAY(SELECT DISTINCT n.video_id FROM new_rows AS n);
    ELSIF TG_OP = 'DELETE' THEN
        videos := ARRAY(
            SELECT d.video_id FROM pgvoice.turn_document AS d
            WHERE d.video_id IN (SELECT o.video_id FROM old_rows AS o)
        );
    ELSE
        videos := ARRAY(
            SELECT DISTINCT o.video_id FROM old_rows AS o
            WHERE NOT EXISTS (
                SELECT FROM new_rows AS n
                WHERE n.video_id = o.video_id AND n.place = o.place
                  AND (n.start_ms, n.end_ms, n.label)
                      IS NOT DISTINCT FROM (o.start_ms, o.end_ms, o.label)
            )
        );
    END IF;
    PERFORM pgvoice_internal.refresh_overlap(each.video) FROM unnest(videos) AS each(video);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_overlap() IS
'Finds the overlap in the videos whose turns or labels change.';

CREATE OR REPLACE TRIGGER turn_inserted
AFTER INSERT ON pgvoice.turn REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.keep_overlap();

CREATE OR REPLACE TRIGGER turn_deleted
AFTER DELETE ON pgvoice.turn REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.keep_overlap();

CREATE OR REPLACE TRIGGER turn_updated
AFTER UPDATE ON pgvoice.turn REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.keep_overlap();

CREATE OR REPLACE FUNCTION pgvoice.segments_to_fill(
    video text, starts_ms integer[], ends_ms integer[], labels text[], on_turns text DEFAULT 'replace'
) RETURNS TABLE (start_ms integer, end_ms integer, erased boolean)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH given AS MATERIALIZED (
        SELECT g.start_ms, g.end_ms, g.label
        FROM unnest(starts_ms, ends_ms, labels) AS g(start_ms, end_ms, label)
    ), erased AS MATERIALIZED (
        SELECT DISTINCT e.start_ms, e.end_ms
        FROM pgvoice.erased_segments(video, starts_ms, ends_ms) AS e
    ), spoken AS (
        -- As storable_turns and store_turns store them.
        SELECT g.start_ms, g.end_ms, g.label FROM given AS g
        WHERE on_turns <> 'ignore' AND NOT EXISTS (
            SELECT FROM erased AS e WHERE (e.start_ms, e.end_ms) = (g.start_ms, g.end_ms)
        )
        UNION ALL
        SELECT t.start_ms, t.end_ms, t.label FROM pgvoice.turn AS t
        WHERE on_turns = 'add' AND t.video_id = (
            SELECT v.id FROM pgvoice.video AS v WHERE v.key = segments_to_fill.video
        )
    ), needed AS MATERIALIZED (
        SELECT g.start_ms, g.end_ms FROM given AS g
        UNION
        SELECT lower(part), upper(part)
        FROM (
            SELECT array_agg(s.start_ms) AS starts_ms, array_agg(s.end_ms) AS ends_ms,
                   array_agg(s.label) AS labels
            FROM spoken AS s
        ) AS s
        CROSS JOIN LATERAL pgvoice.clean_speech(s.starts_ms, s.ends_ms, s.labels) AS c
        CROSS JOIN unnest(c.clean) AS part
        UNION
        SELECT c.start_ms, c.end_ms
        FROM given AS g
        JOIN pgvoice.clean_part AS c
            ON (c.turn_start_ms, c.turn_end_ms) = (g.start_ms, g.end_ms) AND c.video_id = (
                SELECT v.id FROM pgvoice.video AS v WHERE v.key = segments_to_fill.video
            )
        WHERE on_turns = 'ignore'
    )
    SELECT n.start_ms, n.end_ms, e.start_ms IS NOT NULL
    FROM needed AS n
    LEFT JOIN pgvoice.erased_segments(
        video, ARRAY(SELECT start_ms FROM needed), ARRAY(SELECT end_ms FROM needed)
    ) AS e ON (e.start_ms, e.end_ms) = (n.start_ms, n.end_ms)
    ORDER BY n.start_ms, n.end_ms
$$;
COMMENT ON FUNCTION pgvoice.segments_to_fill IS
'The segments that a fill with these turns needs: the turns and their clean parts, each once, and whether
the speech was erased. on_turns is what becomes of the stored turns: replace, add, or ignore if the given
ones are not stored.';

CREATE OR REPLACE FUNCTION pgvoice_internal.clean_segments(video_id bigint, encoder integer)
RETURNS TABLE (label text, start_ms integer, end_ms integer)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT c.label, c.start_ms, c.end_ms
    FROM (
        SELECT t.label, t.start_ms, t.end_ms FROM pgvoice.turn AS t
        WHERE t.video_id = clean_segments.video_id AND t.overlapped_ms = 0
          AND t.end_ms - t.start_ms >= 600
        UNION
        SELECT t.label, c.start_ms, c.end_ms
        FROM pgvoice.clean_part AS c
        JOIN pgvoice.turn AS t
            ON t.video_id = c.video_id AND t.start_ms = c.turn_start_ms
            AND t.end_ms = c.turn_end_ms
        WHERE c.video_id = clean_segments.video_id AND t.overlapped_ms > 0
    ) AS c
    CROSS JOIN LATERAL (
        -- OFFSET: each is looked up by its key, however few rows of a new recording the planner expects.
        SELECT o.embedding FROM pgvoice.segment_embedding AS o
        WHERE o.video_id = clean_segments.video_id AND o.start_ms = c.start_ms
          AND o.end_ms = c.end_ms AND o.encoder_id = encoder OFFSET 0
    ) AS s
    WHERE c.label IS NOT NULL AND s.embedding IS NOT NULL
$$;
COMMENT ON FUNCTION pgvoice_internal.clean_segments(bigint, integer) IS
'The clean speech of a video that has vectors: by label, the turns of at least 0.6 s that nobody
overlaps, and the clean parts of the others.';
