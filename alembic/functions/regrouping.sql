-- Average linkage of voices that lie near several unknown voices.

CREATE OR REPLACE FUNCTION pgvoice_internal.split_voices(videos bigint[], encoder integer)
RETURNS TABLE (video_id bigint, label text, other text)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    compared bigint[] := videos || ARRAY(
        SELECT unnest(c.near) FROM pgvoice.voice_cohort AS c
        WHERE c.video_id = ANY (videos) AND c.encoder_id = encoder
    );
BEGIN
    RETURN QUERY
    SELECT p.video_id, p.label, p.other
    FROM pgvoice_internal.left_out_pairs(compared, encoder) AS p
    WHERE p.is_over_split AND p.video_id = ANY (videos);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.split_voices(bigint[], integer) IS
'The pairs of labels in these videos that are probably one person''s, by left_out_pairs, compared with the
recordings near them.';

CREATE OR REPLACE FUNCTION pgvoice_internal.regroup(
    encoder integer,
    videos bigint[],
    labels text[],
    impostor_means double precision[],
    levels double precision[],
    groups bigint[],
    heard bigint DEFAULT NULL
) RETURNS bigint[]
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    -- Each piece is a voice, or a large group, which has no label.
    items integer[];
    piece_videos bigint[];
    piece_labels text[];
    piece_groups bigint[];
    forced bigint[];
    sums public.vector[];
    counts double precision[];
    means double precision[];
    own_levels double precision[];
    item_counts double precision[];
    item_means double precision[];
    item_levels double precision[];
    similarities double precision[];
    apart boolean[];
    clusters integer[];
