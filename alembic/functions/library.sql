-- Thresholds from the library's own turns: how similar different people are to each other.

CREATE OR REPLACE FUNCTION pgvoice_internal.tail_excess(
    start double precision, mean_excess double precision, share double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN start + 6 * mean_excess * (1 - power(least(share / 0.1, 1), 0.2));
COMMENT ON FUNCTION pgvoice_internal.tail_excess IS
'What a share of impostors'' similarities exceeds, relative to their mean. One in ten exceeds start, by
mean_excess on average; above it, a generalised Pareto distribution of shape -0.2 is assumed, whose scale
is 1.2 times its mean (Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, chapter 4).
A share above 0.1 gives start. The shape is not fitted: from a few hundred pairs of people it comes out
too light. Fitted to -0.18 to -0.4 on each of the sets named at encoder_tail, with -0.2 the thresholds
hold on all of them.';

CREATE OR REPLACE FUNCTION pgvoice_internal.encoder_tail(encoder integer) RETURNS TABLE (
    across_mean double precision,
    within_mean double precision,
    start double precision,
    mean_excess double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 0.15 * e.default_threshold, 0.375 * e.default_threshold, 0.25 * e.default_threshold,
           0.125 * e.default_threshold
    FROM pgvoice.encoder AS e WHERE e.id = encoder;
END;
COMMENT ON FUNCTION pgvoice_internal.encoder_tail(integer) IS
'What to expect of impostors before a library has told: the mean similarity of two people in two
recordings and in one, and the tail above it, in units of the encoder''s own threshold. Measured with
CAM++ (.40): the means are .06 and .18 in AMI meetings, .11 and .12 in simulated episodes, .32 and .34 for
digits at 8 kHz, .37 and .38 at telephone quality; the tail is much the same in all, and for segments of
0.6 s as for those of 3 s.';

CREATE OR REPLACE FUNCTION pgvoice.is_by_library(recordings integer, voices integer)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(recordings >= 3 AND voices >= 10, false);
COMMENT ON FUNCTION pgvoice.is_by_library(integer, integer) IS
'Whether a library with so many recordings of two voices or more, and so many voices in them, has enough
to set its own thresholds.';

CREATE OR REPLACE FUNCTION pgvoice_internal.tail_of(
    encoder integer,
    duration_ms integer,
    OUT across_mean double precision,
    OUT within_mean double precision,
    OUT start double precision,
    OUT mean_excess double precision
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(l.across_mean, e.across_mean), coalesce(l.within_mean, e.within_mean),
           coalesce(l.starts[b.band], e.start), coalesce(l.mean_excesses[b.band], e.mean_excess)
    FROM pgvoice_internal.encoder_tail(encoder) AS e
    LEFT JOIN pgvoice.library_tail AS l ON l.encoder_id = encoder
    CROSS JOIN LATERAL (SELECT width_bucket(duration_ms, l.band_ms)) AS b(band);
END;
COMMENT ON FUNCTION pgvoice_internal.tail_of(integer, integer) IS
'The tail of impostors'' similarities for segments of a duration: the library''s, or the encoder''s own.';

CREATE OR REPLACE FUNCTION pgvoice_internal.own_voice_level(
    encoder integer, usual_mean double precision
) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(
        e.default_threshold,
        usual_mean + pgvoice_internal.tail_excess(t.start, t.mean_excess, 0.01)
    )
    FROM pgvoice.encoder AS e CROSS JOIN LATERAL pgvoice_internal.encoder_tail(e.id) AS t
    WHERE e.id = encoder;
END;
COMMENT ON FUNCTION pgvoice_internal.own_voice_level(integer, double precision) IS
'From which similarity on the most similar voice of a recording may be the same person, and is not
compared: the encoder''s own threshold, or what one impostor in a hundred exceeds where different people
have this usual similarity.';

CREATE OR REPLACE FUNCTION pgvoice_internal.gallery_size(encoder integer) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(count(*), 1)::integer FROM pgvoice.profile AS p
    WHERE p.encoder_id = encoder AND p.valid_until > now();
END;
COMMENT ON FUNCTION pgvoice_internal.gallery_size(integer) IS
'How many people a segment is compared with; 1 if nobody is enrolled.';

CREATE OR REPLACE FUNCTION pgvoice_internal.impostor_means(
    encoder integer, videos bigint[], speakers bigint[]
) RETURNS TABLE (
    video_id bigint, speaker_id bigint, mean double precision, comparisons bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
    WITH asked AS MATERIALIZED (
        SELECT DISTINCT a.video_id, a.speaker_id
        FROM unnest(videos, speakers) AS a(video_id, speaker_id)
        WHERE a.video_id IS NOT NULL AND a.speaker_id IS NOT NULL
    ), source AS MATERIALIZED (
        -- The recordings that these people are enrolled from.
        SELECT DISTINCT x.speaker_id, v.id AS video_id
        FROM pgvoice.enrollment AS x
        JOIN pgvoice.video AS v ON v.id = x.video_id OR v.audio_sha256 = x.audio_sha256
        WHERE x.encoder_id = encoder AND NOT x.excluded
          AND x.speaker_id IN (SELECT a.speaker_id FROM asked AS a)
    ), cohort AS MATERIALIZED (
        SELECT u.*, pgvoice_internal.own_voice_level(encoder, u.usual) AS own_voice
        FROM (
            SELECT a.video_id, a.speaker_id, same.video_id IS NOT NULL AS same_recording,
                   CASE WHEN same.video_id IS NOT NULL THEN ARRAY[a.video_id]
                        ELSE a.video_id || coalesce(c.near, '{}') END AS videos,
                   CASE WHEN same.video_id IS NOT NULL
                        THEN (coalesce(c.within_mean * c.within, 0) + 3 * tail.within_mean)
                             / (coalesce(c.within, 0) + 3)
                        ELSE (coalesce(c.across_mean * c.across, 0) + 20 * tail.across_mean)
                             / (coalesce(c.across, 0) + 20) END AS usual
            FROM asked AS a
            CROSS JOIN LATERAL pgvoice_internal.tail_of(encoder, 0) AS tail
            LEFT JOIN source AS same USING (video_id, speaker_id)
            LEFT JOIN pgvoice.voice_cohort AS c
                ON c.video_id = a.video_id AND c.encoder_id = encoder
        ) AS u
    ), compared AS (
        SELECT c.video_id, c.speaker_id, -(o.embedding OPERATOR(public.<#>) p.embedding) AS similarity,
               row_number() OVER (
                   PARTITION BY c.video_id, c.speaker_id, o.video_id
                   ORDER BY o.embedding OPERATOR(public.<#>) p.embedding
               ) AS place
        FROM cohort AS c
        JOIN pgvoice.profile AS p ON p.speaker_id = c.speaker_id AND p.encoder_id = encoder
        CROSS JOIN unnest(c.videos) AS other(id)
        JOIN pgvoice.voice AS o ON o.video_id = other.id AND o.encoder_id = encoder
        WHERE c.same_recording OR NOT EXISTS (
            SELECT FROM source AS x WHERE x.speaker_id = c.speaker_id AND x.video_id = other.id
        )
    )
    SELECT c.video_id, c.speaker_id,
           (coalesce(sum(o.similarity), 0) + 3 * c.usual) / (count(o.similarity) + 3),
           count(o.similarity)
    FROM cohort AS c
    LEFT JOIN compared AS o
        ON o.video_id = c.video_id AND o.speaker_id = c.speaker_id
        AND (o.place > 1 OR o.similarity < c.own_voice)
    GROUP BY c.video_id, c.speaker_id, c.usual
$$;
COMMENT ON FUNCTION pgvoice_internal.impostor_means IS
'How similar other people are to somebody in a recording, on average, for each recording and person: the
mean similarity of the profile to the voices of the recording and of those near it. It is shrunk towards
the mean similarity of the recording''s voices to those near it, which counts as three comparisons, and
that towards the library''s, which counts as twenty. Of each recording, the most similar voice is left out
if it reaches own_voice_level: it may be the person, but no two voices of one recording are. If the person
is enrolled from the recording, only its own voices count, because one microphone and one room make
everybody more similar.';

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
