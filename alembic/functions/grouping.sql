-- Voices of recordings whose turns have no labels: their segments are grouped by how similar they are.

CREATE OR REPLACE FUNCTION pgvoice_internal.unlabelled_segments(video bigint, encoder integer)
RETURNS TABLE (start_ms integer, end_ms integer, is_seed boolean)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH spoken AS MATERIALIZED (
        SELECT s.start_ms, s.end_ms FROM pgvoice.segment_embedding AS s
        WHERE s.video_id = video AND s.encoder_id = encoder AND s.embedding IS NOT NULL
          AND s.end_ms - s.start_ms >= 600
          AND NOT EXISTS (SELECT FROM pgvoice.turn AS t WHERE t.video_id = video AND t.label IS NOT NULL)
          AND (
              NOT EXISTS (SELECT FROM pgvoice.turn AS t WHERE t.video_id = video)
              OR EXISTS (SELECT FROM pgvoice.turn AS t WHERE t.video_id = video
                           AND t.start_ms = s.start_ms AND t.end_ms = s.end_ms)
          )
    ), placed AS (
        SELECT s.*, s.start_ms >= coalesce(max(s.end_ms) OVER (
                   ORDER BY s.start_ms, s.end_ms ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
               ), 0)
               AND s.end_ms <= coalesce(lead(s.start_ms) OVER (ORDER BY s.start_ms, s.end_ms), s.end_ms)
               AS is_clean
        FROM spoken AS s
    )
    SELECT c.start_ms, c.end_ms, c.is_long AND row_number() OVER (
               PARTITION BY c.is_long ORDER BY c.end_ms - c.start_ms DESC, c.start_ms, c.end_ms
           ) <= 300
    FROM (
        SELECT p.*, p.end_ms - p.start_ms >= 1000
                    AND (p.is_clean OR NOT bool_or(p.is_clean) OVER ()) AS is_long
        FROM placed AS p
    ) AS c
$$;
COMMENT ON FUNCTION pgvoice_internal.unlabelled_segments(bigint, integer) IS
'The segments of at least 0.6 s of a video whose turns have no labels; none if one has. The seeds make
groups: at most the 300 longest, of at least 1 s, that no other one overlaps, unless all are overlapped.';