BEGIN
    WITH given AS MATERIALIZED (
        SELECT g.*, l.unknown_voice_id AS id
        FROM unnest(regroup.videos, regroup.labels, regroup.impostor_means, regroup.levels)
            AS g(video_id, label, impostor_mean, level)
        LEFT JOIN pgvoice.linked_voice AS l
            ON l.video_id = g.video_id AND l.label = g.label AND l.encoder_id = regroup.encoder
    ), chosen AS MATERIALIZED (
        SELECT m.*, m.voices <= 64 AND sum(m.voices) OVER (ORDER BY m.voices, m.unknown_voice_id) <= 256
               -- All are there, and nobody is deleting one.
               AND m.voices = (
                   SELECT count(*) FROM pgvoice.linked_voice AS l
                   WHERE l.unknown_voice_id = m.unknown_voice_id AND l.encoder_id = regroup.encoder
               ) AND m.voices = (
                   SELECT count(*) FROM (
                       SELECT FROM pgvoice.linked_voice AS l
                       JOIN pgvoice.video AS v ON v.id = l.video_id
                       WHERE l.unknown_voice_id = m.unknown_voice_id
                         AND l.encoder_id = regroup.encoder
                       FOR KEY SHARE OF v SKIP LOCKED
                   ) AS free
               ) AS small
        FROM pgvoice.unknown_voice_mean AS m
        WHERE m.encoder_id = regroup.encoder AND m.unknown_voice_id = ANY (groups)
    ), dissolved AS MATERIALIZED (
        SELECT l.video_id, l.label, l.unknown_voice_id
        FROM chosen AS c
        JOIN pgvoice.linked_voice AS l USING (unknown_voice_id, encoder_id)
        WHERE c.small AND NOT EXISTS (
            SELECT FROM given AS g WHERE g.video_id = l.video_id AND g.label = l.label
        )
    ), voice_piece AS MATERIALIZED (
        SELECT p.*, v.embedding
        FROM (
            SELECT * FROM given
            UNION ALL
            SELECT d.video_id, d.label, q.impostor_mean, q.level, d.unknown_voice_id
            FROM dissolved AS d
            JOIN pgvoice_internal.voice_levels(
                regroup.encoder, ARRAY(SELECT o.video_id FROM dissolved AS o), regroup.heard
            ) AS q ON q.video_id = d.video_id AND q.label = d.label
        ) AS p
        JOIN pgvoice.voice AS v
            ON v.video_id = p.video_id AND v.label = p.label AND v.encoder_id = regroup.encoder
    ), word AS MATERIALIZED (
        SELECT w.* FROM pgvoice_internal.voice_words(
            ARRAY(SELECT p.video_id FROM voice_piece AS p), regroup.encoder
        ) AS w
        JOIN pgvoice.unknown_voice AS u ON u.id = w.unknown_voice_id AND u.ended_at IS NULL
    ), piece AS (
        SELECT p.video_id, p.label, p.id, p.embedding AS sum, 1::double precision AS number,
               p.impostor_mean, p.level, coalesce(w.unknown_voice_id, CASE
                   -- If a person said that somebody is of a group, it is about who is in it already.
                   WHEN p.id IN (SELECT o.unknown_voice_id FROM word AS o WHERE o.holds)
                       AND NOT EXISTS (
                           SELECT FROM word AS o
                           WHERE NOT o.holds AND o.unknown_voice_id = p.id
                             AND o.video_id = p.video_id AND o.label = p.label
                       ) THEN p.id
               END) AS forced
        FROM voice_piece AS p
        LEFT JOIN word AS w ON w.video_id = p.video_id AND w.label = p.label AND w.holds
        UNION ALL
        SELECT NULL, NULL, c.unknown_voice_id, CASE WHEN g.sum IS NULL THEN whole.sum
                   ELSE whole.sum OPERATOR(public.-) g.sum END,
               c.voices - coalesce(g.number, 0), c.impostor_mean, c.level,
               CASE WHEN EXISTS (
                   SELECT FROM pgvoice.verdict AS s WHERE s.unknown_voice_id = c.unknown_voice_id
               ) THEN c.unknown_voice_id END
        FROM chosen AS c
        CROSS JOIN LATERAL (
            SELECT c.embedding OPERATOR(public.*) array_fill(
                       (c.voices * c.length)::real, ARRAY[c.dimension]
                   )::public.vector AS sum
        ) AS whole
        LEFT JOIN LATERAL (
            SELECT public.sum(p.embedding) AS sum, count(*) AS number
            FROM voice_piece AS p WHERE p.id = c.unknown_voice_id
        ) AS g ON true
        WHERE NOT c.small AND c.voices > coalesce(g.number, 0)
    ), numbered AS (
        SELECT dense_rank() OVER (
                   ORDER BY p.forced, CASE WHEN p.forced IS NULL THEN p.video_id END,
                            CASE WHEN p.forced IS NULL THEN p.label END,
                            CASE WHEN p.forced IS NULL AND p.label IS NULL THEN p.id END
               ) AS item, p.*
        FROM piece AS p
    )
    SELECT array_agg(p.item), array_agg(p.video_id), array_agg(p.label), array_agg(p.id),
           array_agg(p.forced), array_agg(p.sum), array_agg(p.number), array_agg(p.impostor_mean),
           array_agg(p.level)
    INTO items, piece_videos, piece_labels, piece_groups, forced, sums, counts, means, own_levels
    FROM numbered AS p;
    IF items IS NULL THEN
        RETURN '{}';
    END IF;
    WITH item AS MATERIALIZED (
        SELECT p.item, public.sum(p.sum) AS sum, sum(p.number) AS number,
               sum(p.number * p.impostor_mean) / sum(p.number) AS impostor_mean,
               sum(p.number * p.level) / sum(p.number) AS level
        FROM unnest(items, sums, counts, means, own_levels)
            AS p(item, sum, number, impostor_mean, level)
        GROUP BY p.item
    )
    SELECT array_agg(i.number ORDER BY i.item), array_agg(i.impostor_mean ORDER BY i.item),
           array_agg(i.level ORDER BY i.item), (
               SELECT array_agg(
                   -(a.sum OPERATOR(public.<#>) b.sum) / (a.number * b.number) ORDER BY a.item, b.item
               ) FROM item AS a CROSS JOIN item AS b
           )
    INTO item_counts, item_means, item_levels, similarities
    FROM item AS i;
    apart := pgvoice_internal.kept_apart(encoder, items, piece_videos, piece_labels, piece_groups, forced);
    clusters := pgvoice_internal.average_linkage(
        similarities, apart, item_counts, item_means, item_levels
    );
    RETURN pgvoice_internal.keep_groups(
        encoder, ARRAY(SELECT clusters[i.item] FROM unnest(items) WITH ORDINALITY AS i(item, place)
                       ORDER BY i.place),
        piece_videos, piece_labels, piece_groups, forced, counts, means, own_levels
    );
END
$$;
COMMENT ON FUNCTION pgvoice_internal.regroup IS
'Links these voices with each other and with these groups by average linkage. Groups of at most 64 voices
are dissolved first, 256 in all, so that the order in which voices came does not matter; larger ones stay
together. Returns the groups that they are in afterwards.';

CREATE OR REPLACE FUNCTION pgvoice_internal.kept_apart(
    encoder integer, items integer[], videos bigint[], labels text[], groups bigint[], forced bigint[]
) RETURNS boolean[]
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH piece AS MATERIALIZED (
        SELECT p.* FROM unnest(items, videos, labels, groups, forced)
            AS p(item, video_id, label, id, forced)
    ), twice AS MATERIALIZED (
        SELECT a.item AS one, b.item AS other, a.video_id, a.label, b.label AS other_label
        FROM piece AS a JOIN piece AS b ON b.video_id = a.video_id AND b.item <> a.item
    ), split AS MATERIALIZED (
        SELECT s.* FROM pgvoice_internal.split_voices(
            ARRAY(SELECT DISTINCT t.video_id FROM twice AS t), encoder
        ) AS s
    ), denied AS MATERIALIZED (
        SELECT p.item, p.label, p.video_id, w.unknown_voice_id AS id
        FROM pgvoice_internal.voice_words(videos, encoder) AS w
        JOIN piece AS p ON p.video_id = w.video_id AND p.label = w.label
        WHERE NOT w.holds AND w.unknown_voice_id IS NOT NULL
    ), conflict AS (
        SELECT t.one, t.other FROM twice AS t
        WHERE NOT EXISTS (
            SELECT FROM split AS s
            WHERE s.video_id = t.video_id AND s.label = t.label AND s.other = t.other_label
        )
        UNION ALL
        -- A large group has a voice of the same recording.
        SELECT v.item, g.item
        FROM piece AS g
        JOIN piece AS v ON v.label IS NOT NULL AND v.item <> g.item
        WHERE g.label IS NULL AND EXISTS (
            SELECT FROM pgvoice.linked_voice AS l
            WHERE l.video_id = v.video_id AND l.encoder_id = encoder AND l.unknown_voice_id = g.id
              AND NOT EXISTS (
                  SELECT FROM piece AS p WHERE p.video_id = l.video_id AND p.label = l.label
              )
        )
        UNION ALL
        SELECT a.item, b.item
        FROM piece AS a JOIN piece AS b ON b.item <> a.item
        WHERE a.label IS NULL AND b.label IS NULL AND EXISTS (
            SELECT FROM pgvoice.linked_voice AS l
            JOIN pgvoice.linked_voice AS m USING (video_id, encoder_id)
            WHERE l.encoder_id = encoder AND l.unknown_voice_id = a.id AND m.unknown_voice_id = b.id
        )
        UNION ALL
        SELECT d.item, p.item
        FROM denied AS d
        JOIN piece AS p ON p.item <> d.item AND (p.forced = d.id OR p.id = d.id AND NOT EXISTS (
            SELECT FROM denied AS e
            WHERE e.video_id = p.video_id AND e.label = p.label AND e.id = d.id
        ))
    ), mirrored AS MATERIALIZED (
        SELECT c.one, c.other FROM conflict AS c UNION SELECT c.other, c.one FROM conflict AS c
    )
    SELECT array_agg(b.one IS NOT NULL ORDER BY i.item, j.item)
    FROM (SELECT DISTINCT p.item FROM piece AS p) AS i
    CROSS JOIN (SELECT DISTINCT p.item FROM piece AS p) AS j
    LEFT JOIN mirrored AS b ON b.one = i.item AND b.other = j.item
$$;
COMMENT ON FUNCTION pgvoice_internal.kept_apart IS
'Which items may not be linked, a row and a column for each: those with two labels of one recording, unless
these are probably one person''s (split_voices), and those that a person''s word keeps apart.';
