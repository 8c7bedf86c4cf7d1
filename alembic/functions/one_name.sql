-- One label, one name: whom each of a diarizer's labels may be.

-- 1.5: with CAM++ (.40), two halves of one person's turns in a recording are .6 similar or more in 95 % of
-- the series' labels, in 95 % of the digits' and in 100 % of the podcast's, and two people at most .50; in
-- copies of the series at another speed two people are up to .54, by telephone .67. Nothing was tuned on
-- the copies.
CREATE OR REPLACE FUNCTION pgvoice_internal.split_level(encoder integer) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(
        e.default_threshold + 0.5 * least(e.default_threshold, 1 - e.default_threshold),
        pgvoice_internal.own_voice_level(e.id, t.within_mean)
    )
    FROM pgvoice.encoder AS e CROSS JOIN LATERAL pgvoice_internal.tail_of(e.id, 0) AS t
    WHERE e.id = encoder;
END;
COMMENT ON FUNCTION pgvoice_internal.split_level(integer) IS
'From which similarity on two labels of a recording sound like one voice, which the diarizer has split: one
and a half times the encoder''s own threshold, at most halfway from that to 1, or more if the library''s people
sound alike.';

CREATE OR REPLACE FUNCTION pgvoice_internal.names_of_labels(
    video_id bigint,
    encoder integer,
    starts_ms integer[],
    ends_ms integer[],
    clusters text[],
    reasons text[],
    nearest_ids bigint[],
    among bigint[] DEFAULT NULL
) RETURNS TABLE (cluster text, speaker_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH answer AS MATERIALIZED (
        SELECT DISTINCT a.*
        FROM unnest(starts_ms, ends_ms, clusters, reasons, nearest_ids)
            AS a(start_ms, end_ms, cluster, reason, nearest_id)
        WHERE a.cluster IS NOT NULL
    ), overlap AS MATERIALIZED (
        SELECT DISTINCT t.start_ms, t.end_ms FROM pgvoice.turn AS t
        WHERE t.video_id = names_of_labels.video_id AND t.overlapped_ms > 0
    ), voiced AS MATERIALIZED (
        SELECT a.cluster, public.l2_normalize(public.sum(
            v.embedding OPERATOR(public.*)
                array_fill((v.end_ms - v.start_ms)::real, ARRAY[v.dimension])::public.vector
            ORDER BY v.start_ms, v.end_ms
        )) AS voice
        FROM answer AS a
        LEFT JOIN overlap AS o USING (start_ms, end_ms)
        CROSS JOIN LATERAL (
            SELECT a.start_ms, a.end_ms WHERE o.start_ms IS NULL
            UNION ALL
            SELECT c.start_ms, c.end_ms FROM pgvoice.clean_part AS c
            WHERE o.start_ms IS NOT NULL AND c.video_id = names_of_labels.video_id
              AND c.turn_start_ms = a.start_ms AND c.turn_end_ms = a.end_ms
        ) AS part
        JOIN pgvoice.segment_embedding AS v
            ON v.video_id = names_of_labels.video_id AND v.start_ms = part.start_ms
            AND v.end_ms = part.end_ms AND v.encoder_id = encoder
        WHERE v.embedding IS NOT NULL
        GROUP BY a.cluster
    ), said AS MATERIALIZED (
        SELECT DISTINCT a.cluster, a.nearest_id FROM answer AS a WHERE a.reason = 'pinned'
    ), label AS MATERIALIZED (
        SELECT v.cluster, v.voice, CASE WHEN NOT EXISTS (
            SELECT FROM said AS s WHERE s.cluster = v.cluster
        ) THEN two.speakers[1] END AS nearest_id
        FROM voiced AS v
        CROSS JOIN LATERAL pgvoice_internal.nearest_two(v.voice, encoder, among) AS two
    ), likeness AS MATERIALIZED (
        SELECT l.cluster, l.voice, p.speaker_id, s.nearest_id IS NOT NULL AS is_said,
               p.speaker_id = coalesce(s.nearest_id, l.nearest_id) AS is_nearest,
               -(l.voice OPERATOR(public.<#>) p.embedding) AS similarity
        FROM label AS l
        JOIN pgvoice.profile AS p ON p.encoder_id = encoder AND p.speaker_id IN (
            SELECT a.nearest_id FROM answer AS a WHERE a.reason IN ('matched', 'pinned')
        )
        LEFT JOIN said AS s ON s.cluster = l.cluster AND s.nearest_id = p.speaker_id
    ), best AS (
        SELECT DISTINCT ON (k.speaker_id) k.*
        FROM likeness AS k
        ORDER BY k.speaker_id, k.is_said DESC, k.similarity DESC, k.cluster
    )
    SELECT k.cluster, k.speaker_id
    FROM best AS b
    JOIN likeness AS k ON k.speaker_id = b.speaker_id
    WHERE b.is_nearest AND k.is_nearest AND (k.is_said OR k.cluster = b.cluster OR
        -(k.voice OPERATOR(public.<#>) b.voice) >= pgvoice_internal.split_level(encoder))
$$;
COMMENT ON FUNCTION pgvoice_internal.names_of_labels IS
'Whom each label of a diarizer may be, by the answers of identify: a label and a person who are each
other''s best match. The voice of a label is the mean of its clean speech. Another label that sounds like
the same voice, which the diarizer may have split, may be that person too, if nobody else is nearer to it.
What a person said of some of a label, whose reason is pinned, is said of the label.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_one_name_each(encoder integer, among bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    CREATE TEMPORARY TABLE labelled AS
        -- As current_segments has them.
        SELECT DISTINCT ON (j.video_id, j.start_ms, j.end_ms) j.video_id, j.start_ms, j.end_ms,
               t.label, j.reason,
               CASE j.reason WHEN 'pinned' THEN j.speaker_id ELSE j.nearest_id END AS nearest_id
        FROM pg_temp.judged AS j
        JOIN pgvoice.turn AS t USING (video_id, start_ms, end_ms)
        ORDER BY j.video_id, j.start_ms, j.end_ms, t.place;
    UPDATE pg_temp.judged AS j SET speaker_id = NULL, reason = 'other_label'
    FROM pg_temp.labelled AS l
    WHERE j.video_id = l.video_id AND j.start_ms = l.start_ms AND j.end_ms = l.end_ms
      AND l.label IS NOT NULL AND l.reason = 'matched'
      AND (l.video_id, l.label, l.nearest_id) NOT IN (
          SELECT g.video_id, n.cluster, n.speaker_id
          FROM (
              SELECT l.video_id, array_agg(l.start_ms) AS starts_ms, array_agg(l.end_ms) AS ends_ms,
                     array_agg(l.label) AS labels, array_agg(l.reason) AS reasons,
                     array_agg(l.nearest_id) AS nearest_ids
              FROM pg_temp.labelled AS l GROUP BY l.video_id
          ) AS g
          CROSS JOIN LATERAL pgvoice_internal.names_of_labels(
              g.video_id, keep_one_name_each.encoder, g.starts_ms, g.ends_ms, g.labels, g.reasons,
              g.nearest_ids, among
          ) AS n
      );
    DROP TABLE pg_temp.labelled;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_one_name_each IS
'Takes the names from the answers in judged that are not those of their label; see names_of_labels.';
