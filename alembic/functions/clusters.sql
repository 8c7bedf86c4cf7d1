-- Who speaks in segments that a diarizer put into clusters, from the evidence of several segments.

CREATE OR REPLACE FUNCTION pgvoice.identify_clusters(
    video text,
    starts double precision[],
    ends double precision[],
    clusters text[],
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
               'starts', coalesce(cardinality(starts_ms), cardinality(starts)),
               'clusters', cardinality(clusters)
           );
    WITH sees AS MATERIALIZED (
        SELECT pgvoice.sees_vectors() AS exact,
               pgvoice_internal.given('threshold', identify_clusters.threshold, -1, 1)
                   AS threshold,
               pgvoice_internal.given('min_margin', identify_clusters.min_margin, 0, 2)
                   AS min_margin
    ), alone AS MATERIALIZED (
        SELECT i.*, clusters[i.ordinality] AS cluster
        FROM sees
        CROSS JOIN LATERAL pgvoice_internal.identified(
            video, coalesce(identify_clusters.starts_ms, pgvoice.snap_all_ms(starts)),
            coalesce(identify_clusters.ends_ms, pgvoice.snap_all_ms(ends)), encoder,
            sees.threshold, sees.min_margin
        ) WITH ORDINALITY AS i
    ), weak AS (
        -- A segment that is given twice counts once.
        SELECT DISTINCT a.cluster, a.nearest, a.start_ms, a.end_ms, a.threshold
        FROM alone AS a
        WHERE a.cluster IS NOT NULL AND a.reason IN ('below_threshold', 'ambiguous')
          AND a.similarity >= a.threshold / 2
    ), pooled AS MATERIALIZED (
        SELECT w.cluster, w.nearest, sum(w.end_ms - w.start_ms)::integer AS ms,
               max(w.threshold) AS strictest,
               public.l2_normalize(public.sum(
                   s.embedding OPERATOR(public.*) array_fill(
                       (w.end_ms - w.start_ms)::real, ARRAY[s.dimension]
                   )::public.vector
                   ORDER BY w.start_ms, w.end_ms
               )) AS voice
        FROM weak AS w
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = (SELECT v.id FROM pgvoice.video AS v
                             WHERE v.key = identify_clusters.video)
            AND s.start_ms = w.start_ms AND s.end_ms = w.end_ms AND s.encoder_id = encoder
        GROUP BY w.cluster, w.nearest
        -- identify has already judged single segments.
        HAVING count(*) > 1
    ), convincing AS (
        SELECT p.cluster, p.nearest, p.ms, two.similarities[1] AS similarity
        FROM pooled AS p
        JOIN pgvoice.speaker AS named ON named.name = p.nearest
        CROSS JOIN LATERAL pgvoice_internal.nearest_two(p.voice, encoder) AS two
        JOIN pgvoice.encoder AS e ON e.id = encoder
        CROSS JOIN sees
        CROSS JOIN LATERAL pgvoice.required(
            p.ms, encoder, sees.threshold, sees.min_margin
        ) AS q
        -- A mean is nearer to everybody than the vectors it is made of, so thresholds calibrated on
        -- single segments must not lower the bar.
        WHERE two.speakers[1] = named.id AND 'matched' = pgvoice_internal.reason(
            'ok', two.similarities[1], two.similarities[2],
            greatest(q.threshold, p.strictest,
                     CASE WHEN sees.threshold IS NULL THEN e.default_threshold END),
            q.min_margin
        )
    ), heard AS (
        SELECT a.*, c.similarity AS evidence, c.ms, coalesce(a.speaker, c.nearest) AS named
        FROM alone AS a
        LEFT JOIN weak AS w ON w.cluster = a.cluster AND w.nearest = a.nearest
            AND w.start_ms = a.start_ms AND w.end_ms = a.end_ms
        LEFT JOIN convincing AS c ON c.cluster = w.cluster AND c.nearest = w.nearest
    ), unanimous AS (
        SELECT h.cluster, min(h.named) AS named
        FROM heard AS h
        WHERE h.cluster IS NOT NULL AND h.similarity IS NOT NULL
        GROUP BY h.cluster
        HAVING count(h.named) = count(*) AND min(h.named) = max(h.named)
    )
    SELECT h.start_s, h.end_s, h.cluster, coalesce(h.named, u.named), h.nearest,
           pgvoice.shown(h.similarity, sees.exact), h.runner_up,
           pgvoice.shown(h.runner_up_similarity, sees.exact), pgvoice.shown(h.margin, sees.exact),
           CASE WHEN h.speaker IS NULL AND coalesce(h.named, u.named) IS NOT NULL THEN 'by_cluster'
                ELSE h.reason END,
           pgvoice.shown(h.threshold, sees.exact), h.min_margin, h.threshold_source,
           pgvoice.shown(pgvoice.similarity(h.evidence), sees.exact), h.ms / 1000.0, h.start_ms,
           h.end_ms
    FROM heard AS h
    CROSS JOIN sees
    LEFT JOIN unanimous AS u ON u.cluster = h.cluster AND h.reason = 'too_short'
    ORDER BY h.ordinality
$$;
COMMENT ON FUNCTION pgvoice.identify_clusters IS
'Who speaks in segments that a diarizer put into clusters: the answer of identify for each, and the
evidence of several for those that are too unlike anybody on their own. A segment that identify names
keeps its name, so a cluster of several people is split. The other segments of a cluster that are
nearest to the same person, and reach at least half of their threshold, are pooled: they get the name,
with reason by_cluster, if the duration-weighted mean of their vectors is nearest to that person too
and reaches the threshold for that much speech and for each of them and, unless a threshold is given,
the encoder''s own. Segments too short for a vector get the name if all others of the cluster have the
same name. evidence_similarity and evidence_s describe the pooled speech. A segment whose cluster is
NULL is judged alone.';