CREATE OR REPLACE FUNCTION pgvoice_internal.grouped_segments(
    video bigint, encoder integer, threshold double precision
) RETURNS TABLE (label text, start_ms integer, end_ms integer)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH segment AS MATERIALIZED (
        SELECT u.* FROM pgvoice_internal.unlabelled_segments(video, encoder) AS u
    ), seed AS MATERIALIZED (
        SELECT m.* FROM (
            SELECT array_agg(s.start_ms ORDER BY s.start_ms, s.end_ms) AS starts_ms,
                   array_agg(s.end_ms ORDER BY s.start_ms, s.end_ms) AS ends_ms
            FROM segment AS s WHERE s.is_seed
        ) AS g
        CROSS JOIN LATERAL unnest(g.starts_ms, g.ends_ms, pgvoice_internal.group_voices(
            video, encoder, ARRAY(SELECT generate_series(1, cardinality(g.starts_ms))), g.starts_ms,
            g.ends_ms, NULL, threshold
        )) AS m(start_ms, end_ms, grouped)
    ), mean AS MATERIALIZED (
        SELECT v.label::integer AS grouped, v.embedding, v.segments = 1 AS is_alone
        FROM (
            SELECT array_agg(s.grouped::text) AS labels, array_agg(s.start_ms) AS starts_ms,
                   array_agg(s.end_ms) AS ends_ms
            FROM seed AS s
        ) AS g
        CROSS JOIN LATERAL pgvoice_internal.mean_voices(
            video, encoder, g.labels, g.starts_ms, g.ends_ms
        ) AS v
    ), joined AS MATERIALIZED (
        SELECT a.grouped, coalesce((
            SELECT m.grouped FROM mean AS m
            WHERE a.is_alone AND NOT m.is_alone
              AND -(m.embedding OPERATOR(public.<#>) a.embedding) >= threshold
            ORDER BY m.embedding OPERATOR(public.<#>) a.embedding, m.grouped LIMIT 1
        ), a.grouped) AS into_group
        FROM mean AS a
    ), nearest AS (
        SELECT s.start_ms, s.end_ms, (
            SELECT m.grouped FROM mean AS m
            WHERE -(m.embedding OPERATOR(public.<#>) e.embedding) >= threshold
            ORDER BY m.embedding OPERATOR(public.<#>) e.embedding, m.grouped LIMIT 1
        ) AS grouped
        FROM segment AS s
        JOIN pgvoice.segment_embedding AS e
            ON e.video_id = video AND e.start_ms = s.start_ms AND e.end_ms = s.end_ms
            AND e.encoder_id = encoder
        WHERE NOT s.is_seed
    ), placed AS (
        SELECT g.start_ms, g.end_ms, j.into_group AS grouped
        FROM (
            SELECT s.start_ms, s.end_ms, s.grouped FROM seed AS s
            UNION ALL SELECT n.start_ms, n.end_ms, n.grouped FROM nearest AS n
        ) AS g
        JOIN joined AS j USING (grouped)
    )
    SELECT '?' || dense_rank() OVER (ORDER BY f.first_ms, f.grouped), f.start_ms, f.end_ms
    FROM (
        SELECT p.*, min(p.start_ms) OVER (PARTITION BY p.grouped) AS first_ms
        FROM placed AS p
    ) AS f
$$;
COMMENT ON FUNCTION pgvoice_internal.grouped_segments IS
'The segments of a video whose turns have no labels, grouped: ?1 is the first who speaks. Those that make no
groups join the nearest, and those that are alone in theirs the nearest of several, if their similarity to
its mean reaches the threshold.';

CREATE OR REPLACE FUNCTION pgvoice_internal.usual_similarities(videos bigint[], encoder integer)
RETURNS TABLE (video_id bigint, mean double precision)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH centre AS MATERIALIZED (
        SELECT k.id, c.mean
        FROM (
            SELECT unnest(videos) AS id
            UNION (
                SELECT c.video_id FROM pgvoice.voice_cohort AS c WHERE c.encoder_id = encoder
                -- A sample that stays the same.
                ORDER BY hashint8(c.video_id) LIMIT 100
            )
        ) AS k
        CROSS JOIN LATERAL (
            SELECT public.avg(e.embedding) AS mean
            FROM (
                SELECT s.embedding FROM pgvoice.segment_embedding AS s
                WHERE s.video_id = k.id AND s.encoder_id = encoder AND s.embedding IS NOT NULL
                  AND s.end_ms - s.start_ms >= 1000
                ORDER BY hashint4(s.start_ms), s.end_ms LIMIT 100
            ) AS e
        ) AS c
        WHERE c.mean IS NOT NULL
    )
    SELECT asked.id, (coalesce(near.sum, 0) + (5 - near.recordings) * tail.within_mean) / 5
    FROM unnest(videos) AS asked(id)
    CROSS JOIN pgvoice_internal.tail_of(encoder, 0) AS tail
    CROSS JOIN LATERAL (
        SELECT sum(o.similarity) AS sum, count(*) AS recordings
        FROM (
            SELECT -(mine.mean OPERATOR(public.<#>) theirs.mean) AS similarity
            FROM centre AS mine JOIN centre AS theirs ON theirs.id <> mine.id
            WHERE mine.id = asked.id
            ORDER BY similarity DESC LIMIT 5
        ) AS o
    ) AS near
$$;
COMMENT ON FUNCTION pgvoice_internal.usual_similarities(bigint[], integer) IS
'How similar different people sound in recordings like each of these videos, without knowing who speaks: the
mean similarity of its segments to those of five other recordings, the most similar of about 100. Where
there are fewer, the library''s mean similarity within recordings counts instead. At telephone quality it is
.36, in other recordings .13, although some share people.';

CREATE OR REPLACE FUNCTION pgvoice_internal.keep_grouped_voices(videos bigint[], encoder integer)
RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
    WITH usual AS MATERIALIZED (
        SELECT u.* FROM pgvoice_internal.usual_similarities(ARRAY(
            SELECT c.video_id FROM pgvoice.voice_cohort AS c
            WHERE c.video_id = ANY (videos) AND c.encoder_id = encoder AND c.voices = 0
              AND (SELECT s.linking FROM pgvoice.setting AS s)
        ), encoder) AS u
    )
    INSERT INTO pgvoice.voice (video_id, label, encoder_id, dimension, embedding, clean_ms, speech_ms,
        segments, clip_start_ms, clip_end_ms, starts_ms, ends_ms)
    SELECT u.video_id, v.label, encoder, v.dimension, v.embedding, v.clean_ms, v.speech_ms, v.segments,
           v.clip_start_ms, v.clip_end_ms, v.starts_ms, v.ends_ms
    FROM usual AS u
    CROSS JOIN LATERAL (
        SELECT array_agg(g.label ORDER BY g.start_ms, g.end_ms) AS labels,
               array_agg(g.start_ms ORDER BY g.start_ms, g.end_ms) AS starts_ms,
               array_agg(g.end_ms ORDER BY g.start_ms, g.end_ms) AS ends_ms
        FROM pgvoice_internal.grouped_segments(
            u.video_id, encoder, pgvoice_internal.own_voice_level(encoder, u.mean)
        ) AS g
    ) AS grouped
    CROSS JOIN LATERAL (
        SELECT m.*, own.starts_ms, own.ends_ms, own.speech_ms
        FROM pgvoice_internal.mean_voices(
            u.video_id, encoder, grouped.labels, grouped.starts_ms, grouped.ends_ms
        ) AS m
        CROSS JOIN LATERAL (
            SELECT array_agg(g.start_ms ORDER BY g.start_ms, g.end_ms) AS starts_ms,
                   array_agg(g.end_ms ORDER BY g.start_ms, g.end_ms) AS ends_ms,
                   sum(g.end_ms - g.start_ms) AS speech_ms
            FROM unnest(grouped.labels, grouped.starts_ms, grouped.ends_ms)
                AS g(label, start_ms, end_ms)
            WHERE g.label = m.label
        ) AS own
    ) AS v
$$;
COMMENT ON FUNCTION pgvoice_internal.keep_grouped_voices(bigint[], integer) IS
'If voices are linked, groups the segments of those videos whose turns have no labels, and stores the
groups as voices. The threshold is own_voice_level where different people are as similar as
usual_similarities says. What was grouped is no evidence of how similar different people are, and is left
out wherever that is measured.';

CREATE OR REPLACE FUNCTION pgvoice_internal.follow_grouping() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    IF NEW.linking THEN
        DELETE FROM pgvoice.voice_cohort AS c WHERE c.voices = 0;
    ELSE
        DELETE FROM pgvoice.voice AS v WHERE v.starts_ms IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.follow_grouping() IS
'Once linking is on, the next refresh_voices groups recordings whose turns have no labels; once it is off,
their voices are deleted.';

CREATE OR REPLACE TRIGGER setting_linking_groups
AFTER UPDATE ON pgvoice.setting
FOR EACH ROW WHEN (OLD.linking <> NEW.linking) EXECUTE FUNCTION pgvoice_internal.follow_grouping();
