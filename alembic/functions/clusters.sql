-- Who speaks in segments that a diarizer put into clusters, from the evidence of several segments.

-- Tuned on AMI meetings, the series, the digits, the podcast and the sample of pyannote.audio, with and
-- without wrong, merged and split labels, at thresholds of .35 to .55 (tests/benchmarks/clusters.py).
CREATE OR REPLACE FUNCTION pgvoice_internal.heard_together(
    video_id bigint,
    encoder integer,
    starts_ms integer[],
    ends_ms integer[],
    clusters text[],
    reasons text[],
    nearest_ids bigint[],
    thresholds double precision[],
    among bigint[] DEFAULT NULL
) RETURNS TABLE (
    place bigint, speaker_id bigint, evidence double precision, evidence_ms integer
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH alone AS MATERIALIZED (
        SELECT a.*, row_number() OVER (PARTITION BY a.cluster, a.start_ms, a.end_ms) AS copy
        FROM unnest(starts_ms, ends_ms, clusters, reasons, nearest_ids, thresholds) WITH ORDINALITY
            AS a(start_ms, end_ms, cluster, reason, nearest_id, threshold, place)
        WHERE a.cluster IS NOT NULL
    ), candidate AS MATERIALIZED (
        SELECT a.cluster, min(a.nearest_id) FILTER (WHERE a.reason = 'matched') AS named
        FROM alone AS a
        GROUP BY a.cluster
        HAVING bool_or(a.reason IN (
                'below_threshold', 'suggested', 'ambiguous', 'overlapped', 'too_short'
            ))
            AND min(a.nearest_id) FILTER (WHERE a.reason = 'matched')
                = max(a.nearest_id) FILTER (WHERE a.reason = 'matched')
    ), segment AS MATERIALIZED (
        -- One person speaks once at a time: two turns of a label at once are not both theirs.
        SELECT a.*, c.named, coalesce(
            a.start_ms < max(a.end_ms) OVER earlier - 100
            OR a.end_ms > lead(a.start_ms) OVER in_time + 100, false
        ) AS at_once
        FROM alone AS a JOIN candidate AS c USING (cluster)
        WHERE a.copy = 1
        WINDOW in_time AS (PARTITION BY a.cluster ORDER BY a.start_ms, a.end_ms),
               earlier AS (in_time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), overlap AS MATERIALIZED (
        SELECT DISTINCT t.start_ms, t.end_ms FROM pgvoice.turn AS t
        WHERE t.video_id = heard_together.video_id AND t.overlapped_ms > 0
    ), clean AS MATERIALIZED (
        SELECT s.*, part.start_ms AS part_start_ms, part.end_ms AS part_end_ms,
               part.end_ms - part.start_ms AS ms
        FROM segment AS s
        LEFT JOIN overlap AS o USING (start_ms, end_ms)
        CROSS JOIN LATERAL (
            SELECT s.start_ms, s.end_ms WHERE o.start_ms IS NULL
            UNION ALL
            SELECT c.start_ms, c.end_ms FROM pgvoice.clean_part AS c
            WHERE o.start_ms IS NOT NULL AND c.video_id = heard_together.video_id
              AND c.turn_start_ms = s.start_ms AND c.turn_end_ms = s.end_ms
        ) AS part
        WHERE NOT s.at_once
    ), heard AS MATERIALIZED (
        SELECT c.cluster, c.named, sum(c.ms)::integer AS ms, count(*) AS parts,
               sum(c.ms * c.threshold) / sum(c.ms) AS threshold,
               public.sum(
                   v.embedding OPERATOR(public.*) array_fill(c.ms::real, ARRAY[v.dimension])::public.vector
                   ORDER BY c.part_start_ms, c.part_end_ms
               ) AS voice,
               public.l2_normalize(public.sum(
                   v.embedding OPERATOR(public.*) array_fill(c.ms::real, ARRAY[v.dimension])::public.vector
                   ORDER BY c.part_start_ms, c.part_end_ms
               ) FILTER (WHERE c.reason = 'matched')) AS own_voice
        FROM clean AS c
        JOIN pgvoice.segment_embedding AS v
            ON v.video_id = heard_together.video_id AND v.start_ms = c.part_start_ms
            AND v.end_ms = c.part_end_ms AND v.encoder_id = encoder
        WHERE v.embedding IS NOT NULL
        GROUP BY c.cluster, c.named
        HAVING sum(c.ms) >= 3000 AND sum(c.ms) FILTER (WHERE c.reason = 'matched') >= 2000
    ), convincing AS MATERIALIZED (
        -- A mean is nearer to everybody than the vectors it is made of: a third of the way from the
        -- threshold to 1 is required of it.
        SELECT h.*, two.similarities[1] AS similarity, (2 * h.threshold + 1) / 3 AS required
        FROM heard AS h
        CROSS JOIN LATERAL pgvoice_internal.nearest_two(
            public.l2_normalize(h.voice), encoder, among
        ) AS two
        LEFT JOIN pgvoice.profile AS one
            ON one.encoder_id = encoder AND one.speaker_id = two.speakers[1]
        LEFT JOIN pgvoice.profile AS other
            ON other.encoder_id = encoder AND other.speaker_id = two.speakers[2]
        WHERE two.speakers[1] = h.named AND 'matched' = pgvoice_internal.reason(
            'ok', two.similarities[1], two.similarities[2], (2 * h.threshold + 1) / 3, 0,
            pgvoice_internal.are_two_voices(
                two.similarities[1], two.similarities[2],
                -(one.embedding OPERATOR(public.<#>) other.embedding)
            )
        )
    ), agreeing AS MATERIALIZED (
        SELECT c.cluster, c.start_ms, c.end_ms, c.ms, c.reason = 'matched' OR (
            c.nearest_id = h.named
            AND -(v.embedding OPERATOR(public.<#>) h.own_voice) >= h.required
        ) AS agrees
        FROM clean AS c
        JOIN convincing AS h USING (cluster)
        JOIN pgvoice.segment_embedding AS v
            ON v.video_id = heard_together.video_id AND v.start_ms = c.part_start_ms
            AND v.end_ms = c.part_end_ms AND v.encoder_id = encoder
        WHERE v.embedding IS NOT NULL
    ), one_person AS MATERIALIZED (
        SELECT a.cluster FROM agreeing AS a GROUP BY a.cluster
        HAVING sum(a.ms) FILTER (WHERE a.agrees) >= 0.8 * sum(a.ms)
    ), judged AS (
        SELECT s.cluster, s.start_ms, s.end_ms, h.named, h.similarity, h.ms, CASE s.reason
            WHEN 'too_short' THEN p.cluster IS NOT NULL AND h.parts >= 3
            -- Nobody talks into their own turn: what is heard there is the other turn.
            WHEN 'overlapped' THEN p.cluster IS NOT NULL AND NOT EXISTS (
                SELECT FROM unnest(starts_ms, ends_ms, clusters, reasons, nearest_ids)
                    AS o(start_ms, end_ms, cluster, reason, nearest_id)
                WHERE o.cluster <> s.cluster AND o.reason = 'matched' AND o.nearest_id = h.named
                  AND o.start_ms < s.end_ms AND s.start_ms < o.end_ms
            ) AND coalesce((
                SELECT -(v.embedding OPERATOR(public.<#>) h.own_voice) >= s.threshold
                FROM pgvoice.segment_embedding AS v
                WHERE v.video_id = heard_together.video_id AND v.start_ms = s.start_ms
                  AND v.end_ms = s.end_ms AND v.encoder_id = encoder
            ), false)
            ELSE (SELECT coalesce(bool_and(a.agrees), false) FROM agreeing AS a
                  WHERE a.cluster = s.cluster AND a.start_ms = s.start_ms AND a.end_ms = s.end_ms)
        END AS belongs
        FROM segment AS s
        JOIN convincing AS h USING (cluster)
        LEFT JOIN one_person AS p USING (cluster)
        WHERE NOT s.at_once
          AND s.reason IN (
              'below_threshold', 'suggested', 'ambiguous', 'overlapped', 'too_short'
          )
    )
    SELECT a.place, j.named, j.similarity, j.ms
    FROM alone AS a JOIN judged AS j USING (cluster, start_ms, end_ms)
    WHERE j.belongs
$$;
COMMENT ON FUNCTION pgvoice_internal.heard_together IS
'Who speaks in those segments of a video that get a name from others with the same label of the diarizer,
by their place in the arrays, which hold the answers of identify; see identify_clusters.';

CREATE OR REPLACE FUNCTION pgvoice.identify_clusters(
    video text,
    starts double precision[] DEFAULT NULL,
    ends double precision[] DEFAULT NULL,
    clusters text[] DEFAULT NULL,
    encoder integer DEFAULT pgvoice.default_encoder(),
    threshold double precision DEFAULT NULL,
    min_margin double precision DEFAULT NULL,
    starts_ms integer[] DEFAULT NULL,
    ends_ms integer[] DEFAULT NULL,
    speakers text[] DEFAULT NULL,
    one_label_one_name boolean DEFAULT false
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
                   AS min_margin,
               pgvoice_internal.speaker_ids(identify_clusters.speakers) AS among
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
    ), answer AS MATERIALIZED (
        SELECT i.*, asked.video_id, asked.clusters[i.ordinality] AS cluster
        FROM sees
        CROSS JOIN asked
        CROSS JOIN LATERAL pgvoice_internal.identified(
            video, asked.starts_ms, asked.ends_ms, encoder, sees.threshold, sees.min_margin,
            sees.among
        ) WITH ORDINALITY AS i
    ), named AS MATERIALIZED (
        SELECT n.cluster, n.speaker_id
        FROM sees
        CROSS JOIN (
            SELECT a.video_id, array_agg(a.start_ms) AS starts_ms, array_agg(a.end_ms) AS ends_ms,
                   array_agg(a.cluster) AS clusters, array_agg(a.reason) AS reasons,
                   array_agg(CASE a.reason WHEN 'pinned' THEN a.speaker_id ELSE a.nearest_id END)
                       AS nearest_ids
            FROM answer AS a WHERE one_label_one_name GROUP BY a.video_id
        ) AS g
        CROSS JOIN LATERAL pgvoice_internal.names_of_labels(
            g.video_id, encoder, g.starts_ms, g.ends_ms, g.clusters, g.reasons, g.nearest_ids,
            sees.among
        ) AS n
    ), alone AS MATERIALIZED (
        SELECT a.ordinality, a.video_id, a.start_ms, a.end_ms, a.start_s, a.end_s, a.cluster,
               CASE WHEN NOT o.lost THEN a.speaker END AS speaker, a.nearest, a.similarity,
               a.runner_up, a.runner_up_similarity, a.margin,
               CASE WHEN o.lost THEN 'other_label' ELSE a.reason END AS reason, a.threshold,
               a.min_margin, a.threshold_source, a.nearest_id, a.speaker_id, a.denied
        FROM answer AS a
        LEFT JOIN named AS n ON n.cluster = a.cluster AND n.speaker_id = a.nearest_id
        CROSS JOIN LATERAL (
            SELECT one_label_one_name AND a.cluster IS NOT NULL AND a.reason = 'matched'
                   AND n.cluster IS NULL AS lost
        ) AS o
    ), heard AS (
        SELECT t.place, t.speaker_id, named.name, t.evidence, t.evidence_ms
        FROM sees
        CROSS JOIN (
            SELECT a.video_id, array_agg(a.start_ms ORDER BY a.ordinality) AS starts_ms,
                   array_agg(a.end_ms ORDER BY a.ordinality) AS ends_ms,
                   array_agg(a.cluster ORDER BY a.ordinality) AS clusters,
                   array_agg(pgvoice_internal.evident(a.reason, a.threshold)
                             ORDER BY a.ordinality) AS reasons,
                   array_agg(CASE WHEN a.reason IN ('pinned', 'nobody') THEN a.speaker_id
                                  ELSE a.nearest_id END ORDER BY a.ordinality) AS nearest_ids,
                   array_agg(a.threshold ORDER BY a.ordinality) AS thresholds
            FROM alone AS a GROUP BY a.video_id
        ) AS g
        CROSS JOIN LATERAL pgvoice_internal.heard_together(
            g.video_id, encoder, g.starts_ms, g.ends_ms, g.clusters, g.reasons, g.nearest_ids,
            g.thresholds, sees.among
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
    LEFT JOIN heard AS h
        ON h.place = a.ordinality AND (a.denied IS NULL OR h.speaker_id <> ALL (a.denied))
    ORDER BY a.ordinality
$$;
COMMENT ON FUNCTION pgvoice.identify_clusters IS
'Who speaks in segments that a diarizer put into clusters, or in the stored turns of a video by their
labels: the answer of identify for each, and a name from the rest of its cluster, with reason by_cluster,
for those that have none. A cluster passes on a name if identify gives it to at least 2 s of its clean
speech and no other name to any of it, and the duration-weighted mean of its clean speech, of at least 3 s,
is nearest to that person by more than the threshold. A clean segment then gets the name if it is nearest
to that person too and sounds like the named speech. Overlapped segments get it if they sound like the
named speech and no other cluster has the name at that time, and segments too short for a vector if the
cluster has three clean segments, in either case only if four fifths of the clean speech agree. Segments
of a cluster that overlap each other are left out. What a person said of a segment counts as its name, and no
segment gets a name that a person denied. speakers are as in identify. With one_label_one_name, a label
keeps only the name of the person whom its clean speech is nearest to, and only if no other label is nearer
to that person; but two labels that sound like one voice may share a name. The reason of what loses its
name is other_label. evidence_similarity and
evidence_s describe the clean speech. A segment whose cluster is NULL is judged alone.';
