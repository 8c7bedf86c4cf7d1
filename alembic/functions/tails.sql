-- The tail of impostors' similarities, fitted to comparisons of the labels of one recording.

CREATE OR REPLACE FUNCTION pgvoice_internal.left_out_pairs(videos bigint[], encoder integer)
RETURNS TABLE (
    video_id bigint,
    label text,
    other text,
    expected double precision,
    correction double precision,
    is_over_split boolean
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH pair AS MATERIALIZED (
        SELECT a.video_id, a.label, b.label AS other,
               -(a.embedding OPERATOR(public.<#>) b.embedding) AS similarity,
               count(*) OVER recording - 1 AS others,
               sum(-(a.embedding OPERATOR(public.<#>) b.embedding)) OVER recording
               + (a.embedding OPERATOR(public.<#>) b.embedding) AS sum_of_others
        FROM pgvoice.voice AS a
        JOIN pgvoice.voice AS b
            ON b.video_id = a.video_id AND b.encoder_id = a.encoder_id AND b.label > a.label
        WHERE a.encoder_id = encoder AND a.video_id = ANY (videos)
          AND a.starts_ms IS NULL AND b.starts_ms IS NULL
        WINDOW recording AS (PARTITION BY a.video_id)
    ), usual AS (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY p.similarity) AS mean FROM pair AS p
    ), judged AS (
        SELECT p.*, (p.sum_of_others + 3 * usual.mean) / (p.others + 3) AS usual_mean,
               pgvoice_internal.tail_excess(e.start, e.mean_excess, 0.0001) AS most
        FROM pair AS p
        CROSS JOIN usual
        CROSS JOIN pgvoice_internal.encoder_tail(encoder) AS e
    )
    SELECT j.video_id, each.label, each.other, j.sum_of_others / nullif(j.others, 0),
           sqrt(j.others / (j.others + 1.0)), j.similarity > j.usual_mean + j.most
    FROM judged AS j
    CROSS JOIN LATERAL (VALUES (j.label, j.other), (j.other, j.label)) AS each(label, other)
$$;
COMMENT ON FUNCTION pgvoice_internal.left_out_pairs(bigint[], integer) IS
'Two labels of one recording each: how similar they are expected to be, which is the mean of the
recording''s other pairs (NULL if there are none), and by what to multiply the difference from that mean,
because it is a mean of few. is_over_split: they are so similar that a diarizer has probably given one
person two labels (one pair in 10,000 of two people is).';

CREATE OR REPLACE FUNCTION pgvoice_internal.impostor_excesses(videos bigint[], encoder integer)
RETURNS TABLE (duration_ms integer, excess double precision, video_id bigint, pair text)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    SELECT s.end_ms - s.start_ms,
           (-(s.embedding OPERATOR(public.<#>) o.embedding) - p.expected) * p.correction,
           p.video_id, least(p.label, p.other) || chr(1) || greatest(p.label, p.other)
    FROM unnest(videos) AS asked(id)
    CROSS JOIN LATERAL pgvoice_internal.independent_segments(asked.id, encoder) AS c
    CROSS JOIN LATERAL (
        SELECT e.start_ms, e.end_ms, e.embedding FROM pgvoice.segment_embedding AS e
        WHERE e.video_id = asked.id AND e.start_ms = c.start_ms AND e.end_ms = c.end_ms
          AND e.encoder_id = encoder OFFSET 0
    ) AS s
    JOIN pgvoice_internal.left_out_pairs(videos, encoder) AS p
        ON p.video_id = asked.id AND p.label = c.label
    JOIN pgvoice.voice AS o
        ON o.video_id = asked.id AND o.encoder_id = encoder AND o.label = p.other
    WHERE s.embedding IS NOT NULL AND p.expected IS NOT NULL AND NOT p.is_over_split
$$;
COMMENT ON FUNCTION pgvoice_internal.impostor_excesses(bigint[], integer) IS
'Each clean segment of these videos compared with the voices of the other labels of its recording, which
are other people: by how much the similarity exceeds the mean of the recording''s other pairs. A label whose
segments have one vector counts once.';

CREATE OR REPLACE FUNCTION pgvoice_internal.fitted_tails(
    videos bigint[], encoder integer, band_ms integer[]
) RETURNS TABLE (
    band integer, comparisons bigint, start double precision, mean_excess double precision
)
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
    WITH compared AS MATERIALIZED (
        SELECT width_bucket(x.duration_ms, band_ms) AS band, x.excess, x.video_id, x.pair
        FROM pgvoice_internal.impostor_excesses(videos, encoder) AS x
    ), per_band AS (
        SELECT c.band, count(*) AS comparisons, count(DISTINCT (c.video_id, c.pair)) AS pairs,
               percentile_cont(0.9) WITHIN GROUP (ORDER BY c.excess) AS start
        FROM compared AS c GROUP BY c.band HAVING count(*) >= 100
    ), fitted AS (
        SELECT b.band, 1 / (1 + 30.0 / b.pairs + 300.0 / b.comparisons) AS weight, b.start,
               avg(c.excess - b.start) AS mean_excess
        FROM per_band AS b JOIN compared AS c ON c.band = b.band AND c.excess > b.start
        GROUP BY b.band, b.pairs, b.comparisons, b.start
    )
    SELECT place::integer, (SELECT count(*) FROM compared AS c WHERE c.band = place),
           coalesce(f.weight * f.start + (1 - f.weight) * e.start, e.start),
           coalesce(f.weight * f.mean_excess + (1 - f.weight) * e.mean_excess, e.mean_excess)
    FROM generate_series(1, cardinality(band_ms)) AS place
    CROSS JOIN pgvoice_internal.encoder_tail(encoder) AS e
    LEFT JOIN fitted AS f ON f.band = place
    ORDER BY place
$$;
COMMENT ON FUNCTION pgvoice_internal.fitted_tails IS
'The tail of the excesses of these videos in each band of durations (see tail_excess), shrunk towards the
encoder''s own, which counts as 30 pairs of people and as 300 comparisons, and is all there is if there are
fewer than 100.';

CREATE OR REPLACE FUNCTION pgvoice_internal.fit_library(encoder integer, always boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    bands CONSTANT integer[] := ARRAY[0, 1500, 2500];
    sample bigint[];
    number record;
BEGIN
    SELECT count(*) AS recordings, coalesce(sum(c.voices), 0) AS voices INTO number
    FROM pgvoice.voice_cohort AS c WHERE c.encoder_id = encoder AND c.voices >= 2;
    IF NOT always AND EXISTS (
        SELECT FROM pgvoice.library_tail AS l WHERE l.encoder_id = encoder
          -- Grown or shrunk by a fifth.
          AND 5 * abs(number.recordings - l.recordings) < greatest(l.recordings, 1)
    ) THEN
        RETURN false;
    END IF;
    IF NOT always AND EXISTS (
        SELECT FROM pgvoice.library_tail AS l WHERE l.encoder_id = encoder
    ) THEN
        PERFORM FROM pgvoice.library_tail AS l WHERE l.encoder_id = encoder
        FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            -- Somebody else does.
            RETURN false;
        END IF;
    END IF;
    sample := ARRAY(
        SELECT c.video_id FROM pgvoice.voice_cohort AS c
        WHERE c.encoder_id = encoder AND c.voices >= 2
        ORDER BY hashint8(c.video_id) LIMIT 200
    );
    INSERT INTO pgvoice.library_tail AS l (encoder_id, recordings, voices, comparisons, over_split,
        across_mean, within_mean, band_ms, starts, mean_excesses)
    SELECT encoder, number.recordings, number.voices, tails.comparisons,
           (SELECT count(*) / 2 FROM pgvoice_internal.left_out_pairs(sample, encoder) AS p
            WHERE p.is_over_split),
           (coalesce(means.across_sum, 0) + 20 * e.across_mean) / (coalesce(means.across, 0) + 20),
           (coalesce(means.within_sum, 0) + 20 * e.within_mean) / (coalesce(means.within, 0) + 20),
           bands, tails.starts, tails.mean_excesses
    FROM pgvoice_internal.encoder_tail(encoder) AS e
    CROSS JOIN (
        SELECT sum(c.across_mean * c.across) AS across_sum, sum(c.across) AS across,
               sum(c.within_mean * c.within) AS within_sum, sum(c.within) AS within
        FROM pgvoice.voice_cohort AS c WHERE c.encoder_id = encoder
    ) AS means
    CROSS JOIN (
        SELECT sum(t.comparisons) AS comparisons, array_agg(t.start ORDER BY t.band) AS starts,
               array_agg(t.mean_excess ORDER BY t.band) AS mean_excesses
        FROM pgvoice_internal.fitted_tails(sample, encoder, bands) AS t
    ) AS tails
    ON CONFLICT (encoder_id) DO UPDATE SET fitted_at = now(), recordings = excluded.recordings,
        voices = excluded.voices, comparisons = excluded.comparisons,
        over_split = excluded.over_split, across_mean = excluded.across_mean,
        within_mean = excluded.within_mean, band_ms = excluded.band_ms, starts = excluded.starts,
        mean_excesses = excluded.mean_excesses;
    RETURN true;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.fit_library(integer, boolean) IS
'Fits the library''s tail again, if always, or if the number of recordings has changed by a fifth since;
from at most 200 recordings. Returns whether it did.';

CREATE OR REPLACE FUNCTION pgvoice.refit_library(encoder integer DEFAULT pgvoice.default_encoder())
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pgvoice_internal.require_encoder(encoder);
    PERFORM pgvoice_internal.keep_cohorts(ARRAY(
        SELECT c.video_id FROM pgvoice.voice_cohort AS c
        JOIN pgvoice.video AS v ON v.id = c.video_id
        WHERE c.encoder_id = encoder
        ORDER BY c.video_id FOR KEY SHARE OF v SKIP LOCKED FOR NO KEY UPDATE OF c SKIP LOCKED
    ), encoder);
    PERFORM pgvoice_internal.fit_library(encoder, true);
END
$$;
COMMENT ON FUNCTION pgvoice.refit_library(integer) IS
'Compares the voices of all recordings again and fits the library''s tail to them; refresh_voices does so
by itself as the library grows.';
