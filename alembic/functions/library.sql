-- Thresholds from the library's own turns: how similar different people are to each other.

CREATE OR REPLACE FUNCTION pgvoice_internal.tail_excess(
    start double precision, scale double precision, shape double precision, share double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN start + scale / shape * (power(least(share, 0.1) / 0.1, -shape) - 1);
COMMENT ON FUNCTION pgvoice_internal.tail_excess IS
'What a share of impostors'' similarities exceeds, relative to their mean: the quantile of a generalised
Pareto distribution above start, which one in ten exceeds (Coles, An Introduction to Statistical
Modeling of Extreme Values, 2001, section 4.3.3). A share above 0.1 gives start.';

CREATE OR REPLACE FUNCTION pgvoice_internal.encoder_tail(encoder integer) RETURNS TABLE (
    across_mean double precision,
    within_mean double precision,
    start double precision,
    scale double precision,
    shape double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 0.15 * e.default_threshold, 0.375 * e.default_threshold, 0.275 * e.default_threshold,
           0.15 * e.default_threshold, -0.22::double precision
    FROM pgvoice.encoder AS e WHERE e.id = encoder;
END;
COMMENT ON FUNCTION pgvoice_internal.encoder_tail(integer) IS
'What to expect of impostors before a library has told: the mean similarity of two people in two
recordings and in one, and the tail above it, in units of the encoder''s own threshold. CAM++ (.40) on
the series of simulated episodes: .10, .12; start .11, scale .06, shape -.22; on AMI, digits at 8 kHz and
telephone speech the means differ, and the tail hardly.';

CREATE OR REPLACE FUNCTION pgvoice.library_needs(OUT recordings integer, OUT voices integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 3, 10;
END;
COMMENT ON FUNCTION pgvoice.library_needs() IS
'How many recordings of two voices or more, and voices in them, a library needs to set its own
thresholds.';

CREATE OR REPLACE FUNCTION pgvoice.is_by_library(recordings integer, voices integer)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(is_by_library.recordings >= n.recordings AND is_by_library.voices >= n.voices, false)
    FROM pgvoice.library_needs() AS n;
END;
COMMENT ON FUNCTION pgvoice.is_by_library(integer, integer) IS
'Whether a library with so many recordings of two voices or more, and so many voices in them, has enough
to set its own thresholds.';

CREATE OR REPLACE FUNCTION pgvoice_internal.tail_of(
    encoder integer,
    duration_ms integer,
    OUT across_mean double precision,
    OUT within_mean double precision,
    OUT start double precision,
    OUT scale double precision,
    OUT shape double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(l.across_mean, e.across_mean), coalesce(l.within_mean, e.within_mean),
           coalesce(l.starts[b.band], e.start), coalesce(l.scales[b.band], e.scale),
           coalesce(l.shapes[b.band], e.shape)
    FROM pgvoice_internal.encoder_tail(encoder) AS e
    LEFT JOIN pgvoice.library_tail AS l ON l.encoder_id = encoder
    CROSS JOIN LATERAL (SELECT width_bucket(duration_ms, l.band_ms)) AS b(band);
END;
COMMENT ON FUNCTION pgvoice_internal.tail_of(integer, integer) IS
'The tail of impostors'' similarities for segments of a duration: the library''s, or the encoder''s own.';

CREATE OR REPLACE FUNCTION pgvoice_internal.gallery_size(encoder integer) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(count(*), 1)::integer FROM pgvoice.profile AS p
    WHERE p.encoder_id = encoder AND p.valid_until > now();
END;
COMMENT ON FUNCTION pgvoice_internal.gallery_size(integer) IS
'How many people a segment is compared with; 1 if nobody is enrolled.';

CREATE OR REPLACE FUNCTION pgvoice_internal.impostor_mean(
    encoder integer, video_id bigint, speaker_id bigint
) RETURNS TABLE (mean double precision, comparisons bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH known AS (
        SELECT e.default_threshold, tail.across_mean, tail.within_mean, EXISTS (
                   SELECT FROM pgvoice.enrollment AS x
                   JOIN pgvoice.video AS v ON v.id = impostor_mean.video_id
                   WHERE x.speaker_id = impostor_mean.speaker_id AND x.encoder_id = encoder
                     AND NOT x.excluded
                     AND (x.video_id = v.id OR x.audio_sha256 = v.audio_sha256)
               ) AS same_recording
        FROM pgvoice.encoder AS e
        CROSS JOIN LATERAL pgvoice_internal.tail_of(encoder, 0) AS tail
        WHERE e.id = encoder
    ), compared AS (
        SELECT -(o.embedding OPERATOR(public.<#>) p.embedding) AS similarity,
               row_number() OVER (
                   PARTITION BY o.video_id ORDER BY o.embedding OPERATOR(public.<#>) p.embedding
               ) AS place
        FROM known
        JOIN pgvoice.profile AS p
            ON p.speaker_id = impostor_mean.speaker_id AND p.encoder_id = encoder
        JOIN pgvoice.voice_cohort AS c
            ON c.video_id = impostor_mean.video_id AND c.encoder_id = encoder
        JOIN pgvoice.voice AS o
            ON o.encoder_id = encoder
            AND o.video_id = ANY (
                CASE WHEN known.same_recording THEN ARRAY[c.video_id] ELSE c.near || c.video_id END
            )
        WHERE o.video_id = c.video_id OR NOT EXISTS (
            SELECT FROM pgvoice.enrollment AS x
            WHERE x.speaker_id = impostor_mean.speaker_id AND x.encoder_id = encoder
              AND x.video_id = o.video_id
        )
    )
    SELECT (coalesce(sum(c.similarity), 0) + 3 * CASE WHEN known.same_recording
                THEN known.within_mean ELSE known.across_mean END) / (count(c.similarity) + 3),
           count(c.similarity)
    FROM known
    LEFT JOIN compared AS c ON c.place > 1 OR c.similarity < known.default_threshold
    GROUP BY known.same_recording, known.within_mean, known.across_mean
$$;
COMMENT ON FUNCTION pgvoice_internal.impostor_mean IS
'How similar other people are to somebody in a recording, on average: the mean similarity of the profile to
the voices of the recording and of those near it, shrunk towards the library''s mean, which counts as three
comparisons. Of each recording, the most similar voice is left out if it reaches the encoder''s own
threshold: it may be the person, but no two voices of one recording are. If the person is enrolled from the
recording, only its own voices count, because one microphone and one room make everybody more similar.';

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
        WINDOW recording AS (PARTITION BY a.video_id)
    ), usual AS (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY p.similarity) AS mean FROM pair AS p
    ), judged AS (
        SELECT p.*, (p.sum_of_others + 3 * usual.mean) / (p.others + 3) AS usual_mean,
               pgvoice_internal.tail_excess(e.start, e.scale, e.shape, 0.0001) AS most
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
    CROSS JOIN LATERAL pgvoice_internal.clean_segments(asked.id, encoder) AS c
    JOIN pgvoice.segment_embedding AS s
        ON s.video_id = asked.id AND s.start_ms = c.start_ms AND s.end_ms = c.end_ms
        AND s.encoder_id = encoder
    JOIN pgvoice_internal.left_out_pairs(videos, encoder) AS p
        ON p.video_id = asked.id AND p.label = c.label
    JOIN pgvoice.voice AS o
        ON o.video_id = asked.id AND o.encoder_id = encoder AND o.label = p.other
    WHERE s.embedding IS NOT NULL AND p.expected IS NOT NULL AND NOT p.is_over_split
$$;
COMMENT ON FUNCTION pgvoice_internal.impostor_excesses(bigint[], integer) IS
'Each clean segment of these videos compared with the voices of the other labels of its recording, which
are other people: by how much the similarity exceeds the mean of the recording''s other pairs.';

CREATE OR REPLACE FUNCTION pgvoice_internal.fitted_tails(
    videos bigint[], encoder integer, band_ms integer[]
) RETURNS TABLE (
    band integer,
    comparisons bigint,
    start double precision,
    scale double precision,
    shape double precision
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
        FROM compared AS c GROUP BY c.band
    ), moments AS (
        SELECT o.band, avg(o.over) AS a0,
               avg(o.over * (1 - (o.place - 0.35) / o.number)) AS a1
        FROM (
            SELECT c.band, c.excess - b.start AS over,
                   row_number() OVER (PARTITION BY c.band ORDER BY c.excess) AS place,
                   count(*) OVER (PARTITION BY c.band) AS number
            FROM compared AS c JOIN per_band AS b USING (band)
            WHERE c.excess > b.start
        ) AS o
        GROUP BY o.band
        HAVING count(*) >= 10
    )
    SELECT places.band::integer, coalesce(b.comparisons, 0),
           w.own * coalesce(b.start, 0) + (1 - w.own) * e.start,
           w.own * coalesce(2 * m.a0 * m.a1 / nullif(m.a0 - 2 * m.a1, 0), 0) + (1 - w.own) * e.scale,
           least(greatest(
               w.own_shape * coalesce(2 - m.a0 / nullif(m.a0 - 2 * m.a1, 0), 0)
               + (1 - w.own_shape) * e.shape, -0.4), -0.05)
    FROM generate_series(1, cardinality(band_ms)) AS places(band)
    CROSS JOIN pgvoice_internal.encoder_tail(encoder) AS e
    LEFT JOIN per_band AS b ON b.band = places.band
    LEFT JOIN moments AS m ON m.band = places.band AND m.a0 > 2 * m.a1
    CROSS JOIN LATERAL (
        SELECT CASE WHEN m.band IS NULL THEN 0 ELSE b.pairs / (b.pairs + 30.0) END,
               CASE WHEN m.band IS NULL THEN 0 ELSE b.pairs / (b.pairs + 100.0) END
    ) AS w(own, own_shape)
    ORDER BY places.band
$$;
COMMENT ON FUNCTION pgvoice_internal.fitted_tails IS
'The tail of the excesses of these videos in each band of durations: a generalised Pareto distribution by
probability-weighted moments (Hosking and Wallis, Parameter and quantile estimation for the generalized
Pareto distribution, Technometrics 1987), shrunk towards the encoder''s own, which counts as 30 pairs of
people, or 100 for the shape.';

CREATE OR REPLACE FUNCTION pgvoice_internal.fit_library(encoder integer, always boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    bands CONSTANT integer[] := ARRAY[0, 1500, 3000];
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
    sample := ARRAY(
        SELECT c.video_id FROM pgvoice.voice_cohort AS c
        WHERE c.encoder_id = encoder AND c.voices >= 2
        ORDER BY hashint8(c.video_id) LIMIT 200
    );
    INSERT INTO pgvoice.library_tail AS l (encoder_id, recordings, voices, comparisons, over_split,
        across_mean, within_mean, band_ms, starts, scales, shapes)
    SELECT encoder, number.recordings, number.voices, tails.comparisons,
           (SELECT count(*) / 2 FROM pgvoice_internal.left_out_pairs(sample, encoder) AS p
            WHERE p.is_over_split),
           (coalesce(means.across_sum, 0) + 20 * e.across_mean) / (coalesce(means.across, 0) + 20),
           (coalesce(means.within_sum, 0) + 20 * e.within_mean) / (coalesce(means.within, 0) + 20),
           bands, tails.starts, tails.scales, tails.shapes
    FROM pgvoice_internal.encoder_tail(encoder) AS e
    CROSS JOIN (
        SELECT sum(c.across_mean * c.across) AS across_sum, sum(c.across) AS across,
               sum(c.within_mean * c.within) AS within_sum, sum(c.within) AS within
        FROM pgvoice.voice_cohort AS c WHERE c.encoder_id = encoder
    ) AS means
    CROSS JOIN (
        SELECT sum(t.comparisons) AS comparisons, array_agg(t.start ORDER BY t.band) AS starts,
               array_agg(t.scale ORDER BY t.band) AS scales,
               array_agg(t.shape ORDER BY t.band) AS shapes
        FROM pgvoice_internal.fitted_tails(sample, encoder, bands) AS t
    ) AS tails
    ON CONFLICT (encoder_id) DO UPDATE SET fitted_at = now(), recordings = excluded.recordings,
        voices = excluded.voices, comparisons = excluded.comparisons,
        over_split = excluded.over_split, across_mean = excluded.across_mean,
        within_mean = excluded.within_mean, band_ms = excluded.band_ms, starts = excluded.starts,
        scales = excluded.scales, shapes = excluded.shapes;
    RETURN true;
END
$$;
COMMENT ON FUNCTION pgvoice_internal.fit_library(integer, boolean) IS
'Fits the library''s tail again, if always, or if the number of recordings has changed by a fifth since;
from at most 200 recordings. Returns whether it did.';

CREATE OR REPLACE FUNCTION pgvoice.refit_library(encoder integer DEFAULT pgvoice.sole_encoder())
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
        WHERE c.encoder_id = encoder ORDER BY c.video_id FOR KEY SHARE OF v
    ), encoder);
    PERFORM pgvoice_internal.fit_library(encoder, true);
END
$$;
COMMENT ON FUNCTION pgvoice.refit_library(integer) IS
'Compares the voices of all recordings again and fits the library''s tail to them; refresh_voices does so
by itself as the library grows.';
