-- Who speaks in segments that a diarizer put into clusters, from the evidence of several segments.

CREATE OR REPLACE FUNCTION pgvoice_internal.heard_together(
    video_id bigint,
    encoder integer,
    given_threshold double precision,
    given_margin double precision,
    starts_ms integer[],
    ends_ms integer[],
    clusters text[],
    reasons text[],
    nearest_ids bigint[],
    similarities double precision[],
    thresholds double precision[]
) RETURNS TABLE (
    place bigint, speaker_id bigint, evidence double precision, evidence_ms integer
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH alone AS MATERIALIZED (
        SELECT a.* FROM unnest(
            starts_ms, ends_ms, clusters, reasons, nearest_ids, similarities, thresholds
        ) WITH ORDINALITY
            AS a(start_ms, end_ms, cluster, reason, nearest_id, similarity, threshold, place)
        WHERE a.cluster IS NOT NULL
    ), weak AS (
        -- A segment that is given twice counts once.
        SELECT DISTINCT a.cluster, a.nearest_id, a.start_ms, a.end_ms, a.threshold
        FROM alone AS a
        WHERE a.reason IN ('below_threshold', 'suggested', 'ambiguous') AND a.similarity >= a.threshold / 2
    ), pooled AS MATERIALIZED (
        SELECT w.cluster, w.nearest_id, sum(w.end_ms - w.start_ms)::integer AS ms,
               max(w.threshold) AS strictest,
               public.l2_normalize(public.sum(
                   s.embedding OPERATOR(public.*) array_fill(
                       (w.end_ms - w.start_ms)::real, ARRAY[s.dimension]
                   )::public.vector
                   ORDER BY w.start_ms, w.end_ms
               )) AS voice
        FROM weak AS w
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = heard_together.video_id AND s.start_ms = w.start_ms
            AND s.end_ms = w.end_ms AND s.encoder_id = encoder
        GROUP BY w.cluster, w.nearest_id
        -- identify has already judged single segments.
        HAVING count(*) > 1
    ), convincing AS (
        SELECT p.cluster, p.nearest_id, p.ms, two.similarities[1] AS similarity
        FROM pooled AS p
        CROSS JOIN LATERAL pgvoice_internal.nearest_two(p.voice, encoder) AS two
        JOIN pgvoice.encoder AS e ON e.id = encoder
        CROSS JOIN LATERAL pgvoice.required(p.ms, encoder, given_threshold, given_margin) AS q
        -- A mean is nearer to everybody than the vectors it is made of, so thresholds calibrated on
        -- single segments must not lower the bar.
        WHERE two.speakers[1] = p.nearest_id AND 'matched' = pgvoice_internal.reason(
            'ok', two.similarities[1], two.similarities[2],
            greatest(q.threshold, p.strictest,
                     CASE WHEN given_threshold IS NULL THEN e.default_threshold END),
            q.min_margin
        )
    ), heard AS (
        SELECT a.*, c.similarity AS evidence, c.ms,
               CASE WHEN a.reason = 'matched' THEN a.nearest_id ELSE c.nearest_id END AS named
        FROM alone AS a
        LEFT JOIN weak AS w ON w.cluster = a.cluster AND w.nearest_id = a.nearest_id
            AND w.start_ms = a.start_ms AND w.end_ms = a.end_ms
        LEFT JOIN convincing AS c ON c.cluster = w.cluster AND c.nearest_id = w.nearest_id
    ), unanimous AS (
        SELECT h.cluster, min(h.named) AS named
        FROM heard AS h
        WHERE h.similarity IS NOT NULL
        GROUP BY h.cluster
        HAVING count(h.named) = count(*) AND min(h.named) = max(h.named)
    )
    SELECT h.place, coalesce(h.named, u.named), h.evidence, h.ms
    FROM heard AS h
    LEFT JOIN unanimous AS u ON u.cluster = h.cluster AND h.reason = 'too_short'
    WHERE h.reason <> 'matched' AND coalesce(h.named, u.named) IS NOT NULL
$$;
COMMENT ON FUNCTION pgvoice_internal.heard_together IS
'Who speaks in those segments of a video that get a name from others with the same label of the diarizer,
by their place in the arrays, which hold the answers of identify; see identify_clusters.';

CREATE OR REPLACE FUNCTION pgvoice.identify_clusters(
    video text,
    starts double precision[] DEFAULT NULL,
    ends double precision[] DEFAULT NULL,
    clusters text[] DEFAULT NULL,
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    starts_ms integer[] DEFAULT NULL,
    ends_ms integer[] DEFAULT NULL
) RETURNS TABLE (
    start_s double precision,
    end_s double precision,
    cluster text,
    speaker text,
    nearest text,
    similarity double precision,
    runner_up text,
    runner_up_similarity double precision,
    margin double precision,
    reason text,
    threshold double precision,
    min_margin double precision,
    threshold_source text,
    evidence_similarity double precision,
    evidence_s double precision,
    start_ms integer,
    end_ms integer
)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.video_ids(ARRAY[identify_clusters.video]),
           pgvoice_internal.require_encoder(identify_clusters.encoder),
           pgvoice_internal.require_segments(starts, ends, starts_ms, ends_ms),
           pgvoice_internal.require_same_length(
               'starts',
               coalesce(cardinality(starts_ms), cardinality(starts), cardinality(clusters)),
               'clusters',
               coalesce(cardinality(clusters), cardinality(starts_ms), cardinality(starts))
           );
    WITH sees AS MATERIALIZED (
        SELECT pgvoice.sees_vectors() AS exact,
               pgvoice_internal.given('threshold', identify_clusters.threshold, -1, 1)
                   AS threshold,
               pgvoice_internal.given('min_margin', identify_clusters.min_margin, 0, 2)
                   AS min_margin
    ), asked AS MATERIALIZED (
        SELECT g.video_id,
               coalesce(identify_clusters.starts_ms, pgvoice.snap_all_ms(starts), g.starts_ms)
                   AS starts_ms,
               coalesce(identify_clusters.ends_ms, pgvoice.snap_all_ms(ends), g.ends_ms) AS ends_ms,
               coalesce(identify_clusters.clusters, g.labels) AS clusters
        FROM (
            SELECT v.id AS video_id, array_agg(c.start_ms ORDER BY c.place) AS starts_ms,
                   array_agg(c.end_ms ORDER BY c.place) AS ends_ms,
                   array_agg(c.label ORDER BY c.place) AS labels
            FROM pgvoice.video AS v
            LEFT JOIN LATERAL pgvoice_internal.current_segments(
                v.id, encoder
            ) WITH ORDINALITY AS c(start_ms, end_ms, label, place)
                ON identify_clusters.starts_ms IS NULL AND starts IS NULL
            WHERE v.key = identify_clusters.video
            GROUP BY v.id
        ) AS g
    ), alone AS MATERIALIZED (
        SELECT i.*, asked.video_id, asked.clusters[i.ordinality] AS cluster
        FROM sees
        CROSS JOIN asked
        CROSS JOIN LATERAL pgvoice_internal.identified(
            video, asked.starts_ms, asked.ends_ms, encoder, sees.threshold, sees.min_margin
        ) WITH ORDINALITY AS i
    ), heard AS (
        SELECT t.place, named.name, t.evidence, t.evidence_ms
        FROM sees
        CROSS JOIN (
            SELECT a.video_id, array_agg(a.start_ms ORDER BY a.ordinality) AS starts_ms,
                   array_agg(a.end_ms ORDER BY a.ordinality) AS ends_ms,
                   array_agg(a.cluster ORDER BY a.ordinality) AS clusters,
                   array_agg(a.reason ORDER BY a.ordinality) AS reasons,
                   array_agg(a.nearest_id ORDER BY a.ordinality) AS nearest_ids,
                   array_agg(a.similarity ORDER BY a.ordinality) AS similarities,
                   array_agg(a.threshold ORDER BY a.ordinality) AS thresholds
            FROM alone AS a GROUP BY a.video_id
        ) AS g
        CROSS JOIN LATERAL pgvoice_internal.heard_together(
            g.video_id, encoder, sees.threshold, sees.min_margin, g.starts_ms, g.ends_ms,
            g.clusters, g.reasons, g.nearest_ids, g.similarities, g.thresholds
        ) AS t
        JOIN pgvoice.speaker AS named ON named.id = t.speaker_id
    )
    SELECT a.start_s, a.end_s, a.cluster, coalesce(a.speaker, h.name), a.nearest,
           pgvoice.shown(a.similarity, sees.exact), a.runner_up,
           pgvoice.shown(a.runner_up_similarity, sees.exact), pgvoice.shown(a.margin, sees.exact),
           CASE WHEN h.place IS NULL THEN a.reason ELSE 'by_cluster' END,
           pgvoice.shown(a.threshold, sees.exact), a.min_margin, a.threshold_source,
           pgvoice.shown(pgvoice.similarity(h.evidence), sees.exact), h.evidence_ms / 1000.0,
           a.start_ms, a.end_ms
    FROM alone AS a
    CROSS JOIN sees
    LEFT JOIN heard AS h ON h.place = a.ordinality
    ORDER BY a.ordinality
$$;
COMMENT ON FUNCTION pgvoice.identify_clusters IS
'Who speaks in segments that a diarizer put into clusters, or in the stored turns of a video by their
labels: the answer of identify for each, and the evidence of several for those that are too unlike anybody
on their own. A segment that identify names
keeps its name, so a cluster of several people is split. The other segments of a cluster that are
nearest to the same person, and reach at least half of their threshold, are pooled: they get the name,
with reason by_cluster, if the duration-weighted mean of their vectors is nearest to that person too
and reaches the threshold for that much speech and for each of them and, unless a threshold is given,
the encoder''s own. Segments too short for a vector get the name if all others of the cluster have the
same name. evidence_similarity and evidence_s describe the pooled speech. A segment whose cluster is
NULL is judged alone.';
