-- Joining labels of a recording that are the same person's, for segmenters whose labels only hold while
-- somebody speaks on.

CREATE OR REPLACE FUNCTION pgvoice_internal.similarities_of(
    sums public.vector[], sizes double precision[]
) RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH item AS MATERIALIZED (
        SELECT i.* FROM unnest(sums, sizes) WITH ORDINALITY AS i(sum, size, place)
    )
    SELECT array_agg(-(a.sum OPERATOR(public.<#>) b.sum) / (a.size * b.size) ORDER BY a.place, b.place)
    FROM item AS a CROSS JOIN item AS b
$$;
COMMENT ON FUNCTION pgvoice_internal.similarities_of IS
'How similar items are, each the sum of so many unit vectors: a row and a column for each, with the mean
over their pairs of vectors.';

CREATE OR REPLACE FUNCTION pgvoice_internal.group_voices(
    voices public.vector[], sizes double precision[], apart boolean[], threshold double precision
) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    SELECT pgvoice_internal.average_linkage(
        pgvoice_internal.similarities_of(voices, array_fill(1::double precision, each.item)),
        coalesce(apart, array_fill(false, ARRAY[each.item[1] * each.item[1]])),
        sizes,
        array_fill(0::double precision, each.item),
        array_fill(threshold / 2, each.item)
    )
    FROM (SELECT ARRAY[cardinality(sizes)]) AS each(item)
$$;
COMMENT ON FUNCTION pgvoice_internal.group_voices IS
'Groups unit vectors by average linkage at a threshold, weighted by their sizes; those that are apart are
never in one group. apart has a row and a column for each, or is NULL.';

CREATE OR REPLACE FUNCTION pgvoice_internal.spoken_tracks(
    video text, encoder integer, starts_ms integer[], ends_ms integer[], labels text[]
) RETURNS TABLE (label text, first_ms integer, embedding public.vector, clean_ms bigint)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH overlap AS MATERIALIZED (
        SELECT c.place, c.clean FROM pgvoice.clean_speech(starts_ms, ends_ms, labels) AS c
    ), track AS MATERIALIZED (
        SELECT t.label, min(t.start_ms) AS first_ms
        FROM unnest(starts_ms, ends_ms, labels) AS t(start_ms, end_ms, label)
        WHERE t.label IS NOT NULL GROUP BY t.label
    ), clean AS (
        SELECT t.label, t.start_ms, t.end_ms
        FROM unnest(starts_ms, ends_ms, labels) WITH ORDINALITY AS t(start_ms, end_ms, label, place)
        WHERE t.end_ms - t.start_ms >= 600 AND t.label IS NOT NULL
          AND NOT EXISTS (SELECT FROM overlap AS o WHERE o.place = t.place)
        UNION
        SELECT labels[o.place], lower(part), upper(part)
        FROM overlap AS o CROSS JOIN unnest(o.clean) AS part
    ), mean AS (
        SELECT m.label, m.embedding, m.clean_ms
        FROM (
            SELECT array_agg(c.label) AS labels, array_agg(c.start_ms) AS starts_ms,
                   array_agg(c.end_ms) AS ends_ms
            FROM clean AS c
        ) AS c
        CROSS JOIN LATERAL pgvoice_internal.mean_voices(
            (SELECT v.id FROM pgvoice.video AS v WHERE v.key = spoken_tracks.video),
            encoder, c.labels, c.starts_ms, c.ends_ms
        ) AS m
    )
    SELECT t.label, t.first_ms, m.embedding, m.clean_ms
    FROM track AS t LEFT JOIN mean AS m USING (label)
$$;
COMMENT ON FUNCTION pgvoice_internal.spoken_tracks IS
'The labels of these turns, when each speaks first, and its mean voice, NULL if none of its clean speech has
a vector.';

CREATE OR REPLACE FUNCTION pgvoice_internal.overlapping_tracks(
    starts_ms integer[], ends_ms integer[], labels text[]
) RETURNS TABLE (label text, other text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH turn AS MATERIALIZED (
        -- By the parts of 10 s that it is in, so that not every pair of turns is compared.
        SELECT t.label, t.start_ms, t.end_ms, part.number
        FROM unnest(starts_ms, ends_ms, labels) AS t(start_ms, end_ms, label)
        CROSS JOIN generate_series(t.start_ms / 10000, t.end_ms / 10000) AS part(number)
        WHERE t.label IS NOT NULL
    )
    SELECT DISTINCT t.label, o.label
    FROM turn AS t JOIN turn AS o
        ON o.number = t.number AND o.label <> t.label
        AND o.start_ms < t.end_ms AND t.start_ms < o.end_ms
$$;
COMMENT ON FUNCTION pgvoice_internal.overlapping_tracks IS
'The pairs of labels that speak at the same time, in both directions.';

CREATE OR REPLACE FUNCTION pgvoice_internal.place_apart(
    placed integer[], items integer[], groups integer[], firsts integer[], others integer[]
) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    item integer;
    is_free boolean;
BEGIN
    FOR i IN 1..coalesce(cardinality(items), 0) LOOP
        item := items[i];
        CONTINUE WHEN placed[item] IS NOT NULL;
        is_free := true;
        FOR k IN firsts[item]..firsts[item + 1] - 1 LOOP
            is_free := is_free AND placed[others[k]] IS DISTINCT FROM groups[i];
        END LOOP;
        IF is_free THEN
            placed[item] := groups[i];
        END IF;
    END LOOP;
    RETURN placed;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.place_apart IS
'Places every item that has no group in the first one that has none of the items which it must be apart
from: others[firsts[item]] up to others[firsts[item + 1] - 1]. items and groups are pairs, the best first.';

CREATE OR REPLACE FUNCTION pgvoice_internal.seeds_apart(
    seeds integer[], firsts integer[], others integer[]
) RETURNS boolean[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    n CONSTANT integer := cardinality(seeds);
    places integer[] := array_fill(NULL::integer, ARRAY[cardinality(firsts)]);
    apart boolean[] := array_fill(false, ARRAY[n * n]);
BEGIN
    FOR i IN 1..n LOOP
        places[seeds[i]] := i;
    END LOOP;
    FOR i IN 1..n LOOP
        FOR k IN firsts[seeds[i]]..firsts[seeds[i] + 1] - 1 LOOP
            IF places[others[k]] IS NOT NULL THEN
                apart[(i - 1) * n + places[others[k]]] := true;
            END IF;
        END LOOP;
    END LOOP;
    RETURN apart;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.seeds_apart IS
'Which of these items must be apart, as place_apart has it: a row and a column for each.';

CREATE OR REPLACE FUNCTION pgvoice_internal.nearest_groups(
    voices public.vector[],
    sizes double precision[],
    placed integer[],
    among integer[],
    least_size double precision,
    threshold double precision,
    OUT items integer[],
    OUT groups integer[]
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH track AS MATERIALIZED (
        SELECT t.* FROM unnest(voices, sizes, placed[:cardinality(sizes)]) WITH ORDINALITY
            AS t(voice, size, grouped, place)
    ), mean AS MATERIALIZED (
        SELECT t.grouped, public.l2_normalize(public.sum(
                   t.voice OPERATOR(public.*) array_fill(
                       t.size::real, ARRAY[public.vector_dims(t.voice)]
                   )::public.vector ORDER BY t.place
               )) AS voice
        FROM track AS t
        WHERE CASE WHEN among IS NULL THEN t.grouped IS NOT NULL ELSE t.grouped = ANY (among) END
        GROUP BY t.grouped
    ), pair AS (
        SELECT t.place, m.grouped, -(m.voice OPERATOR(public.<#>) t.voice) AS similarity
        FROM track AS t CROSS JOIN mean AS m
        WHERE t.grouped IS NULL AND t.size >= least_size
    )
    SELECT array_agg(p.place ORDER BY p.similarity DESC, p.place, p.grouped),
           array_agg(p.grouped ORDER BY p.similarity DESC, p.place, p.grouped)
    FROM pair AS p WHERE p.similarity >= threshold
$$;
COMMENT ON FUNCTION pgvoice_internal.nearest_groups IS
'The pairs of a track without a group and a group whose mean voice is similar to it, the most similar first;
among: these groups, NULL: all.';

CREATE OR REPLACE FUNCTION pgvoice_internal.group_tracks(
    voices public.vector[],
    sizes double precision[],
    firsts integer[],
    others integer[],
    threshold double precision
) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    -- A track with less clean speech makes no group, unless all have less.
    enough CONSTANT double precision := least(1500, sizes[1]);
    placed integer[] := array_fill(NULL::integer, ARRAY[cardinality(firsts) - 1]);
    seeds integer[];
    grouped integer[];
    near record;
BEGIN
    LOOP
        seeds := ARRAY(
            SELECT t.place FROM unnest(sizes, placed[:cardinality(sizes)]) WITH ORDINALITY
                AS t(size, grouped, place)
            WHERE t.grouped IS NULL AND t.size >= enough ORDER BY t.place LIMIT 300
        );
        EXIT WHEN seeds = '{}';
        grouped := pgvoice_internal.group_voices(
            ARRAY(SELECT voices[s] FROM unnest(seeds) AS s),
            ARRAY(SELECT sizes[s] FROM unnest(seeds) AS s),
            pgvoice_internal.seeds_apart(seeds, firsts, others), threshold
        );
        FOR i IN 1..cardinality(seeds) LOOP
            placed[seeds[i]] := seeds[grouped[i]];
        END LOOP;
        near := pgvoice_internal.nearest_groups(voices, sizes, placed, seeds, enough, threshold);
        placed := pgvoice_internal.place_apart(placed, near.items, near.groups, firsts, others);
    END LOOP;
    near := pgvoice_internal.nearest_groups(voices, sizes, placed, NULL, 0, -1);
    RETURN pgvoice_internal.place_apart(placed, near.items, near.groups, firsts, others);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.group_tracks IS
'Groups tracks by voice, the longest first (voices and sizes, the tracks after these have none): the 300
longest by average linkage; others join the most similar of these groups that reaches the threshold, and
those that find none are grouped next. Tracks of less than 1.5 s join the most similar group at last. Those
that overlap, by firsts and others as place_apart has it, are never in one group. Returns the number of a
track for each, NULL for those without a voice, or that overlap somebody in every group.';

CREATE OR REPLACE FUNCTION pgvoice_internal.near_in_time(
    starts_ms integer[], ends_ms integer[], tracks integer[], placed integer[],
    OUT items integer[], OUT groups integer[]
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH turn AS MATERIALIZED (
        SELECT t.start_ms, t.end_ms, t.track, placed[t.track] AS grouped, row_number() OVER (
                   ORDER BY t.start_ms, t.end_ms, t.track
               ) AS number
        FROM unnest(starts_ms, ends_ms, tracks) AS t(start_ms, end_ms, track)
        WHERE t.track IS NOT NULL
    ), pair AS (
        SELECT t.track, o.grouped,
               min(greatest(o.start_ms - t.end_ms, t.start_ms - o.end_ms, 0)) AS gap_ms
        FROM turn AS t
        CROSS JOIN generate_series(-20, 20) AS step(turns)
        JOIN turn AS o ON o.number = t.number + step.turns AND o.grouped IS NOT NULL
        WHERE t.grouped IS NULL
        GROUP BY t.track, o.grouped
    )
    SELECT array_agg(p.track ORDER BY p.gap_ms, p.track, p.grouped),
           array_agg(p.grouped ORDER BY p.gap_ms, p.track, p.grouped)
    FROM pair AS p
$$;
COMMENT ON FUNCTION pgvoice_internal.near_in_time IS
'The pairs of a track without a group and the group of one of the 20 turns before or after it, the nearest
in time first.';

CREATE OR REPLACE FUNCTION pgvoice.join_labels(
    video text, encoder integer, starts_ms integer[], ends_ms integer[], labels text[]
) RETURNS text[]
LANGUAGE plpgsql STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    names text[];
    tracks integer[];
    voices public.vector[];
    sizes double precision[];
    firsts integer[];
    others integer[];
    placed integer[];
    near record;
BEGIN
    PERFORM pgvoice_internal.video_ids(ARRAY[join_labels.video]),
        pgvoice_internal.require_encoder(join_labels.encoder),
        pgvoice_internal.require_segments(NULL, NULL, starts_ms, ends_ms);
    -- As they are stored.
    labels := ARRAY(
        SELECT CASE WHEN e.start_ms IS NULL THEN t.label END
        FROM unnest(starts_ms, ends_ms, labels) WITH ORDINALITY AS t(start_ms, end_ms, label, place)
        LEFT JOIN (
            SELECT DISTINCT s.* FROM pgvoice.erased_segments(video, starts_ms, ends_ms) AS s
        ) AS e USING (start_ms, end_ms)
        ORDER BY t.place
    );
    SELECT array_agg(t.label ORDER BY t.place), array_agg(t.embedding ORDER BY t.place)
               FILTER (WHERE t.clean_ms IS NOT NULL), array_agg(t.clean_ms ORDER BY t.place)
               FILTER (WHERE t.clean_ms IS NOT NULL)
    INTO names, voices, sizes
    FROM (
        SELECT s.*, row_number() OVER (ORDER BY s.clean_ms DESC NULLS LAST, s.first_ms, s.label) AS place
        FROM pgvoice_internal.spoken_tracks(video, encoder, starts_ms, ends_ms, labels) AS s
    ) AS t;
    IF names IS NULL THEN
        RETURN labels;
    END IF;
    WITH number AS MATERIALIZED (
        SELECT n.label, n.track::integer FROM unnest(names) WITH ORDINALITY AS n(label, track)
    ), pair AS MATERIALIZED (
        SELECT n.track, o.track AS other
        FROM pgvoice_internal.overlapping_tracks(starts_ms, ends_ms, labels) AS p
        JOIN number AS n ON n.label = p.label JOIN number AS o ON o.label = p.other
    )
    SELECT (SELECT array_agg(p.other ORDER BY p.track, p.other) FROM pair AS p), (
               SELECT array_agg(f.first ORDER BY f.track) FROM (
                   SELECT t.track, 1 + coalesce(sum(c.pairs) OVER (
                              ORDER BY t.track ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                          ), 0)::integer AS first
                   FROM generate_series(1, cardinality(names) + 1) AS t(track)
                   LEFT JOIN (
                       SELECT p.track, count(*) AS pairs FROM pair AS p GROUP BY p.track
                   ) AS c USING (track)
               ) AS f
           ), (
               SELECT array_agg(n.track ORDER BY t.place)
               FROM unnest(labels) WITH ORDINALITY AS t(label, place)
               LEFT JOIN number AS n USING (label)
           )
    INTO others, firsts, tracks;
    placed := pgvoice_internal.group_tracks(
        coalesce(voices, '{}'), coalesce(sizes, '{}'), firsts, others,
        pgvoice_internal.own_voice_level(encoder, 0)
    );
    near := pgvoice_internal.near_in_time(starts_ms, ends_ms, tracks, placed);
    placed := pgvoice_internal.place_apart(placed, near.items, near.groups, firsts, others);
    RETURN (
        SELECT array_agg(
                   'SPEAKER_' || lpad(l.number, greatest(2, length(l.number)), '0') ORDER BY l.place
               )
        FROM (
            SELECT g.place, CASE WHEN g.grouped IS NOT NULL THEN -1 + dense_rank() OVER (
                       ORDER BY g.grouped IS NULL, g.first_ms, g.grouped
                   ) END::text AS number
            FROM (
                SELECT t.place, t.grouped,
                       min(t.start_ms) OVER (PARTITION BY t.grouped) AS first_ms
                FROM (
                    SELECT a.place, a.start_ms, coalesce(placed[a.track], a.track) AS grouped
                    FROM unnest(starts_ms, tracks) WITH ORDINALITY AS a(start_ms, track, place)
                ) AS t
            ) AS g
        ) AS l
    );
END
$$;
COMMENT ON FUNCTION pgvoice.join_labels IS
'One label for each person, SPEAKER_00 being the first who speaks, for turns of a video whose labels hold
only while somebody speaks on: labels are joined by how similar the mean voices of their clean speech are.
Labels that overlap are not joined. Those without clean speech that has a vector get the label of the turn
that is nearest in time. NULL for turns without a label, and where speech was erased.';
