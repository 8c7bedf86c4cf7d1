CREATE FUNCTION pgvoice.identify_clusters(
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
SET search_path FROM CURRENT
AS $$
    WITH alone AS MATERIALIZED (
        SELECT i.*, clusters[i.ordinal] AS cluster
        FROM pgvoice.identify(video, starts, ends, encoder, threshold, min_margin)
            WITH ORDINALITY AS i(start_s, end_s, speaker, nearest, similarity, runner_up,
                                 runner_up_similarity, margin, reason, ordinal)
    ), weak AS (
        -- A segment that was asked for twice is heard once.
        SELECT DISTINCT a.cluster, a.nearest, pgvoice.snap_ms(a.start_s) AS start_ms,
               pgvoice.snap_ms(a.end_s) AS end_ms, q.threshold
        FROM alone AS a
        CROSS JOIN LATERAL pgvoice.required(
            encoder, pgvoice.snap_ms(a.end_s) - pgvoice.snap_ms(a.start_s), threshold, min_margin
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
        -- One alone was judged already.
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
        CROSS JOIN LATERAL pgvoice.required(encoder, p.ms, threshold, min_margin) AS q
        -- A mean is nearer to everybody than what it is the mean of: a calibration of single
        -- segments must not make it easier.
        WHERE two.ids[1] = named.id AND 'matched' = pgvoice.reason(
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
'Who speaks in segments that a diarizer put into clusters: what identify says of each, and for those
that alone are too unlike anybody the evidence of several. What identify gives a name keeps it, so a
cluster of several people is split. The others of a cluster that are nearest to the same person, and
at least half as similar as is required of each, are heard as one: where the mean of their vectors, weighted by duration, is nearest to that person, too,
and near enough for as much speech and for each of them, they get the name, by_cluster; where no
threshold is given, at least as near as the encoder''s own says. Those too short for a vector get
it where all others of the cluster have one and the same name. evidence is what was heard as one.
NULL as cluster is a segment by itself.';
