-- The verdict on each segment: who speaks, and the reason.

CREATE OR REPLACE FUNCTION pgvoice_internal.judged_alone(
    encoder integer, given_threshold double precision, given_margin double precision
) RETURNS TABLE (
    video_id bigint,
    start_ms integer,
    end_ms integer,
    status text,
    nearest_id bigint,
    similarity double precision,
    runner_up_id bigint,
    runner_up_similarity double precision,
    threshold double precision,
    reason text
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH rule AS MATERIALIZED (
        SELECT r.* FROM pgvoice_internal.rule(encoder, given_threshold, given_margin) AS r
    ), impostors AS MATERIALIZED (
        -- Below the lowest threshold, nobody is named whatever the mean is.
        SELECT m.* FROM (
            SELECT array_agg(p.video_id) AS videos, array_agg(p.nearest_id) AS speakers
            FROM (
                SELECT DISTINCT n.video_id, n.nearest_id
                FROM rule AS r
                JOIN pgvoice.nearest AS n ON n.encoder_id = encoder AND n.similarity >= r.lowest
                WHERE r.by_library
            ) AS p
        ) AS pair
        CROSS JOIN LATERAL pgvoice_internal.impostor_means(encoder, pair.videos, pair.speakers)
            AS m
    )
    SELECT n.video_id, n.start_ms, n.end_ms, n.status, n.nearest_id, n.similarity, n.runner_up_id,
           n.runner_up_similarity, CASE WHEN n.nearest_id IS NOT NULL THEN q.threshold END,
           pgvoice_internal.reason(
               n.status, n.similarity, n.runner_up_similarity, q.threshold, q.margin,
               pgvoice_internal.are_two_voices(
                   n.similarity, n.runner_up_similarity,
                   -(one.embedding OPERATOR(public.<#>) other.embedding)
               )
           )
    FROM pgvoice.nearest AS n
    CROSS JOIN rule AS r
    LEFT JOIN impostors AS i ON i.video_id = n.video_id AND i.speaker_id = n.nearest_id
    LEFT JOIN pgvoice.profile AS one
        ON one.encoder_id = n.encoder_id AND one.speaker_id = n.nearest_id
    LEFT JOIN pgvoice.profile AS other
        ON other.encoder_id = n.encoder_id AND other.speaker_id = n.runner_up_id
    CROSS JOIN LATERAL (
        SELECT pgvoice_internal.threshold_at(
                   r.above, r.band_ms, n.end_ms - n.start_ms, coalesce(i.mean, r.usual_mean),
                   coalesce(i.comparisons, 0), r.lowest
               ) AS threshold,
               r.margins[width_bucket(n.end_ms - n.start_ms, r.band_ms)] AS margin
        -- Computed once for each row, so that Postgres can inline reason, which uses it twice.
        OFFSET 0
    ) AS q
    WHERE n.encoder_id = encoder
$$;
COMMENT ON FUNCTION pgvoice_internal.judged_alone IS
'Who speaks in every stored segment of the library by itself, from nearest, whoever overlaps it.';

CREATE OR REPLACE FUNCTION pgvoice_internal.verdicts(
    encoder integer, given_threshold double precision, given_margin double precision
) RETURNS TABLE (
    video_id bigint,
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    similarity double precision,
    runner_up_id bigint,
    margin double precision,
    reason text,
    nearest_id bigint,
    threshold double precision,
    heard text,
    denied bigint[]
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH alone AS MATERIALIZED (
        SELECT j.* FROM pgvoice_internal.judged_alone(encoder, given_threshold, given_margin) AS j
    ), worded AS MATERIALIZED (
        SELECT g.video_id, w.*
        FROM (
            SELECT n.video_id, array_agg(n.start_ms) AS starts_ms, array_agg(n.end_ms) AS ends_ms
            FROM (SELECT DISTINCT v.video_id FROM pgvoice.verdict AS v) AS v
            JOIN pgvoice.nearest AS n ON n.video_id = v.video_id AND n.encoder_id = encoder
            GROUP BY n.video_id
        ) AS g
        CROSS JOIN LATERAL pgvoice_internal.segment_words(g.video_id, g.starts_ms, g.ends_ms) AS w
    ), segment AS (
        SELECT t.video_id, t.start_ms, t.end_ms, max(t.overlapped_ms) AS overlapped_ms
        FROM pgvoice.turn AS t GROUP BY t.video_id, t.start_ms, t.end_ms
    ), overlapped AS MATERIALIZED (
        SELECT s.video_id, s.start_ms, s.end_ms, n.status,
               2 * s.overlapped_ms <= s.end_ms - s.start_ms AS mostly_clean
        FROM segment AS s
        JOIN pgvoice.nearest AS n
            ON n.video_id = s.video_id AND n.start_ms = s.start_ms AND n.end_ms = s.end_ms
        WHERE s.overlapped_ms > 0 AND n.encoder_id = encoder
    ), judged AS MATERIALIZED (
        SELECT j.*, o.video_id AS of_video, o.start_ms AS turn_start_ms,
               o.end_ms AS turn_end_ms, o.status AS own_status, o.mostly_clean, piece.is_part
        FROM overlapped AS o
        CROSS JOIN LATERAL (
            SELECT false AS is_part, o.start_ms, o.end_ms
            UNION ALL
            SELECT true, c.start_ms, c.end_ms FROM pgvoice.clean_part AS c
            WHERE c.video_id = o.video_id AND c.turn_start_ms = o.start_ms
              AND c.turn_end_ms = o.end_ms
        ) AS piece
        LEFT JOIN alone AS j
            ON j.video_id = o.video_id AND j.start_ms = piece.start_ms AND j.end_ms = piece.end_ms
    ), together AS (
        SELECT j.of_video, j.turn_start_ms, j.turn_end_ms,
               bool_or(j.status IS NULL) AND NOT pgvoice_internal.is_imported(encoder)
                   AS lacks_part,
               min(j.nearest_id) FILTER (WHERE j.is_part AND j.reason = 'matched') AS first_named,
               max(j.nearest_id) FILTER (WHERE j.is_part AND j.reason = 'matched') AS last_named
        FROM judged AS j GROUP BY j.of_video, j.turn_start_ms, j.turn_end_ms
    ), decided AS (
        -- As identified has it.
        SELECT DISTINCT ON (j.of_video, j.turn_start_ms, j.turn_end_ms) j.of_video AS video_id,
               j.turn_start_ms AS start_ms, j.turn_end_ms AS end_ms, j.nearest_id, j.similarity,
               j.runner_up_id, j.runner_up_similarity, j.threshold,
               pgvoice_internal.reason_of_overlapped(
                   j.own_status, t.lacks_part, t.first_named, t.last_named, j.mostly_clean,
                   CASE WHEN j.is_part THEN j.reason END
               ) AS reason
        FROM judged AS j
        JOIN together AS t
            ON t.of_video = j.of_video AND t.turn_start_ms = j.turn_start_ms
            AND t.turn_end_ms = j.turn_end_ms
        WHERE NOT j.is_part OR j.status IN ('ok', 'partial')
        ORDER BY j.of_video, j.turn_start_ms, j.turn_end_ms,
                 j.is_part AND j.reason = 'matched' DESC, j.is_part DESC,
                 j.end_ms - j.start_ms DESC, j.start_ms
    )
    SELECT a.video_id, a.start_ms, a.end_ms,
           CASE WHEN w.verdict_id IS NOT NULL THEN w.speaker_id
                WHEN a.reason = 'matched' THEN a.nearest_id END,
           pgvoice.similarity(a.similarity), a.runner_up_id,
           a.similarity - a.runner_up_similarity,
           CASE WHEN w.verdict_id IS NULL THEN a.reason
                WHEN w.speaker_id IS NULL THEN 'nobody' ELSE 'pinned' END,
           a.nearest_id, a.threshold, a.reason, NULL::bigint[]
    FROM (
        SELECT j.video_id, j.start_ms, j.end_ms, j.nearest_id, j.similarity, j.runner_up_id,
               j.runner_up_similarity, j.threshold, j.reason
        FROM alone AS j
        LEFT JOIN pgvoice.turn_document AS d ON d.video_id = j.video_id
        LEFT JOIN segment AS s
            ON s.video_id = j.video_id AND s.start_ms = j.start_ms AND s.end_ms = j.end_ms
        WHERE d.video_id IS NULL OR s.overlapped_ms = 0
        UNION ALL
        SELECT d.video_id, d.start_ms, d.end_ms, d.nearest_id, d.similarity, d.runner_up_id,
               d.runner_up_similarity, d.threshold, d.reason
        FROM decided AS d WHERE d.reason <> 'missing'
    ) AS a
    LEFT JOIN worded AS w
        ON w.video_id = a.video_id AND w.start_ms = a.start_ms AND w.end_ms = a.end_ms
    WHERE w.denied IS NULL
    UNION ALL
    -- nearest may hold only people who were denied.
    SELECT d.* FROM (
        SELECT w.video_id, array_agg(w.start_ms) AS starts_ms, array_agg(w.end_ms) AS ends_ms
        FROM worded AS w
        WHERE w.denied IS NOT NULL AND pgvoice.is_current(w.video_id, w.start_ms, w.end_ms)
        GROUP BY w.video_id
    ) AS g
    CROSS JOIN LATERAL pgvoice_internal.verdicts_in(
        g.video_id, g.starts_ms, g.ends_ms, encoder, given_threshold, given_margin
    ) AS d
$$;
COMMENT ON FUNCTION pgvoice_internal.verdicts IS
'Who speaks in every segment of the library, or of its turns where there are any, from nearest. If nearest
is up to date, these are the answers of identify, except that a suggestion is no label.';

CREATE OR REPLACE FUNCTION pgvoice_internal.verdicts_in(
    video bigint,
    starts_ms integer[],
    ends_ms integer[],
    encoder integer,
    given_threshold double precision,
    given_margin double precision,
    among bigint[] DEFAULT NULL
) RETURNS TABLE (
    video_id bigint,
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    similarity double precision,
    runner_up_id bigint,
    margin double precision,
    reason text,
    nearest_id bigint,
    threshold double precision,
    heard text,
    denied bigint[]
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT v.id, i.start_ms, i.end_ms, i.speaker_id, i.similarity, i.runner_up_id, i.margin,
           -- A suggestion is no label.
           CASE i.reason WHEN 'suggested' THEN 'below_threshold' ELSE i.reason END, i.nearest_id,
           i.threshold, CASE i.heard WHEN 'suggested' THEN 'below_threshold' ELSE i.heard END,
           i.denied
    FROM pgvoice.video AS v
    CROSS JOIN LATERAL pgvoice_internal.identified(
        v.key, starts_ms, ends_ms, encoder, given_threshold, given_margin, among
    ) AS i
    WHERE v.id = verdicts_in.video AND i.heard <> 'missing'
$$;
COMMENT ON FUNCTION pgvoice_internal.verdicts_in IS
'Who of these people, or of all, speaks in the filled ones of these segments of a video, from identify; in
all filled segments if starts_ms is NULL.';

CREATE OR REPLACE FUNCTION pgvoice_internal.verdicts_of(
    videos text[],
    encoder integer,
    given_threshold double precision,
    given_margin double precision,
    among bigint[] DEFAULT NULL
) RETURNS TABLE (
    video_id bigint,
    start_ms integer,
    end_ms integer,
    speaker_id bigint,
    similarity double precision,
    runner_up_id bigint,
    margin double precision,
    reason text,
    nearest_id bigint,
    threshold double precision,
    heard text,
    denied bigint[]
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT d.* FROM pgvoice.video AS v
    CROSS JOIN LATERAL pgvoice_internal.verdicts_in(
        v.id, NULL, NULL, verdicts_of.encoder, given_threshold, given_margin, verdicts_of.among
    ) AS d
    WHERE videos IS NULL OR v.key = ANY (videos)
$$;
COMMENT ON FUNCTION pgvoice_internal.verdicts_of IS
'Who of these people, or of all, speaks in every filled segment of some videos, or of all, from identify.';

CREATE OR REPLACE FUNCTION pgvoice_internal.judge_together(
    encoder integer, among bigint[] DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE pg_temp.judged AS j SET speaker_id = heard.speaker_id, reason = 'by_cluster'
    FROM (
        SELECT g.video_id, g.starts_ms[t.place] AS start_ms, g.ends_ms[t.place] AS end_ms,
               t.speaker_id
        FROM (
            SELECT j.video_id, array_agg(j.start_ms ORDER BY j.start_ms, j.end_ms) AS starts_ms,
                   array_agg(j.end_ms ORDER BY j.start_ms, j.end_ms) AS ends_ms,
                   array_agg(l.label ORDER BY j.start_ms, j.end_ms) AS labels,
                   array_agg(pgvoice_internal.evident(j.reason, j.threshold)
                             ORDER BY j.start_ms, j.end_ms) AS reasons,
                   array_agg(CASE WHEN j.reason IN ('pinned', 'nobody') THEN j.speaker_id
                                  ELSE j.nearest_id END ORDER BY j.start_ms, j.end_ms)
                       AS nearest_ids,
                   array_agg(j.threshold ORDER BY j.start_ms, j.end_ms) AS thresholds
            FROM pg_temp.judged AS j
            JOIN (
                -- As current_segments has them.
                SELECT DISTINCT ON (t.video_id, t.start_ms, t.end_ms)
                       t.video_id, t.start_ms, t.end_ms, t.label
                FROM pgvoice.turn AS t
                ORDER BY t.video_id, t.start_ms, t.end_ms, t.place
            ) AS l USING (video_id, start_ms, end_ms)
            WHERE l.label IS NOT NULL
            GROUP BY j.video_id
        ) AS g
        CROSS JOIN LATERAL pgvoice_internal.heard_together(
            g.video_id, encoder, g.starts_ms, g.ends_ms, g.labels, g.reasons, g.nearest_ids,
            g.thresholds, among
        ) AS t
    ) AS heard
    WHERE j.video_id = heard.video_id AND j.start_ms = heard.start_ms AND j.end_ms = heard.end_ms
      AND (j.denied IS NULL OR heard.speaker_id <> ALL (j.denied));
END
$$;
COMMENT ON FUNCTION pgvoice_internal.judge_together IS
'Adds the names that segments get from others with the same label of the diarizer, as identify_clusters
gives them, to the answers in judged.';
