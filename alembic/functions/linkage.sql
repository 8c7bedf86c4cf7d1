-- What voices need to be linked, and average linkage of a few of them.

CREATE OR REPLACE FUNCTION pgvoice_internal.voices_heard(encoder integer) RETURNS bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT greatest(
        (SELECT sum(c.voices) FROM pgvoice.voice_cohort AS c WHERE c.encoder_id = encoder),
        (SELECT sum(m.voices) FROM pgvoice.unknown_voice_mean AS m WHERE m.encoder_id = encoder)
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.voices_heard(integer) IS
'How many voices a voice may be linked with: those that have labels, or those that are linked, if these are
more because turns without labels were grouped.';

CREATE OR REPLACE FUNCTION pgvoice_internal.voice_levels(
    encoder integer, videos bigint[] DEFAULT NULL, heard bigint DEFAULT NULL
) RETURNS TABLE (
    video_id bigint,
    label text,
    impostor_mean double precision,
    level double precision
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH tail AS MATERIALIZED (
        SELECT b.min_ms, lead(b.min_ms, 1, 2147483647) OVER (ORDER BY b.min_ms) AS end_ms,
               t.across_mean,
               pgvoice_internal.tail_excess(t.start, t.mean_excess, g.false_link_rate / greatest(
                   coalesce(heard, pgvoice_internal.voices_heard(encoder)), 1
               )) / 2 AS level
        FROM pgvoice.setting AS g
        CROSS JOIN unnest(coalesce((
            SELECT l.band_ms FROM pgvoice.library_tail AS l WHERE l.encoder_id = encoder
        ), '{0}')) AS b(min_ms)
        CROSS JOIN LATERAL pgvoice_internal.tail_of(encoder, b.min_ms) AS t
    )
    SELECT v.video_id, v.label,
           (coalesce(c.across_mean * c.across, 0) + 20 * t.across_mean) / (c.across + 20), t.level
    FROM pgvoice.voice AS v
    JOIN pgvoice.voice_cohort AS c USING (video_id, encoder_id)
    JOIN tail AS t ON v.clean_ms >= t.min_ms AND v.clean_ms < t.end_ms
    WHERE v.encoder_id = encoder AND (videos IS NULL OR v.video_id = ANY (videos))
      AND v.clean_ms >= 1500
$$;
COMMENT ON FUNCTION pgvoice_internal.voice_levels IS
'What voices of these videos, or of all, require to be linked if so many were heard (NULL: voices_heard);
those with less than 1.5 s of clean speech are
not linked, as one person''s are then too often less similar than two people''s. Two voices are linked if
their similarity reaches the lower of their impostor_means and both levels: each of N voices may be linked
with somebody else''s in false_link_rate / N of its comparisons, of which there are N at most. The lower mean,
because two recordings over different channels are no more alike than those over the plainer one: with the
average of both, speakers of the series at telephone quality were linked with themselves in the original for
72 % (B-cubed recall), with the lower for 96 %.';

CREATE OR REPLACE FUNCTION pgvoice_internal.linkable_voices(
    videos bigint[], encoder integer, heard bigint
) RETURNS TABLE (
    video_id bigint,
    label text,
    embedding public.vector,
    impostor_mean double precision,
    level double precision
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH word AS MATERIALIZED (
        SELECT w.* FROM pgvoice_internal.voice_words(videos, encoder) AS w
    ), heard AS MATERIALIZED (
        SELECT q.*, v.embedding, v.clean_ms,
               EXISTS (
                   SELECT FROM word AS w
                   WHERE w.video_id = v.video_id AND w.label = v.label AND w.holds
               ) AS by_word
        FROM pgvoice_internal.voice_levels(encoder, videos, linkable_voices.heard) AS q
        JOIN pgvoice.voice AS v
            ON v.video_id = q.video_id AND v.label = q.label AND v.encoder_id = encoder
        WHERE (pgvoice_internal.may_link(v.video_id, encoder) OR EXISTS (
            SELECT FROM pgvoice.linked_voice AS l
            WHERE l.video_id = v.video_id AND l.label = v.label AND l.encoder_id = v.encoder_id
        )) AND NOT EXISTS (
            SELECT FROM word AS w
            WHERE w.video_id = v.video_id AND w.label = v.label AND w.holds
              AND w.speaker_id IS NOT NULL
        ) AND NOT EXISTS (
            SELECT FROM pgvoice.opt_out_voice AS o
            WHERE o.encoder_id = encoder AND -(o.embedding OPERATOR(public.<#>) v.embedding)
                >= least(o.similarity_limit, pgvoice_internal.duplicate_limit(encoder))
        )
    ), nearest AS MATERIALIZED (
        SELECT DISTINCT ON (h.video_id, h.label) h.video_id, h.label, h.clean_ms, n.speaker_id,
               n.similarity
        FROM heard AS h
        CROSS JOIN LATERAL pgvoice_internal.nearest_two(h.embedding, encoder) AS two
        CROSS JOIN LATERAL unnest(two.speakers, two.similarities) AS n(speaker_id, similarity)
        WHERE NOT h.by_word AND NOT EXISTS (
            SELECT FROM word AS w
            WHERE w.video_id = h.video_id AND w.label = h.label AND NOT w.holds
              AND w.speaker_id = n.speaker_id
        )
        ORDER BY h.video_id, h.label, n.similarity DESC, n.speaker_id
    ), known AS MATERIALIZED (
        SELECT n.video_id, n.label
        FROM nearest AS n
        CROSS JOIN (
            SELECT r.* FROM pgvoice_internal.rule(encoder, NULL, NULL) AS r
            WHERE EXISTS (SELECT FROM nearest)
        ) AS r
        LEFT JOIN LATERAL (
            SELECT m.* FROM pgvoice_internal.impostor_means(
                encoder, ARRAY[n.video_id], ARRAY[n.speaker_id]
            ) AS m
            WHERE r.by_library
        ) AS i ON true
        WHERE n.similarity >= pgvoice_internal.threshold_at(
            r.above, r.band_ms, n.clean_ms, i.mean, i.comparisons, r.lowest
        )
    )
    SELECT h.video_id, h.label, h.embedding, h.impostor_mean, h.level
    FROM heard AS h
    WHERE NOT EXISTS (
        SELECT FROM known AS k WHERE k.video_id = h.video_id AND k.label = h.label
    )
$$;
COMMENT ON FUNCTION pgvoice_internal.linkable_voices IS
'The voices of these videos that can be linked, and what they require (voice_levels): they are linked
already or recent (may_link), they did not opt out, no word says who of the speakers it is, and no profile matches it, unless a word
says that it is not that person''s.';

CREATE OR REPLACE FUNCTION pgvoice_internal.average_linkage(
    similarities double precision[],
    apart boolean[],
    sizes double precision[],
    impostor_means double precision[],
    levels double precision[]
) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
DECLARE
    n CONSTANT integer := cardinality(sizes);
    clusters integer[] := ARRAY(SELECT generate_series(1, n));
    live integer[] := clusters;
    best integer[] := array_fill(0, ARRAY[n]);
    gains double precision[] := array_fill(NULL::double precision, ARRAY[n]);
    stale boolean[] := array_fill(true, ARRAY[n]);
    one integer;
    other integer;
    kept integer;
    gone integer;
    gain double precision;
    most double precision;
    total double precision;
BEGIN
    LOOP
        kept := NULL;
        most := 0;
        FOREACH one IN ARRAY live LOOP
            IF stale[one] THEN
                best[one] := 0;
                gains[one] := '-infinity';
                FOREACH other IN ARRAY live LOOP
                    IF other <> one AND NOT apart[(one - 1) * n + other] THEN
                        gain := similarities[(one - 1) * n + other]
                            - least(impostor_means[one], impostor_means[other])
                            - levels[one] - levels[other];
                        IF gain > gains[one] THEN
                            best[one] := other;
                            gains[one] := gain;
                        END IF;
                    END IF;
                END LOOP;
                stale[one] := false;
            END IF;
            IF gains[one] >= most THEN
                most := gains[one];
                kept := one;
            END IF;
        END LOOP;
        EXIT WHEN kept IS NULL;
        gone := greatest(kept, best[kept]);
        kept := least(kept, best[kept]);
        total := sizes[kept] + sizes[gone];
        live := array_remove(live, gone);
        FOREACH other IN ARRAY live LOOP
            IF other <> kept THEN
                gain := (sizes[kept] * similarities[(kept - 1) * n + other]
                    + sizes[gone] * similarities[(gone - 1) * n + other]) / total;
                similarities[(kept - 1) * n + other] := gain;
                similarities[(other - 1) * n + kept] := gain;
                IF apart[(gone - 1) * n + other] THEN
                    apart[(kept - 1) * n + other] := true;
                    apart[(other - 1) * n + kept] := true;
                END IF;
                stale[other] := stale[other] OR best[other] IN (kept, gone);
            END IF;
        END LOOP;
        impostor_means[kept] := (sizes[kept] * impostor_means[kept]
            + sizes[gone] * impostor_means[gone]) / total;
        levels[kept] := (sizes[kept] * levels[kept] + sizes[gone] * levels[gone]) / total;
        sizes[kept] := total;
        stale[kept] := true;
        clusters := array_replace(clusters, gone, kept);
    END LOOP;
    RETURN clusters;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.average_linkage IS
'Joins the two most similar items, relative to what they require, as long as there are any that reach it
and are not apart; returns for each item a number that those joined have in common. similarities and apart
have a row and a column for each item. The similarity of two groups is the mean over their pairs.';

CREATE OR REPLACE FUNCTION pgvoice_internal.group_voices(
    video bigint,
    encoder integer,
    items integer[],
    starts_ms integer[],
    ends_ms integer[],
    apart boolean[],
    threshold double precision
) RETURNS integer[]
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH voice AS MATERIALIZED (
        SELECT i.item, m.embedding, m.length, coalesce(m.clean_ms, 1)::double precision AS size
        FROM (SELECT DISTINCT unnest(items) AS item) AS i
        LEFT JOIN pgvoice_internal.voice_means(video, encoder, items::text[], starts_ms, ends_ms) AS m
            ON m.label = i.item::text
    )
    SELECT CASE WHEN count(*) > 0 THEN pgvoice_internal.average_linkage(
        -- Vectors that cancel each other out have no mean, and are similar to nothing.
        (SELECT array_agg(
                    coalesce(
                        -(a.embedding OPERATOR(public.<#>) b.embedding) * a.length * b.length, -1
                    ) ORDER BY a.item, b.item
                )
         FROM voice AS a CROSS JOIN voice AS b),
        coalesce(apart, array_fill(false, ARRAY[(count(*) * count(*))::integer])),
        array_agg(v.size ORDER BY v.item),
        array_fill(0::double precision, ARRAY[count(*)::integer]),
        array_fill(threshold / 2, ARRAY[count(*)::integer])
    ) END
    FROM voice AS v
$$;
COMMENT ON FUNCTION pgvoice_internal.group_voices IS
'Groups items, each of segments of a video, by average linkage of all their segments weighted by duration (the
similarity of two means before they are scaled to 1), as long as groups reach the threshold and are not apart; apart has a row and a column for each item, or is NULL.
Returns for each item a number that those in its group have in common; NULL without items.';
