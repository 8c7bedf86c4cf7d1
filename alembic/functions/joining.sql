-- Joining the turns of one person within a recording, for segmenters that tell people apart only for a while.

CREATE OR REPLACE FUNCTION pgvoice_internal.clean_turns(
    starts_ms integer[], ends_ms integer[], labels text[]
) RETURNS TABLE (place bigint, start_ms integer, end_ms integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH overlapped AS MATERIALIZED (
        SELECT c.place, c.clean FROM pgvoice.clean_speech(starts_ms, ends_ms, labels) AS c
    )
    SELECT t.place, t.start_ms, t.end_ms
    FROM unnest(starts_ms, ends_ms, labels) WITH ORDINALITY AS t(start_ms, end_ms, label, place)
    WHERE t.label IS NOT NULL
      AND NOT EXISTS (SELECT FROM overlapped AS o WHERE o.place = t.place)
    UNION ALL
    SELECT o.place, lower(part), upper(part) FROM overlapped AS o CROSS JOIN unnest(o.clean) AS part
$$;
COMMENT ON FUNCTION pgvoice_internal.clean_turns(integer[], integer[], text[]) IS
'The clean speech of these turns, by their place in the arrays, as clean_segments has that of stored turns.';

CREATE OR REPLACE FUNCTION pgvoice_internal.turns_apart(
    starts_ms integer[], ends_ms integer[], labels text[]
) RETURNS TABLE (place bigint, other bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH turn AS MATERIALIZED (
        -- By the parts of 10 s that it is in, so that not every pair of turns is compared.
        SELECT t.label, t.start_ms, t.end_ms, t.place, part.number
        FROM unnest(starts_ms, ends_ms, labels) WITH ORDINALITY AS t(start_ms, end_ms, label, place)
        CROSS JOIN generate_series(t.start_ms / 10000, t.end_ms / 10000) AS part(number)
        WHERE t.label IS NOT NULL
    )
    SELECT DISTINCT t.place, o.place
    FROM turn AS t JOIN turn AS o
        ON o.number = t.number AND o.label <> t.label
        AND o.start_ms < t.end_ms AND t.start_ms < o.end_ms
$$;
COMMENT ON FUNCTION pgvoice_internal.turns_apart IS
'The pairs of turns that overlap and have different labels, in both directions, by their place in the arrays.';

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
        CONTINUE WHEN placed[item] > 0;
        is_free := true;
        FOR k IN firsts[item]..firsts[item + 1] - 1 LOOP
            is_free := is_free AND placed[others[k]] <> groups[i];
        END LOOP;
        IF is_free THEN
            placed[item] := groups[i];
        END IF;
    END LOOP;
    RETURN placed;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.place_apart IS
'Places every item that has no group (0) in the first one that has none of the items which it must be apart
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
    video bigint,
    encoder integer,
    items integer[],
    starts_ms integer[],
    ends_ms integer[],
    placed integer[],
    seeds integer[],
    last integer,
    threshold double precision,
    OUT near_items integer[],
    OUT groups integer[]
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH own AS MATERIALIZED (
        SELECT m.label::integer AS grouped, m.embedding
        FROM (
            SELECT array_agg(placed[s.item]::text) AS labels, array_agg(s.start_ms) AS starts_ms,
                   array_agg(s.end_ms) AS ends_ms
            FROM unnest(items, starts_ms, ends_ms) AS s(item, start_ms, end_ms)
            WHERE s.item = ANY (seeds)
        ) AS g
        CROSS JOIN LATERAL pgvoice_internal.voice_means(
            video, encoder, g.labels, g.starts_ms, g.ends_ms
        ) AS m
    ), other AS MATERIALIZED (
        SELECT m.label::integer AS item, m.embedding
        FROM (
            SELECT array_agg(s.item::text) AS labels, array_agg(s.start_ms) AS starts_ms,
                   array_agg(s.end_ms) AS ends_ms
            FROM unnest(items, starts_ms, ends_ms) AS s(item, start_ms, end_ms)
            WHERE placed[s.item] = 0 AND s.item <= last
        ) AS g
        CROSS JOIN LATERAL pgvoice_internal.voice_means(
            video, encoder, g.labels, g.starts_ms, g.ends_ms
        ) AS m
    ), pair AS (
        SELECT i.item, near.grouped, near.similarity
        FROM other AS i
        CROSS JOIN LATERAL (
            SELECT o.grouped, -(o.embedding OPERATOR(public.<#>) i.embedding) AS similarity
            FROM own AS o ORDER BY similarity DESC, o.grouped LIMIT 10
        ) AS near
    )
    SELECT array_agg(p.item ORDER BY p.similarity DESC, p.item, p.grouped),
           array_agg(p.grouped ORDER BY p.similarity DESC, p.item, p.grouped)
    FROM pair AS p WHERE p.similarity >= threshold
$$;
COMMENT ON FUNCTION pgvoice_internal.nearest_groups IS
'The pairs of an item up to last without a group and one of the ten groups to whose mean it is most similar,
the most similar first. The mean is that of these seeds, which have groups. items are those of the segments.';

CREATE OR REPLACE FUNCTION pgvoice_internal.group_turns(
    video bigint,
    encoder integer,
    items integer[],
    starts_ms integer[],
    ends_ms integer[],
    long integer,
    firsts integer[],
    others integer[],
    threshold double precision
) RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
#variable_conflict use_variable
DECLARE
    placed integer[] := array_fill(0, ARRAY[cardinality(firsts) - 1]);
    seeds integer[];
    all_seeds integer[] := '{}';
    grouped integer[];
    near record;
BEGIN
    LOOP
        seeds := ARRAY(
            SELECT p.item FROM unnest(placed) WITH ORDINALITY AS p(grouped, item)
            WHERE p.grouped = 0 AND p.item <= long ORDER BY p.item LIMIT 300
        );
        EXIT WHEN seeds = '{}';
        all_seeds := all_seeds || seeds;
        SELECT pgvoice_internal.group_voices(
                   video, encoder, array_agg(s.item), array_agg(s.start_ms), array_agg(s.end_ms),
                   pgvoice_internal.seeds_apart(seeds, firsts, others), threshold
               )
        INTO grouped
        FROM unnest(items, starts_ms, ends_ms) AS s(item, start_ms, end_ms)
        WHERE s.item = ANY (seeds);
        FOR i IN 1..cardinality(seeds) LOOP
            placed[seeds[i]] := seeds[grouped[i]];
        END LOOP;
        near := pgvoice_internal.nearest_groups(
            video, encoder, items, starts_ms, ends_ms, placed, seeds, long, threshold
        );
        placed := pgvoice_internal.place_apart(placed, near.near_items, near.groups, firsts, others);
    END LOOP;
    near := pgvoice_internal.nearest_groups(
        video, encoder, items, starts_ms, ends_ms, placed, all_seeds, cardinality(placed), -1
    );
    RETURN pgvoice_internal.place_apart(placed, near.near_items, near.groups, firsts, others);
END
$$;
COMMENT ON FUNCTION pgvoice_internal.group_turns IS
'Groups items, which are numbered by how long their segments are, the longest first: the first 300 by average
linkage; others join the most similar of these groups that reaches the threshold, and those that find none
are grouped next. Items after long only join the most similar group at last. Those that must be apart (as
place_apart has it) are never in one group. Returns the number of an item for each; 0 for those without a
vector, or that must be apart from somebody in every group.';
