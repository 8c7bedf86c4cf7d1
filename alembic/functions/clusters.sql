-- Who speaks in the clusters of a diarizer, from the evidence of several segments.

CREATE OR REPLACE FUNCTION pgvoice.identify_clusters(
    video text,
    starts double precision[],
    ends double precision[],
    clusters text[],
    encoder integer DEFAULT pgvoice.sole_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL
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
    evidence_similarity double precision,
    evidence_s double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
    WITH alone AS MATERIALIZED (
        SELECT i.*, clusters[i.ordinal] AS cluster
        FROM pgvoice.identify(video, starts, ends, encoder, threshold, min_margin)
            WITH ORDINALITY AS i(start_s, end_s, speaker, nearest, similarity, runner_up,
                                 runner_up_similarity, margin, reason, ordinal)
    ), weak AS (
        -- A segment asked for twice counts once.
        SELECT DISTINCT a.cluster, a.nearest, pgvoice.snap_ms(a.start_s) AS start_ms,
               pgvoice.snap_ms(a.end_s) AS end_ms, q.threshold
        FROM alone AS a
        JOIN pgvoice.video AS v ON v.key = identify_clusters.video
        JOIN pgvoice.speaker AS n ON n.name = a.nearest
        CROSS JOIN LATERAL pgvoice_internal.required_of(
            encoder, v.id, pgvoice.snap_ms(a.start_s), pgvoice.snap_ms(a.end_s), n.id,
            threshold, min_margin
        ) AS q
        WHERE a.cluster IS NOT NULL AND a.reason IN ('below_threshold', 'ambiguous')
          AND a.similarity >= q.threshold / 2
    ), pooled AS MATERIALIZED (
        SELECT w.cluster, w.nearest, sum(w.end_ms - w.start_ms)::integer AS ms,
               max(w.threshold) AS strictest,
               l2_normalize(sum(
                   s.embedding * array_fill((w.end_ms - w.start_ms)::real, ARRAY[s.dimension])::vector
                   ORDER BY w.start_ms, w.end_ms
               )) AS voice
        FROM weak AS w
        JOIN pgvoice.segment_embedding AS s
            ON s.video_id = (SELECT v.id FROM pgvoice.video AS v
                             WHERE v.key = identify_clusters.video)
            AND s.start_ms = w.start_ms AND s.end_ms = w.end_ms AND s.encoder_id = encoder
        GROUP BY w.cluster, w.nearest
        -- A single segment was judged already.
        HAVING count(*) > 1
    ), convincing AS (
        SELECT p.cluster, p.nearest, p.ms, two.similarities[1] AS similarity
        FROM pooled AS p
        JOIN pgvoice.speaker AS named ON named.name = p.nearest
        CROSS JOIN LATERAL (
            SELECT array_agg(best.speaker_id ORDER BY best.similarity DESC, best.speaker_id) AS ids,
                   array_agg(best.similarity ORDER BY best.similarity DESC, best.speaker_id)
                       AS similarities
            FROM (
                SELECT profile.speaker_id, -(p.voice <#> profile.embedding) AS similarity
                FROM pgvoice.profile WHERE profile.encoder_id = encoder
                ORDER BY p.voice <#> profile.embedding, profile.speaker_id
                LIMIT 2
            ) AS best
        ) AS two
        JOIN pgvoice.encoder AS e ON e.id = encoder
        CROSS JOIN LATERAL pgvoice_internal.required(encoder, p.ms, threshold, min_margin) AS q
        -- A mean is nearer to everybody than the vectors it is made of, so thresholds calibrated on
        -- single segments must not lower the bar.
        WHERE two.ids[1] = named.id AND 'matched' = pgvoice_internal.reason(
            'ok', two.similarities[1], two.similarities[2],
            greatest(q.threshold, p.strictest, CASE WHEN identify_clusters.threshold IS NULL
                                                    THEN e.default_threshold END),
            q.margin
        )
    ), heard AS (
        SELECT a.*, c.similarity AS evidence, c.ms, coalesce(a.speaker, c.nearest) AS named
        FROM alone AS a
        LEFT JOIN weak AS w ON w.cluster = a.cluster AND w.nearest = a.nearest
            AND w.start_ms = pgvoice.snap_ms(a.start_s) AND w.end_ms = pgvoice.snap_ms(a.end_s)
        LEFT JOIN convincing AS c ON c.cluster = w.cluster AND c.nearest = w.nearest
    ), unanimous AS (
        SELECT h.cluster, min(h.named) AS named
        FROM heard AS h
        WHERE h.cluster IS NOT NULL AND h.similarity IS NOT NULL
        GROUP BY h.cluster
        HAVING count(h.named) = count(*) AND min(h.named) = max(h.named)
    )
    SELECT h.start_s, h.end_s, h.cluster, coalesce(h.named, u.named), h.nearest, h.similarity,
           h.runner_up, h.runner_up_similarity, h.margin,
           CASE WHEN h.speaker IS NULL AND coalesce(h.named, u.named) IS NOT NULL THEN 'by_cluster'
                ELSE h.reason END,
           pgvoice.similarity(h.evidence), h.ms / 1000.0
    FROM heard AS h
    LEFT JOIN unanimous AS u ON u.cluster = h.cluster AND h.reason = 'too_short'
    ORDER BY h.ordinal
$$;
COMMENT ON FUNCTION pgvoice.identify_clusters IS
'Who speaks in segments that a diarizer put into clusters: the answer of identify for each, and the
evidence of several for those that are too unlike anybody on their own. A segment that identify names
keeps its name, so a cluster of several people is split. The other segments of a cluster that are
nearest to the same person, and reach at least half of their threshold, are pooled: they get the name,
with reason by_cluster, if the duration-weighted mean of their vectors is nearest to that person too
and reaches the threshold for that much speech and for each of them and, unless a threshold is given,
the encoder''s own. Segments too short for a vector get the name if all others of the cluster have one
and the same name. evidence describes the pooled speech. A segment whose cluster is NULL stands alone.';
